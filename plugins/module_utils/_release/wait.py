# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release_wait module's work.  PRIVATE to the collection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._rollout.door import ENGINES
from . import other_workloads

_ROLLOUT = ENGINES["rollout"]

OPTIONS = {
    "label_selectors": {"type": "list", "elements": "str", "required": True},
    "workloads": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "kind": {
                "type": "str",
                "required": True,
                "choices": [*_ROLLOUT.options["kind"]["choices"], "Job", "ReplicationController"],
            },
            "namespace": {"type": "str", "required": True},
            "api_version": {"type": "str", "default": "apps/v1", "choices": ["apps/v1", "batch/v1", "v1"]},
            "rolls": {"type": "bool", "default": False},
        },
    },
    "on_failure": _ROLLOUT.options["on_failure"],
    "wait_timeout": _ROLLOUT.options["wait_timeout"],
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Wait for all kinds in all namespaces at once: each is one call of the rollout module's engine."""
    defaults = {name: option.get("default") for name, option in _ROLLOUT.options.items()}
    shared = {"label_selectors": params["label_selectors"], "wait_timeout": params["wait_timeout"], "auth": params["auth"]}

    def one(workloads):
        # undoing what this release has not rolled would go one revision too far
        on_failure = params["on_failure"] if workloads["rolls"] else "fail"
        return _outcome({**defaults, **shared, **workloads, "on_failure": on_failure}, check_mode, want_diff, progress)

    with ThreadPoolExecutor(max(1, len(params["workloads"]))) as pool:
        outcomes = list(pool.map(one, params["workloads"]))
    result = {
        "changed": any(outcome.get("changed") for _error, outcome in outcomes),
        "rollouts": [rollout for _error, outcome in outcomes for rollout in outcome.get("rollouts", [])],
        "warnings": [warning for _error, outcome in outcomes for warning in outcome.get("warnings", [])],
    }
    errors = [error for error, _outcome in outcomes if error]
    if errors:
        raise TaskError(" ".join(errors), result)
    return result


def _outcome(params, check_mode, want_diff, progress):
    try:
        if (params["api_version"], params["kind"]) in other_workloads.RESOURCES:
            return None, other_workloads.run(params, progress)
        return None, _ROLLOUT.run(params, check_mode, want_diff, progress)
    except TaskError as e:
        return str(e), e.result


ENGINE = Engine("release_wait", OPTIONS, run, failed={"changed": False, "rollouts": []})
