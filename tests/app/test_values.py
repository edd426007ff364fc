# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into a role's variables comes out of the API server, whatever YAML might take it for."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o

UNIT = Path(__file__).parents[1] / "unit"


def differences(sent, stored, path=""):
    """Where the API server holds something else than it was sent; what it adds is its own business."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        return [line for key, value in sent.items() for line in differences(value, stored.get(key), f"{path}.{key}")]
    if isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        return [line for index, value in enumerate(sent) for line in differences(value, stored[index], f"{path}[{index}]")]
    # What is empty or zero may be left out.
    return [] if sent == stored or not sent and not stored else [f"{path}: {sent!r} became {stored!r}"]


#: Those with variables that take any text; what all roles render is compared by tests/unit/roles/test_any_text.py.
ROLES = ("cassandra", "dashboard", "external_dns", "gateway", "ingress_nginx", "metallb", "metrics_server", "wordpress")


# make test has the role with a variable for everything.
@pytest.fixture(scope="module", params=["app", *(pytest.param(role, marks=pytest.mark.full) for role in ROLES)])
def rendered(request):
    """The role's objects with a difficult text in each variable that takes any, and the texts."""
    run = subprocess.run(
        [sys.executable, "-m", "roles.any_text", request.param, "free"], cwd=UNIT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def test_what_goes_in_comes_out(api, namespace, rendered):
    objects = []
    for document in rendered["documents"]:
        # Of objects that belong somewhere else or into the cluster, the values are of the same kind.
        if document["kind"] not in ("Deployment", "StatefulSet", "DaemonSet", "ConfigMap", "Secret", "ServiceAccount", "CronJob", "Job"):
            continue
        document["metadata"].pop("namespace", None)
        objects += o.prepare([document], "release", namespace)
    assert objects
    api.resources()  # once, before the threads

    def difference(obj):
        path = api.resource(obj["apiVersion"], obj["kind"]).path(namespace, obj["metadata"]["name"])
        stored, _warnings = api.dry_run_apply(path, obj, True)
        return [f"{o.title(obj)}{line}" for line in differences(obj, stored)]

    found = [line for lines in api.parallel(difference, objects) for line in lines if not line.split(":")[0].endswith((".cpu", ".memory"))]
    assert not found, "\n".join(found)
    texts = json.dumps(objects, ensure_ascii=False) + "".join(
        base64.b64decode(value).decode(errors="replace") for obj in objects if obj["kind"] == "Secret" for value in (obj.get("data") or {}).values()
    )
    missing = [text for text in rendered["texts"] if json.dumps(text, ensure_ascii=False)[1:-1] not in texts and text not in texts]
    assert not missing
