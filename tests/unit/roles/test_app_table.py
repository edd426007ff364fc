# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever variables of the role app meet, what comes out is valid.  tests/app asks an API server, too."""

from __future__ import annotations

import json

import kubernetes_validate
import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o

from .app_table import PODS, ROWS, TOPICS, rendered, table

VERSIONS = ["1.34", "1.35", "1.36", "1.37"]


def test_every_setting_is_in_the_table():
    used = {json.dumps(item, sort_keys=True) for kind in PODS for row in table(kind) for item in row.items()}
    for settings in TOPICS.values():
        for _kinds, variables in settings:
            assert {json.dumps(item, sort_keys=True) for item in variables.items()} <= used, variables


@pytest.mark.parametrize("kind", sorted(PODS))
def test_what_is_rendered_is_valid(kind):
    rows = rendered(kind, "problems", "documents")
    assert len(rows) == ROWS
    seen = set()
    for row in rows:
        assert row["problems"] == [], row["variables"]
        (workload,) = [document for document in row["documents"] if document["kind"] == kind]
        for obj in o.prepare(row["documents"], "release", "somewhere"):
            text = json.dumps(obj, sort_keys=True)
            if text in seen or not o.is_builtin(obj["apiVersion"]):
                continue
            seen.add(text)
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(obj, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    path = ".".join(map(str, error.path))
                    pytest.fail(f"{o.title(obj)} for Kubernetes {version}: {path}: {error.message}\n{row['variables']}")
        # A value of a Secret is nowhere but in the Secret.
        pod = json.dumps(workload)
        assert '"ssh-privatekey"' not in pod and 'p\\"w' not in pod and "BEGIN CERTIFICATE" not in pod
