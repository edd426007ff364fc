# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work for many workloads is that for one, many times: counted in calls, since times say little on a busy machine."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import info, wait
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.fail_fast import FailFast
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.workloads import Scope, Target

from .builders import condition, controller_revision, owned_by, replica_set, template, workload

FEW, MANY = 20, 80


class Calls:
    """Counts the calls of functions of the collection, wherever they are made from."""

    def __init__(self):
        self.count = 0

    def __enter__(self):
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *exc):
        sys.setprofile(None)

    def _seen(self, frame, event, _arg):
        if event == "call" and "/plugins/module_utils/" in frame.f_code.co_filename:
            self.count += 1


class Server:
    """Lists what it was given; each request is worth what it has to read."""

    def __init__(self, workloads=(), history=()):
        self.workloads, self.history = list(workloads), list(history)
        self.read = 0

    def list(self, path, query=()):
        query = dict(query)
        found = self.workloads if path.endswith(("deployments", "statefulsets")) else self.history
        if query.get("labelSelector", "").startswith("app="):
            found = [o for o in found if o["metadata"]["labels"]["app"] == query["labelSelector"][4:]]
        self.read += len(found)
        return [dict(o) for o in found], "1"


def named(kind, number, **options):
    obj = workload(kind, template("app:5"), **options)
    obj["metadata"] = {**obj["metadata"], "name": f"web-{number}", "uid": f"uid-{number}"}
    obj["spec"] = {**obj["spec"], "replicas": 1, "selector": {"matchLabels": {"app": f"web-{number}"}}}
    return obj


def history_of(kind, number, revisions=5):
    found = []
    for revision in range(1, revisions + 1):
        name = f"web-{number}-hash{revision}"
        made = (
            replica_set(revision, name=name, owners=owned_by(kind, f"uid-{number}"))
            if kind == "Deployment"
            else controller_revision(kind, revision, name=name, owners=owned_by(kind, f"uid-{number}"))
        )
        made["metadata"]["labels"] = {**made["metadata"]["labels"], "app": f"web-{number}"}
        found.append(made)
    return found


def growth(work):
    """How many times as much work four times as many workloads are."""
    counts = []
    for number in (FEW, MANY):
        prepared = work(number)
        with Calls() as calls:
            prepared()
        counts.append(calls.count)
    return counts[1] / counts[0]


LINEAR = pytest.approx(MANY / FEW, rel=0.2)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_info(monkeypatch, kind):
    def work(number):
        server = Server([named(kind, n) for n in range(number)], [r for n in range(number) for r in history_of(kind, n)])
        monkeypatch.setattr(info, "Api", lambda *args, **kwargs: server)
        params = {"kind": kind, "namespace": "shop", "name": None, "label_selectors": ["a=b"], "revision": None, "auth": {}}

        def call():
            found = info.run(params)["rollouts"]
            assert [len(r["history"]) for r in found] == [5] * number
            assert server.read == 6 * number

        return call

    assert growth(work) == LINEAR


def states(kind, number):
    """What happens to one workload from our write to the end."""
    progress = [(0, 1), (1, 1), (1, 1)] if kind == "Deployment" else [(0, 0), (1, 0), (1, 1)]
    for updated, available in progress:
        counts = {"replicas": 1, "updatedReplicas": updated, "readyReplicas": available, "availableReplicas": available if updated else 0}
        yield named(kind, number, generation=2, status={**counts, "updateRevision": "new"})


def follow(kind, number, events, server=None, seconds=60, **options):
    """Hand all events to a follower one by one, as a slow controller does."""
    targets = [Target(named(kind, n, generation=2, observed=1)) for n in range(number)]
    scope = Scope({"kind": kind, "namespace": "shop", "name": None, "label_selectors": ["a=b"]})
    follower = wait.Follower(server or Server(), scope, targets, Deadline(seconds), lambda line: None, **options)
    pending = list(events)

    def next_event():
        # one turn for each event, which is the most turns that there can be
        if pending:
            follower._take(pending.pop(0))
        elif follower._due:
            follower._due[0] = (0, follower._due[0][1])

    follower._next_event = next_event

    def call():
        follower.wait(targets)
        return targets

    return call


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("wanted", [True, False])
def test_waiting(kind, wanted):
    def work(number):
        turns = zip(*(states(kind, n) for n in range(number)))
        events = [("workload", "MODIFIED", state) for turn in turns for state in turn]
        call = follow(kind, number, events, fail_fast=FailFast(wanted))

        def check():
            assert [t.failure for t in call()] == [None] * number

        return check

    assert growth(work) == LINEAR


def broken_pod(number):
    return {
        "metadata": {
            "name": f"web-{number}-hash5-x",
            "namespace": "shop",
            "uid": f"uid-pod-{number}",
            "labels": {"pod-template-hash": "hash5"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"web-{number}-hash5", "uid": f"uid-web-{number}-hash5", "controller": True}],
        },
        "spec": {"containers": [{"name": "web"}]},
        "status": {
            "phase": "Pending",
            "conditions": [condition("Ready", "False")],
            "containerStatuses": [{"name": "web", "image": "app:5", "state": {"waiting": {"reason": "InvalidImageName"}}, "lastState": {}}],
        },
    }


def mount_failure(number):
    about = {"kind": "Pod", "uid": f"uid-pod-{number}", "name": f"web-{number}-hash5-x"}
    return {"involvedObject": about, "reason": "FailedMount", "message": 'secret "x" not found', "type": "Warning", "metadata": {}}


def test_waiting_for_what_fails():
    read = []

    def work(number):
        server = Server(history=[r for n in range(number) for r in history_of("Deployment", n)])
        events = [("workload", "MODIFIED", next(states("Deployment", n))) for n in range(number)]
        events += [("pod", "ADDED", broken_pod(n)) for n in range(number)]
        events += [("event", "ADDED", mount_failure(n)) for n in range(number)]
        call = follow("Deployment", number, events, server, fail_fast=FailFast())

        def check():
            assert all("InvalidImageName" in t.failure for t in call())
            read.append(server.read)

        return check

    assert growth(work) == LINEAR
    # each looks at its own history alone
    assert read == [5 * FEW, 5 * MANY]


def test_pods_of_others_cost_one_look():
    """A namespace has more pods than those that are waited for."""

    def work(number):
        events = [("pod", "MODIFIED", broken_pod(f"other-{n}")) for n in range(number)]
        events += [("workload", "MODIFIED", state) for state in states("Deployment", 0)]
        events += [("workload", "MODIFIED", state) for n in range(1, 5) for state in states("Deployment", n)]
        return follow("Deployment", 5, events, fail_fast=FailFast())

    assert growth(work) < MANY / FEW


def one_of_many(number, state):
    """A pod of the first workload, in one state of its life."""
    found = broken_pod(0)
    found["metadata"] = {**found["metadata"], "name": f"web-0-hash5-{number}", "uid": f"uid-pod-{number}"}
    status = found["status"]["containerStatuses"][0]
    status["state"] = {"running": {"startedAt": "T"}} if state == "ready" else {"waiting": {"reason": state}}
    ready = condition("Ready", "True" if state == "ready" else "False")
    found["status"]["conditions"] = [condition("PodScheduled", "True"), ready]
    return found


@pytest.mark.parametrize("revision", ["hash5", "hash4"], ids=["of the new revision", "of an old one"])
def test_many_pods_of_one_workload(revision):
    """An event is about one of them."""

    def work(number):
        pods = [one_of_many(n, state) for state in ("ContainerCreating", "CreateContainerError", "InvalidImageName") for n in range(number)]
        for pod in pods:
            pod["metadata"]["ownerReferences"][0]["uid"] = f"uid-web-0-{revision}"
        before, *after = states("Deployment", 0)
        # what is hopeless about the new revision ends it, so it is told of the old one alone
        pods = pods[: 2 * number] if revision == "hash5" else pods
        pods += [one_of_many(n, "ready") for n in range(number)]
        events = [("workload", "MODIFIED", before), *(("pod", "MODIFIED", pod) for pod in pods)]
        events += [("workload", "MODIFIED", state) for state in after]
        call = follow("Deployment", 1, events, Server(history=history_of("Deployment", 0)), fail_fast=FailFast())

        def check():
            assert [t.failure for t in call()] == [None]

        return check

    assert growth(work) == LINEAR
