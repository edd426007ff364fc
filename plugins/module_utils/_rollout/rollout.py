# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout module: set images, restart, pause, resume, and wait for the rollout.

PRIVATE to the collection.
"""

from __future__ import annotations

import datetime

from .change import KEEP, Request, check, operations, pause_count, undo_operations
from .._api.client import Api, Deadline
from .._api.errors import TaskError
from .history import template_of, undo_target
from .objects import CHANGE_CAUSE, annotations_of, dig, generation_of, observed
from .report import AFTERMATH, diagnose, failure_message, result_of
from .status import waits_for_deletion
from .wait import Follower, pause_now
from .workloads import Histories, Scope, for_all, write


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
    deadline = Deadline(params["wait_timeout"])
    api = Api(params["auth"], deadline, dry_run=check_mode, progress=progress)
    scope = Scope(params)
    targets, version = scope.find(api)
    waiting = params["wait"] and params["state"] != "paused" and not check_mode
    for target in targets:
        check(target.workload, request, params["wait"])
        _check_strategy(target, request, params)
    follower = None
    try:
        if waiting and any(_unfinished(t, request) for t in targets):
            follower = Follower(api, scope, targets, deadline, progress, params["fail_fast"])
            follower.open(version)
        try:
            for_all(lambda t: _write(api, t, request, deadline), targets)
            if follower:
                follower.wait(targets)
        except TaskError as e:
            e.result = result_of(api, targets, want_diff=want_diff) if any(t.changed for t in targets) else {}
            raise
    finally:
        if follower:
            follower.close()
    warnings = follower.warnings if follower else []
    failed = [t for t in targets if t.failure]
    if not failed:
        return result_of(api, targets, warnings, want_diff)
    # the rest has its own, short time: what is known must be told even when the wait has used its time up
    after = Api(params["auth"], Deadline(AFTERMATH), progress=progress)
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
    if params["on_failure"] == "pause" and target.workload["kind"] != "Deployment":
        raise TaskError(f"on_failure=pause is not supported for {target.name}: only a Deployment can be paused.")
    if params["wait"] and waits_for_deletion(target.workload) and operations(target.workload, request):
        raise TaskError(
            f"{target.name} has updateStrategy OnDelete, so its pods are replaced only when somebody deletes them "
            f"and there is no rollout to wait for; use wait: false."
        )


def _unfinished(target, request):
    if request.pause_at is not None:
        target.pause_count = pause_count(target.workload, request.pause_at)
        if dig(target.workload, "spec", "paused") and observed(target.workload) and not operations(target.workload, request):
            # paused here by an earlier run
            target.pause_count = None
            return False
    return bool(operations(target.workload, request)) or not target.verdict().complete


def _write(api, target, request, deadline):
    write(api, target, lambda workload: operations(workload, request), deadline)


# --------------------------------------------------------------- on_failure --
def _on_failure(params, failed, progress):
    deadline = Deadline(params["wait_timeout"])
    api = Api(params["auth"], deadline, progress=progress)
    act = _undo if params["on_failure"] == "undo" else _pause

    def act_on(target):
        try:
            act(api, target, deadline)
        except TaskError as e:
            target.undone = f"on_failure={params['on_failure']} failed: {str(e).rstrip('.')}"

    for_all(act_on, failed)
    undone = [t for t in failed if t.undone is None]
    if undone:
        _await_undone(params, api, undone, deadline, progress)


def _pause(api, target, deadline):
    pause_now(api, target, deadline)
    target.undone = "paused, so that nothing more is rolled out; state=resumed goes on, with other images if they are given"


def _undo(api, target, deadline):
    """Back to the template from before this task, or to the previous revision when the task wrote none."""
    current = api.get(target.path)
    current["kind"] = target.workload["kind"]
    if target.changed and template_of(target.before) != target.template:
        template, cause = template_of(target.before), annotations_of(target.before).get(CHANGE_CAUSE)
        generation = target.generation
    else:
        revision = undo_target(current, Histories(api, [target]).revisions(current), 0)
        template, generation = revision.template, generation_of(current)
        cause = revision.change_cause if current["kind"] == "Deployment" else KEEP
    target.workload = current
    target.template = template

    def build(workload):
        if template_of(workload) == template:
            return []
        if generation_of(workload) != generation:
            raise TaskError("somebody else has changed it since, so it is left as it is")
        return undo_operations(workload, template, cause)

    write(api, target, build, deadline)


def _await_undone(params, api, targets, deadline, progress):
    scope = Scope(params)
    causes = {id(t): (t.failure, t.failed) for t in targets}
    for target in targets:
        target.failure, target.failed = None, False
    try:
        with Follower(api, scope, targets, deadline, progress, fail_fast=False, replace_stuck_pods=True) as follower:
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
