# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import objects

from .builders import condition, owned_by, template, workload


@pytest.mark.parametrize(
    "selector, expected",
    [
        ({}, ""),
        ({"matchLabels": None, "matchExpressions": None}, ""),
        ({"matchLabels": {"tier": "web", "app": "shop"}}, "app=shop,tier=web"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, "app in (a,b)"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, "app notin (a)"),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "app"),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, "!app"),
        (
            {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "old", "operator": "DoesNotExist", "values": None}]},
            "app=x,!old",
        ),
    ],
    ids=["empty", "nulls", "labels", "In", "NotIn", "Exists", "DoesNotExist", "both"],
)
def test_selector_string(selector, expected):
    assert objects.selector_string(selector) == expected


@pytest.mark.parametrize(
    "value, total, up, down",
    [
        (3, 10, 3, 3),
        ("3", 10, 3, 3),
        (0, 10, 0, 0),
        ("0%", 10, 0, 0),
        ("25%", 8, 2, 2),
        ("25%", 10, 3, 2),
        ("1%", 3, 1, 0),
        ("100%", 7, 7, 7),
        ("150%", 3, 5, 4),
        ("25%", 0, 0, 0),
    ],
)
def test_int_or_percent(value, total, up, down):
    assert objects.int_or_percent(value, total, round_up=True) == up
    assert objects.int_or_percent(value, total, round_up=False) == down


@pytest.mark.parametrize("value", ["", "%", "ten", "2.5%", "1/2"])
def test_int_or_percent_refuses(value):
    with pytest.raises(ValueError):
        objects.int_or_percent(value, 10, round_up=True)


@pytest.mark.parametrize(
    "obj, path, expected",
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": {"b": 0}}, ("a", "b"), 0),
        ({"a": {"b": False}}, ("a", "b"), False),
        ({"a": {"b": None}}, ("a", "b"), "default"),
        ({"a": None}, ("a", "b"), "default"),
        ({"a": [1]}, ("a", "b"), "default"),
        (None, ("a",), "default"),
    ],
    ids=["found", "zero is a value", "false is a value", "null", "null step", "list step", "no object"],
)
def test_dig(obj, path, expected):
    assert objects.dig(obj, *path, default="default") == expected


@pytest.mark.parametrize(
    "generation, observed, expected",
    [(1, 1, True), (2, 1, False), (1, 2, True), (1, 0, False), (0, 0, False)],
    ids=["same", "behind", "ahead", "never seen", "not yet defaulted"],
)
def test_observed(generation, observed, expected):
    assert objects.observed(workload(generation=generation, observed=observed)) is expected


def test_a_workload_without_status_is_not_observed():
    assert not objects.observed({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {}})


@pytest.mark.parametrize(
    "obj, expected",
    [
        (
            workload(replicas=4, status={"updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 1}),
            {"desired": 4, "updated": 3, "ready": 2, "available": 1},
        ),
        # the API leaves out counts that are zero, and replicas defaults to 1
        (workload(), {"desired": 1, "updated": 0, "ready": 0, "available": 0}),
        (workload(replicas=0), {"desired": 0, "updated": 0, "ready": 0, "available": 0}),
        (
            workload("StatefulSet", replicas=2, status={"updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": None}),
            {"desired": 2, "updated": 1, "ready": 2, "available": 0},
        ),
        (
            workload(
                "DaemonSet",
                status={"desiredNumberScheduled": 5, "updatedNumberScheduled": 4, "numberReady": 3, "numberAvailable": 2},
            ),
            {"desired": 5, "updated": 4, "ready": 3, "available": 2},
        ),
        (workload("DaemonSet"), {"desired": 0, "updated": 0, "ready": 0, "available": 0}),
    ],
    ids=["Deployment", "Deployment defaults", "scaled to zero", "StatefulSet", "DaemonSet", "DaemonSet without nodes"],
)
def test_replica_counts(obj, expected):
    assert objects.replica_counts(obj) == expected


@pytest.mark.parametrize(
    "owners, expected",
    [
        (owned_by("Deployment"), True),
        (owned_by("Deployment", uid="another"), False),
        (owned_by("Deployment", controller=False), False),
        (owned_by("Deployment", uid="another", controller=False) + owned_by("Deployment"), True),
        ([], False),
        (None, False),
    ],
    ids=["controller", "same name but another uid", "owner that does not control", "second owner", "none", "null"],
)
def test_controlled_by(owners, expected):
    assert objects.controlled_by({"metadata": {"ownerReferences": owners}}, workload()) is expected


def test_condition_is_found_by_type():
    obj = workload(status={"conditions": [condition("Available", "True"), condition("Progressing", "False", "Why")]})
    assert objects.condition(obj, "Progressing")["reason"] == "Why"
    assert objects.condition(obj, "ReplicaFailure") == {}
    assert objects.condition({}, "Progressing") == {}


def test_images_of_counts_init_containers_in():
    pod_template = template(containers={"web": "app:1", "side": "car:1"}, init={"migrate": "db:1"})
    assert objects.images_of(pod_template) == {"web": "app:1", "side": "car:1", "migrate": "db:1"}
    assert objects.images_of({}) == {}


def test_describe():
    assert objects.describe(workload("StatefulSet")) == "StatefulSet shop/web"
