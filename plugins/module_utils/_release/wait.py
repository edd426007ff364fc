# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for the workloads of a release.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.engine import silent
from .._api.errors import TaskError
from .._api.parallel import parallel
from .._rollout import fail_fast
from .._rollout.door import ENGINES
from . import other_workloads

_ROLLOUT = ENGINES["rollout"]
#: seconds after which a wait is told of
_QUIET = 3


def run(params, progress=silent):
    """Wait for all kinds in all namespaces at once: each is one call of the rollout module's engine.

    :param params: the options of the module rollout, and as C(workloads) the kinds, each with its C(api_version), C(kind),
        C(namespace) and what of it this run has C(rolled): C(name), C(uid), and the C(revision) that was live before. C(since) is
        when the run began, by the API server's clock.
    """
    defaults = {name: option.get("default") for name, option in _ROLLOUT.options.items()}
    shared = {name: params[name] for name in ("label_selectors", "wait_timeout", "since", "auth", *fail_fast.OPTIONS)}

    def one(workloads):
        # what this release has not rolled is not its to undo
        rolled = {workload["name"]: workload for workload in workloads["rolled"]}
        on_failure = params["on_failure"] if rolled else "fail"
        if on_failure == "pause" and workloads["kind"] != "Deployment":
            # Only those can be paused. A release that has others as well, such as a database, is no mistake.
            on_failure = "fail"
        asked = {**defaults, **shared, **workloads, "on_failure": on_failure, "rolled": rolled, "quiet": _QUIET}
        return _outcome(asked, progress)

    outcomes = parallel(one, params["workloads"], len(params["workloads"]))
    result = {
        "changed": any(outcome.get("changed") for _error, outcome in outcomes),
        "rollouts": [rollout for _error, outcome in outcomes for rollout in outcome.get("rollouts", [])],
        "warnings": [warning for _error, outcome in outcomes for warning in outcome.get("warnings", [])],
    }
    errors = [error for error, _outcome in outcomes if error]
    if errors:
        raise TaskError(" ".join(errors), result)
    return result


def _outcome(params, progress):
    try:
        if (params["api_version"], params["kind"]) in other_workloads.RESOURCES:
            return None, other_workloads.run(params, progress)
        return None, _ROLLOUT.run(params, False, False, progress)
    except TaskError as e:
        return str(e), e.result
