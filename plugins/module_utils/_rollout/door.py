# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three rollout modules: their options and what runs them.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.engine import Engine
from .._api.errors import TaskError
from . import fail_fast, info, rollout, undo

_WORKLOAD = {
    "api_version": {"type": "str", "default": "apps/v1", "choices": ["apps/v1"]},
    "kind": {"type": "str", "default": "Deployment", "choices": ["Deployment", "DaemonSet", "StatefulSet"]},
    "namespace": {"type": "str", "default": "default"},
    "name": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
}

_WAIT = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}

_OPTIONS = {
    "rollout": {
        "state": {"type": "str", "default": "complete", "choices": ["complete", "restarted", "paused", "resumed"]},
        "images": {"type": "dict"},
        "change_cause": {"type": "str"},
        "pause_at": {"type": "str"},
        "replace_stuck_pods": {"type": "bool", "default": True},
        "on_failure": {"type": "str", "default": "fail", "choices": ["fail", "undo", "pause"]},
        **fail_fast.OPTIONS,
        **_WAIT,
    },
    "rollout_undo": {
        "to_revision": {"type": "int", "default": 0},
        "change_cause": {"type": "str"},
        "replace_stuck_pods": {"type": "bool", "default": True},
        **fail_fast.OPTIONS,
        **_WAIT,
    },
    "rollout_info": {"revision": {"type": "int"}},
}

_RUN = {"rollout": rollout.run, "rollout_undo": undo.run, "rollout_info": info.run}


def _checked(run):
    def checked(params, *args):
        if params["name"] == "" or params["label_selectors"] == []:
            raise TaskError("name and label_selectors must not be empty.")
        # The API server keeps the one, and makes another character of the other.
        unfit = next((char for char in params.get("change_cause") or "" if char == "\0" or "\ud800" <= char <= "\udfff"), None)
        if unfit:
            raise TaskError(f"change_cause holds U+{ord(unfit):04X}, which is no character of a text.")
        return run(params, *args)

    return checked


ENGINES = {
    name: Engine(
        name=name,
        options={**_WORKLOAD, **options},
        run=_checked(_RUN[name]),
        requirements={
            "mutually_exclusive": [("name", "label_selectors")],
            "required_one_of": [("name", "label_selectors")],
        },
        failed={"changed": False, "rollouts": []},
    )
    for name, options in _OPTIONS.items()
}
