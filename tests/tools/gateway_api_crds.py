# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes roles/gateway/templates/_crds.yml.j2 from the Go module sigs.k8s.io/gateway-api.

    go mod download -json sigs.k8s.io/gateway-api@VERSION   # prints where it is: Dir
    tests/tools/gateway_api_crds.py Dir

After that, __gateway_api_version in roles/gateway/vars/main.yml and the role's documentation have to name the version.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "roles/gateway/templates/_crds.yml.j2"
HEADER = """\
# Definitions of the Gateway API's standard channel, and the policy that guards them, as in the Go module
# sigs.k8s.io/gateway-api {version}, config/crd/standard. Made by tests/tools/gateway_api_crds.py; not to be edited.
# Copyright The Kubernetes Authors.
# SPDX-License-Identifier: Apache-2.0 (see LICENSES/Apache-2.0.txt)
"""


def bundle(directory):
    texts = [path.read_text(encoding="utf-8").strip() for path in sorted(directory.glob("gateway.networking.k8s.io_*.yaml"))]
    (version,) = set(re.findall(r"bundle-version: (v[\d.]+)$", "\n".join(texts), re.MULTILINE))
    documents = [document.strip() for text in texts for document in re.split(r"^---$", text, flags=re.MULTILINE)]
    return HEADER.format(version=version) + "".join(f"---\n{kept(document)}\n" for document in documents if document)


def kept(document):
    """The policy stays in the cluster as long as the definitions do, which are data without saying so."""
    if "kind: CustomResourceDefinition\n" in document:
        return document
    return document.replace("  annotations:\n", '  annotations:\n    slipway.kubernetes/data: "true"\n', 1)


if __name__ == "__main__":
    TARGET.write_text(bundle(Path(sys.argv[1]) / "config/crd/standard"), encoding="utf-8")
