# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import history
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

from .builders import controller_revision, owned_by, replica_set, template, workload


def numbers(kind, objects):
    return [r.number for r in history.revisions_of(workload(kind), objects)]


@pytest.mark.parametrize(
    "objects, expected",
    [
        ([], []),
        ([replica_set(2), replica_set(10), replica_set(1)], [1, 2, 10]),
        ([replica_set(1), replica_set(4), replica_set(7)], [1, 4, 7]),
        ([replica_set(None), replica_set(1)], [0, 1]),
        ([replica_set(""), replica_set(1)], [0, 1]),
        ([replica_set("three"), replica_set(1)], [1]),
        ([replica_set(1, owners=owned_by("Deployment", uid="another")), replica_set(2)], [2]),
        ([replica_set(1, owners=owned_by("Deployment", controller=False)), replica_set(2)], [2]),
        ([replica_set(1, owners=[]), replica_set(2)], [2]),
    ],
    ids=[
        "none",
        "by number",
        "gaps",
        "no annotation",
        "empty annotation",
        "unreadable annotation",
        "another Deployment's",
        "owned but not controlled",
        "orphan",
    ],
)
def test_revisions_of_a_deployment(objects, expected):
    assert numbers("Deployment", objects) == expected


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet"])
def test_revisions_of_the_other_kinds(kind):
    foreign = "StatefulSet" if kind == "DaemonSet" else "DaemonSet"
    objects = [
        controller_revision(kind, 5),
        controller_revision(foreign, 3),
        controller_revision(kind, 4, owners=owned_by(kind, uid="another")),
        controller_revision(kind, 2),
    ]
    assert numbers(kind, objects) == [2, 5]


def test_what_a_revision_of_a_deployment_tells():
    obj = replica_set(3, template("app:3"), name="web-5f", created="2026-02-03T04:05:06Z", cause="version 3")
    assert history.revisions_of(workload(), [obj]) == [
        history.Revision(
            number=3,
            name="web-5f",
            uid="uid-web-5f",
            created="2026-02-03T04:05:06Z",
            change_cause="version 3",
            template=template("app:3"),
            pod_label=("pod-template-hash", "hash3"),
        )
    ]


@pytest.mark.parametrize(
    "kind, label",
    [
        # a StatefulSet labels its pods with the revision's name, a DaemonSet with the hash in it
        ("StatefulSet", ("controller-revision-hash", "web-rev3")),
        ("DaemonSet", ("controller-revision-hash", "rev3")),
    ],
)
def test_what_a_controller_revision_tells(kind, label):
    (revision,) = history.revisions_of(workload(kind), [controller_revision(kind, 3, cause="")])
    assert revision.template == template("app:3")
    assert revision.pod_label == label
    assert revision.change_cause is None


@pytest.mark.parametrize(
    "stored, expected",
    [
        ({"$patch": "replace", "spec": {}}, {"spec": {}}),
        ({"metadata": {"creationTimestamp": None}, "spec": {}}, {"spec": {}}),
        ({"metadata": None, "spec": {}}, {"spec": {}}),
        ({"metadata": {"creationTimestamp": "T"}}, {"metadata": {"creationTimestamp": "T"}}),
        ({"metadata": {"labels": {"pod-template-hash": "x", "a": "b"}}}, {"metadata": {"labels": {"a": "b"}}}),
        ({"metadata": {"labels": {"pod-template-hash": "x"}, "name": "n"}}, {"metadata": {"name": "n"}}),
        (
            {"metadata": {"labels": {"a": "b"}, "annotations": {"pod-template-hash": "kept"}}},
            {"metadata": {"labels": {"a": "b"}, "annotations": {"pod-template-hash": "kept"}}},
        ),
    ],
    ids=["$patch", "creationTimestamp null", "metadata null", "creationTimestamp set", "hash label", "only label", "annotation"],
)
def test_clean_template(stored, expected):
    original = copy.deepcopy(stored)
    assert history.clean_template(stored) == expected
    assert stored == original


ONE, TWO = template("app:1"), template("app:2")


@pytest.mark.parametrize(
    "kind, objects, spec, expected",
    [
        ("Deployment", [replica_set(1), replica_set(2)], TWO, 2),
        ("Deployment", [replica_set(1), replica_set(2)], ONE, 1),
        ("Deployment", [replica_set(1)], TWO, None),
        ("Deployment", [], ONE, None),
        # the controller takes the oldest of ReplicaSets with equal templates, whatever their numbers
        (
            "Deployment",
            [
                replica_set(4, ONE, created="2026-01-01T00:00:00Z"),
                replica_set(2, ONE, created="2026-01-02T00:00:00Z"),
                replica_set(5, ONE, created="2026-01-03T00:00:00Z"),
                replica_set(6, TWO, created="2026-01-04T00:00:00Z"),
            ],
            ONE,
            4,
        ),
        ("StatefulSet", [controller_revision("StatefulSet", 1), controller_revision("StatefulSet", 2)], ONE, 1),
        (
            "DaemonSet",
            [controller_revision("DaemonSet", 1, ONE), controller_revision("DaemonSet", 3, ONE, name="web-b")],
            ONE,
            3,
        ),
    ],
    ids=["newest", "undone", "not made yet", "no history", "equal templates", "StatefulSet", "DaemonSet equal templates"],
)
def test_current_revision(kind, objects, spec, expected):
    obj = workload(kind, spec)
    current = history.current_revision(obj, history.revisions_of(obj, objects))
    assert (current.number if current else None) == expected


DEFAULTED = template("app:1", schedulerName="default-scheduler")


@pytest.mark.parametrize(
    "kind, observed, status, expected",
    [
        ("StatefulSet", 1, {"updateRevision": "web-rev1"}, 1),
        ("StatefulSet", 1, {"updateRevision": "gone"}, None),
        ("DaemonSet", 1, {}, 2),
        ("DaemonSet", 0, {}, None),
        ("StatefulSet", 0, {"updateRevision": "web-rev1"}, None),
    ],
    ids=["as the status names it", "named one is gone", "newest for a DaemonSet", "DaemonSet unobserved", "StatefulSet unobserved"],
)
def test_a_template_that_an_older_api_server_stored_without_a_default(kind, observed, status, expected):
    obj = workload(kind, DEFAULTED, observed=observed, status=status)
    revisions = history.revisions_of(obj, [controller_revision(kind, 1), controller_revision(kind, 2)])
    current = history.current_revision(obj, revisions)
    assert (current.number if current else None) == expected


@pytest.mark.parametrize(
    "present, wanted, expected",
    [([1, 2, 3], 0, 2), ([1, 3], 0, 1), ([1, 4, 7], 0, 4), ([1, 4, 7], 1, 1), ([1, 4, 7], 7, 7), ([0, 5], 0, 0)],
    ids=["previous", "over a gap", "second highest", "by number", "the current one", "without an annotation"],
)
def test_undo_target(present, wanted, expected):
    obj = workload()
    revisions = history.revisions_of(obj, [replica_set(n) for n in present])
    assert history.undo_target(obj, revisions, wanted).number == expected


@pytest.mark.parametrize(
    "present, wanted, message",
    [
        ([], 0, "Deployment shop/web has no earlier revision to undo to: its history is empty."),
        ([3], 0, "Deployment shop/web has no earlier revision to undo to: its revisions are 3."),
        (
            [1, 4],
            2,
            "unable to find specified revision 2 in the history of Deployment shop/web: its revisions are 1, 4.",
        ),
    ],
    ids=["empty", "only one", "in a gap"],
)
def test_undo_target_refuses(present, wanted, message):
    obj = workload()
    revisions = history.revisions_of(obj, [replica_set(n) for n in present])
    with pytest.raises(TaskError) as caught:
        history.undo_target(obj, revisions, wanted)
    assert str(caught.value) == message
