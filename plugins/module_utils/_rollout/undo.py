# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout_undo module.  PRIVATE to the collection."""

from __future__ import annotations

from .change import KEEP, undo_operations
from .._api.client import Api, Deadline
from .._api.errors import TaskError
from .fail_fast import FailFast
from .history import template_of, undo_target
from .objects import dig, observed, uid_of
from .report import aftermath, diagnose, failure_message, result_of
from .status import unobserved_for, waits_for_deletion
from .wait import Follower
from .workloads import Histories, Scope, for_all, made_anew, write


def run(params, check_mode=False, want_diff=False, progress=lambda line: None):
    """Undo the rollouts; the parameters are those of rollout.run()."""
    for option, least in (("wait_timeout", 1), ("to_revision", 0)):
        if params[option] < least:
            raise TaskError(f"{option} must be at least {least}, got: {params[option]}.")
    fail_fast = FailFast.of(params)
    deadline = Deadline(params["wait_timeout"])
    api = Api(params["auth"], deadline, dry_run=check_mode, progress=progress)
    scope = Scope(params)
    targets, version = scope.find(api)
    # a StatefulSet's broken pods are looked for whenever it is undone, also without waiting
    replace = params["replace_stuck_pods"] and params["kind"] == "StatefulSet" and not check_mode
    undo = _Undo(api, params, deadline)
    follower = Follower(api, scope, targets, deadline, progress, fail_fast if params["wait"] else None, replace)
    try:
        if not all(observed(t.workload) for t in targets):
            follower.open(version)
            undo.await_observed(follower, targets)
        undo.choose(targets)
        waiting = [t for t in targets if not undo.skips(t)]
        following = (params["wait"] or replace) and not check_mode
        if waiting and following and not follower.is_open:
            follower.open(version)
        try:
            for_all(undo.write, targets)
            if waiting and following:
                if params["wait"]:
                    follower.wait(waiting)
                else:
                    follower.wait(waiting, done=lambda t: observed(t.workload))
                    follower.replace_stuck_pods(waiting)
        except TaskError as e:
            e.result = result_of(api, targets, want_diff=want_diff) if any(t.changed or t.replaced for t in targets) else {}
            raise
    finally:
        follower.close()
    failed = [t for t in targets if t.failure]
    if not failed:
        return result_of(api, targets, follower.warnings, want_diff)
    after = Api(params["auth"], aftermath(deadline), progress=progress)
    for_all(lambda t: diagnose(after, t), failed)
    raise TaskError(failure_message(targets), result_of(after, targets, follower.warnings, want_diff))


class _Undo:
    """One undo of each target: choose before anything is written, then write."""

    def __init__(self, api, params, deadline):
        self._api, self._params, self._deadline = api, params, deadline
        self._choices = {}

    def await_observed(self, follower, targets):
        """Until the controller has seen the last change its history lacks that change, and one would undo one too far."""
        follower.wait(targets, done=lambda t: observed(t.workload))
        for target in targets:
            if target.failure:
                raise TaskError(f"{target.name} was not undone: {target.failure if target.failed else unobserved_for(target.workload)}")

    def choose(self, targets):
        histories = Histories(self._api, targets)
        for target in targets:
            self._choose(target, histories)

    def _choose(self, target, histories):
        workload = target.workload
        revisions = histories.revisions(workload)
        chosen = undo_target(workload, revisions, self._params["to_revision"])
        if dig(workload, "spec", "paused"):
            raise TaskError(
                f"{target.name} is paused and cannot be undone; resume it first (rollout with state=resumed)."
            )
        if self._params["wait"] and waits_for_deletion(workload):
            raise TaskError(
                f"{target.name} has updateStrategy OnDelete, so its pods are replaced only when somebody deletes "
                f"them and there is no rollout to wait for; use wait: false."
            )
        current = histories.current(workload)
        target.extra = {"from_revision": current.number if current else None, "to_revision": chosen.number}
        self._choices[id(target)] = (chosen, template_of(workload))

    def skips(self, target):
        return self._choices[id(target)][0].template == template_of(target.workload)

    def write(self, target):
        write(self._api, target, lambda workload: self._operations(target, workload), self._deadline)

    def _operations(self, target, workload):
        chosen, template = self._choices[id(target)]
        if chosen.template == template_of(workload):
            return []
        # scaling, as an autoscaler does it, leaves the template and so the revisions
        if template_of(workload) != template:
            # somebody else was faster: what "the previous revision" means has to be found out anew
            target.workload = self._until_observed(target)
            self._choose(target, Histories(self._api, [target]))
            return self._operations(target, target.workload)
        cause = self._params["change_cause"]
        if cause is None:
            cause = chosen.change_cause if workload["kind"] == "Deployment" else KEEP
        return undo_operations(workload, chosen.template, cause)

    def _until_observed(self, target):
        scope = Scope({**self._params, "name": target.workload["metadata"]["name"]})
        fresh, version = scope.find(self._api)
        with Follower(self._api, scope, fresh, self._deadline, lambda line: None) as follower:
            follower.open(version)
            self.await_observed(follower, fresh)
        if uid_of(fresh[0].workload) != uid_of(target.workload):
            raise made_anew(target)
        return fresh[0].workload
