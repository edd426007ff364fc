# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release_plan module's work, apart from the door it was called through.

PRIVATE to the collection.
"""

from __future__ import annotations

import json

try:
    import yaml
except ImportError:
    # The kubernetes client, which is missed first, depends on it.
    yaml = None

from .._api.client import FIELD_MANAGER, Deadline
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .api import ReleaseApi
from .objects import access, workloads
from .plan import Planner, check_version

OPTIONS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    # One opaque string: of a list, every word would be cut out of the result.
    "definitions": {"type": "str", "default": "[]", "no_log": True},
    "adopt": {"type": "bool", "default": False},
    "force_conflicts": {"type": "bool", "default": False},
    "delete_data": {"type": "bool", "default": False},
    "min_version": {"type": "str", "default": ""},
    "requires": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "api_version": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": ""},
            "name": {"type": "str", "default": ""},
        },
    },
    "timeout": {"type": "int", "default": 60},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """The plan is the same in and out of check mode: nothing is changed by it."""
    api = ReleaseApi(params["auth"], Deadline(params["timeout"]), progress=progress)
    version = api.version()
    check_version(version, params["min_version"])
    planner = Planner(api, params["name"], params["namespace"], params["adopt"], params["force_conflicts"])
    reachable = []
    if params["state"] == "present":
        try:
            definitions = json.loads(params["definitions"])
        except ValueError:
            raise TaskError("The option definitions is no JSON list of objects.") from None
        objects = planner.present(definitions, params["requires"])
        reachable = access(definitions, api.node_address())
    else:
        objects = planner.absent(params["delete_data"])
    return {
        "changed": any(item["action"] in ("create", "update", "delete") for item in objects),
        "objects": objects,
        # ansible_check_mode does not know of a task that sets check_mode by itself.
        "check_mode": check_mode,
        "workloads": workloads(objects),
        "last_workloads": workloads(objects, last=True),
        "access": reachable,
        "field_manager": FIELD_MANAGER,
        "cluster": {"host": api.host, "version": version, "user": api.user()},
        "warnings": sorted(set(planner.warnings)),
        "diff": [_diff(entry) for entry in sorted(planner.diff, key=lambda entry: entry["name"])],
    }


def _diff(entry):
    return {
        "before_header": entry["name"],
        "after_header": entry["name"],
        "before": _text(entry["before"]),
        "after": _text(entry["after"]),
    }


def _text(obj):
    return yaml.safe_dump(obj, default_flow_style=False, allow_unicode=True, width=1000) if obj else ""


ENGINE = Engine("release_plan", OPTIONS, run)
