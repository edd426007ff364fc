# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What on_failure takes back and pauses, and what it leaves alone."""

from __future__ import annotations

import copy

import jsonpatch
import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Deadline, Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import rollout
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.change import Request, operations
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.wait import pause_now
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.workloads import Target, write

from .builders import controller_revision, replica_set, template, workload

ANOTHER = "uid-of-another-one"
CAUSE = "kubernetes.io/change-cause"


class Server:
    """Has one workload and its history; somebody(workload) comes between two requests, before the patch of that number."""

    dry_run = False

    def __init__(self, stored, history=(), somebody=None, at=1):
        self.stored, self.history = copy.deepcopy(stored), list(history)
        self._somebody, self._at = somebody, at
        self.patches = 0

    def get(self, path):
        if self.stored is None:
            raise ApiError("not found", 404)
        return copy.deepcopy(self.stored)

    def list(self, path, query=()):
        return copy.deepcopy(self.history), "1"

    def patch(self, path, changes):
        self.patches += 1
        if self._somebody and self.patches == self._at:
            self._somebody(self)
        if self.stored is None:
            raise ApiError("not found", 404)
        try:
            after = jsonpatch.apply_patch(self.stored, changes)
        except jsonpatch.JsonPatchException:
            raise ApiError("the server rejected our request", 422) from None
        if after["spec"] != self.stored["spec"]:
            after["metadata"]["generation"] += 1
        self.stored = after
        return copy.deepcopy(after)

    def give_up_after(self, fault):
        pass

    # ------------------------------------------------------------------ somebody --
    def change(self, spec=(), **metadata):
        self.stored["spec"].update(spec)
        self.stored["metadata"].update(metadata)
        self.stored["metadata"]["generation"] += bool(spec)

    def scale(self):
        self.change({"replicas": 7})

    def roll(self):
        self.change({"template": template("app:9")})

    def make_anew(self):
        self.change(uid=ANOTHER)

    def make_anew_with_our_template(self):
        self.change(uid=ANOTHER, generation=2)

    def delete(self):
        self.stored = None


def deployment(image="app:1", generation=1, **options):
    return workload(pod_template=template(image), generation=generation, replicas=3, **options)


def rolled_out(server, image="app:2", **request):
    """A target after this task has written to it."""
    target = Target(server.get(""))
    asked = Request(images={"web": image} if image else None, **request)
    write(server, target, lambda obj: operations(obj, asked), Deadline(5))
    return target


def on_failure(server, target, act=rollout._undo, **params):
    try:
        act(server, target, Deadline(5), params)
    except TaskError as e:
        return f"failed: {e}"
    return target.undone


def test_what_this_task_has_changed_goes_back():
    server = Server(deployment(annotations={CAUSE: "version 1"}))
    target = rolled_out(server, change_cause="version 2")
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:1") and server.stored["metadata"]["annotations"] == {CAUSE: "version 1"}


@pytest.mark.parametrize("when", ["before the look", "after the look"])
def test_scaling_by_others_is_not_in_the_way(when):
    server = Server(deployment())
    target = rolled_out(server)
    if when == "before the look":
        server.scale()
    else:
        server._somebody, server._at = Server.scale, 2
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:1") and server.stored["spec"]["replicas"] == 7


LEFT = {
    "rolled by somebody": (Server.roll, "failed: somebody else has changed its pod template since, so it is left as it is"),
    "made anew": (Server.make_anew, "not undone, because the one that is there now was made by somebody else since"),
    "made anew, of our generation": (
        Server.make_anew_with_our_template, "not undone, because the one that is there now was made by somebody else since"
    ),
    "deleted": (Server.delete, "not undone, because it is gone"),
}
AFTERWARDS = {
    "rolled by somebody": LEFT["rolled by somebody"],
    "made anew": (
        Server.make_anew, "failed: Deployment shop/web was deleted and made anew by somebody else meanwhile, so it is left as it is; run this again."
    ),
    "deleted": (Server.delete, "failed: Deployment shop/web: not found"),
}


@pytest.mark.parametrize("somebody, outcome", LEFT.values(), ids=LEFT)
def test_what_is_not_ours_any_more_is_left(somebody, outcome):
    server = Server(deployment())
    target = rolled_out(server)
    somebody(server)
    before = copy.deepcopy(server.stored)
    assert on_failure(server, target) == outcome
    assert server.stored == before


@pytest.mark.parametrize("somebody, outcome", AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_is_not_ours_any_more_between_look_and_write_is_left(somebody, outcome):
    server = Server(deployment(), somebody=somebody, at=2)
    target = rolled_out(server)
    assert on_failure(server, target) == outcome
    assert server.stored is None or server.stored["spec"]["template"] != template("app:1")


HISTORY = [replica_set(1, template("app:0")), replica_set(2, template("app:1")), replica_set(3, template("app:2"))]


def test_what_this_task_has_not_changed_is_left():
    server = Server(deployment("app:2"), HISTORY)
    assert on_failure(server, Target(server.get(""))) == "not undone, because this task has not changed it"
    assert server.patches == 0


def test_a_change_of_something_else_is_not_undone():
    server = Server(deployment("app:2"), HISTORY)
    target = rolled_out(server, image=None, change_cause="why")
    assert on_failure(server, target) == "not undone, because this task has not changed its pod template"


def test_what_was_live_is_what_somebody_had_made_it_before_we_wrote():
    """The change of somebody who was faster is not taken back with ours."""
    server = Server(deployment(), somebody=lambda s: s.change({"template": template("app:5")}))
    target = rolled_out(server)
    assert server.patches == 2
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:5")


def test_a_write_that_was_lost_while_somebody_wrote_goes_back_to_that(monkeypatch):
    def lost(server):
        server.change({"template": template("app:5")})
        raise Fault("no answer", answered=False)

    server = Server(deployment(), somebody=lost)
    target = rolled_out(server)
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:5")


@pytest.mark.parametrize(
    "stored, image, options",
    [
        ("app:2", None, {"state": "resumed"}),
        ("app:2", "app:3", {"pause_at": "1"}),
        ("app:2", "app:3", {"state": "resumed"}),
    ],
    ids=["resumed", "another canary", "resumed with another image"],
)
def test_what_waited_in_a_paused_deployment_was_not_live(stored, image, options):
    status = {"replicas": 3, "updatedReplicas": 1, "availableReplicas": 3}
    server = Server(deployment(stored, paused=True, status=status), HISTORY)
    if image:
        server.history.append(replica_set(4, template(image)))
    target = rolled_out(server, image, **options)
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:1")


# -------------------------------------------------------- what a release has rolled --
def release(revision="web-hash2", uid="uid-deployment", name="web"):
    return {"rolled": {name: {"uid": uid, "revision": revision}}}


def test_a_release_goes_back_to_the_revision_that_was_live():
    server = Server(deployment("app:2", 5), [*HISTORY[:2], replica_set(3, template("app:7")), replica_set(4, template("app:2"))])
    assert on_failure(server, Target(server.get("")), **release()) is None
    assert server.stored["spec"]["template"] == template("app:1")


def test_a_release_goes_back_with_other_kinds_as_well():
    stored = workload("StatefulSet", template("app:2"), 2)
    server = Server(stored, [controller_revision("StatefulSet", n) for n in (1, 2)])
    assert on_failure(server, Target(server.get("")), **release("web-rev1", "uid-statefulset")) is None
    assert server.stored["spec"]["template"] == template("app:1")


@pytest.mark.parametrize(
    "rolled, outcome",
    [
        (release(name="other"), "not undone, because this release has not changed it"),
        (release(uid=ANOTHER), "not undone, because this release has not changed it"),
        (release("web-gone"), "failed: the revision that was live before is not in its history"),
        (release(None), "failed: the revision that was live before is not in its history"),
    ],
    ids=["not rolled", "another one", "no more in the history", "not known"],
)
def test_a_release_leaves_what_it_has_not_rolled(rolled, outcome):
    server = Server(deployment("app:2"), HISTORY)
    assert on_failure(server, Target(server.get("")), **rolled) == outcome
    assert server.patches == 0


# ------------------------------------------------------------------------- pause --
PAUSED = "paused, so that nothing more is rolled out; state=resumed goes on, with other images if they are given"


def test_pause():
    server = Server(deployment())
    target = rolled_out(server)
    server.scale()
    assert on_failure(server, target, rollout._pause) == PAUSED
    assert server.stored["spec"]["paused"] is True


@pytest.mark.parametrize("somebody, outcome", LEFT.values(), ids=LEFT)
def test_what_is_not_ours_any_more_is_not_paused(somebody, outcome):
    server = Server(deployment())
    target = rolled_out(server)
    somebody(server)
    said = on_failure(server, target, rollout._pause)
    if somebody is Server.roll:
        assert said == "failed: Deployment shop/web was changed by somebody else while this task waited for it."
    else:
        assert said == outcome.replace("undone", "paused")
    assert server.stored is None or "paused" not in server.stored["spec"]


def test_what_this_task_has_not_changed_is_not_paused():
    server = Server(deployment("app:2"))
    assert on_failure(server, Target(server.get("")), rollout._pause) == "not paused, because this task has not changed it"
    assert on_failure(server, Target(server.get("")), rollout._pause, **release()) == PAUSED


def test_of_a_release_only_deployments_are_paused():
    server = Server(workload("StatefulSet"))
    said = on_failure(server, Target(server.get("")), rollout._pause, **release(uid="uid-statefulset"))
    assert said == "not paused, because only a Deployment can be" and server.patches == 0


def test_what_pause_at_has_paused_goes_back_in_all_replicas():
    server = Server(deployment())
    target = rolled_out(server)
    target.pause_count = 1
    pause_now(server, target, Deadline(5))
    assert server.stored["spec"]["paused"] is True
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:1") and "paused" not in server.stored["spec"] and target.pause_count is None


@pytest.mark.parametrize("pauses", [True, False], ids=["while we want to", "while we undo"])
def test_what_somebody_else_has_paused_stays_so(pauses):
    server = Server(deployment(), somebody=lambda server: server.change({"paused": True}), at=2)
    target = rolled_out(server)
    if pauses:
        pause_now(server, target, Deadline(5))
    assert on_failure(server, target) is None
    assert server.stored["spec"]["template"] == template("app:1") and server.stored["spec"]["paused"] is True
