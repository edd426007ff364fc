# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the follower makes of the events it gets; that it gets them is shown in tests/faults."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Deadline, Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import fail_fast, stuck, wait
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.fail_fast import FailFast
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.workloads import Scope, Target

from .builders import UIDS, condition, owned_by, replica_set, template, workload

NEW, OLD = template("app:2"), template("app:1")


class Server:
    """Has histories to list, and a StatefulSet with pods; notes what is removed, and how."""

    def __init__(self, history=(), stateful_set=None, pods=(), evicts=True, deletes=True):
        self._history, self._stateful_set, self._pods = history, stateful_set, pods
        self._evicts, self._deletes = evicts, deletes
        self.lists, self.removed = 0, []

    def list(self, path, query=()):
        self.lists += 1
        return list(self._pods if path.endswith("/pods") else self._history), "1"

    def get(self, path):
        if isinstance(self._stateful_set, Exception):
            raise self._stateful_set
        return self._stateful_set

    def evict(self, pod):
        return self._remove("evicted", pod["metadata"]["name"], pod["metadata"]["resourceVersion"], self._evicts)

    def delete(self, path, uid, resource_version=None):
        return self._remove("deleted", path.rpartition("/")[2], resource_version, self._deletes)

    def _remove(self, how, name, version, answer):
        if isinstance(answer, Exception):
            raise answer
        if answer:
            self.removed.append((how, name, version))
        return answer


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


def follow(events, before=None, after=None, seconds=0.1, server=None, fail_fast=FailFast(), kind="Deployment", **options):
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
        follower._tell([target], {target.workload["metadata"]["uid"]: target})
    follower.wait([target])
    return target, follower, told


def modified(obj):
    return ("workload", "MODIFIED", obj)


def pod(revision=2, reason="InvalidImageName", name="web-1", phase="Pending", ready=False, labels=None, owners=None, message="", **metadata):
    status = {"name": "web", "image": "app:2", "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}, "lastState": {}}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": labels or {},
            "ownerReferences": owned_by("ReplicaSet", uid=f"uid-web-hash{revision}", name=f"web-hash{revision}") if owners is None else owners,
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
        ([pod()], FailFast(), "pod web-1, container web: InvalidImageName"),
        ([pod()], FailFast(wanted=False), None),
        ([pod(revision=1)], FailFast(), None),
        ([pod(owners=[])], FailFast(), None),
        ([pod(deletionTimestamp="T")], FailFast(), None),
        ([pod(ready=True)], FailFast(), None),
        ([pod(reason="RunContainerError")], FailFast(), None),
        ([pod(reason="ErrImagePull", message="not found")], FailFast(), None),
        ([pod(reason="ErrImagePull", message="not found")], FailFast(after=0), "pod web-1, container web: ErrImagePull: not found"),
    ],
    ids=["new", "not asked for", "of the old revision", "of nobody", "going away", "ready", "a matter of time", "not yet", "by now"],
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


def refused(updated=0):
    return deployment(updated, conditions=[condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")])


class Silent(Server):
    """Answers nothing until the time is up."""

    def list(self, path, query=()):
        time.sleep(0.3)
        raise TaskError("the API server cannot be reached; gave up after 0 s.")


def test_a_server_that_is_silent_until_the_time_is_up_leaves_what_was_waited_for():
    target = Target(deployment(3, generation=1, pod_template=OLD))
    target.written(deployment(1))
    scope = Scope({"kind": "Deployment", "namespace": "shop", "name": "web"})
    follower = wait.Follower(Silent(), scope, [target], Deadline(0.2), lambda line: None, FailFast())
    # whether its pod is one of the new revision would have to be asked
    follower._take(("pod", "ADDED", pod()))
    follower.wait([target])
    assert target.failure.startswith("timed out after 0 s: Waiting for deployment")


def test_a_watch_that_gives_up_when_the_time_is_up_leaves_what_was_waited_for():
    target = Target(deployment(3, generation=1, pod_template=OLD))
    target.written(deployment(1))
    scope = Scope({"kind": "Deployment", "namespace": "shop", "name": "web"})
    follower = wait.Follower(Server(SETS), scope, [target], Deadline(0.05), lambda line: None, FailFast())

    def next_event():
        time.sleep(0.1)
        follower._take(("workload", "ERROR", TaskError("the API server cannot be reached; gave up after 0 s.")))

    follower._next_event = next_event
    follower.wait([target])
    assert target.failure.startswith("timed out after 0 s: Waiting for deployment")


class Limited(Server):
    """Does not let revisions be read."""

    def list(self, path, query=()):
        if path.endswith(("replicasets", "controllerrevisions")):
            raise ApiError('cannot list resource "replicasets"', 403)
        return super().list(path, query)


@pytest.mark.parametrize("reason", ["InvalidImageName", "CreateContainerError"], ids=["hopeless", "a matter of time"])
def test_without_a_right_to_revisions_it_goes_on_with_a_warning(monkeypatch, reason):
    monkeypatch.setattr(fail_fast, "_TOLD_AFTER", 0)
    events = [modified(deployment(1)), ("pod", "ADDED", pod(reason=reason)), modified(deployment(2)), DONE]
    target, follower, _told = follow(events, after=deployment(1, observed=1), server=Limited())
    assert target.failure is None
    assert [warning.partition(":")[0] for warning in follower.warnings] == [
        "Revisions are not read, so a pod that cannot start is not noticed early"
    ]


def test_without_a_right_to_revisions_nothing_begins_that_could_not_be_paused(monkeypatch):
    monkeypatch.setattr(wait.Follower, "_watch", lambda *args: None)
    target = Target(deployment(3))
    target.pause_count = 1
    scope = Scope({"kind": "Deployment", "namespace": "shop", "name": "web"})
    with pytest.raises(ApiError, match="cannot list"):
        wait.Follower(Limited(), scope, [target], Deadline(1), lambda line: None, FailFast()).open("1")


def test_pods_that_cannot_be_made_are_a_matter_of_time():
    target, _follower, told = follow([modified(refused()), DONE], after=deployment(0, observed=1))
    assert target.failure is None
    assert told[0].endswith("0 out of 3 new replicas have been updated... FailedCreate: exceeded quota")


def test_what_a_pod_waits_for_is_told_once_it_has_lasted(monkeypatch):
    monkeypatch.setattr(fail_fast, "_TOLD_AFTER", 0)
    pull, back_off = (("pod", "MODIFIED", pod(reason=reason, message="503")) for reason in ("ErrImagePull", "ImagePullBackOff"))
    events = [modified(deployment(1)), pull, back_off, pull, back_off]
    _target, _follower, told = follow(events, after=deployment(1, observed=1))
    assert [line.rpartition("... ")[2] for line in told[1:]] == ["pod web-1, container web: ErrImagePull: 503"]


def event(uid, reason, message, kind="Pod"):
    return ("event", "ADDED", {"involvedObject": {"uid": uid, "kind": kind}, "reason": reason, "message": message})


def test_of_what_events_alone_tell_a_stateful_set_waits_for():
    said = 'create Pod web-2 in StatefulSet web failed error: pods "web-2" is forbidden: exceeded quota'
    events = [event(UIDS["StatefulSet"], "FailedCreate", said, "StatefulSet"), event("other", "FailedCreate", "x", "StatefulSet")]
    target, _follower, told = follow(events, before=stateful_set(replicas=2), kind="StatefulSet")
    assert target.failure.startswith("timed out")
    assert told[-1] == f"StatefulSet shop/web: Waiting for 1 pods to be ready... FailedCreate: {said}"
    # it has all its pods again
    _target, _follower, told = follow(events, before=stateful_set(replicas=3), kind="StatefulSet")
    assert told[-1] == "StatefulSet shop/web: Waiting for 1 pods to be ready..."


@pytest.mark.parametrize("after, failed", [(0, True), (60, False)])
def test_a_volume_that_names_what_is_not_there(monkeypatch, after, failed):
    monkeypatch.setattr(fail_fast, "_TOLD_AFTER", 0)
    said = 'MountVolume.SetUp failed for volume "conf" : configmap "web" not found'
    creating = pod(reason="ContainerCreating")
    creating["status"]["conditions"].append(condition("PodScheduled", "True"))
    events = [modified(deployment(1)), ("pod", "ADDED", creating), event("uid-web-1", "FailedMount", said)]
    target, _follower, told = follow(events, after=deployment(1, observed=1), fail_fast=FailFast(after=after))
    assert target.failed is failed
    if failed:
        assert target.failure == f"pod web-1: FailedMount: {said}"
    else:
        assert told[-1].endswith(f"have been updated... pod web-1: FailedMount: {said}")


def test_without_a_right_to_events_it_goes_on():
    target, follower, _told = follow([("event", "ERROR", ApiError("cannot list events", 403)), DONE], after=deployment(0, observed=1))
    assert (target.failure, follower.warnings) == (None, [])


def test_a_deadline_that_passes_is_forgotten(monkeypatch):
    """Two conditions that stood for a moment each are not one that lasted."""
    monkeypatch.setattr(wait, "_DEADLINE_CONFIRM", 0.2)
    before = deployment(1, conditions=deadline_exceeded("T1"))
    target, follower, _told = follow([], before=before, seconds=0.1)
    assert target.failure.startswith("timed out")
    target.failure = None
    follower._take(modified(deployment(1)))
    follower._judge(target, None)
    time.sleep(0.15)
    follower._take(modified(deployment(1, conditions=deadline_exceeded("T2"))))
    follower._judge(target, None)
    assert target.failure is None


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
    """Of the StatefulSet web; one that is not ready has never been so."""
    owners = options.pop("owners", owned_by("StatefulSet"))
    found = pod(name=f"web-{ordinal}", labels={"controller-revision-hash": revision}, owners=owners, resourceVersion=f"7{ordinal}", **options)
    began = "2026-01-01T00:00:00Z"
    found["metadata"]["creationTimestamp"] = found["status"]["startTime"] = began
    found["status"]["conditions"][0]["lastTransitionTime"] = began
    return found


def stateful_set(observed=None, updated=0, replicas=3):
    status = {"replicas": replicas, "updateRevision": "web-rev2", "readyReplicas": 3 if updated == 3 else 2, "updatedReplicas": updated}
    return workload("StatefulSet", NEW, 2, observed, status, replicas=3, updateStrategy={"type": "RollingUpdate"})


def free(stuck, others=None, follower_sees=None, observed=None, **server):
    """Follow a StatefulSet whose pod web-2 may be stuck."""
    others = [set_pod(0, ready=True), set_pod(1, ready=True)] if others is None else others
    obj = stateful_set(observed)
    served = Server([], obj, [*others, stuck], **server)
    events = [("pod", "ADDED", seen) for seen in follower_sees or [*others, stuck]]
    target, follower, told = follow(events, before=obj, server=served, kind="StatefulSet", replace_stuck_pods=True)
    return served, target, follower, told


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ErrImagePull"])
def test_the_pod_that_a_stateful_set_waits_for_in_vain_is_evicted_as_it_was_looked_at(reason):
    server, target, _follower, told = free(set_pod(2, reason=reason))
    assert server.removed == [("evicted", "web-2", "72")] and target.replaced == ["web-2"]
    assert "StatefulSet shop/web: removed pod web-2, which it waited for in vain" in told


BUDGET = Fault("the API server answered 429", answered=True, budget=True)
NO_RIGHT = 'Permission is missing: pods "web-2" is forbidden: User "u" cannot {} in API group "". Grant this verb on this resource in a Role.'
NO_EVICTION = ApiError(NO_RIGHT.format('create resource "pods/eviction"'), 403)
NO_DELETION = ApiError(NO_RIGHT.format('delete resource "pods"'), 403)


@pytest.mark.parametrize("refusal", [BUDGET, NO_EVICTION], ids=["a budget forbids it for ever", "without the right to evict"])
def test_where_it_cannot_be_evicted_it_is_deleted_as_it_was_looked_at(refusal):
    server, target, _follower, _told = free(set_pod(2), evicts=refusal)
    assert server.removed == [("deleted", "web-2", "72")] and target.replaced == ["web-2"]


@pytest.mark.parametrize(
    "evicts, deletes, reason",
    [
        (NO_EVICTION, NO_DELETION, str(NO_DELETION).rstrip(".")),
        (ApiError('admission webhook "guard" denied the request: not now', 403), True, 'admission webhook "guard" denied the request: not now'),
    ],
    ids=["without either right", "refused for another reason"],
)
def test_where_it_must_not_be_removed_the_message_says_what_to_run(evicts, deletes, reason):
    server, target, _follower, told = free(set_pod(2), evicts=evicts, deletes=deletes)
    advice = (
        "pod web-2 is of an old revision and not ready, StatefulSet shop/web goes on only without it, and is not removed by itself because "
        f"{reason}; kubectl delete pod web-2 --namespace shop replaces it"
    )
    assert server.removed == [] and target.replaced == []
    assert target.failure == f"timed out after 0 s: Waiting for 1 pods to be ready...; {advice}"
    assert f"StatefulSet shop/web: {advice}" in told


@pytest.mark.parametrize("answer", [False, Fault("the API server is away", answered=False)], ids=["it has changed", "no answer"])
def test_what_was_not_removed_is_looked_at_again(monkeypatch, answer):
    monkeypatch.setattr(wait, "_LOOK", 0.02)
    server, target, _follower, _told = free(set_pod(2), evicts=answer)
    assert server.lists > 1 and target.replaced == []


def test_a_pod_that_was_seen_ready_is_left():
    before = [set_pod(0, ready=True), set_pod(1, ready=True), set_pod(2, ready=True), set_pod(2)]
    server, target, _follower, _told = free(set_pod(2), follower_sees=before)
    assert server.removed == [] and "it has been ready before; kubectl delete pod web-2 --namespace shop" in target.failure


def test_another_one_that_is_down_by_now_is_seen_before_anything_is_removed():
    """What was told is older than what is there."""
    down = set_pod(0, reason="ContainerCreating")
    ready = [set_pod(0, ready=True), set_pod(1, ready=True), set_pod(2)]
    server, target, _follower, _told = free(set_pod(2), others=[down, set_pod(1, ready=True)], follower_sees=ready)
    assert server.removed == [] and "pod web-0" in target.failure and "web-2 is not ready either" in target.failure


@pytest.mark.parametrize("seconds, removed", [(60, []), (0, [("evicted", "web-2", "72")])], ids=["in its time", "after its time"])
def test_a_pod_with_which_nothing_is_wrong_gets_time(monkeypatch, seconds, removed):
    monkeypatch.setattr(stuck, "STARTING_GRACE", seconds)
    server, _target, _follower, _told = free(set_pod(2, reason="ContainerCreating"))
    assert server.removed == removed


@pytest.mark.parametrize(
    "pods, options",
    [
        ([set_pod(2, "web-rev2")], {}),
        ([set_pod(2, ready=True)], {}),
        ([set_pod(2, deletionTimestamp="T")], {}),
        ([set_pod(2, owners=owned_by("StatefulSet", uid="another"))], {}),
        ([set_pod(2)], {"observed": 1}),
    ],
    ids=["of the target revision", "ready", "going away", "another set's", "unobserved"],
)
def test_in_an_ordinary_rollout_nobody_asks_for_the_pods(pods, options):
    server, target, _follower, _told = free(*pods, **options)
    assert (server.removed, server.lists, target.replaced) == ([], 0, [])


@pytest.mark.parametrize("code", [403, 404])
def test_without_the_right_to_look_nothing_is_removed(code):
    obj = stateful_set()
    server = Server([], ApiError("no", code))
    target, _follower, _told = follow([("pod", "ADDED", set_pod(2))], before=obj, server=server, kind="StatefulSet", replace_stuck_pods=True)
    assert server.removed == [] and target.failure == "timed out after 0 s: Waiting for 1 pods to be ready..."


def test_another_one_of_its_name_is_not_touched():
    obj = stateful_set()
    another = {**obj, "metadata": {**obj["metadata"], "uid": "another"}}
    server = Server([], another, [set_pod(0, owners=owned_by("StatefulSet", uid="another"))])
    follow([("pod", "ADDED", set_pod(2))], before=obj, server=server, kind="StatefulSet", replace_stuck_pods=True)
    assert server.lists == 1 and server.removed == []


@pytest.mark.parametrize("event", [("DELETED", {}), ("MODIFIED", {"deletionTimestamp": "T"})], ids=["gone", "on its way"])
def test_a_removal_whose_answer_was_lost_is_told_all_the_same(event):
    obj, lost = stateful_set(), Fault("no answer", answered=False)
    server = Server([], obj, [set_pod(0, ready=True), set_pod(1, ready=True), set_pod(2)], evicts=lost)
    kind, metadata = event
    events = [("pod", "ADDED", set_pod(2)), ("pod", kind, set_pod(2, **metadata))]
    target, _follower, _told = follow(events, before=obj, server=server, kind="StatefulSet", replace_stuck_pods=True)
    assert target.replaced == ["web-2"]


# ------------------------------------------------------------------ pause_at --
class Pausing(Server):
    """Takes patches, each only together with the others."""

    dry_run = False

    def __init__(self, number, gone=()):
        super().__init__()
        self.gone = gone
        self._together = threading.Barrier(number, timeout=5)

    def list(self, path, query=()):
        name = dict(query)["labelSelector"].partition("=")[2]
        owners = owned_by("Deployment", uid=f"uid-{name}")
        return [{**replica_set(2, NEW, owners=owners, replicas=1), "status": {"replicas": 1, "availableReplicas": 1}}], "1"

    def patch(self, path, operations):
        self._together.wait()
        name = path.rpartition("/")[2]
        if name in self.gone:
            raise ApiError(f'deployments.apps "{name}" not found', 404)
        return named(name, generation=3, paused=True)


def named(name, generation=2, **spec):
    obj = deployment(1, generation=generation, selector={"matchLabels": {"app": name}}, **spec)
    obj["metadata"] = {**obj["metadata"], "name": name, "uid": f"uid-{name}"}
    return obj


@pytest.mark.parametrize("gone", [(), ("b",)], ids=["all", "but one that cannot be"])
def test_what_is_to_be_paused_is_paused_at_once(gone):
    """As long as one waits for another, more of it is rolled out."""
    targets = [Target(named(name)) for name in ("a", "b", "c")]
    for target in targets:
        target.pause_count = 1
    scope = Scope({"kind": "Deployment", "namespace": "shop", "name": None, "label_selectors": ["a=b"]})
    follower = wait.Follower(Pausing(3, gone), scope, targets, Deadline(2), lambda line: None, FailFast())
    follower.wait(targets)
    assert [t.failure for t in targets] == ['deployments.apps "b" not found' if t.workload["metadata"]["name"] in gone else None for t in targets]
    assert all(t.workload["spec"]["paused"] for t in targets if not t.failure)
