# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release on a real API server: what it makes, changes, prunes and removes, beside others and whatever happens in between."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import records
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi

from .workshop import Shop, claim, config_map, deployment, patch_as, wait_for


@pytest.fixture
def shop(connect, namespace):
    return Shop(connect, namespace)


def actions(result):
    return {entry["title"].rpartition("/")[2]: entry["action"] for entry in result["objects"] if entry["kind"] != "Namespace"}


# ------------------------------------------------------------------- lifecycle --
def test_from_nothing_to_nothing(shop):
    first = shop.run(config_map("a", x="1"), config_map("b"), deployment("web"), check=True, diff=True)
    assert first["changed"] and set(actions(first).values()) == {"create"} and shop.names() == set() and len(first["diff"]) == 3
    assert shop.names("Secret") == set()
    first = shop.run(config_map("a", x="1"), config_map("b"), deployment("web"))
    assert first["changed"] and first["revision"] == 1 and first["rollouts"][0]["phase"] == "complete"
    assert shop.names() == {"a", "b"} and len({o.label(shop.get("ConfigMap", name), o.RELEASE_ID) for name in "ab"}) == 1
    again = shop.run(config_map("a", x="1"), config_map("b"), deployment("web"))
    assert not again["changed"] and set(actions(again).values()) == {"unchanged"} and again["revision"] == 1

    second = shop.run(config_map("a", x="2"), deployment("web", "app:2"), diff=True)
    assert actions(second) == {"a": "update", "b": "delete", "web": "update"} and second["revision"] == 2
    assert shop.names() == {"a"} and shop.get("ConfigMap", "a")["data"] == {"x": "2"} and len(second["diff"]) == 3

    assert set(actions(shop.run(state="absent", check=True)).values()) == {"delete"} and shop.names() == {"a"}
    gone = shop.run(state="absent")
    assert gone["changed"] and shop.names() == set() and shop.names("Deployment") == set() and shop.names("Secret") == set()
    assert not shop.run(state="absent")["changed"]


def test_data_stays_until_it_is_named_and_a_new_deployment_goes_on_from_it(shop):
    shop.run(claim("data"), config_map("a"), wait=False)
    uid = shop.get("PersistentVolumeClaim", "data")["metadata"]["uid"]
    # Neither pruned nor removed.
    pruned = shop.run(config_map("a", x="2"), wait=False)
    assert "data" not in actions(pruned)
    removed = shop.run(state="absent")
    assert actions(removed) == {"data": "keep", "a": "delete"}
    assert not shop.run(state="absent")["changed"]
    assert not shop.run(claim("data"), wait=False)["objects"][-1]["action"] == "create"
    assert shop.get("PersistentVolumeClaim", "data")["metadata"]["uid"] == uid
    shop.run(state="absent", delete_data=True, wait=False)
    live = shop.get("PersistentVolumeClaim", "data")
    assert live is None or live["metadata"]["deletionTimestamp"]


def stateful_set(name):
    made = deployment(name)
    made["kind"] = "StatefulSet"
    made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim("")["spec"]}]
    return made


@pytest.mark.parametrize("how", ["pruned", "removed", "deleted by hand"])
def test_claims_that_a_stateful_set_has_made_are_data(shop, how):
    shop.run(stateful_set("db"), config_map("a"))
    shop.api.post(shop.path("PersistentVolumeClaim"), claim("data-db-1"))
    if how == "pruned":
        shop.run(config_map("a"))
    elif how == "deleted by hand":
        shop.api.delete(shop.path("StatefulSet", "db"), shop.get("StatefulSet", "db")["metadata"]["uid"])
    removed = shop.run(state="absent")
    assert {e["title"].rpartition("/")[2]: e["action"] for e in removed["objects"] if e["action"] == "keep"} == {"data-db-0": "keep"}
    assert actions(shop.run(state="absent")) == {"data-db-0": "keep"}
    assert actions(shop.run(state="absent", delete_data=True)) == {"data-db-0": "delete"}
    # Somebody else's, which only has such a name.
    assert shop.get("PersistentVolumeClaim", "data-db-1")
    assert not shop.run(state="absent", delete_data=True)["changed"]


def test_a_release_without_a_namespace_is_recorded_in_one_of_the_collection(shop):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"{shop.namespace}-role"}, "rules": []}
    shop.run(role, name=shop.namespace, namespace="")
    records = shop.api.metadata("/api/v1/namespaces/slipway-system/secrets")
    assert [item for item in records if item["metadata"]["name"].startswith(f"slipway.{shop.namespace}.")]
    assert not shop.run(role, name=shop.namespace, namespace="")["changed"]
    assert actions(shop.run(name=shop.namespace, namespace="", state="absent")) == {f"ClusterRole {shop.namespace}-role": "delete"}
    assert not shop.run(name=shop.namespace, namespace="", state="absent")["changed"]


def test_nothing_rendered_is_no_order_to_delete_everything(shop):
    shop.run(config_map("a"))
    assert "set allow_empty" in shop.run(ok=False)["msg"] and shop.names() == {"a"}
    assert shop.run(allow_empty=True)["changed"] and shop.names() == set()


def test_pruning_can_be_left_out_by_name(shop):
    shop.run(config_map("a"), config_map("b"))
    result = shop.run(config_map("a"), prune=False)
    assert not result["changed"] and actions(result)["b"] == "keep" and shop.names() == {"a", "b"}
    assert actions(shop.run(config_map("a")))["b"] == "delete" and shop.names() == {"a"}


# ---------------------------------------------------------------------- others --
def test_what_is_somebody_elses_is_named_and_left(shop):
    patch_as(shop, "them", "ConfigMap", shop.make(config_map("a"))["metadata"]["name"], {"data": {"theirs": "1"}})
    message = shop.run(config_map("a", x="1"), config_map("b"), ok=False)["msg"]
    assert message == f"ConfigMap {shop.namespace}/a exists and was not made by this release; set adopt to take it over"
    assert shop.names() == {"a"} and shop.names("Secret") == set()
    adopted = shop.run(config_map("a", x="1"), adopt=True)
    assert adopted["changed"] and shop.get("ConfigMap", "a")["data"] == {"theirs": "1", "x": "1"}
    assert not shop.run(config_map("a", x="1"))["changed"]


def test_a_copy_with_all_labels_is_not_the_releases(shop):
    shop.run(config_map("a"), config_map("b"))
    copy = shop.get("ConfigMap", "a")
    shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "copy", "labels": copy["metadata"]["labels"]}})
    shop.run(config_map("a"))
    assert shop.names() == {"a", "copy"}
    assert "carries this release's id, but was not made by it" in shop.run(config_map("a"), config_map("copy"), ok=False)["msg"]
    shop.run(state="absent")
    assert shop.names() == {"copy"}


def test_what_somebody_has_made_in_its_place_is_not_deleted(shop):
    shop.run(config_map("a"), config_map("b"))
    shop.delete("ConfigMap", "b")
    shop.make(config_map("b", theirs="1"))
    result = shop.run(config_map("a"))
    assert not result["changed"] and actions(result)["b"] == "keep"
    removed = shop.run(state="absent")
    assert actions(removed) == {"a": "delete", "b": "keep"} and shop.get("ConfigMap", "b")["data"] == {"theirs": "1"}


def test_a_label_that_somebody_has_taken_away_comes_back(shop):
    shop.run(config_map("a"))
    shop.patch("ConfigMap", "a", {"op": "remove", "path": "/metadata/labels"})
    assert shop.run(config_map("a"))["changed"] and o.label(shop.get("ConfigMap", "a"), o.RELEASE_ID)


def test_two_owners_with_one_name(shop):
    shop.run(config_map("a"), owner="slipway.kubernetes.app")
    shop.run(config_map("b"), owner="slipway.kubernetes.wordpress")
    assert "belongs to another owner's release shop" in shop.run(config_map("a"), owner="other", ok=False)["msg"]
    shop.run(state="absent", owner="slipway.kubernetes.app")
    assert shop.names() == {"b"}


def test_restored_objects_are_taken_with_a_warning_and_not_deleted_unseen(shop):
    shop.run(config_map("a"), config_map("b"))
    for name in "ab":
        backup = shop.get("ConfigMap", name)
        shop.delete("ConfigMap", name)
        shop.make({**backup, "metadata": {"name": name, "labels": backup["metadata"]["labels"]}})
    result = shop.run(config_map("a", x="1"))
    assert any("as after a restore" in warning for warning in result["warnings"]) and actions(result)["b"] == "keep"
    assert shop.names() == {"a", "b"}
    assert not shop.run(config_map("a", x="1"))["warnings"]


def test_one_that_is_being_deleted_is_named(shop):
    shop.run(config_map("a"))
    shop.patch("ConfigMap", "a", {"op": "add", "path": "/metadata/finalizers", "value": ["test.example/hold"]})
    shop.delete("ConfigMap", "a")
    try:
        assert "is being deleted; run this again" in shop.run(config_map("a"), ok=False)["msg"]
        # Nor is it forgotten while it is there.
        assert not shop.run(state="absent", wait=False)["changed"]
        message = shop.run(state="absent", wait_timeout=1, ok=False)["msg"]
        assert message.endswith("is being deleted, but is not gone after 1 s; it waits for test.example/hold.")
        assert shop.names("Secret")
    finally:
        shop.patch("ConfigMap", "a", {"op": "remove", "path": "/metadata/finalizers"})


def test_what_a_release_had_before_there_were_records(shop):
    labels = o.release_labels("shop", shop.namespace)
    for name in ("a", "old"):
        shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
    result = shop.run(config_map("a"))
    assert actions(result) == {"a": "update"} and "with adopt this run removes them" in " ".join(result["warnings"])
    assert shop.names() == {"a", "old"}
    assert not shop.run(config_map("a"))["changed"]


def test_what_a_release_had_before_is_adopted_and_pruned(shop):
    labels = o.release_labels("shop", shop.namespace)
    for name in ("a", "old"):
        shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
    assert actions(shop.run(config_map("a"), adopt=True)) == {"a": "update", "old": "delete"} and shop.names() == {"a"}


def test_what_a_release_had_before_is_removed(shop):
    labels = o.release_labels("shop", shop.namespace)
    shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "labels": labels}})
    assert shop.run(state="absent")["changed"] and shop.names() == set() == shop.names("Secret")


# ------------------------------------------------------------------ in between --
def interfere(monkeypatch, method, when, do):
    """Let somebody else be quicker than one request of ours, once."""
    original, done = getattr(ReleaseApi, method), []

    def first(self, path, *args, **kwargs):
        if not done and when in path:
            done.append(True)
            do()
        return original(self, path, *args, **kwargs)

    monkeypatch.setattr(ReleaseApi, method, first)


@pytest.mark.parametrize("what", ["edited", "edited elsewhere", "deleted", "made anew"])
def test_somebody_else_is_quicker_than_an_update(shop, monkeypatch, what):
    shop.run(config_map("a", x="1"), config_map("b"))

    def do():
        if what.startswith("edited"):
            patch_as(shop, "them", "ConfigMap", "a", {"data": {"x": "theirs"} if what == "edited" else {"theirs": "1"}})
            return
        shop.delete("ConfigMap", "a")
        if what == "made anew":
            shop.make(config_map("a", theirs="1"))

    interfere(monkeypatch, "apply", "configmaps/a", do)
    if what == "edited elsewhere":
        result = shop.run(config_map("a", x="2"), config_map("b"))
        assert "was changed by somebody else while this run was at work; that change was kept" in " ".join(result["warnings"])
        assert shop.get("ConfigMap", "a")["data"] == {"x": "2", "theirs": "1"}
        return
    message = shop.run(config_map("a", x="2"), config_map("b"), ok=False)["msg"]
    assert f"ConfigMap {shop.namespace}/a was " in message and "somebody else" in message and "run this again" in message
    live = shop.get("ConfigMap", "a")
    if what == "deleted":
        assert live is None
        shop.run(config_map("a", x="2"), config_map("b"))
    elif what == "edited":
        assert live["data"] == {"x": "theirs"}
        assert ".data.x (them)" in shop.run(config_map("a", x="2"), config_map("b"), ok=False)["msg"]
    else:
        assert live["data"] == {"theirs": "1"}
        assert "was not made by this release" in shop.run(config_map("a", x="2"), config_map("b"), ok=False)["msg"]


def test_somebody_else_is_quicker_than_a_creation(shop, monkeypatch):
    interfere(monkeypatch, "apply", "configmaps/a", lambda: shop.make(config_map("a", theirs="1")))
    assert "a was made by somebody else" in shop.run(config_map("a", x="1"), ok=False)["msg"]
    assert shop.get("ConfigMap", "a")["data"] == {"theirs": "1"}
    monkeypatch.undo()
    # Nor is it the release's later, though the record of the run that failed names it.
    assert "was not made by this release" in shop.run(config_map("a", x="1"), ok=False)["msg"]
    shop.run(state="absent")
    assert shop.names() == {"a"}


def test_somebody_else_is_quicker_than_a_deletion(shop, monkeypatch):
    shop.run(config_map("a"), config_map("b"))

    def do():
        shop.delete("ConfigMap", "b")
        shop.make(config_map("b", theirs="1"))

    interfere(monkeypatch, "delete", "configmaps/b", do)
    shop.run(config_map("a"))
    assert shop.get("ConfigMap", "b")["data"] == {"theirs": "1"}


@pytest.mark.parametrize("taken", [True, False], ids=["it was taken", "it was not"])
def test_an_answer_that_is_lost(shop, monkeypatch, taken):
    original, lost = ReleaseApi.apply, []

    def apply(self, path, *args):
        if "configmaps/" in path and path not in lost:
            lost.append(path)
            if taken:
                original(self, path, *args)
            raise Fault("the API server cannot be reached", answered=False)
        return original(self, path, *args)

    monkeypatch.setattr(ReleaseApi, "apply", apply)
    assert shop.run(config_map("a", x="1"), config_map("b"))["changed"]
    lost.clear()
    assert shop.run(config_map("a", x="2"), config_map("b"))["changed"] and shop.get("ConfigMap", "a")["data"] == {"x": "2"}
    monkeypatch.undo()
    assert not shop.run(config_map("a", x="2"), config_map("b"))["changed"]


def test_two_runs_at_once_come_one_after_the_other(shop):
    results = {}

    def deploy(number):
        results[number] = shop.run(*(config_map(name, run=str(number)) for name in "abcdef"))

    threads = [threading.Thread(target=deploy, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len({shop.get("ConfigMap", name)["data"]["run"] for name in "abcdef"}) == 1
    assert sorted(result["revision"] for result in results.values() if result["changed"]) == [1, 2, 3, 4]


@pytest.mark.parametrize("what", ["the first run", "a later run", "the first run in a new namespace"])
def test_another_run_is_quicker_than_a_plan(shop, monkeypatch, what):
    """What it has made meanwhile is not somebody else's."""
    space = f"{shop.namespace}-new" if "new" in what else shop.namespace
    if what == "a later run":
        shop.run(config_map("old"))
    other = Shop(lambda: shop.api, space)
    wanted = f"namespaces/{space}/configmaps/a"
    interfere(monkeypatch, "lookup", wanted, lambda: other.run(config_map("a", x="1"), config_map("b")))
    try:
        result = other.run(config_map("a", x="2"), config_map("b"))
        assert result["changed"] and other.get("ConfigMap", "a")["data"] == {"x": "2"} and other.names() == {"a", "b"}
    finally:
        if space != shop.namespace:
            shop.api.delete(f"/api/v1/namespaces/{space}", shop.api.get(f"/api/v1/namespaces/{space}")["metadata"]["uid"])


# --------------------------------------------------------------- killed anywhere --
class Killed(BaseException):
    pass


def kill_at(monkeypatch, number, after):
    """The process dies right before, or right after, its request of that number; tells how many it made."""
    original, count, lock = ReleaseApi._send, [0], threading.Lock()

    def send(self, *args, **kwargs):
        with lock:
            count[0] += 1
            mine = count[0]
        if mine > number or (mine == number and not after):
            raise Killed
        answer = original(self, *args, **kwargs)
        if mine == number:
            raise Killed
        return answer

    monkeypatch.setattr(ReleaseApi, "_send", send)
    return count


BEFORE = (config_map("a", x="1"), config_map("b"), config_map("c"))
AFTER = (config_map("a", x="2"), config_map("c"), config_map("d"))


@pytest.mark.parametrize(
    "work", [pytest.param("first", marks=pytest.mark.full), "upgrade", pytest.param("removal", marks=pytest.mark.full)]
)
def test_a_run_that_is_killed_anywhere_is_continued_by_running_it_again(connect, namespace, monkeypatch, work):
    # Who finds the lock of one that was killed waits until it is given up.
    monkeypatch.setattr(records, "GONE", 0.2)
    monkeypatch.setattr(records, "_LOOK", 0.1)
    shop = Shop(connect, namespace)

    def one_by_one(_api, function, items):
        """So that the requests come in one order."""
        return [function(item) for item in items]

    monkeypatch.setattr(ReleaseApi, "parallel", one_by_one)

    def prepare():
        shop.run(state="absent")
        if work != "first":
            shop.run(*BEFORE)

    def go():
        return shop.run(state="absent") if work == "removal" else shop.run(*(BEFORE if work == "first" else AFTER))

    number, ended = 0, False
    while not ended:
        number += 1
        for after in (False, True):
            prepare()
            with monkeypatch.context() as patch:
                kill_at(patch, number, after)
                try:
                    go()
                    ended = True
                except Killed:
                    pass
            go()
            wanted = {"first": {"a", "b", "c"}, "upgrade": {"a", "c", "d"}, "removal": set()}[work]
            assert shop.names() == wanted, (number, after)
            assert work == "removal" or shop.get("ConfigMap", "a")["data"] == {"x": "1" if work == "first" else "2"}
            again = go()
            assert not again["changed"], (number, after, again)
    assert number > 8


def test_a_refusal_is_told_before_anything_is_changed(shop):
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 99999}]}}
    message = shop.run(config_map("a"), bad, ok=False)["msg"]
    assert message.startswith(f"Service {shop.namespace}/s: ") and shop.names() == set() == shop.names("Secret")


def test_definitions_and_their_objects_in_one_release(shop, monkeypatch):
    # Discovery is behind what a definition says of itself: here for one look more.
    original, looks = ReleaseApi.forget_resources, []
    monkeypatch.setattr(ReleaseApi, "forget_resources", lambda self: original(self) if looks else looks.append(1))
    group = f"{shop.namespace}.example.com"
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
        "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": versions},
    }
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one", "namespace": shop.namespace}, "spec": {"size": 1}}
    try:
        assert shop.run(definition, thing)["changed"]
        shop.api.forget_resources()
        assert shop.get("Thing", "one")["spec"] == {"size": 1}
        assert not shop.run(definition, thing)["changed"]
        assert actions(shop.run(definition)) == {f"CustomResourceDefinition things.{group}": "unchanged", "one": "delete"}
    finally:
        shop.run(state="absent", delete_data=True)
    with pytest.raises(ApiError):
        shop.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}")


# --------------------------------------------------- hold, new names, namespaces --
def test_a_release_on_hold_is_left_alone_until_it_is_not(shop):
    assert "there is none" in shop.run(config_map("a"), hold="audit", ok=False)["msg"]
    shop.run(config_map("a"))
    assert shop.run(config_map("a", x="1"), hold="audit")["changed"] and not shop.run(config_map("a", x="1"), hold="audit")["changed"]
    for check in (False, True):
        message = shop.run(config_map("a", x="1"), check=check, ok=False)["msg"]
        assert " is on hold by " in message and message.endswith(': audit. hold: "" goes on.')
    assert "on hold" in shop.run(state="absent", ok=False)["msg"] and shop.get("ConfigMap", "a").get("data") is None
    assert shop.run(config_map("a", x="1"), hold="")["changed"]
    assert not shop.run(config_map("a", x="1"))["changed"]


def test_a_renamed_release_keeps_its_objects(shop):
    shop.run(config_map("a"), claim("data"), wait=False)
    uids = {kind: shop.get(kind, name)["metadata"]["uid"] for kind, name in (("ConfigMap", "a"), ("PersistentVolumeClaim", "data"))}
    assert "belongs to release shop" in shop.run(config_map("a"), claim("data"), name="store", wait=False, ok=False)["msg"]
    result = shop.run(config_map("a"), claim("data"), name="store", wait=False, renamed_from={"name": "shop"})
    assert set(actions(result).values()) == {"update"} and result["revision"] == 1
    assert uids == {kind: shop.get(kind, name)["metadata"]["uid"] for kind, name in (("ConfigMap", "a"), ("PersistentVolumeClaim", "data"))}
    assert all(name.startswith("slipway.store.") for name in shop.names("Secret"))
    assert not shop.run(config_map("a"), claim("data"), name="store", wait=False, renamed_from={"name": "shop"})["changed"]
    assert not shop.run(state="absent")["changed"] and shop.names() == {"a"}
    assert set(actions(shop.run(name="store", state="absent")).values()) == {"keep", "delete"}


def test_a_namespace_goes_only_if_it_is_asked_for_was_made_here_and_holds_nothing_else(shop):
    shop.run(config_map("a"))
    kept = shop.run(state="absent", delete_namespace=True)["objects"][-1]
    assert (kept["action"], kept["reason"]) == ("keep", "it was not made by this collection")
    own = f"{shop.namespace}-own"
    shop.run(config_map("a"), namespace=own)
    shop.api.post(f"/api/v1/namespaces/{own}/configmaps", config_map("theirs"))
    kept = shop.run(namespace=own, state="absent", delete_namespace=True)["objects"][-1]
    assert (kept["action"], kept["reason"]) == ("keep", f"it still holds ConfigMap {own}/theirs")
    theirs = shop.api.get(f"/api/v1/namespaces/{own}/configmaps/theirs")
    shop.api.delete(f"/api/v1/namespaces/{own}/configmaps/theirs", theirs["metadata"]["uid"])
    shop.run(config_map("a"), namespace=own)
    assert shop.run(namespace=own, state="absent")["changed"] and shop.api.lookup(f"/api/v1/namespaces/{own}")
    shop.run(config_map("a"), namespace=own)
    assert shop.run(namespace=own, state="absent", delete_namespace=True)["objects"][-1]["action"] == "delete"
    assert shop.api.lookup(f"/api/v1/namespaces/{own}") is None
    assert not shop.run(namespace=own, state="absent", delete_namespace=True)["changed"]


@pytest.mark.parametrize("how", ["removed", "deployed"])
def test_what_is_left_of_a_release_whose_namespace_somebody_deleted(shop, how):
    """The records go with it; an object elsewhere is nobody's then, although it has the id of a release."""
    own = f"{shop.namespace}-own"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"{own}-role"}, "rules": []}
    elsewhere = {**config_map("theirs"), "metadata": {"name": "theirs", "namespace": shop.namespace}}
    shop.run(config_map("a"), role, elsewhere, namespace=own)
    # Another release of that name, whose records are elsewhere, keeps what it has.
    other = {**role, "metadata": {"name": f"{own}-other"}}
    shop.run(config_map("b"), other, namespace=own, owner="other", record_namespace=shop.namespace)
    path = f"/api/v1/namespaces/{own}"
    shop.api.delete(path, shop.api.get(path)["metadata"]["uid"])
    while shop.api.lookup(path):
        time.sleep(0.2)
    if how == "deployed":
        done = actions(shop.run(config_map("a"), role, elsewhere, namespace=own))
        assert done == {f"ClusterRole {own}-role": "update", "a": "create", "theirs": "update"}
        assert not shop.run(config_map("a"), role, elsewhere, namespace=own)["changed"]
        shop.run(namespace=own, state="absent", delete_namespace=True)
    else:
        foretold = shop.run(namespace=own, state="absent", check=True)
        assert actions(foretold) == actions(shop.run(namespace=own, state="absent")) == {f"ClusterRole {own}-role": "delete", "theirs": "delete"}
        assert not shop.run(namespace=own, state="absent")["changed"]
    assert shop.get("ConfigMap", "theirs") is None
    roles = {item["metadata"]["name"] for item in shop.api.metadata("/apis/rbac.authorization.k8s.io/v1/clusterroles")}
    assert f"{own}-role" not in roles and f"{own}-other" in roles
    shop.run(namespace=own, owner="other", record_namespace=shop.namespace, state="absent")


def test_a_namespace_has_one_level_for_all_that_live_there(shop):
    own = f"{shop.namespace}-own"

    def level():
        return o.label(shop.api.get(f"/api/v1/namespaces/{own}"), o.ENFORCE)

    shop.run(config_map("a"), namespace=own, pod_security="baseline")
    # While it is alone there, it may have another one.
    assert shop.run(config_map("a"), namespace=own, pod_security="restricted")["changed"] and level() == "restricted"
    assert shop.run(config_map("a"), namespace=own, pod_security="baseline")["changed"] and level() == "baseline"
    refused = shop.run(config_map("b"), name="other", namespace=own, pod_security="restricted", ok=False)["msg"]
    assert f"Namespace {own} has the Pod Security level baseline, and release shop is there as well" in refused
    result = shop.run(config_map("b"), name="other", namespace=own, pod_security="privileged")
    assert level() == "baseline" and "level privileged is not set" in str(result["warnings"])
    assert not shop.run(config_map("b"), name="other", namespace=own, pod_security="privileged")["changed"]
    assert not shop.run(config_map("a"), namespace=own, pod_security="baseline")["changed"]
    shop.run(name="other", namespace=own, state="absent")
    assert shop.run(config_map("a"), namespace=own, pod_security="restricted")["changed"] and level() == "restricted"
    shop.run(namespace=own, state="absent", delete_namespace=True)


def test_a_namespace_of_somebody_else_is_left_as_it_is(shop):
    before = shop.api.get(f"/api/v1/namespaces/{shop.namespace}")
    shop.run(config_map("a"), pod_security="restricted")
    assert shop.api.get(f"/api/v1/namespaces/{shop.namespace}") == before


def test_a_namespace_that_is_asked_for_later_goes_then(shop):
    own = f"{shop.namespace}-own"
    shop.run(config_map("a"), namespace=own)
    shop.run(namespace=own, state="absent")
    for check in (True, False):
        (told,) = shop.run(namespace=own, state="absent", delete_namespace=True, check=check)["objects"]
        assert (told["title"], told["action"]) == (f"Namespace {own}", "delete")
    assert shop.api.lookup(f"/api/v1/namespaces/{own}") is None


def test_what_is_refused_leaves_no_namespace(shop):
    own = f"{shop.namespace}-own"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "view"}, "rules": []}
    assert "ClusterRole view exists" in shop.run(config_map("a"), role, namespace=own, ok=False)["msg"]
    assert shop.api.lookup(f"/api/v1/namespaces/{own}") is None


@pytest.mark.parametrize("who", ["another release", "somebody"])
def test_a_namespace_that_is_made_between_look_and_creation(shop, monkeypatch, who):
    own, original, done = f"{shop.namespace}-own", ReleaseApi.apply, []
    path = f"/api/v1/namespaces/{own}"

    def apply(self, where, *args):
        if where == path and not done:
            done.append(where)
            if who == "somebody":
                shop.api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}})
            else:
                shop.run(config_map("b"), name="other", namespace=own)
        return original(self, where, *args)

    monkeypatch.setattr(ReleaseApi, "apply", apply)
    if who == "somebody":
        assert f"Namespace {own} was made by somebody else" in shop.run(config_map("a"), namespace=own, ok=False)["msg"]
    assert shop.run(config_map("a"), namespace=own)["changed"]
    assert o.label(shop.api.get(path), o.MANAGED_BY) == (o.MANAGER if who == "another release" else None)
    shop.run(name="other", namespace=own, state="absent")
    told = shop.run(namespace=own, state="absent", delete_namespace=True)["objects"][-1]
    assert (told["title"], told["action"]) == (f"Namespace {own}", "delete" if who == "another release" else "keep")


def test_a_hold_counts_while_the_namespace_goes(shop):
    own = f"{shop.namespace}-own"
    path = f"/api/v1/namespaces/{own}"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"{own}-role"}, "rules": []}
    kept = {**config_map("kept"), "metadata": {"name": "kept", "finalizers": ["example.com/kept"]}}
    shop.run(role, kept, namespace=own)
    shop.run(namespace=own, hold="not now")
    records = shop.api.metadata(f"{path}/secrets", [("labelSelector", "slipway.kubernetes/release-id")])
    for record in records:
        patch = {"metadata": {"finalizers": ["example.com/kept"]}}
        shop.api._send("patch", f"{path}/secrets/{record['metadata']['name']}", [], patch, "application/merge-patch+json")
    shop.api.delete(path, shop.api.get(path)["metadata"]["uid"])
    assert "is on hold" in shop.run(namespace=own, state="absent", ok=False)["msg"]
    for part in ["configmaps/kept", *(f"secrets/{record['metadata']['name']}" for record in records)]:
        shop.api._send("patch", f"{path}/{part}", [], {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    wait_for(lambda: shop.api.lookup(path) is None, "the namespace to go")
    assert actions(shop.run(namespace=own, state="absent")) == {f"ClusterRole {own}-role": "delete"}


def test_labels_and_annotations_for_all(shop):
    shop.run(config_map("a", annotations={"team": "own"}), labels={"cost": 7}, annotations={"team": "all", "on-call": "x"})
    meta = shop.get("ConfigMap", "a")["metadata"]
    assert meta["labels"]["cost"] == "7" and meta["annotations"] == {"team": "own", "on-call": "x"}
    assert shop.run(config_map("a"))["changed"] and "annotations" not in shop.get("ConfigMap", "a")["metadata"]


# --------------------------------------------------------------------- failures --
FAIL = {"fail.slipway.kubernetes/web": "exit-127"}


def broken(name):
    obj = deployment(name, "app:2")
    obj["spec"]["template"]["metadata"]["annotations"] = FAIL
    return obj


def test_a_rollout_that_fails_is_recorded_and_the_next_run_goes_on(shop):
    shop.run(deployment("web"), config_map("old"))
    failed = shop.run(broken("web"), ok=False)
    assert failed["changed"] and failed["revision"] == 2 and failed["rollouts"][0]["diagnosis"][0]["container"] == "web"
    # What was to go stays as long as what takes its place is not there.
    assert shop.names() == {"old"}
    assert "web" in shop.run(broken("web"), ok=False)["msg"]
    mended = shop.run(deployment("web", "app:3"))
    assert actions(mended) == {"web": "update", "old": "delete"} and shop.names() == set()
    assert not shop.run(deployment("web", "app:3"))["changed"]


def test_a_rollout_that_fails_is_undone(shop):
    shop.run(deployment("web"))
    failed = shop.run(broken("web"), on_failure="undo", ok=False)
    assert "undone" in failed["msg"]
    spec = shop.get("Deployment", "web")["spec"]["template"]
    assert spec["spec"]["containers"][0]["image"] == "app:1" and "annotations" not in spec["metadata"]


def test_generated_secrets_keep_their_values(shop):
    def secret(**data):
        meta = {"name": "s", "annotations": {o.GENERATED: "true"}}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}

    shop.run(secret(a="one"))
    first = shop.get("Secret", "s")["data"]
    assert not shop.run(secret(a="two"))["changed"] and shop.get("Secret", "s")["data"] == first
    result = shop.run(secret(a="three", b="new"), diff=True)
    assert actions(result) == {"s": "update"} and shop.get("Secret", "s")["data"] == {**first, "b": "bmV3"}
    assert "bmV3" not in str(result) and "b25l" not in str(result)
    assert actions(shop.run(allow_empty=True)) == {} and shop.get("Secret", "s")


@pytest.mark.parametrize("text", ["\U0001f680 and \U00020000", "\x85\u2028\ufeff\ufffe", "\t\x1b[0m\x7f\r\n", " 1e3", "~", "2026-01-31", "12:30"])
def test_any_text_comes_out_as_it_went_in(shop, text):
    wanted = config_map("a", annotations={"example.com/note": text}, key=text)
    shop.run(wanted)
    live = shop.get("ConfigMap", "a")
    assert live["data"] == {"key": text} and live["metadata"]["annotations"]["example.com/note"] == text
    assert not shop.run(wanted)["changed"]


def test_what_comes_last_waits_for_the_workloads(shop, monkeypatch):
    order, original = [], ReleaseApi.apply
    monkeypatch.setattr(ReleaseApi, "apply", lambda self, path, *args: (order.append(path), original(self, path, *args))[1])
    shop.run(config_map("a", annotations={o.PHASE: "last"}), deployment("web"), config_map("b"))
    order = [path.rpartition("/")[2] for path in order]
    assert order.index("a") > order.index("web") > order.index("b")
    assert o.annotation(shop.get("ConfigMap", "a"), o.PHASE) is None


def test_what_can_only_be_made_anew_is_if_the_template_says_so(shop):
    def fixed(value, **annotations):
        return {**config_map("a", annotations=annotations or None, x=value), "immutable": True}

    shop.run(fixed("1"))
    assert "immutable" in shop.run(fixed("2"), ok=False)["msg"]
    uid = shop.get("ConfigMap", "a")["metadata"]["uid"]
    assert actions(shop.run(fixed("2", **{o.RECREATE: "true"}))) == {"a": "recreate"}
    live = shop.get("ConfigMap", "a")
    assert live["data"] == {"x": "2"} and live["metadata"]["uid"] != uid
    assert not shop.run(fixed("2", **{o.RECREATE: "true"}))["changed"]


def test_fields_of_another_manager_are_named_and_taken_over_on_request(shop):
    shop.run(config_map("a", x="1"))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "theirs"}}
    query = [("fieldManager", "them"), ("force", "true")]
    shop.api._send("patch", shop.path("ConfigMap", "a"), query, body, "application/apply-patch+yaml")
    message = shop.run(config_map("a", x="2"), ok=False)["msg"]
    assert ".data.x (them)" in message and "force_conflicts" in message
    assert shop.run(config_map("a", x="2"), force_conflicts=True)["changed"] and shop.get("ConfigMap", "a")["data"] == {"x": "2"}


# ----------------------------------------------------------------------- fields --
def test_what_a_task_of_ours_has_added_goes_with_the_next_run(shop):
    shop.run(config_map("a", x="1"))
    patch_as(shop, "slipway.kubernetes", "ConfigMap", "a", {"data": {"added": "1"}, "metadata": {"annotations": {"by": "us"}}})
    patch_as(shop, "them", "ConfigMap", "a", {"data": {"theirs": "1"}})
    planned = shop.run(config_map("a", x="1"), check=True, diff=True)
    assert actions(planned) == {"a": "update"} and "added" not in planned["diff"][0]["after"]
    assert shop.run(config_map("a", x="1"))["changed"]
    live = shop.get("ConfigMap", "a")
    assert live["data"] == {"x": "1", "theirs": "1"} and "annotations" not in live["metadata"]
    assert not shop.run(config_map("a", x="1"))["changed"]


def test_a_container_that_a_task_of_ours_has_added_goes_and_what_others_have_stays(shop):
    shop.run(deployment("web"))
    live = shop.get("Deployment", "web")
    add = [{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "side", "image": "side:1"}}]
    shop.api.patch(shop.path("Deployment", "web"), add)
    patch_as(shop, "kubectl-scale", "Deployment", "web", {"metadata": {"annotations": {"theirs": "1"}}})
    assert len(shop.get("Deployment", "web")["spec"]["template"]["spec"]["containers"]) == 2
    result = shop.run(deployment("web"), diff=True)
    assert actions(result) == {"web": "update"} and "side" in result["diff"][0]["before"] and "side" not in result["diff"][0]["after"]
    now = shop.get("Deployment", "web")
    assert now["spec"]["template"]["spec"]["containers"] == live["spec"]["template"]["spec"]["containers"]
    assert o.annotation(now, "theirs") == "1" and not shop.run(deployment("web"))["changed"]


def test_an_image_that_a_rollout_has_set_is_the_sources_again(shop):
    shop.run(deployment("web"))
    image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "app:9"}]
    shop.api.patch(shop.path("Deployment", "web"), image)
    result = shop.run(deployment("web"))
    assert actions(result) == {"web": "update"} and ".image" in " ".join(result["warnings"])
    assert shop.get("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    assert not shop.run(deployment("web"))["changed"]
    # Nor does it come back when the source drops the field.
    managers = {(e["manager"], e["operation"]) for e in shop.get("Deployment", "web")["metadata"]["managedFields"] if not e.get("subresource")}
    assert ("slipway.kubernetes", "Update") not in managers


@pytest.mark.parametrize("manager, named", [("kubectl-create", []), ("argocd-controller", ["argocd-controller"])])
def test_what_is_adopted_is_taken_over_with_its_fields(shop, manager, named):
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "theirs", "y": "theirs"}}
    shop.api._send("patch", shop.path("ConfigMap", "a"), [("fieldManager", manager)], patch, "application/apply-patch+yaml")
    if named:
        assert f".data.x ({manager})" in shop.run(config_map("a", x="1"), adopt=True, ok=False)["msg"]
    assert actions(shop.run(config_map("a", x="1"), adopt=True, adopt_managers=named)) == {"a": "update"}
    assert shop.get("ConfigMap", "a")["data"] == {"x": "1"}
    assert not shop.run(config_map("a", x="1"))["changed"]


@pytest.mark.parametrize("manager", ["slipway.kubernetes", "kubectl-rollout"])
def test_what_somebody_has_paused_or_held_stays_so(shop, manager):
    shop.run(deployment("web"), stateful_set("db"))
    patch_as(shop, manager, "Deployment", "web", {"spec": {"paused": True}})
    patch_as(shop, manager, "StatefulSet", "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}})
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}
    patch_as(shop, manager, "StatefulSet", "db", {"spec": {"template": restarted}})
    assert not shop.run(deployment("web"), stateful_set("db"))["changed"]
    assert actions(shop.run(deployment("web", replicas=2), stateful_set("db"), wait=False)) == {"web": "update", "db": "unchanged"}
    assert shop.get("Deployment", "web")["spec"]["paused"]
    db = shop.get("StatefulSet", "db")["spec"]
    assert db["updateStrategy"]["rollingUpdate"]["partition"] == 1
    assert db["template"]["metadata"]["annotations"] == restarted["metadata"]["annotations"]
    # It would be as if nothing had been done.
    refused = shop.run(deployment("web", image="app:2", replicas=2), stateful_set("db"), ok=False)["msg"]
    assert f"Deployment {shop.namespace}/web is paused" in refused and "resume" in refused
    done = shop.run(deployment("web", image="app:2", replicas=2), stateful_set("db"), resume=True)
    assert actions(done) == {"web": "update", "db": "unchanged"}
    assert not shop.get("Deployment", "web")["spec"].get("paused")
    assert not shop.run(deployment("web", image="app:2", replicas=2), stateful_set("db"))["changed"]


def test_what_kubectl_applied_before_an_adoption_is_the_releases_then(shop):
    body = config_map("a", x="1", gone="1")
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    shop.api._send("post", shop.path("ConfigMap"), [("fieldManager", "kubectl-client-side-apply")], body)
    patch_as(shop, "them", "ConfigMap", "a", {"data": {"theirs": "1"}})
    assert actions(shop.run(config_map("a", x="1"), adopt=True)) == {"a": "update"}
    live = shop.get("ConfigMap", "a")
    assert live["data"] == {"x": "1", "theirs": "1"} and "annotations" not in live["metadata"]
    assert not shop.run(config_map("a", x="1"))["changed"]


# -------------------------------------------------------------------- autoscalers --
def autoscaler(least=3):
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": least, "maxReplicas": 9}
    spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}


def replicas(shop):
    return shop.get("Deployment", "web")["spec"]["replicas"]


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_an_autoscaler_decides_on_replicas_until_it_is_gone(shop, whose):
    ours = [autoscaler()] if whose == "ours" else []
    shop.run(deployment("web"), *ours)
    if not ours:
        shop.make(autoscaler())
    # It does not need any metrics to see that there are too few.
    wait_for(lambda: replicas(shop) == 3, "the autoscaler")
    assert not shop.run(deployment("web"), *ours)["changed"] and replicas(shop) == 3
    changed = shop.run(deployment("web", "app:2"), *ours)
    assert changed["changed"] and replicas(shop) == 3
    assert not shop.run(deployment("web", "app:2"), *ours)["changed"]
    patch_as(shop, "kubectl-scale", "Deployment", "web", {"spec": {"replicas": 5}})
    assert not shop.run(deployment("web", "app:2"), *ours)["changed"] and replicas(shop) == 5
    if ours:
        # it stays, and goes on
        result = shop.run(deployment("web", "app:2", replicas=2), prune=False)
        assert "is left, since prune is false" in " ".join(result["warnings"]) and replicas(shop) == 5
    if ours:
        result = shop.run(deployment("web", "app:2", replicas=2), force_conflicts=True)
        assert {"web": "delete"}.items() <= {e["kind"][:1] and e["name"]: e["action"] for e in result["objects"] if "Auto" in e["kind"]}.items()
        assert replicas(shop) == 2
        assert not shop.run(deployment("web", "app:2", replicas=2))["changed"]


def test_the_number_is_the_releases_again_once_its_autoscaler_is_gone(shop):
    """What the autoscaler has set is nobody's whom to ask."""
    shop.run(deployment("web"), autoscaler())
    wait_for(lambda: replicas(shop) == 3, "the autoscaler")
    result = shop.run(deployment("web", replicas=2))
    (step,) = [each for each in result["objects"] if each["kind"] == "Deployment"]
    assert step["overrides"] == [{"field": ".spec.replicas", "manager": "kube-controller-manager"}]
    assert replicas(shop) == 2 and shop.names("HorizontalPodAutoscaler") == set()
    assert not shop.run(deployment("web", replicas=2))["changed"]


def test_replicas_that_the_release_alone_has_are_not_lost_to_a_new_autoscaler(shop):
    shop.run(deployment("web", replicas=4))
    shop.run(deployment("web", replicas=4), autoscaler(least=2))
    assert replicas(shop) == 4
    # The source drops the number, as the documentation of autoscalers advises.
    without_number = deployment("web")
    del without_number["spec"]["replicas"]
    shop.run(without_number, autoscaler(least=2))
    assert replicas(shop) == 4
