# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: webhook_certificate
version_added: 0.1.0
short_description: Keep or renew the certificate of an admission webhook
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Gives back the certificate in a Secret as long as it serves. If there is none, if it does not match its key, its
    authority or the names, or if it expires too soon, gives a new one with an authority of its own.
  - The result holds a private key. A task that keeps it needs C(no_log).
  - The bundle of a new certificate has the authority of the former one as well, because pods and the API server do not
    see a change at the same moment.
positional: _input, names, days, renew_before_days
options:
  _input:
    description: The C(data) of the Secret, with the keys C(ca), C(cert) and C(key). Empty where there is none yet.
    type: dict
    required: true
  names:
    description: DNS names that the certificate has to be valid for, such as C(SERVICE.NAMESPACE.svc).
    type: list
    elements: str
    required: true
  days:
    description: For how many days a new certificate is valid.
    type: int
    required: true
  renew_before_days:
    description: A certificate that is valid for no more than so many days is renewed.
    type: int
    default: 0
"""

EXAMPLES = r"""
certificate: >-
  {{ secret.data | slipway.kubernetes.webhook_certificate(['webhook.demo.svc'], days=365, renew_before_days=30) }}
"""

RETURN = r"""
_value:
  description:
    - The certificate, in PEM under C(ca), C(cert) and C(key).
    - C(renewed) tells whether it takes the place of another one.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.kubernetes.plugins.plugin_utils import _certificate


def webhook_certificate(data, names, days, renew_before_days=0):
    days, renew_before_days = int(days), int(renew_before_days)
    if days <= renew_before_days:
        raise AnsibleFilterError(
            "A certificate that is valid for %d days and renewed %d days before its end would be renewed each time"
            % (days, renew_before_days)
        )
    return _certificate.webhook_certificate(data, [str(name) for name in names], days, renew_before_days)


class FilterModule:
    def filters(self):
        return {"webhook_certificate": webhook_certificate}
