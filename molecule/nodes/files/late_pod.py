# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drains a node to which a pod is bound after the look at its pods and before it is cordoned.  Prints the result."""

from __future__ import annotations

import json
import sys

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import CORE
from ansible_collections.slipway.kubernetes.plugins.module_utils._nodes import run

NODE = sys.argv[1]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "molecule-nodes-late"},
    # As if the scheduler had bound it.
    "spec": {"nodeName": NODE, "containers": [{"name": "web", "image": "registry.example.com/web:1"}], "terminationGracePeriodSeconds": 0},
}


class Api(run.NodesApi):
    def patch(self, path, operations, dry_run=None):
        if path.endswith(f"/{NODE}") and not dry_run:
            self.post(f"{CORE}/namespaces/default/pods", POD)
        return super().patch(path, operations, dry_run)


run.NodesApi = Api
options = {name: option.get("default") for name, option in run.OPTIONS.items()}
node = {"name": NODE, "labels": {}, "taints": [], "cordon": None, "drain": True}
print(json.dumps(run.ENGINE.call({**options, "nodes": [node], "drain_force": True, "drain_delete_emptydir_data": True})))
