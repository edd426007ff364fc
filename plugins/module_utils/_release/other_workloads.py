# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for workloads that have no rollouts: Jobs, which end, and ReplicationControllers.

PRIVATE to the collection.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field

from .._api import shown
from .._api.client import CORE, Api, Deadline, object_path
from .._api.errors import TaskError
from .._api.watch import Watch
from .._rollout.diagnosis import Finding, refusal
from .._rollout.fail_fast import FailFast, Verdicts
from .._rollout.objects import CHANGE_CAUSE, annotations_of, condition, describe, dig, generation_of, images_of
from .._rollout.objects import name_of, namespace_of, selector_string, uid_of
from .._rollout.report import aftermath, diagnosis_of, failure_sentence, quoted, refusals
from .._rollout.status import COMPLETE, FAILED, PAUSED, PROGRESSING

RESOURCES = {
    ("batch/v1", "Job"): ("/apis/batch/v1", "jobs"),
    ("v1", "ReplicationController"): (CORE, "replicationcontrollers"),
}
#: seconds between two looks at the pods, which tell why a workload does not come up
_LOOK = 1


def verdict(workload):
    """The phase of a Job or ReplicationController, and a sentence about it."""
    spec, status = workload["spec"], workload.get("status") or {}
    if workload["kind"] == "Job":
        failed = condition(workload, "Failed")
        if failed.get("status") == "True":
            return FAILED, ": ".join(filter(None, ("it failed", failed.get("reason"), failed.get("message"))))
        if condition(workload, "Complete").get("status") == "True":
            return COMPLETE, f'job "{name_of(workload)}" is complete'
        if spec.get("suspend"):
            return PAUSED, f'job "{name_of(workload)}" is suspended'
        done, wanted = status.get("succeeded") or 0, spec.get("completions") or spec.get("parallelism") or 1
        return PROGRESSING, f'Waiting for job "{name_of(workload)}" to complete: {done} of {wanted} pods have succeeded...'
    wanted, there, ready = spec.get("replicas", 1), status.get("replicas") or 0, status.get("readyReplicas") or 0
    if (status.get("observedGeneration") or 0) < generation_of(workload):
        return PROGRESSING, f'Waiting for replication controller "{name_of(workload)}" to be observed...'
    if there == wanted and ready >= wanted:
        return COMPLETE, f'replication controller "{name_of(workload)}" has {ready} ready pods'
    return PROGRESSING, f'Waiting for replication controller "{name_of(workload)}": {ready} of {wanted} pods are ready...'


@dataclass
class _Target:
    """A workload that is waited for, in the terms of the rollout modules' report."""

    workload: dict
    failure: str | None = None
    undone: None = None
    diagnosis: list = field(default_factory=list)
    looked: bool = False
    due: float = 0  # when to look at its pods again
    reason: Finding | None = None  # what keeps it from going on

    @property
    def name(self):
        return describe(self.workload)

    @property
    def over(self):
        return self.failure is not None or verdict(self.workload)[0] in (COMPLETE, PAUSED)

    def result(self):
        phase, message = verdict(self.workload)
        spec, status = self.workload["spec"], self.workload.get("status") or {}
        is_job = self.workload["kind"] == "Job"
        return {
            "api_version": self.workload["apiVersion"],
            "kind": self.workload["kind"],
            "namespace": namespace_of(self.workload),
            "name": name_of(self.workload),
            "revision": None,
            "phase": FAILED if self.failure else phase,
            "message": message,
            "paused": bool(spec.get("suspend")),
            "replicas": {
                "desired": spec.get("completions") or 1 if is_job else spec.get("replicas", 1),
                "updated": status.get("replicas") or status.get("active") or 0,
                "ready": status.get("ready" if is_job else "readyReplicas") or 0,
                "available": status.get("succeeded" if is_job else "availableReplicas") or 0,
            },
            "images": images_of(spec["template"]),
            "change_cause": annotations_of(self.workload).get(CHANGE_CAUSE),
            "diagnosis": quoted(self.diagnosis, self.workload),
        }


def run(params, progress):
    """Wait for all workloads of one kind in one namespace; the result is that of the rollout module."""
    deadline = Deadline(params["wait_timeout"])
    verdicts = Verdicts(FailFast.of(params))
    api = Api(params["auth"], deadline, progress=progress)
    group, plural = RESOURCES[params["api_version"], params["kind"]]
    path = object_path(group, params["namespace"], plural)
    query = [("labelSelector", ",".join(params["label_selectors"]))]
    items, version = api.list(path, query)
    targets = {uid_of(item): _Target(_named(item, params)) for item in items}
    if any(not target.over for target in targets.values()):
        _follow(api, path, query, version, targets, params, deadline, progress, verdicts)
    failed = [target for target in targets.values() if target.failure]
    after = Api(params["auth"], aftermath(deadline), progress=progress) if failed else None
    for target in failed:
        target.diagnosis = _diagnose(after, target)
    result = {"changed": False, "rollouts": [target.result() for target in targets.values()]}
    if failed:
        raise TaskError(" ".join(failure_sentence(target) for target in failed), result)
    return result


def _named(item, params):
    # items of a list come without them
    item.update(kind=params["kind"], apiVersion=params["api_version"])
    return item


def _follow(api, path, query, version, targets, params, deadline, progress, verdicts):
    events, told, quiet_until = queue.Queue(), {}, time.monotonic() + params.get("quiet", 0)
    watch = Watch(api, path, query, version, events, "workload", deadline)
    watch.opened()
    pending, news = dict(targets), set()
    try:
        while True:
            # whatever happens to one is no reason to ask for the pods of all
            now, over = time.monotonic(), deadline.expired
            for uid, target in list(pending.items()):
                if uid not in news and now < target.due and not over:
                    continue
                target.due = now + _LOOK
                _judge(api, target, deadline, verdicts)
                if target.over:
                    del pending[uid]
                message, reason = verdict(target.workload)[1], target.reason
                line = message, reason.key if reason else None
                if told.get(uid) != line and not target.failure and now >= quiet_until:
                    told[uid] = line
                    said = f" {shown.message(reason.sentence(), target.workload)}" if reason else ""
                    progress(f"{target.name}: {message}{said}")
            if not pending:
                return
            try:
                news = _take(deadline.get(events, min(_LOOK, deadline.left() + 0.01)), targets, params)
            except queue.Empty:
                news = set()
    finally:
        watch.stop()


def _take(event, targets, params):
    """Take over what has happened; the uids of those to which it has."""
    _tag, kind, obj = event
    if kind == "ERROR":
        raise obj
    found = obj if kind == "SYNC" else [obj]
    for item in found:
        if uid_of(item) in targets:
            targets[uid_of(item)].workload = _named(item, params)
    gone = set(targets) - {uid_of(item) for item in found} if kind == "SYNC" else {uid_of(obj)} if kind == "DELETED" else ()
    for uid in gone:
        if uid in targets and not targets[uid].over:
            targets[uid].failure = "it has been deleted"
    return {uid_of(item) for item in found} | set(gone)


def _judge(api, target, deadline, verdicts):
    if target.over:
        return
    phase, message = verdict(target.workload)
    if phase == FAILED:
        target.failure = message
        return
    pods = _pods(api, target)
    for pod in pods:
        verdicts.see(pod, before=not target.looked)
        final = verdicts.final(pod)
        if final:
            target.failure = final.sentence()
            return
    target.looked = True
    target.reason = refusal(target.workload) or next(filter(None, (verdicts.telling(pod)[0] for pod in pods)), None)
    if deadline.expired:
        target.failure = f"timed out after {deadline.seconds:.0f} s: {message}"


def _pods(api, target):
    selector = target.workload["spec"].get("selector") or {}
    if target.workload["kind"] == "ReplicationController":
        selector = {"matchLabels": selector}
    try:
        return api.list(object_path(CORE, namespace_of(target.workload), "pods"), [("labelSelector", selector_string(selector))])[0]
    except TaskError:
        # whoever may not look at pods waits for the workload's own word
        return []


def _diagnose(api, target):
    pods = sorted(_pods(api, target), key=lambda pod: dig(pod, "metadata", "creationTimestamp", default=""), reverse=True)
    # of a pod that failed, the container says why
    found = sorted(diagnosis_of(api, pods), key=lambda entry: not entry["logs"])
    return found or refusals(api, target.workload, uid_of(target.workload))
