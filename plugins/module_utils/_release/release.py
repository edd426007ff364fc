# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release module: what it takes, and which run does its work.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.engine import Engine, silent
from .._rollout import fail_fast
from .presence import Presence
from .removal import Removal

OPTIONS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": "release"},
    "record_namespace": {"type": "str", "default": ""},
    "variable_prefix": {"type": "str", "default": ""},
    "renamed_from": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "namespace": {"type": "str"},
            "owner": {"type": "str"},
        },
    },
    "hold": {"type": "str"},
    "labels": {"type": "dict", "default": {}},
    "annotations": {"type": "dict", "default": {}},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    # One opaque text: of a list, every word would be cut out of the result.
    "definitions": {"type": "str", "default": "[]", "no_log": True},
    "create_namespace": {"type": "bool", "default": True},
    "pod_security": {"type": "str", "default": "restricted", "choices": ["", "privileged", "baseline", "restricted"]},
    "adopt": {"type": "bool", "default": False},
    "adopt_managers": {"type": "list", "elements": "str", "default": []},
    "force_conflicts": {"type": "bool", "default": False},
    "resume": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": True},
    "allow_empty": {"type": "bool", "default": False},
    "delete_data": {"type": "bool", "default": False},
    "delete_namespace": {"type": "bool", "default": False},
    "history_limit": {"type": "int", "default": 10},
    "change_cause": {"type": "str", "default": ""},
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
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    "on_failure": {"type": "str", "default": "fail", "choices": ["fail", "undo", "pause"]},
    **fail_fast.OPTIONS,
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    kind = Presence if params["state"] == "present" else Removal
    return kind(params, check_mode, want_diff, progress).result()


ENGINE = Engine("release", OPTIONS, run, failed={"changed": False, "objects": [], "rollouts": []})
