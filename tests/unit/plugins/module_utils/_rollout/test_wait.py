# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the follower makes of the events it gets; that it gets them is shown in tests/faults."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import wait
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.workloads import Scope, Target

from .builders import condition, controller_revision, owned_by, replica_set, template, workload

NEW, OLD = template("app:2"), template("app:1")


class Server:
    """Has histories to list, and notes what is deleted."""

    def __init__(self, history=(), refuses=None):
        self._history, self._refuses = history, refuses
        self.deleted = []

    def list(self, path, query=()):
        return list(self._history), "1"

    def delete(self, path, uid):
        if self._refuses:
            raise self._refuses
        self.deleted.append(path.rpartition("/")[2])


SETS = [replica_set(1, OLD), replica_set(2, NEW)]


def deployment(updated=0, generation=2, pod_template=None, conditions=(), observed=None, version="", **spec):
    """The Deployment of three replicas, in the middle of its rollout."""
    counts = {"replicas": 3, "updatedReplicas": updated, "readyReplicas": updated, "availableReplicas": updated}
    obj = workload("Deployment", pod_template or NEW, generation, observed, {**counts, "conditions": list(conditions)}, replicas=3, **spec)
    obj["metadata"]["resourceVersion"] = version
    obj["metadata"]["managedFields"] = [{"manager": "kubectl-set", "time": "T2"}, {"manager": "helm", "time": "T1"}]
    return obj


def deadline_exceeded(updated):
    return [condition("Progressing", "False", "ProgressDeadlineExceeded", updated=updated)]


def follow(events, before=None, after=None, seconds=0.1, server=None, fail_fast=True, kind="Deployment", **options):
    """Follow a rollout that a write of ours began (after=None: that was there already) through these events."""
    target = Target(before or deployment(3, generation=1, pod_template=OLD))
    if after:
        target.written(after)
    scope = Scope({"kind": kind, "namespace": "shop", "name": "web"})
    told = []
    deadline = Deadline(seconds)
    follower = wait.Follower(server or Server(SETS), scope, [target], deadline, told.append, fail_fast, **options)
    # as wait() does, but so that no event comes so soon after another that the state between them is not judged
    for event in events:
        follower._take(event)
        follower._judge(target, None)
        follower._tell([target], [target])
    follower.wait([target])
    return target, follower, told


def modified(obj):
    return ("workload", "MODIFIED", obj)


def pod(revision=2, reason="InvalidImageName", name="web-1", phase="Pending", ready=False, labels=None, owners=None, **metadata):
    status = {"name": "web", "image": "app:2", "restartCount": 0, "state": {"waiting": {"reason": reason}}, "lastState": {}}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": labels or {},
            "ownerReferences": owned_by("ReplicaSet", uid=f"uid-web-hash{revision}") if owners is None else owners,
            **metadata,
        },
        "spec": {"containers": [{"name": "web"}]},
        "status": {
            "phase": phase,
            "conditions": [condition("Ready", "True" if ready else "False")],
            "containerStatuses": [] if ready else [status],
        },
    }


DONE = modified(deployment(3))
CONTROLLER_AWAY = (
    "timed out after 0 s: Waiting for deployment spec update to be observed... the controller has not observed "
    "generation 2 (it last saw 1); is kube-controller-manager running?"
)


@pytest.mark.parametrize(
    "events, failure",
    [
        ([modified(deployment(1)), DONE], None),
        # the rollout before was complete: what was on its way when we wrote tells nothing
        ([modified(deployment(3, generation=1, pod_template=OLD))], CONTROLLER_AWAY),
        # an answer of the server can be ahead of the watch
        ([modified(deployment(3, version="10")), modified(deployment(1, version="9"))], None),
        ([modified(deployment(1, version="9")), modified(deployment(3, version="10"))], None),
        ([modified(deployment(3, observed=1)), DONE], None),
        ([modified(deployment(3, generation=3))], None),
        ([("workload", "SYNC", [deployment(3)])], None),
        ([("workload", "ADDED", deployment(3))], None),
        ([("workload", "DELETED", deployment(1))], "it has been deleted"),
        ([("workload", "SYNC", [])], "it has been deleted"),
        (
            [modified(deployment(3, generation=3, pod_template=template("app:9")))],
            'it was changed by somebody else (field manager "kubectl-set") while this task waited for it',
        ),
        ([modified(deployment(1, conditions=deadline_exceeded("T")))], 'deployment "web" exceeded its progress deadline'),
        (
            [modified(deployment(1, paused=True))],
            'it is paused and goes on with state=resumed: Waiting for deployment "web" rollout to finish: '
            "1 out of 3 new replicas have been updated...",
        ),
        (
            [modified(deployment(1))],
            'timed out after 0 s: Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
        ),
        ([], CONTROLLER_AWAY),
    ],
    ids=[
        "completes",
        "event from before the write",
        "event from before what is known",
        "event from after what is known",
        "not yet observed",
        "scaled by somebody",
        "listed anew",
        "added",
        "deleted",
        "gone when listed anew",
        "superseded",
        "deadline",
        "paused",
        "timed out",
        "controller away",
    ],
)
def test_a_rollout_of_ours(events, failure):
    target, _follower, _told = follow(events, after=deployment(3, observed=1))
    assert target.failure == failure


@pytest.mark.parametrize(
    "events, failed",
    [
        ([modified(deployment(1, conditions=deadline_exceeded("T1"))), DONE], False),
        ([modified(deployment(1, conditions=deadline_exceeded("T1"))), modified(deployment(1, conditions=deadline_exceeded("T2")))], True),
    ],
    ids=["of the rollout before", "of this one"],
)
def test_a_deadline_that_had_passed_before_we_wrote(events, failed):
    before = deployment(1, generation=1, pod_template=OLD, conditions=deadline_exceeded("T1"))
    target, _follower, _told = follow(events, before=before, after=deployment(1, conditions=deadline_exceeded("T1"), observed=1))
    assert (target.failed, bool(target.failure)) == (failed, failed)


@pytest.mark.parametrize("events, failed", [([], True), ([DONE], False)], ids=["stands", "passes"])
def test_a_deadline_of_a_rollout_that_is_not_ours_is_believed_when_it_stands(monkeypatch, events, failed):
    monkeypatch.setattr(wait, "_DEADLINE_CONFIRM", 0.05)
    target, _follower, _told = follow(events, before=deployment(1, conditions=deadline_exceeded("T1")), seconds=5)
    assert target.failed is failed


@pytest.mark.parametrize(
    "pods, fail_fast, failure",
    [
        ([pod()], True, "pod web-1, container web: InvalidImageName"),
        ([pod()], False, None),
        ([pod(revision=1)], True, None),
        ([pod(owners=[])], True, None),
        ([pod(deletionTimestamp="T")], True, None),
        ([pod(ready=True)], True, None),
        ([pod(reason="RunContainerError")], True, None),
    ],
    ids=["new", "not asked for", "of the old revision", "of nobody", "going away", "ready", "in its grace"],
)
def test_broken_pods(pods, fail_fast, failure):
    events = [modified(deployment(1))] + [("pod", "ADDED", p) for p in pods]
    target, _follower, _told = follow(events, after=deployment(1, observed=1), fail_fast=fail_fast)
    assert target.failure.startswith(failure or "timed out")


@pytest.mark.parametrize(
    "later",
    [("pod", "MODIFIED", pod(ready=True)), ("pod", "DELETED", pod()), ("pod", "SYNC", [])],
    ids=["recovered", "deleted", "gone when listed anew"],
)
def test_a_broken_pod_is_forgotten(later):
    target, _follower, _told = follow([("pod", "ADDED", pod()), later, modified(deployment(1))], after=deployment(1, observed=1))
    assert target.failure.startswith("timed out")


@pytest.mark.parametrize("grace, failure", [(0, "FailedCreate: exceeded quota"), (60, None)])
def test_pods_that_cannot_be_made(monkeypatch, grace, failure):
    monkeypatch.setattr(wait, "_FAILED_CREATE_GRACE", grace)
    refused = deployment(0, conditions=[condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")])
    target, _follower, _told = follow([modified(refused)] + ([] if failure else [DONE]), after=deployment(0, observed=1))
    assert target.failure == failure


def test_without_a_right_to_pods_it_goes_on_with_a_warning():
    denied = ApiError('cannot watch resource "pods"', 403)
    events = [("pod", "ADDED", pod()), ("pod", "ERROR", denied), modified(deployment(1)), DONE]
    target, follower, _told = follow(events, after=deployment(1, observed=1))
    assert target.failure is None
    assert len(follower.warnings) == 1 and 'cannot watch resource "pods"' in follower.warnings[0]


def test_without_a_right_to_the_workload_it_ends():
    with pytest.raises(ApiError, match="cannot watch"):
        follow([("workload", "ERROR", ApiError("cannot watch", 403))], after=deployment(1))


def test_on_delete_has_nothing_to_wait_for():
    counts = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 1, "numberAvailable": 3}
    obj = workload("DaemonSet", NEW, status=counts, updateStrategy={"type": "OnDelete"})
    target, _follower, _told = follow([], before=obj, kind="DaemonSet", seconds=5)
    assert not target.failed
    assert target.failure.startswith("its updateStrategy is OnDelete: 1 of 3 pods run the new template")


def test_progress_is_told_once_for_each_change():
    events = [modified(deployment(n)) for n in (1, 1, 2, 3)]
    _target, _follower, told = follow(events, after=deployment(0, observed=1))
    waiting = 'Waiting for deployment "web" rollout to finish: {} out of 3 new replicas have been updated...'
    sentences = [waiting.format(1), waiting.format(2), 'deployment "web" successfully rolled out']
    assert told == [f"Deployment shop/web: {sentence}" for sentence in sentences]


# -------------------------------------------------------- stuck StatefulSets --
def set_pod(ordinal, revision="web-rev1", **options):
    owners = options.pop("owners", owned_by("StatefulSet"))
    return pod(name=f"web-{ordinal}", labels={"controller-revision-hash": revision}, owners=owners, **options)


def stateful_set(partition=0, observed=None, updated=0):
    status = {"updateRevision": "web-rev2", "readyReplicas": 3 if updated == 3 else 2, "updatedReplicas": updated}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    return workload("StatefulSet", NEW, 2, observed, status, replicas=3, updateStrategy=strategy)


@pytest.mark.parametrize(
    "found, partition, observed, deleted",
    [
        (set_pod(2), 0, 2, ["web-2"]),
        (set_pod(2, reason="ErrImagePull"), 0, 2, ["web-2"]),
        (set_pod(2, "web-rev2"), 0, 2, []),
        (set_pod(2, ready=True), 0, 2, []),
        (set_pod(2, deletionTimestamp="T"), 0, 2, []),
        (set_pod(2, owners=owned_by("StatefulSet", uid="another")), 0, 2, []),
        (set_pod(2, owners=[]), 0, 2, []),
        (set_pod(1), 2, 2, []),
        (set_pod(2), 2, 2, ["web-2"]),
        (set_pod("x"), 0, 2, []),
        (set_pod(2), 0, 1, []),
    ],
    ids=[
        "stuck",
        "stuck on an image",
        "of the target revision",
        "ready",
        "going away",
        "another set's",
        "nobody's",
        "below the partition",
        "at the partition",
        "not an ordinal",
        "unobserved",
    ],
)
def test_pods_that_a_stateful_set_waits_for_in_vain(found, partition, observed, deleted):
    server = Server([controller_revision("StatefulSet", 1), controller_revision("StatefulSet", 2)])
    obj = stateful_set(partition, observed)
    _target, _follower, _told = follow([("pod", "ADDED", found)], before=obj, server=server, kind="StatefulSet", replace_stuck_pods=True)
    assert server.deleted == deleted


def test_a_stuck_pod_that_may_not_be_deleted_is_a_warning():
    server = Server(refuses=ApiError('cannot delete resource "pods"', 403))
    events = [("pod", "ADDED", set_pod(2))]
    _target, follower, _told = follow(events, before=stateful_set(), server=server, kind="StatefulSet", replace_stuck_pods=True)
    (warning,) = follower.warnings
    assert warning == 'Pod web-2 keeps StatefulSet shop/web from recovering: cannot delete resource "pods"'
