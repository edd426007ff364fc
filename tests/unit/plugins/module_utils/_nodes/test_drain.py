# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Deadline, Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._nodes import drain as d
from ansible_collections.slipway.kubernetes.plugins.module_utils._nodes import run, settings


def pod(name="web-1", owner="ReplicaSet", phase="Running", volumes=(), **meta):
    refs = [{"kind": owner, "name": "x", "controller": True}] if owner else []
    meta = {"namespace": "shop", "name": name, "uid": name, "labels": {"app": "web"}, "ownerReferences": refs, **meta}
    return {"metadata": meta, "spec": {"nodeName": "n", "volumes": list(volumes)}, "status": {"phase": phase}}


MIRROR = {"annotations": {"kubernetes.io/config.mirror": "x"}}


@pytest.mark.parametrize(
    "given, evicted", [(pod(), True), (pod(owner=None), True), (pod(owner="DaemonSet"), False), (pod(**MIRROR), False)]
)
def test_to_evict(given, evicted):
    assert d.to_evict([given]) == ([given] if evicted else [])


ALONE = "Pod shop/web-1 has no controller and would be gone for good; set drain_force"
LOST = "Pod shop/web-1 has data in an emptyDir, which would be lost; set drain_delete_emptydir_data"
EMPTY_DIR = [{"name": "x", "emptyDir": {}}]


@pytest.mark.parametrize(
    "given, force, delete_data, expected",
    [
        (pod(), False, False, []),
        (pod(owner=None), False, True, [ALONE]),
        (pod(owner=None), True, False, []),
        (pod(volumes=EMPTY_DIR), True, False, [LOST]),
        (pod(volumes=EMPTY_DIR), False, True, []),
        (pod(owner=None, volumes=EMPTY_DIR), False, False, [ALONE, LOST]),
        (pod(owner=None, volumes=EMPTY_DIR, phase="Succeeded"), False, False, []),
    ],
)
def test_obstacles(given, force, delete_data, expected):
    assert d.obstacles([given], force, delete_data) == expected


class Server:
    """Evicts what no budget holds; one that holds gives way after C(refusals) refusals."""

    def __init__(self, pods, refusals=0, stuck=()):
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        self.refusals = refusals
        self.stuck = stuck
        self.bodies = []

    def attempt(self, path, body):
        self.bodies.append(body)
        if self.refusals:
            self.refusals -= 1
            raise Fault("429: it would violate the pod's disruption budget", answered=True)
        name = body["metadata"]["name"]
        if name in self.stuck:
            self.pods[name]["metadata"]["deletionTimestamp"] = "now"
        else:
            self.pods.pop(name)

    def list(self, path, query=()):
        if path.endswith("poddisruptionbudgets"):
            meta = {"namespace": "shop", "name": "web"}
            status = {"desiredHealthy": 2, "currentHealthy": 2}
            return [{"metadata": meta, "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": status}], "1"
        return list(self.pods.values()), "1"


def drain(server, seconds, grace=None):
    pods = list(server.pods.values())
    d.drain(server, {"n": pods}, grace, Deadline(seconds), lambda line: None)


def test_evictions_are_tried_again_while_a_budget_forbids_them():
    server = Server([pod(), pod("web-2")], refusals=3)
    drain(server, 20, grace=5)
    assert server.pods == {}
    assert len(server.bodies) == 5
    assert server.bodies[0]["deleteOptions"]["gracePeriodSeconds"] == 5
    assert server.bodies[0]["deleteOptions"]["preconditions"]["uid"].startswith("web-")


@pytest.mark.parametrize(
    "server, sentence",
    [
        (
            Server([pod()], refusals=10**9),
            "Pod shop/web-1 must not be evicted, because PodDisruptionBudget shop/web needs 2 healthy pods and has 2.",
        ),
        (Server([pod()], stuck=["web-1"]), "Pod shop/web-1 is still terminating."),
    ],
)
def test_what_is_left_is_named(server, sentence):
    with pytest.raises(TaskError) as error:
        drain(server, 0)
    assert str(error.value) == f"Node n is cordoned, but not drained after 0 s: {sentence}"


def test_no_pods_no_requests():
    d.drain(None, {"n": []}, None, Deadline(0), None)


def entry(**given):
    return {"name": "n", "labels": {}, "taints": [], "cordon": None, "drain": False, **given}


@pytest.mark.parametrize(
    "entries, message",
    [
        ([entry(), entry()], "Node n is named twice; give it one entry."),
        ([entry(drain=True, cordon=False)], "Node n cannot be drained without being cordoned"),
        (
            [entry(taints=[{"key": "a", "value": v, "effect": "NoSchedule"} for v in "xy"])],
            "Node n is to have the taint a:NoSchedule twice, of which a node can have one.",
        ),
    ],
)
def test_entries_that_contradict_themselves(entries, message):
    with pytest.raises(TaskError, match=message):
        run.named(entries)


class Nodes:
    """A node that others change C(others) times while it is being patched."""

    def __init__(self, others=0, code=422):
        self.others = others
        self.code = code
        self.version = 1
        self.patches = []

    def get(self, path):
        return {"metadata": {"name": "n", "resourceVersion": str(self.version), "annotations": {}}, "spec": {}}

    def patch(self, path, operations, dry_run):
        if self.others:
            self.others -= 1
            self.version += 1
            raise ApiError("the server rejected our request", self.code)
        if self.code == 400:
            raise ApiError("no", 400)
        self.patches.append(operations)


def write(api):
    def plan_for(node):
        return settings.plan(node, {settings.CORDON: True}, False)

    run.write(api, plan_for(api.get("")), plan_for, False)


def test_a_node_that_has_changed_is_planned_again():
    api = Nodes(others=2)
    write(api)
    assert len(api.patches) == 1


def test_what_the_server_refuses_names_the_node():
    with pytest.raises(TaskError, match="Node n: no"):
        write(Nodes(code=400))
