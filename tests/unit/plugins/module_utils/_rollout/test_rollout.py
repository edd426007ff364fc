# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rollout module writes and waits for, with a server that takes everything."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import rollout
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.door import ENGINES

from .builders import template, workload


class Server:
    """Holds Deployments, and takes each patch without a look at it."""

    def __init__(self, *deployments):
        self.deployments = {obj["metadata"]["name"]: obj for obj in deployments}
        self.dry_run = False

    def list(self, path, query=()):
        return [copy.deepcopy(obj) for obj in self.deployments.values()] if path.endswith(("/deployments", "/statefulsets")) else [], "1"

    def patch(self, path, operations):
        obj = copy.deepcopy(self.deployments[path.rpartition("/")[2]])
        obj["metadata"]["generation"] += 1
        for operation in operations:
            if operation["path"].endswith("/image"):
                obj["spec"]["template"]["spec"]["containers"][0]["image"] = operation["value"]
            if operation["path"] == "/spec/paused":
                obj["spec"]["paused"] = operation["op"] == "add"
        self.deployments[obj["metadata"]["name"]] = obj
        return copy.deepcopy(obj)


class Follower:
    """Notes what is waited for, and is done at once."""

    warnings = ()

    def __init__(self, *_arguments):
        self.waited_for = None

    def open(self, version):
        pass

    def wait(self, targets):
        Follower.last = {t.workload["metadata"]["name"]: t.pause_count for t in targets}

    def close(self):
        pass


def deployment(name, image="app:1", replicas=4, paused=False):
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    obj = workload("Deployment", template(image), status=counts, replicas=replicas, paused=paused)
    obj["metadata"].update(name=name, uid=f"uid-{name}")
    return obj


@pytest.fixture
def run(monkeypatch):
    """Runs the module against a Server; gives how many replicas each Deployment that is waited for gets (None: all)."""

    def run_(server, **options):
        Follower.last = None
        monkeypatch.setattr(rollout, "Api", lambda *_arguments, **_options: server)
        monkeypatch.setattr(rollout, "Follower", Follower)
        defaults = {name: option.get("default") for name, option in ENGINES["rollout"].options.items()}
        rollout.run({**defaults, "auth": {}, "namespace": "shop", "label_selectors": ["a=b"], **options})
        return Follower.last

    return run_


def test_pause_at_pauses_every_workload_at_a_share_of_its_own(run):
    server = Server(deployment("a"), deployment("b"), deployment("c", replicas=9))
    assert run(server, images={"*": "app:2"}, pause_at="25%") == {"a": 1, "b": 1, "c": 3}


def test_pause_at_leaves_paused_what_an_earlier_run_has_paused(run):
    server = Server(deployment("a", "app:2", paused=True), deployment("b"))
    assert run(server, images={"*": "app:2"}, pause_at="25%") == {"b": 1}
    assert [server.deployments[name]["spec"]["paused"] for name in "ab"] == [True, False]


def test_pause_at_with_everything_paused_has_nothing_to_wait_for(run):
    assert run(Server(deployment("a", "app:2", paused=True)), images={"*": "app:2"}, pause_at="1") is None


def test_without_pause_at_nothing_is_paused(run):
    assert run(Server(deployment("a"), deployment("b", "app:2")), images={"*": "app:2"}) == {"a": None, "b": None}


def stateful_set(ready=2, **spec):
    obj = workload("StatefulSet", template("app:1"), status={"replicas": 3, "readyReplicas": ready}, replicas=3, **spec)
    obj["metadata"].update(name="db", uid="uid-db")
    return obj


class Freeing(Follower):
    """Notes which StatefulSets are freed of a pod that holds them up."""

    freed, refuses, timed_out = None, None, False

    def __init__(self, *_arguments, **_options):
        self.warnings = []

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        pass

    def open(self, version):
        if self.refuses:
            raise self.refuses

    def wait(self, targets, done=None):
        assert done, "nobody waits for the rollout"
        for target in targets:
            if self.timed_out:
                target.give_up("timed out after 10 s", failed=False)

    def replace_stuck_pods(self, targets):
        Freeing.freed = [t.workload["metadata"]["name"] for t in targets]
        self.warnings.append("pod db-2 is of an old revision")


@pytest.fixture
def free(monkeypatch):
    def free_(obj, **options):
        Freeing.freed = None
        monkeypatch.setattr(rollout, "Api", lambda *_arguments, **_options: Server(obj))
        monkeypatch.setattr(rollout, "Follower", Freeing)
        defaults = {name: option.get("default") for name, option in ENGINES["rollout"].options.items()}
        asked = {"kind": "StatefulSet", "namespace": "shop", "name": "db", "images": {"*": "app:2"}, "wait": False, **options}
        result = rollout.run({**defaults, "auth": {}, **asked})
        assert result["changed"] is (asked["images"] is not None)
        return Freeing.freed, result.get("warnings", [])

    return free_


def test_a_stateful_set_that_is_held_up_is_freed_also_when_nobody_waits(free):
    assert free(stateful_set()) == (["db"], ["pod db-2 is of an old revision"])


@pytest.mark.parametrize(
    "obj, options",
    [
        (stateful_set(ready=3), {}),
        (stateful_set(podManagementPolicy="Parallel"), {}),
        (stateful_set(), {"replace_stuck_pods": False}),
        (stateful_set(), {"images": None}),
    ],
    ids=["all are ready", "its controller does not wait", "not wanted", "nothing is changed"],
)
def test_else_nobody_looks(free, obj, options):
    assert free(obj, **options) == (None, [])


def test_what_cannot_be_looked_at_is_no_failure_of_what_nobody_waits_for(free, monkeypatch):
    monkeypatch.setattr(Freeing, "timed_out", True)
    assert free(stateful_set())[1][-1].endswith("holds it up is not known: timed out after 10 s")
    monkeypatch.setattr(Freeing, "refuses", ApiError("cannot watch", 403))
    assert free(stateful_set()) == (None, ["Whether a pod that is not ready holds the rollout up is not known: cannot watch"])
