# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from copy import deepcopy

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
    """Evicts what no budget holds; one that holds gives way after C(refusals) refusals.

    C(arriving) are pods, each of which comes to the node right after a look at it.
    """

    def __init__(self, pods, refusals=0, stuck=(), arriving=(), node=True, forbids=None, cordoned=True):
        self.pods = {pod["metadata"]["uid"]: pod for pod in pods}
        self.refusals = refusals
        self.stuck = stuck
        self.arriving = list(arriving)
        self.node = node
        self.forbids = forbids
        self.cordoned = cordoned
        self.bodies = []
        self.looks = 0

    def attempt(self, path, body):
        self.bodies.append(body)
        if self.forbids:
            raise self.forbids
        if self.refusals:
            self.refusals -= 1
            raise Fault("429: it would violate the pod's disruption budget", answered=True, budget=True)
        uid = body["deleteOptions"]["preconditions"]["uid"]
        if uid in self.stuck:
            self.pods[uid]["metadata"]["deletionTimestamp"] = "now"
            return True
        return self.pods.pop(uid, None) is not None

    def list(self, path, query=()):
        if path.endswith("poddisruptionbudgets"):
            meta = {"namespace": "shop", "name": "web"}
            status = {"desiredHealthy": 2, "currentHealthy": 2}
            return [{"metadata": meta, "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": status}], "1"
        found = deepcopy(list(self.pods.values()))
        if path.endswith("/pods") and query and query[0][0] == "fieldSelector":
            self.looks += 1
            if self.arriving:
                late = self.arriving.pop(0)
                self.pods[late["metadata"]["uid"]] = late
        return found, "1"

    def get(self, path):
        if not self.node:
            raise ApiError("nodes n not found", 404)
        return {"metadata": {"name": "n"}, "spec": {"unschedulable": self.cordoned}}


def drain(server, seconds, grace=None, settling=0, force=False):
    def allowed(pods):
        return d.obstacles(pods, force, False)

    return d.drain(server, ["n"], allowed, grace, Deadline(seconds), lambda line: None, settling)


def test_evictions_are_tried_again_while_a_budget_forbids_them():
    server = Server([pod(), pod("web-2")], refusals=3)
    assert drain(server, 20, grace=5) == ["Pod shop/web-1", "Pod shop/web-2"]
    assert server.pods == {}
    assert len(server.bodies) == 5
    assert server.bodies[0]["deleteOptions"]["gracePeriodSeconds"] == 5
    assert server.bodies[0]["deleteOptions"]["preconditions"]["uid"].startswith("web-")


def test_a_pod_that_comes_after_the_look_goes_too():
    server = Server([pod()], arriving=[pod("late"), pod("later")])
    assert drain(server, 20) == ["Pod shop/late", "Pod shop/later", "Pod shop/web-1"]
    assert server.pods == {}


def test_an_empty_node_counts_when_the_scheduler_has_heard_of_the_cordon():
    server = Server([], arriving=[pod("late")])
    assert drain(server, 20, settling=0.3) == ["Pod shop/late"]
    assert server.pods == {} and server.looks == 3


def test_of_a_node_that_was_cordoned_before_one_look_is_enough():
    server = Server([])
    assert drain(server, 20) == [] and server.looks == 1


def test_a_pod_of_the_same_name_is_another_one():
    server = Server([pod()], arriving=[pod(uid="another")])
    assert drain(server, 20) == ["Pod shop/web-1"]
    assert [body["deleteOptions"]["preconditions"]["uid"] for body in server.bodies] == ["web-1", "another"]


def test_what_somebody_else_has_evicted_is_waited_for_only():
    server = Server([pod(deletionTimestamp="now")])
    with pytest.raises(TaskError, match="is still terminating") as error:
        drain(server, 0)
    assert server.bodies == [] and error.value.result["evicted"] == []


def test_a_daemon_set_s_pod_and_a_mirror_stay():
    server = Server([pod(owner="DaemonSet"), pod("static", owner=None, **MIRROR)])
    assert drain(server, 0) == [] and len(server.pods) == 2


def test_a_pod_that_came_meanwhile_and_must_not_go_is_named():
    server = Server([pod()], arriving=[pod("late", owner=None)])
    with pytest.raises(TaskError) as error:
        drain(server, 20)
    assert str(error.value) == (
        "Node n is cordoned, but cannot be drained: Pod shop/late has no controller and would be gone for good; set drain_force."
    )
    assert error.value.result == {"changed": True, "evicted": ["Pod shop/web-1"]}
    assert list(server.pods) == ["late"]
    assert drain(Server([pod()], arriving=[pod("late", owner=None)]), 20, force=True) == ["Pod shop/late", "Pod shop/web-1"]


def test_a_namespace_that_is_being_deleted_is_waited_for():
    server = Server([pod()], forbids=ApiError("cannot create: namespace shop is being terminated", 403))
    with pytest.raises(TaskError, match="must not be evicted, because cannot create: namespace shop is being terminated.$"):
        drain(server, 0)


def test_whoever_may_not_evict_is_told_so():
    with pytest.raises(ApiError, match="Permission is missing"):
        drain(Server([pod()], forbids=ApiError("Permission is missing", 403)), 20)


class Patchy(Server):
    """Where one may evict in the namespace shop alone, and not read budgets."""

    def attempt(self, path, body):
        if "/namespaces/shop/" not in path:
            raise ApiError("Permission is missing", 403)
        return super().attempt(path, body)

    def list(self, path, query=()):
        if path.endswith("poddisruptionbudgets"):
            raise ApiError("Permission is missing", 403)
        return super().list(path, query)


def test_what_was_evicted_is_told_when_another_must_not_be():
    with pytest.raises(ApiError, match="Permission is missing") as error:
        drain(Patchy([pod("far", namespace="far"), pod()]), 20)
    assert error.value.result == {"changed": True, "evicted": ["Pod shop/web-1"]}


def test_budgets_that_cannot_be_read_hide_nothing():
    with pytest.raises(TaskError) as error:
        drain(Patchy([pod()], refusals=10**9), 0)
    assert str(error.value) == (
        "Node n is cordoned, but not drained after 0 s: "
        "Pod shop/web-1 must not be evicted, because 429: it would violate the pod's disruption budget."
    )
    assert error.value.result == {"changed": False, "evicted": []}


def test_a_budget_is_not_to_blame_for_what_it_allows():
    server = Server([pod()], forbids=Fault("the API server answered 500 (the webhook is down.)", answered=True))
    with pytest.raises(TaskError, match=r"because the API server answered 500 \(the webhook is down\.\)\.$"):
        drain(server, 0)


def test_an_attempt_without_an_answer_does_not_hide_the_budget():
    class Silent(Server):
        def attempt(self, path, body):
            if self.bodies:
                raise Fault("the API server cannot be reached", answered=False)
            return super().attempt(path, body)

    with pytest.raises(TaskError, match="because PodDisruptionBudget shop/web needs 2 healthy pods and has 2.$"):
        drain(Silent([pod()], refusals=1), 0.5)


def test_a_server_that_is_silent_until_the_time_is_up_does_not_hide_what_is_left():
    class Silent(Server):
        def list(self, path, query=()):
            if self.looks:
                time.sleep(0.5)
                raise TaskError("the API server cannot be reached; gave up after 0 s.")
            return super().list(path, query)

    with pytest.raises(TaskError, match="^Node n is cordoned, but not drained after 0.5 s: Pod shop/web-1 is still terminating.$"):
        drain(Silent([pod(deletionTimestamp="x")]), 0.5)


@pytest.mark.parametrize("arriving", [(), [pod("late")]])
def test_a_node_that_is_uncordoned_meanwhile_is_not_emptied_for_ever(arriving):
    class Uncordoned(Server):
        def attempt(self, path, body):
            self.cordoned = False
            return super().attempt(path, body)

    server = Uncordoned([pod()], arriving=arriving, cordoned=bool(arriving))
    with pytest.raises(TaskError, match="^Node n has been uncordoned meanwhile, so it is not drained any further.$") as error:
        drain(server, 20)
    assert error.value.result["evicted"] == (["Pod shop/web-1"] if arriving else [])


@pytest.mark.parametrize("grace, sent", [(None, {}), (-1, {}), (0, {"gracePeriodSeconds": 0})])
def test_a_grace_period_below_zero_is_the_pod_s_own(grace, sent):
    server = Server([pod()])
    drain(server, 20, grace)
    assert server.bodies[0]["deleteOptions"] == {"preconditions": {"uid": "web-1"}, **sent}


@pytest.mark.parametrize(
    "server, sentence",
    [
        (
            Server([pod()], refusals=10**9),
            "is cordoned, but not drained after 0 s: Pod shop/web-1 must not be evicted, because PodDisruptionBudget shop/web needs 2 "
            "healthy pods and has 2.",
        ),
        (Server([pod()], stuck=["web-1"]), "is cordoned, but not drained after 0 s: Pod shop/web-1 has just been evicted; see what "
         "brings pods to a node that is cordoned if it is there again."),
        (Server([pod(deletionTimestamp="x")]), "is cordoned, but not drained after 0 s: Pod shop/web-1 is still terminating."),
        (Server([pod(deletionTimestamp="x")], node=False), "has been deleted meanwhile, but not drained after 0 s: Pod shop/web-1 is still "
         "terminating."),
    ],
)
def test_what_is_left_is_named(server, sentence):
    with pytest.raises(TaskError) as error:
        drain(server, 0)
    assert str(error.value) == f"Node n {sentence}"


def test_no_nodes_no_requests():
    assert d.drain(None, [], None, None, Deadline(0), None) == []


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

    def __init__(self, others=0, code=422, gone=False, labels=None):
        self.others = others
        self.code = code
        self.gone = gone
        self.version = 1
        self.labels = {}
        self.later = labels or {}
        self.patches = []

    def get(self, path):
        if self.gone and self.version > 1:
            raise ApiError("nodes n not found", 404)
        meta = {"name": "n", "uid": "u", "resourceVersion": str(self.version), "annotations": {}, "labels": self.labels}
        return {"metadata": meta, "spec": {}}

    def patch(self, path, operations, dry_run):
        if self.others:
            self.others -= 1
            self.version += 1
            self.labels = self.later
            raise ApiError("the server rejected our request", self.code)
        if self.code == 400:
            raise ApiError("no", 400)
        assert operations[1]["value"] == str(self.version)
        self.patches.append(operations)


def write(api, named=("n",), goals=None):
    def plan_for(node):
        return settings.plan(node, goals or {settings.CORDON: True}, False)

    run.write(api, plan_for(api.get("")), plan_for, False, named)


def test_a_node_that_has_changed_is_planned_again():
    api = Nodes(others=2)
    write(api)
    assert len(api.patches) == 1


def test_what_the_server_refuses_names_the_node():
    with pytest.raises(TaskError, match="Node n: no"):
        write(Nodes(code=400))


@pytest.mark.parametrize("code", [404, 422])
def test_a_node_that_is_gone(code):
    with pytest.raises(TaskError, match="Node n has been deleted meanwhile."):
        write(Nodes(others=1, code=code, gone=True))
    # What was set on it is gone with it.
    write(Nodes(others=1, code=code, gone=True), named=())


def test_a_label_that_somebody_has_set_meanwhile_is_theirs():
    api = Nodes(others=1, labels={"tier": "back"})
    with pytest.raises(TaskError, match="Node n: label tier=back exists and was not set by this role; set force_conflicts"):
        write(api, goals={("label", "tier"): "front"})
    assert api.patches == []


class Cluster(Server):
    """Two nodes; C(slow) seconds until they are listed."""

    host = "https://cluster"
    slow = 0.0
    forbidden = ()

    def __init__(self, _auth, _deadline, **_options):
        super().__init__([pod(deletionTimestamp="x")])

    def list(self, path, query=()):
        if path.endswith("/nodes"):
            time.sleep(self.slow)
            meta = {"uid": "u", "resourceVersion": "1"}
            return [{"metadata": {**meta, "name": name}, "spec": {}} for name in ("m", "n")], "1"
        return super().list(path, query) if path.endswith("/pods") and query[0][1] == "spec.nodeName=n" else ([], "1")

    def patch(self, path, operations, dry_run):
        if not dry_run and path.rsplit("/", 1)[1] in self.forbidden:
            raise ApiError("no", 403)


def call(monkeypatch, **given):
    for name in ("slow", "forbidden"):
        monkeypatch.setattr(Cluster, name, given.pop(name, getattr(Cluster, name)))
    monkeypatch.setattr(run, "NodesApi", Cluster)
    params = {"auth": {}, "state": "present", "nodes": [entry(drain=True)], "wait_timeout": 1, "force_conflicts": False}
    params.update(drain_force=False, drain_delete_emptydir_data=False, drain_grace_period=None)
    return run.run({**params, **given})


def test_the_time_limit_is_that_of_the_whole_task(monkeypatch):
    began = time.monotonic()
    with pytest.raises(TaskError, match="not drained after 2 s: Pod shop/web-1 is still terminating") as error:
        call(monkeypatch, wait_timeout=2, slow=1.5)
    assert time.monotonic() - began < 2.5
    # cordoned
    assert error.value.result == {"changed": True, "evicted": []}


@pytest.mark.parametrize("forbidden, changed", [(["m"], True), (["m", "n"], False)])
def test_what_was_changed_before_another_was_refused_is_told(monkeypatch, forbidden, changed):
    with pytest.raises(TaskError, match="^Node m: no$") as error:
        call(monkeypatch, nodes=[entry(cordon=True), {**entry(cordon=True), "name": "m"}], forbidden=forbidden)
    assert error.value.result["changed"] is changed


def test_a_time_limit_below_zero(monkeypatch):
    with pytest.raises(TaskError, match="^wait_timeout must not be negative, got: -1.$"):
        call(monkeypatch, wait_timeout=-1)
