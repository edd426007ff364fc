# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ingress_routes
version_added: 0.1.0
short_description: Turn Ingresses of ingress-nginx into routes of the Gateway API
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Says of each Ingress whether it can be converted, whether it needs a policy that the Gateway API leaves to implementations, or
    why it cannot, and gives the routes for it.
  - All Ingresses of the class have to be given together, because nginx makes one server of all that name a host.
positional: _input
options:
  _input:
    description: Ingresses, as the cluster has them.
    type: list
    elements: dict
    required: true
  services:
    description: Services of their namespaces, as the cluster has them. A route knows ports by number alone.
    type: list
    elements: dict
    default: []
  gateway_class:
    description: GatewayClass of the Gateways.
    type: str
    default: traefik
  gateway_name:
    description: Name of the Gateways. Every namespace gets one.
    type: str
    default: ingress
  features:
    description:
      - What the GatewayClass reports in its C(status.supportedFeatures). What it does not is left out of the routes, and needs a policy.
      - All that the standard knows if it is not given.
    type: list
    elements: str
"""

EXAMPLES = r"""
migration: "{{ ingresses.resources | slipway.kubernetes.ingress_routes(services.resources) }}"
"""

RETURN = r"""
_value:
  description: The reports and the Gateways.
  type: dict
  contains:
    ingresses:
      description: A report of each Ingress.
      type: list
      elements: dict
      contains:
        title:
          description: Namespace and name.
          type: str
        verdict:
          description: One of V(converted), V(needs_policy) and V(cannot).
          type: str
        needs:
          description: The policies that it needs, what each is called with Traefik, and the annotations that ask for it.
          type: list
          elements: dict
        cannot:
          description: Why it cannot be converted.
          type: list
          elements: str
        notes:
          description: What else is different, or left out.
          type: list
          elements: str
        objects:
          description: HTTPRoutes and TLSRoutes.
          type: list
          elements: dict
    gateways:
      description: The Gateways that the routes attach to.
      type: list
      elements: dict
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._ingress.convert import migrate
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import plain


def ingress_routes(ingresses, services=(), gateway_class="traefik", gateway_name="ingress", features=None):
    return migrate(plain(ingresses), plain(services), str(gateway_class), str(gateway_name), plain(features))


class FilterModule:
    def filters(self):
        return {"ingress_routes": ingress_routes}
