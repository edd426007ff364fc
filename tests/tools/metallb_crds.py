# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes roles/metallb/templates/definitions.yml.j2 from the Go module go.universe.tf/metallb.

    go mod download -json go.universe.tf/metallb@VERSION   # prints where it is: Dir
    tests/tools/metallb_crds.py Dir
"""

from __future__ import annotations

import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "roles/metallb/templates/definitions.yml.j2"
HEADER = """\
# The definitions of MetalLB, as in the Go module {module}, config/crd. Made by tests/tools/metallb_crds.py; not to be edited.
# Copyright The MetalLB Authors.
# SPDX-License-Identifier: Apache-2.0 (see LICENSES/Apache-2.0.txt)
"""
#: Of BGPPeers there is an older version, which the controller turns into the newer one where it serves webhooks.
CONVERTED = "  name: bgppeers.metallb.io\nspec:\n"
CONVERSION = """\
{% if metallb_webhook | bool %}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1beta1, v1beta2]
      clientConfig:
        caBundle: {{ __metallb_certificate.ca | b64encode }}
        service:
          name: metallb-webhook-service
          namespace: {{ metallb_namespace }}
          path: /convert
          port: 443
{% endif %}
"""


def bundle(module):
    texts = [path.read_text(encoding="utf-8").strip() for path in sorted((module / "config/crd/bases").glob("*.yaml"))]
    assert not any(mark in text for text in texts for mark in ("{{", "{%", "{#")), "what Jinja takes for its own"
    documents = "".join(text.removeprefix("---").strip().join(("---\n", "\n")) for text in texts)
    # ansible-test takes typographic quotes for mistakes.
    documents = documents.replace("\u201c", '"').replace("\u201d", '"')
    assert documents.count(CONVERTED) == 1
    return HEADER.format(module=module.name.join(("go.universe.tf/", ""))) + documents.replace(CONVERTED, CONVERTED + CONVERSION)


if __name__ == "__main__":
    TARGET.write_text(bundle(Path(sys.argv[1])), encoding="utf-8")
