# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout modules against an API server that fails in every way we could think of.

Times are asserted only as generous upper bounds.
"""

from __future__ import annotations

import os
import random
import socket
import time

import kubernetes
import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api import client
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import report

from . import proxy as faults

BUSY = {
    "429": faults.status(429, "TooManyRequests", "slow down", Retry_After="0"),
    "500": faults.status(500, "InternalError", "etcdserver: leader changed"),
    "502": faults.page(502),
    "503": faults.status(503, "ServiceUnavailable", "apiserver is shutting down"),
    "504": faults.status(504, "Timeout", "request did not complete within the allotted timeout"),
    "reset": faults.reset,
}
LOST = {
    "reset": faults.lose_answer,
    "half an answer": faults.half_an_answer,
    "gateway timeout": faults.gateway_timeout,
}


def table(rows):
    return pytest.mark.parametrize("fault", rows.values(), ids=rows)


@pytest.fixture
def within():
    """The time since the test began must stay below a bound that is too large to fail for a busy machine."""
    began = time.monotonic()

    def check(seconds):
        assert time.monotonic() - began < seconds

    return check


@pytest.fixture
def impatient(monkeypatch):
    """The limits that a user would wait for, shortened."""
    monkeypatch.setattr(client, "FIRST_CONTACT", 3)
    monkeypatch.setattr(report, "AFTERMATH", 2)


# ------------------------------------------------------------ busy or broken --
@table(BUSY)
@pytest.mark.parametrize("request_", ["LIST deployments", "PATCH deployments"])
def test_a_passing_failure_is_ridden_out(shop, proxy, request_, fault):
    shop.deploy()
    proxy.fault(request_, fault, times=2)
    told = []
    result = shop.run(images={"web": "app:2"}, wait=False, progress=told.append)
    assert result["changed"] and shop.image() == "app:2"
    assert shop.get().metadata.generation == 2
    assert proxy.count(request_) == 3
    # twice the same is told once
    assert len([line for line in told if line.endswith("; trying again")]) == 1


@table({**BUSY, "half an answer": faults.half_an_answer})
def test_history_is_read_in_spite_of_a_passing_failure(shop, proxy, fault):
    shop.deploy()
    proxy.fault("LIST replicasets", fault)
    (found,) = shop.run("rollout_info")["rollouts"]
    assert [entry["revision"] for entry in found["history"]] == [1]


def test_retry_after_is_respected(shop, proxy):
    shop.deploy()
    proxy.fault("PATCH deployments", faults.status(429, "TooManyRequests", "slow down", Retry_After="2"))
    shop.run(images={"web": "app:2"}, wait=False)
    refused, taken = proxy.requests("PATCH deployments")
    assert taken.at - refused.at >= 2


def test_retry_after_cannot_exceed_the_time_limit(shop, proxy, within):
    shop.deploy()
    proxy.fault("PATCH deployments", faults.status(429, "TooManyRequests", "slow down", Retry_After="600"), times=None)
    result = shop.fail(images={"web": "app:2"}, wait_timeout=2)
    within(40)
    assert "answered 429 (slow down)" in result["msg"] and not result["changed"]
    assert shop.image() == "app:1"


def test_a_slow_api_server_is_only_slow(shop, proxy):
    shop.deploy(replicas=1)
    proxy.fault("*", faults.slow(0.4), times=None)
    assert shop.run(images={"web": "app:2"})["rollouts"][0]["phase"] == "complete"


# -------------------------------------------------------------- lost answers --
@table(LOST)
@pytest.mark.parametrize(
    "options",
    [{"images": {"web": "app:2"}}, {"state": "restarted"}, {"state": "paused"}, {"change_cause": "because"}],
    ids=["image", "restart", "pause", "change-cause"],
)
def test_a_write_whose_answer_was_lost_is_not_repeated(shop, proxy, fault, options):
    shop.deploy()
    before = shop.get().metadata.generation
    proxy.fault("PATCH deployments", fault)
    assert shop.run(wait=False, **options)["changed"]
    assert proxy.count("PATCH deployments") == 1
    after = shop.get()
    assert after.metadata.generation == before + 1
    assert (after.metadata.annotations.get("kubernetes.io/change-cause") == "because") is ("change_cause" in options)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@table(LOST)
def test_an_undo_whose_answer_was_lost_is_not_undone(shop, proxy, fault, kind):
    shop.deploy(kind=kind)
    for image in ("app:2", "app:3"):
        shop.run(kind=kind, images={"web": image})
    proxy.seen.clear()
    proxy.fault("PATCH *sets" if kind == "StatefulSet" else "PATCH deployments", fault)
    result = shop.run("rollout_undo", kind=kind)
    assert result["changed"]
    assert (result["rollouts"][0]["from_revision"], result["rollouts"][0]["to_revision"]) == (3, 2)
    assert shop.image(kind=kind) == "app:2"
    assert shop.get(kind=kind).metadata.generation == 4
    assert proxy.count("PATCH *") == 1


def test_the_undo_on_failure_is_not_undone_either(shop, proxy):
    shop.deploy(replicas=1)
    proxy.fault("PATCH deployments", faults.lose_answer, after=1)
    result = shop.fail(images={"web": "app:invalid-image-name"}, on_failure="undo")
    assert "undone" in result["msg"] and result["changed"]
    assert shop.image() == "app:1" and shop.get().metadata.generation == 3
    assert proxy.count("PATCH deployments") == 2


def test_a_lost_write_and_a_concurrent_one_both_count(shop, proxy):
    shop.deploy()

    def somebody_else(exchange):
        shop.patch({"spec": {"minReadySeconds": 1}})
        faults.reset(exchange)

    proxy.fault("PATCH deployments", somebody_else)
    assert shop.run(images={"web": "app:2"}, wait=False)["changed"]
    found = shop.get()
    assert (found.spec.min_ready_seconds, shop.image(), found.metadata.generation) == (1, "app:2", 3)


def test_an_undo_that_somebody_was_faster_than_is_thought_over(shop, proxy):
    shop.deploy()
    shop.run(images={"web": "app:2"})

    def somebody_else(exchange):
        shop.run(images={"web": "app:3"}, wait=False)
        faults.reset(exchange)

    proxy.fault("PATCH deployments", somebody_else)
    (found,) = shop.run("rollout_undo")["rollouts"]
    assert (found["from_revision"], found["to_revision"], shop.image()) == (3, 2, "app:2")


@table(LOST)
def test_check_mode_asks_again_and_still_writes_nothing(shop, proxy, fault):
    shop.deploy()
    proxy.fault("PATCH deployments", fault)
    assert shop.run(images={"web": "app:2"}, check_mode=True)["changed"]
    assert shop.image() == "app:1" and shop.get().metadata.generation == 1
    assert [r.query["dryRun"] for r in proxy.requests("PATCH deployments")] == ["All", "All"]


# ----------------------------------------------------------------------- races --
def test_somebody_who_writes_between_our_read_and_our_write_is_not_overwritten(shop, proxy):
    shop.deploy()

    def somebody_else(exchange):
        shop.patch({"spec": {"minReadySeconds": 1}})
        faults.forward(exchange)

    proxy.fault("PATCH deployments", somebody_else)
    assert shop.run(images={"web": "app:2"}, wait=False)["changed"]
    found = shop.get()
    assert (found.spec.min_ready_seconds, shop.image(), found.metadata.generation) == (1, "app:2", 3)


def test_somebody_who_has_already_done_it_leaves_nothing_to_do(shop, proxy):
    shop.deploy()

    def somebody_else(exchange):
        shop.patch({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "app:2"}]}}}})
        faults.forward(exchange)

    proxy.fault("PATCH deployments", somebody_else)
    assert not shop.run(images={"web": "app:2"}, wait=False)["changed"]
    assert shop.get().metadata.generation == 2


def test_a_conflict_is_tried_again(shop, proxy):
    shop.deploy()
    proxy.fault("PATCH deployments", faults.status(409, "Conflict", "the object has been modified"), times=2)
    assert shop.run(images={"web": "app:2"}, wait=False)["changed"]
    assert shop.get().metadata.generation == 2


@pytest.mark.parametrize("code, reason", [(400, "BadRequest"), (403, "Forbidden"), (404, "NotFound"), (422, "Invalid")])
def test_a_refused_write_is_told_and_not_tried_again(shop, proxy, code, reason):
    shop.deploy()
    proxy.fault("PATCH deployments", faults.status(code, reason, "admission webhook says no"), times=None)
    result = shop.fail(images={"web": "app:2"})
    assert result["msg"] == f"Deployment {shop.namespace}/web: admission webhook says no" and not result["changed"]
    assert proxy.count("PATCH deployments") == 1


def test_a_storm_of_failures_changes_nothing_but_the_time_it_takes(shop, proxy):
    """Each request may fail in any way; each step of several workloads is still taken exactly once."""
    names = ["a", "b"]
    for name in names:
        shop.deploy(name, replicas=1, labels={"part-of": "shop"})
    dice = random.Random(int(os.environ["SLIPWAY_SEED"]))
    storm = [faults.forward] * 6 + [faults.reset, faults.lose_answer, faults.half_an_answer, BUSY["429"], BUSY["503"]]

    def weather(exchange):
        dice.choice(storm)(exchange)

    proxy.fault("WATCH *", faults.cut_after(1), times=None)
    proxy.fault("*", weather, times=None)
    steps = [
        ("rollout", {"images": {"web": "app:2"}}, "app:2"),
        ("rollout", {"state": "restarted", "images": {"web": "app:3"}}, "app:3"),
        ("rollout_undo", {}, "app:2"),
    ]
    for generation, (module, options, image) in enumerate(steps, 2):
        result = shop.run(module, label_selectors=["part-of=shop"], wait_timeout=90, **options)
        assert [r["phase"] for r in result["rollouts"]] == ["complete"] * len(names)
        assert [shop.image(name) for name in names] == [image] * len(names)
        assert [shop.get(name).metadata.generation for name in names] == [generation] * len(names)


# -------------------------------------------------------------------- watches --
BROKEN_WATCHES = {
    "cut at once": faults.cut_after(0),
    "cut after an event": faults.cut_after(1),
    "ended": faults.stream(),
    "half an event": faults.stream(b'{"type":"MODIF', then=faults.reset),
    "not JSON": faults.stream(b"<html>\n"),
    "error 500 in the stream": faults.watch_error(500, "InternalError", "etcd event received with PrevKv=nil"),
    "too many requests": BUSY["429"],
    "unavailable": BUSY["503"],
    "reset": faults.reset,
}


@table(BROKEN_WATCHES)
@pytest.mark.parametrize("watch", ["WATCH deployments", "WATCH pods"])
def test_a_broken_watch_goes_on(shop, proxy, watch, fault):
    shop.deploy(replicas=1)
    proxy.fault(watch, fault, times=2)
    assert shop.run(images={"web": "app:2"}, wait_timeout=30)["rollouts"][0]["phase"] == "complete"
    if watch == "WATCH deployments":
        assert proxy.count(watch) == 3
        # from where it was, without reading everything again
        assert proxy.count("LIST deployments") == 1


EXPIRED = {
    "in the stream": faults.watch_error(410, "Expired", "too old resource version: 1 (2)"),
    "as the answer": faults.status(410, "Expired", "too old resource version: 1 (2)"),
}


@table(EXPIRED)
def test_an_expired_watch_lists_anew(shop, proxy, fault):
    shop.deploy(replicas=1)
    proxy.fault("WATCH deployments", fault)
    proxy.fault("WATCH pods", fault)
    assert shop.run(images={"web": "app:2"}, wait_timeout=30)["rollouts"][0]["phase"] == "complete"
    assert proxy.count("LIST deployments") == 2
    # Nothing is left to watch if the list finds the rollout complete.
    assert proxy.count("WATCH deployments") <= 2
    assert proxy.count("LIST pods") >= 2


def test_a_failed_pod_is_noticed_after_its_watch_expired(shop, proxy):
    shop.deploy(replicas=1)
    proxy.fault("WATCH pods", EXPIRED["in the stream"], times=2)
    result = shop.fail(images={"web": "app:invalid-image-name"}, wait_timeout=30)
    assert "InvalidImageName" in result["msg"]


@table({"ended": faults.stream(), **EXPIRED, "reset": faults.reset, "error 500 in the stream": BROKEN_WATCHES["error 500 in the stream"]})
def test_a_watch_that_never_works_is_not_hammered(shop, proxy, fault):
    shop.deploy(replicas=1)
    proxy.fault("WATCH *", fault, times=None)
    shop.call(images={"web": "app:never-ready"}, wait_timeout=3)
    assert proxy.count("WATCH deployments") < 20
    assert proxy.count("LIST deployments") < 20


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "made again"])
def test_deleted_while_the_watch_was_broken(shop, proxy, again):
    shop.deploy(replicas=1)

    def deleted(exchange):
        shop.delete()
        if again:
            shop.apps.create_namespaced_deployment(
                shop.namespace,
                {
                    "metadata": {"name": "web"},
                    "spec": {
                        "selector": {"matchLabels": {"app": "web"}},
                        "template": {
                            "metadata": {"labels": {"app": "web"}},
                            "spec": {"containers": [{"name": "web", "image": "app:9"}]},
                        },
                    },
                },
            )
        EXPIRED["in the stream"](exchange)

    proxy.fault("WATCH deployments", faults.cut_after(1))
    proxy.fault("WATCH deployments", deleted)
    result = shop.fail(images={"web": "app:never-ready"}, wait_timeout=30)
    assert "it has been deleted" in result["msg"] and result["changed"]


# ------------------------------------------------------------- never an answer --
def test_an_unreachable_api_server(shop, impatient, within):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        result = shop.fail(host=url, images={"web": "app:2"})
    within(40)
    assert result["msg"].startswith(f"the API server {url} cannot be reached: Connection refused; gave up after ")
    assert "\n" not in result["msg"] and not result["changed"]


@pytest.mark.parametrize("module", ["rollout", "rollout_undo", "rollout_info"])
def test_an_api_server_that_never_answers(shop, proxy, impatient, within, module):
    proxy.fault("*", faults.hang, times=None)
    result = shop.fail(module)
    within(40)
    assert f"the API server {proxy.url} cannot be reached: " in result["msg"] and not result["changed"]


def test_first_contact_has_a_limit_that_no_answer_outlives():
    """As users have it: one attempt cannot take so long that a second one passes the limit."""
    api = client.Api({"host": "http://127.0.0.1:1", "api_key": "unused"}, client.Deadline(300))
    assert api.time_limit() <= client.FIRST_CONTACT <= 30


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_write_that_hangs_ends_with_the_time_limit(shop, proxy, impatient, kind):
    shop.deploy(kind=kind)
    began = time.monotonic()
    proxy.fault("PATCH *", faults.hang, times=None)
    result = shop.fail(kind=kind, images={"web": "app:2"}, wait_timeout=3)
    assert time.monotonic() - began < 40
    assert "cannot be reached" in result["msg"] and "not known whether" in result["msg"]
    assert not result["changed"] and shop.image(kind=kind) == "app:1"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@table({"hangs": faults.hang, "is away": faults.reset})
def test_an_api_server_that_is_lost_while_waiting(shop, proxy, impatient, kind, fault):
    """The wait ends with its limit, and says what was changed and that nobody knows the rest."""
    shop.deploy(kind=kind, replicas=1)

    def last(exchange):
        faults.forward(exchange)
        proxy.fault("*", fault, times=None)

    proxy.fault("PATCH *", last)
    proxy.fault("WATCH *", faults.stream(then=faults.hang), times=None)
    began = time.monotonic()
    result = shop.fail(kind=kind, images={"web": "app:never-ready"}, wait_timeout=3)
    assert time.monotonic() - began < 40
    assert result["changed"] and "timed out after 3 s" in result["msg"]
    assert f"the API server {proxy.url} cannot be reached" in result["msg"]
    (found,) = result["rollouts"]
    assert found["phase"] == "progressing" and found["images"] == {"web": "app:never-ready"}


def test_watches_that_never_answer_end_with_the_time_limit(shop, proxy, impatient):
    shop.deploy(replicas=1)
    proxy.fault("WATCH *", faults.hang, times=None)
    began = time.monotonic()
    result = shop.fail(images={"web": "app:never-ready"}, wait_timeout=4)
    assert time.monotonic() - began < 40
    # opening the watches may take all the time there is, so that none is left to write
    assert "timed out after 4 s" in result["msg"] or "cannot be reached" in result["msg"]


@pytest.mark.parametrize("request_", ["LIST deployments", "PATCH deployments"])
def test_something_else_than_an_api_server(shop, proxy, request_, within):
    shop.deploy()
    proxy.fault(request_, faults.page(200), times=None)
    result = shop.fail(images={"web": "app:2"}, wait=False)
    within(40)
    assert f"{proxy.url} answered with something else than JSON" in result["msg"] and "\n" not in result["msg"]


# ---------------------------------------------------------------------- lists --
def test_a_list_that_expires_between_two_pages_begins_anew(shop, proxy, monkeypatch):
    for name in ("one", "two", "three"):
        shop.deploy(name, labels={"part-of": "shop"})
    monkeypatch.setattr(client, "PAGE", 1)
    proxy.fault("LIST deployments", faults.status(410, "Expired", "The provided continue parameter is too old"), after=1)
    result = shop.run(label_selectors=["part-of=shop"])
    assert [r["name"] for r in result["rollouts"]] == ["one", "three", "two"]


# ---------------------------------------------------------------------- denied --
def test_credentials_that_are_not_accepted(shop, proxy, within):
    shop.deploy()
    proxy.fault("*", faults.status(401, "Unauthorized", "Unauthorized"), times=None)
    result = shop.fail(images={"web": "app:2"})
    within(40)
    assert result["msg"] == f"The API server {proxy.url} does not accept these credentials (401 Unauthorized)."
    assert len(proxy.seen) == 1 and not result["changed"]


ALLOWED = {
    "apps": {
        "deployments": {"get", "list", "watch", "patch"},
        "replicasets": {"list"},
    },
    "": {"pods": {"list", "watch"}},
}


@pytest.fixture
def shop_hand(shop, api):
    """Options to act as somebody who lacks one right."""
    def without(verb, resource):
        rules = [
            {"apiGroups": [group], "resources": [name], "verbs": sorted(verbs - {verb} if name == resource else verbs)}
            for group, resources in ALLOWED.items()
            for name, verbs in resources.items()
            if name != resource or verbs - {verb}
        ]
        rbac = kubernetes.client.RbacAuthorizationV1Api(api)
        rbac.create_namespaced_role(shop.namespace, {"metadata": {"name": "hand"}, "rules": rules})
        rbac.create_namespaced_role_binding(
            shop.namespace,
            {
                "metadata": {"name": "hand"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "hand"},
                "subjects": [{"kind": "User", "name": "hand", "apiGroup": "rbac.authorization.k8s.io"}],
            },
        )
        review = {"user": "hand", "resourceAttributes": {"namespace": shop.namespace, "verb": "get", "group": "apps", "resource": "deployments"}}
        authorization = kubernetes.client.AuthorizationV1Api(api)
        deadline = time.monotonic() + 60
        # the API server takes a moment to learn of a new role
        while not authorization.create_subject_access_review({"spec": review}).status.allowed:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return {"impersonate_user": "hand"}

    return without


@pytest.mark.parametrize(
    "module, verb, resource",
    [
        ("rollout", "list", "deployments"),
        ("rollout", "watch", "deployments"),
        ("rollout", "patch", "deployments"),
        ("rollout_undo", "list", "deployments"),
        ("rollout_undo", "list", "replicasets"),
        ("rollout_undo", "watch", "deployments"),
        ("rollout_undo", "patch", "deployments"),
        ("rollout_info", "list", "deployments"),
        ("rollout_info", "list", "replicasets"),
    ],
)
def test_a_missing_right_is_named_and_nothing_is_touched(shop, shop_hand, module, verb, resource):
    shop.deploy()
    shop.run(images={"web": "app:2"})
    before = shop.get().metadata.generation
    options = {"images": {"web": "app:3"}} if module == "rollout" else {}
    result = shop.fail(module, **options, **shop_hand(verb, resource))
    assert f'cannot {verb} resource "{resource}" in API group "apps"' in result["msg"]
    assert "Grant this verb on this resource" in result["msg"] and "\n" not in result["msg"]
    assert not result["changed"] and shop.get().metadata.generation == before


@pytest.mark.parametrize("module", ["rollout", "rollout_undo"])
def test_check_mode_predicts_for_whom_may_only_read(shop, shop_hand, module):
    shop.deploy()
    shop.run(images={"web": "app:2"})
    before = shop.get().metadata.generation
    options = {"images": {"web": "app:3"}} if module == "rollout" else {}
    result = shop.run(module, check_mode=True, **options, **shop_hand("patch", "deployments"))
    assert result["changed"] and shop.get().metadata.generation == before
    assert result["rollouts"][0]["images"] == {"web": "app:3" if module == "rollout" else "app:1"}
    (warning,) = result["warnings"]
    assert 'cannot patch resource "deployments"' in warning


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_without_a_right_to_pods_only_the_early_notice_is_missed(shop, shop_hand, verb):
    shop.deploy(replicas=1)
    result = shop.run(images={"web": "app:2"}, **shop_hand(verb, "pods"))
    assert result["rollouts"][0]["phase"] == "complete"
    (warning,) = result["warnings"]
    assert f'cannot {verb} resource "pods"' in warning


def test_no_right_is_missed_while_all_are_there(shop, shop_hand):
    shop.deploy(replicas=1)
    hand = shop_hand("nothing", "nowhere")
    assert "warnings" not in shop.run(images={"web": "app:2"}, **hand)
    shop.run("rollout_undo", **hand)
    shop.run("rollout_info", **hand)


def test_a_right_that_is_taken_away_while_waiting(shop, proxy):
    shop.deploy(replicas=1)
    denied = 'deployments.apps is forbidden: User "hand" cannot watch resource "deployments"'
    proxy.fault("WATCH deployments", faults.cut_after(1))
    proxy.fault("WATCH deployments", faults.status(403, "Forbidden", denied), times=None)
    result = shop.fail(images={"web": "app:never-ready"}, wait_timeout=30)
    assert denied in result["msg"] and result["changed"]
    assert result["rollouts"][0]["images"] == {"web": "app:never-ready"}
