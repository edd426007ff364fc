# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._release import defaults


@pytest.mark.parametrize(
    "image, policy",
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.29", "IfNotPresent"),
        ("registry.example.com:5000/web/nginx", "Always"),
        ("registry.example.com:5000/web/nginx:1", "IfNotPresent"),
        ("nginx@sha256:aa", "IfNotPresent"),
        ("registry.example.com:5000/nginx@sha256:aa", "IfNotPresent"),
        ("nginx:1@sha256:aa", "IfNotPresent"),
        ("nginx:latest@sha256:aa", "Always"),
        ("", "Always"),
    ],
)
def test_pull_policy(image, policy):
    assert defaults.pull_policy(image) == policy


def pod(**more):
    return {"containers": [{"name": "web", "image": "web:1", **more}], "initContainers": [{"name": "first", "image": "web"}]}


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "Pod", "spec": pod()},
        {"kind": "Deployment", "spec": {"template": {"spec": pod()}}},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod()}}}}},
    ],
    ids=lambda obj: obj["kind"],
)
def test_every_container_gets_one(obj):
    defaults.say_pull_policies(obj)
    assert '"imagePullPolicy": "IfNotPresent"' in str(obj).replace("'", '"') and '"imagePullPolicy": "Always"' in str(obj).replace("'", '"')


def test_what_is_said_stays():
    obj = {"kind": "Pod", "spec": pod(imagePullPolicy="Never")}
    defaults.say_pull_policies(obj)
    assert obj["spec"]["containers"][0]["imagePullPolicy"] == "Never"


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "ConfigMap", "data": {"containers": "x"}},
        {"kind": "Deployment"},
        {"kind": "Deployment", "spec": None},
        {"kind": "Deployment", "spec": {"template": []}},
        {"kind": "Pod", "spec": {"containers": None, "initContainers": "x"}},
        {"kind": "Pod", "spec": {"containers": ["x", {"image": 1}, {}]}},
    ],
)
def test_what_is_no_pod_is_left_as_it_is(obj):
    before = str(obj)
    defaults.say_pull_policies(obj)
    assert str(obj) == before
