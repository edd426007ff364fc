# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import jsonpatch
import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import change
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

from .builders import template, workload

CAUSE = "kubernetes.io/change-cause"
GUARD = (
    {"op": "test", "path": "/metadata/uid", "value": "uid-deployment"},
    {"op": "test", "path": "/metadata/generation", "value": 7},
)


def applied(obj, operations):
    """What the API server makes of a patch (which fails, as there, where a parent is missing)."""
    return jsonpatch.apply_patch(copy.deepcopy(obj), operations)


# ------------------------------------------------------------------ images --
POD = template(containers={"web": "app:1", "side": "car:1"}, init={"migrate": "db:1"})


@pytest.mark.parametrize(
    "images, expected",
    [
        (None, {"web": "app:1", "side": "car:1", "migrate": "db:1"}),
        ({}, {"web": "app:1", "side": "car:1", "migrate": "db:1"}),
        ({"web": "app:2"}, {"web": "app:2", "side": "car:1", "migrate": "db:1"}),
        ({"migrate": "db:2"}, {"web": "app:1", "side": "car:1", "migrate": "db:2"}),
        ({"*": "all:1"}, {"web": "all:1", "side": "all:1", "migrate": "all:1"}),
        ({"*": "all:1", "web": "app:2"}, {"web": "app:2", "side": "all:1", "migrate": "all:1"}),
        ({"web": "app@sha256:0123"}, {"web": "app@sha256:0123", "side": "car:1", "migrate": "db:1"}),
    ],
    ids=["none", "empty", "one", "init container", "all", "a name wins over all", "digest"],
)
def test_images(images, expected):
    obj = workload(pod_template=POD)
    after = applied(obj, change.image_operations(obj, images))["spec"]["template"]["spec"]
    assert {c["name"]: c["image"] for c in after["containers"] + after["initContainers"]} == expected


def test_an_image_that_is_there_already_is_not_written():
    obj = workload(pod_template=POD)
    assert change.image_operations(obj, {"web": "app:1"}) == []
    assert len(change.image_operations(obj, {"web": "app:1", "side": "car:2"})) == 1


# ------------------------------------------------------------- annotations --
@pytest.mark.parametrize(
    "metadata, value, expected",
    [
        (None, "x", {"annotations": {CAUSE: "x"}}),
        ({}, "x", {"annotations": {CAUSE: "x"}}),
        ({"labels": {"a": "b"}}, "x", {"labels": {"a": "b"}, "annotations": {CAUSE: "x"}}),
        ({"annotations": None}, "x", {"annotations": {CAUSE: "x"}}),
        ({"annotations": {}}, "x", {"annotations": {CAUSE: "x"}}),
        ({"annotations": {"kept": "1"}}, "x", {"annotations": {"kept": "1", CAUSE: "x"}}),
        ({"annotations": {"kept": "1", CAUSE: "old"}}, "x", {"annotations": {"kept": "1", CAUSE: "x"}}),
        ({"annotations": {"kept": "1", CAUSE: "old"}}, None, {"annotations": {"kept": "1"}}),
        ({"annotations": {"kept": "1"}}, None, {"annotations": {"kept": "1"}}),
        (None, None, None),
    ],
    ids=[
        "no metadata",
        "empty metadata",
        "no annotations",
        "null annotations",
        "empty annotations",
        "other annotations",
        "changed",
        "removed",
        "nothing to remove",
        "nothing at all to remove",
    ],
)
def test_annotations(metadata, value, expected):
    obj = {"metadata": metadata} if metadata is not None else {}
    after = applied(obj, change.annotation_operations(obj, "", CAUSE, value))
    assert after.get("metadata") == expected


@pytest.mark.parametrize("value", ["same", None])
def test_an_annotation_as_it_should_be_is_not_written(value):
    obj = {"metadata": {"annotations": {CAUSE: "same"} if value else {"other": "1"}}}
    assert change.annotation_operations(obj, "", CAUSE, value) == []


def test_an_annotation_key_is_escaped_in_the_path():
    (operation,) = change.annotation_operations({"metadata": {"annotations": {"a": "b"}}}, "", "x/y~z", "v")
    assert operation["path"] == "/metadata/annotations/x~1y~0z"


# ---------------------------------------------------------------- requests --
def request(**options):
    return change.Request(**{"restarted_at": "2026-01-01T00:00:00Z", **options})


@pytest.mark.parametrize(
    "spec, options, expected",
    [
        ({}, {}, []),
        ({}, {"state": "resumed"}, []),
        ({"paused": True}, {"state": "paused"}, []),
        ({}, {"state": "paused"}, [*GUARD, {"op": "add", "path": "/spec/paused", "value": True}]),
        ({"paused": False}, {"state": "paused"}, [*GUARD, {"op": "add", "path": "/spec/paused", "value": True}]),
        ({"paused": True}, {"state": "resumed"}, [*GUARD, {"op": "remove", "path": "/spec/paused"}]),
        (
            {},
            {"images": {"web": "app:2"}},
            [*GUARD, {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "app:2"}],
        ),
        (
            {"paused": True},
            {"pause_at": "1", "images": {"web": "app:2"}},
            [
                *GUARD,
                {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "app:2"},
                {"op": "remove", "path": "/spec/paused"},
            ],
        ),
        ({"paused": True}, {"pause_at": "1"}, []),
    ],
    ids=[
        "nothing to do",
        "resume what runs",
        "pause what is paused",
        "pause",
        "pause what is explicitly not paused",
        "resume",
        "image",
        "pause_at starts anew",
        "pause_at with nothing to roll out",
    ],
)
def test_operations(spec, options, expected):
    assert change.operations(workload(generation=7, **spec), request(**options)) == expected


@pytest.mark.parametrize(
    "annotations", [None, {}, {"kept": "1"}, {"kept": "1", change.RESTARTED_AT: "2025-01-01T00:00:00Z"}]
)
def test_restart_is_annotated_in_the_template_and_nothing_else_changes(annotations):
    obj = workload(pod_template=template(annotations=annotations))
    after = applied(obj, change.operations(obj, request(state="restarted")))
    found = after["spec"]["template"]["metadata"].pop("annotations")
    assert found == {**(annotations or {}), change.RESTARTED_AT: "2026-01-01T00:00:00Z"}
    obj["spec"]["template"]["metadata"].pop("annotations", None)
    assert after == obj


def test_a_restart_patch_sent_twice_writes_once():
    obj = workload()
    after = applied(obj, change.operations(obj, request(state="restarted")))
    assert change.operations(after, request(state="restarted")) == []


def test_change_cause_is_written_with_the_change_in_one_patch():
    obj = workload(generation=7, annotations={"kept": "1"})
    operations = change.operations(obj, request(images={"web": "app:2"}, change_cause="version 2"))
    assert [o["op"] for o in operations] == ["test", "test", "replace", "add"]
    after = applied(obj, operations)
    assert after["metadata"]["annotations"] == {"kept": "1", CAUSE: "version 2"}


def test_a_change_cause_alone_is_a_change_of_its_own():
    obj = workload(annotations={CAUSE: "old"})
    assert len(change.operations(obj, request(change_cause="new"))) == 3
    assert change.operations(obj, request(change_cause="old")) == []


@pytest.mark.parametrize("field, value", [("generation", 8), ("uid", "that of another one of its name")])
def test_guarded_refuses_what_somebody_has_changed_or_made(field, value):
    obj = workload(generation=7)
    operations = change.operations(obj, request(images={"web": "app:2"}))
    obj["metadata"][field] = value
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied(obj, operations)


# -------------------------------------------------------------------- undo --
@pytest.mark.parametrize(
    "cause, annotations, expected",
    [
        ("version 1", {"kept": "1", CAUSE: "version 2"}, {"kept": "1", CAUSE: "version 1"}),
        (None, {"kept": "1", CAUSE: "version 2"}, {"kept": "1"}),
        (change.KEEP, {"kept": "1", CAUSE: "version 2"}, {"kept": "1", CAUSE: "version 2"}),
        ("version 1", None, {CAUSE: "version 1"}),
    ],
    ids=["with its cause", "without a cause", "cause kept", "no annotations before"],
)
def test_undo(cause, annotations, expected):
    obj = workload(pod_template=template("app:2"), generation=7, annotations=annotations, replicas=3)
    operations = change.undo_operations(obj, template("app:1"), cause)
    assert operations[:2] == list(GUARD)
    after = applied(obj, operations)
    assert after["spec"] == {**obj["spec"], "template": template("app:1")}
    assert after["metadata"]["annotations"] == expected


def test_undo_to_what_is_there_writes_nothing():
    assert change.undo_operations(workload(pod_template=template("app:1")), template("app:1"), change.KEEP) == []


# ----------------------------------------------------------------- refusals --
@pytest.mark.parametrize(
    "kind, spec, options, message",
    [
        ("DaemonSet", {}, {"state": "paused"}, "state=paused is not supported for DaemonSet shop/web: only a Deployment can be paused."),
        ("StatefulSet", {}, {"state": "resumed"}, "state=resumed is not supported for StatefulSet shop/web: only a Deployment can be paused."),
        ("StatefulSet", {}, {"pause_at": "1"}, "pause_at is not supported for StatefulSet shop/web: only a Deployment can be paused."),
        ("Deployment", {"paused": True}, {"state": "restarted"}, "Deployment shop/web is paused and cannot be restarted; use state=resumed first."),
        (
            "Deployment",
            {},
            {"images": {"nope": "x:1", "*": "y:1"}},
            'unable to find container named "nope" in Deployment shop/web; its containers are migrate, side, web.',
        ),
        (
            "Deployment",
            {"paused": True},
            {"images": {"web": "app:2"}},
            "Deployment shop/web is paused, so this change would not roll out; use state=resumed to roll it out, "
            "or state=paused to set it and stay paused.",
        ),
        (
            "Deployment",
            {"replicas": 4},
            {"pause_at": "5"},
            "pause_at=5 is 5 of 4 replicas of Deployment shop/web; it must be between 1 and 4.",
        ),
    ],
    ids=["pause DaemonSet", "resume StatefulSet", "pause_at StatefulSet", "restart paused", "container", "paused", "pause_at"],
)
def test_check_refuses(kind, spec, options, message):
    with pytest.raises(TaskError) as caught:
        change.check(workload(kind, POD, **spec), request(**options), wait=True)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "kind, spec, options, wait",
    [
        ("Deployment", {"paused": True}, {"images": {"web": "app:2"}}, False),
        ("Deployment", {"paused": True}, {"images": {"web": "app:1"}}, True),
        ("Deployment", {"paused": True}, {"images": {"web": "app:2"}, "state": "paused"}, True),
        ("Deployment", {"paused": True}, {"images": {"web": "app:2"}, "state": "resumed"}, True),
        ("Deployment", {}, {"images": {"*": "x:1"}}, True),
        ("Deployment", {}, {"images": {"migrate": "x:1"}}, True),
        ("DaemonSet", {}, {"state": "restarted"}, True),
    ],
    ids=["paused, not waited for", "paused, same image", "stays paused", "resumed", "all", "init container", "restart"],
)
def test_check_accepts(kind, spec, options, wait):
    change.check(workload(kind, POD, **spec), request(**options), wait)


@pytest.mark.parametrize(
    "pause_at, replicas, expected",
    [("25%", 8, 2), ("25%", 10, 3), ("1%", 3, 1), ("100%", 3, 3), ("2", 3, 2), (" 2 ", 3, 2), (2, 3, 2)],
)
def test_pause_count(pause_at, replicas, expected):
    assert change.pause_count(workload(replicas=replicas), pause_at) == expected


@pytest.mark.parametrize("pause_at", ["0", "0%", "-1", "5", "126%", "some", "", "%", "2.5"])
def test_pause_count_refuses(pause_at):
    with pytest.raises(TaskError, match="pause_at"):
        change.pause_count(workload(replicas=4), pause_at)


def test_pause_count_of_a_deployment_without_replicas_refuses():
    with pytest.raises(TaskError, match="between 1 and 0"):
        change.pause_count(workload(replicas=0), "25%")


@pytest.mark.parametrize(
    "options, generations",
    [({"images": {"web": "app:2"}}, 1), ({"state": "paused"}, 1), ({"change_cause": "why"}, 0)],
    ids=["image", "paused", "annotation alone"],
)
def test_predict_counts_the_generation_as_the_api_server_does(options, generations):
    before = workload("Deployment", POD)
    original = copy.deepcopy(before)
    operations = change.operations(before, request(**options))
    after = change.predict(before, operations)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + generations
    assert before == original and not change.operations(after, request(**options))


# ------------------------------------------------------------------- names --
@pytest.mark.parametrize(
    "length, kind, revision, request_, refused",
    [
        (52, "StatefulSet", "r" * 63, {"images": {"web": "app:2"}}, False),
        (53, "StatefulSet", "r" * 63, {"images": {"web": "app:2"}}, True),
        (53, "StatefulSet", "r" * 63, {"state": "restarted"}, True),
        (53, "StatefulSet", "r" * 63, {"change_cause": "x"}, False),
        (53, "StatefulSet", "r" * 63, {}, False),
        (54, "StatefulSet", "r" * 64, {}, True),
        (54, "StatefulSet", "", {}, False),
        (200, "DaemonSet", "", {"state": "restarted"}, False),
        (200, "Deployment", "", {"state": "restarted"}, False),
    ],
)
def test_a_name_that_leaves_no_room_for_the_hash(length, kind, revision, request_, refused):
    obj = workload(kind, template(), status={"updateRevision": revision})
    obj["metadata"]["name"] = "n" * length
    if not refused:
        change.check(obj, change.Request(**request_), True)
        return
    with pytest.raises(TaskError, match=f"StatefulSet shop/n+: its name has {length} characters, but more than 52 leave no room"):
        change.check(obj, change.Request(**request_), True)
