# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout module: set images, restart, pause, resume, and wait for the rollout.

PRIVATE to the collection.
"""

from __future__ import annotations

import datetime

from .change import KEEP, Request, check, operations, pause_count, undo_operations
from .._api.cancel import current
from .._api.client import Api, ApiError, Deadline
from .._api.errors import TaskError
from .fail_fast import FailFast
from .history import template_of
from .objects import CHANGE_CAUSE, KINDS, annotations_of, dig, observed, replica_counts, uid_of
from .report import aftermath, diagnose, failure_message, result_of
from .status import verdict, waits_for_deletion
from .stuck import waits_for_each
from .wait import Follower, pause_now
from .workloads import Histories, Scope, for_all, write

#: seconds for seeing that a rollout which nobody waits for can go on
_FREEING = 10


def run(params, check_mode=False, want_diff=False, progress=lambda line: None):
    """Do what the module is asked to.

    :param params: the module's validated options.
    :param progress: called with one line of text whenever there is news.
    :returns: the module's result.
    :raises TaskError: C(result) holds what is known besides the message.
    """
    request = Request(
        state=params["state"],
        images=params["images"],
        change_cause=params["change_cause"],
        # one instant for all workloads and all attempts: a repeated patch changes nothing more
        restarted_at=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        pause_at=params["pause_at"],
    )
    _check_params(params)
    fail_fast = FailFast.of(params)
    deadline = Deadline(params["wait_timeout"])
    api = Api(params["auth"], deadline, dry_run=check_mode, progress=progress)
    scope = Scope(params)
    targets, version = scope.find(api)
    waiting = params["wait"] and params["state"] != "paused" and not check_mode
    for target in targets:
        check(target.workload, request, params["wait"])
        _check_strategy(target, request, params)
        target.pause_count = _pause_goal(target.workload, request)
    # what an earlier run has paused where it was to be paused stays so
    unpaused = [t for t in targets if not _paused_before(t.workload, request)]
    held_up = [t for t in targets if params["replace_stuck_pods"] and not params["wait"] and not check_mode and _held_up(t, request)]
    follower, warnings = None, []
    try:
        if waiting and any(_unfinished(t, request) for t in unpaused):
            follower = Follower(api, scope, targets, deadline, progress, fail_fast, params["replace_stuck_pods"], params.get("quiet", 0))
            follower.open(version)
        try:
            for_all(lambda t: _write(api, t, request, deadline), targets)
            if follower:
                follower.wait(unpaused)
            elif held_up:
                warnings = _free(api, scope, held_up, Deadline(min(_FREEING, deadline.left())), progress)
        except TaskError as e:
            e.result = result_of(api, targets, want_diff=want_diff) if any(t.changed or t.replaced for t in targets) else {}
            raise
    finally:
        if follower:
            follower.close()
    warnings = follower.warnings if follower else warnings
    failed = [t for t in targets if t.failure]
    if not failed:
        return result_of(api, targets, warnings, want_diff)
    after = Api(params["auth"], aftermath(deadline), progress=progress)
    for_all(lambda t: diagnose(after, t), failed)
    result = None
    if params["on_failure"] != "fail":
        result = result_of(after, targets, warnings, want_diff)
        _on_failure(params, failed, progress)
        fresh = result_of(after, targets, warnings)
        result.update(rollouts=fresh["rollouts"])
    raise TaskError(failure_message(targets), result or result_of(after, targets, warnings, want_diff))


def _check_params(params):
    if params["wait_timeout"] < 1:
        raise TaskError(f"wait_timeout must be at least 1 second, got: {params['wait_timeout']}.")
    if params["pause_at"] is not None:
        if params["state"] not in ("complete", "restarted"):
            raise TaskError(f"pause_at starts a rollout and cannot be combined with state={params['state']}.")
        if not params["wait"]:
            raise TaskError("pause_at needs wait: true, since it is this task that pauses the rollout.")
    for container, image in (params["images"] or {}).items():
        if not isinstance(image, str) or image.split() != [image]:
            raise TaskError(f'images: the image of container "{container}" must be a text without spaces, got: {image!r}.')


def _check_strategy(target, request, params):
    # of a release, whose workloads are of several kinds, each is paused that can be
    if params["on_failure"] == "pause" and target.workload["kind"] != "Deployment" and "rolled" not in params:
        raise TaskError(f"on_failure=pause is not supported for {target.name}: only a Deployment can be paused.")
    if params["wait"] and waits_for_deletion(target.workload) and operations(target.workload, request):
        raise TaskError(
            f"{target.name} has updateStrategy OnDelete, so its pods are replaced only when somebody deletes them "
            f"and there is no rollout to wait for; use wait: false."
        )


def _pause_goal(workload, request):
    """How many updated replicas pause_at lets this workload have; None without pause_at."""
    if request.pause_at is None or _paused_before(workload, request):
        return None
    return pause_count(workload, request.pause_at)


def _paused_before(workload, request):
    """Was the rollout that pause_at asks for paused by an earlier run already?"""
    if request.pause_at is None or not dig(workload, "spec", "paused"):
        return False
    return observed(workload) and not operations(workload, request)


def _unfinished(target, request):
    return bool(operations(target.workload, request)) or not target.verdict().complete


def _held_up(target, request):
    """Is there a pod that may keep a StatefulSet from what is asked of it now?"""
    counts = replica_counts(target.workload)
    return waits_for_each(target.workload) and counts["ready"] < counts["desired"] and bool(operations(target.workload, request))


def _free(api, scope, targets, deadline, progress):
    """Without waiting for rollouts, see that they can go on at all; the warnings say which do not, and why."""
    warnings = []
    try:
        with Follower(api, scope, targets, deadline, progress, replace_stuck_pods=True) as follower:
            # what a person is to do is told, whatever happens
            warnings = follower.warnings
            follower.open(None)
            follower.wait(targets, done=lambda t: observed(t.workload))
            follower.replace_stuck_pods([t for t in targets if not t.failure])
    except TaskError as e:
        warnings.append(f"Whether a pod that is not ready holds the rollout up is not known: {e}")
    for target in targets:
        if target.failure:
            warnings.append(f"{target.name}: whether a pod that is not ready holds it up is not known: {target.failure}")
            target.failure, target.failed = None, False
    return warnings


def _write(api, target, request, deadline):
    write(api, target, lambda workload: operations(workload, request), deadline)


# --------------------------------------------------------------- on_failure --
def _on_failure(params, failed, progress):
    deadline = Deadline(params["wait_timeout"])
    current().extend(deadline)
    api = Api(params["auth"], deadline, progress=progress)
    act = _undo if params["on_failure"] == "undo" else _pause

    def act_on(target):
        try:
            act(api, target, deadline, params)
        except TaskError as e:
            target.undone = f"on_failure={params['on_failure']} failed: {str(e).rstrip('.')}"

    for_all(act_on, failed)
    undone = [t for t in failed if t.undone is None]
    if undone:
        _await_undone(params, api, undone, deadline, progress)


def _ours(api, target, params, outcome):
    """A target of on_failure as it is now; None, and said so, when there is nothing of this task's in it."""
    rolled = (params.get("rolled") or {}).get(target.workload["metadata"]["name"], {})
    if not target.changed and rolled.get("uid") != uid_of(target.workload):
        by = "this release" if "rolled" in params else "this task"
        target.undone = f"not {outcome}, because {by} has not changed it"
        return None
    try:
        current = api.get(target.path)
    except ApiError as e:
        if e.code != 404:
            raise
        target.undone = f"not {outcome}, because it is gone"
        return None
    if uid_of(current) != uid_of(target.workload):
        target.undone = f"not {outcome}, because the one that is there now was made by somebody else since"
        return None
    current["kind"] = target.workload["kind"]
    return current


def _pause(api, target, deadline, params):
    if not KINDS[target.workload["kind"]].pausable:
        target.undone = "not paused, because only a Deployment can be"
    elif _ours(api, target, params, "paused"):
        pause_now(api, target, deadline)
        target.undone = "paused, so that nothing more is rolled out; state=resumed goes on, with other images if they are given"


def _undo(api, target, deadline, params):
    """Back to the template that was live before this task, or before the release that it waits for."""
    current = _ours(api, target, params, "undone")
    if current is None:
        return
    live = _live_before(api, target, current, params)
    if live is None:
        target.undone = "not undone, because this task has not changed its pod template"
        return
    template, cause = live
    rolled_out, target.workload = target.template, current

    def build(workload):
        found = template_of(workload)
        if found == template:
            return []
        # whoever has scaled it meanwhile, as an autoscaler does, is not in the way
        if found != rolled_out:
            raise TaskError("somebody else has changed its pod template since, so it is left as it is")
        resumed = [{"op": "remove", "path": "/spec/paused"}] if target.paused and dig(workload, "spec", "paused") else []
        return undo_operations(workload, template, cause) + resumed

    write(api, target, build, deadline)
    # what is taken back is taken back in all replicas
    target.template, target.pause_count = template, None


def _live_before(api, target, current, params):
    """The pod template that was live, and the change-cause that goes with it; None when that is the one that is there."""
    before, rolled = target.before, (params.get("rolled") or {}).get(target.workload["metadata"]["name"])
    if not target.changed:
        found = [r for r in Histories(api, [target]).revisions(current) if r.name == rolled["revision"]]
        missing = "the revision that was live before is not in its history"
    elif dig(before, "spec", "paused") and not verdict(before).complete:
        # what waited in a paused Deployment was not live, or at most a part of its replicas had it
        waiting = (template_of(before), target.template)
        found = [r for r in Histories(api, [target]).revisions(current) if r.template not in waiting]
        missing = "it has no earlier revision to undo to"
    elif template_of(before) == target.template:
        return None
    else:
        return template_of(before), annotations_of(before).get(CHANGE_CAUSE)
    if not found:
        raise TaskError(missing)
    return found[-1].template, found[-1].change_cause if current["kind"] == "Deployment" else KEEP


def _await_undone(params, api, targets, deadline, progress):
    scope = Scope(params)
    causes = {id(t): (t.failure, t.failed) for t in targets}
    for target in targets:
        target.failure, target.failed = None, False
    try:
        with Follower(api, scope, targets, deadline, progress, FailFast(wanted=False), params["replace_stuck_pods"]) as follower:
            follower.open(None)
            follower.wait(targets)
        for target in targets:
            target.undone = "undone: the template from before is rolled out again"
            if target.failure:
                target.undone = f"undone, but that rollout failed as well: {target.failure.rstrip('.')}"
    except TaskError as e:
        for target in targets:
            target.undone = f"undone, but not followed to the end: {str(e).rstrip('.')}"
    for target in targets:
        target.failure, target.failed = causes[id(target)][0], bool(target.failure)
