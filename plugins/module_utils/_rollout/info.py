# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout_info module.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.client import Api, Deadline
from .._api.errors import TaskError
from .._api.shown import shown
from .objects import images_of
from .report import rollout
from .workloads import Histories, Scope

#: seconds for the whole call, retries included
_TIMEOUT = 30


def run(params, check_mode=False, want_diff=False, progress=lambda line: None):
    """Read status and history; the parameters are those of rollout.run()."""
    if params["revision"] is not None and params["revision"] < 1:
        raise TaskError(f"revision must be at least 1, got: {params['revision']}.")
    api = Api(params["auth"], Deadline(_TIMEOUT), progress=progress)
    scope = Scope(params)
    targets, _version = scope.find(api, must_exist=bool(params["name"]))
    histories = Histories(api, targets)
    rollouts = []
    for target in targets:
        history = _history(target, histories, params["revision"])
        rollouts.append({**rollout(target, histories), "history": history})
    return {"changed": False, "rollouts": rollouts}


def _history(target, histories, wanted):
    revisions = histories.revisions(target.workload)
    current = histories.current(target.workload)
    if wanted is not None:
        found = [r for r in revisions if r.number == wanted]
        if not found:
            numbers = ", ".join(str(r.number) for r in revisions) or "none"
            raise TaskError(
                f"unable to find the specified revision {wanted} of {target.name}; its revisions are {numbers}."
            )
        revisions = found
    return [
        {
            "revision": r.number,
            "change_cause": r.change_cause,
            "images": images_of(r.template),
            "created": r.created,
            "current": current is not None and r.name == current.name,
            "name": r.name,
            "template": shown(r.template),
        }
        for r in revisions
    ]
