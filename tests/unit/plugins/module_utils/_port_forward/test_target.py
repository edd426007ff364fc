# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward import target


def pod(name="web-0", phase="Running", ready="True", deleted=None, containers=None, **spec):
    metadata = {"name": name, **({"deletionTimestamp": deleted} if deleted else {})}
    containers = containers or [{"name": "web", "ports": [{"name": "http", "containerPort": 3000}, {"containerPort": 9000}]}]
    return {
        "metadata": metadata,
        "spec": {"containers": containers, **spec},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
    }


def service(*ports, selector=None):
    return {"metadata": {"name": "web"}, "spec": {"selector": selector or {"app": "web"}, "ports": list(ports)}}


@pytest.mark.parametrize(
    "kind, selector, text",
    [
        ("Service", {"b": "2", "a": "1"}, "a=1,b=2"),
        ("ReplicationController", {"app": "web"}, "app=web"),
        ("Deployment", {"matchLabels": {"app": "web"}}, "app=web"),
        ("Job", {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}, "tier in (a,b)"),
    ],
)
def test_selectors(kind, selector, text):
    assert target.selector_of(kind, {"metadata": {"name": "web"}, "spec": {"selector": selector}}) == text


@pytest.mark.parametrize("selector", [None, {}])
def test_a_service_without_selector_is_refused(selector):
    with pytest.raises(TaskError, match="Service web has no selector, and so no pods"):
        target.selector_of("Service", {"metadata": {"name": "web"}, "spec": {"selector": selector}})


@pytest.mark.parametrize(
    "changed, words",
    [
        ({}, None),
        ({"ready": "False"}, None),
        ({"phase": "Pending"}, "is not running but Pending"),
        ({"phase": "Succeeded"}, "is not running but Succeeded"),
        ({"deleted": "2026-01-01T00:00:00Z"}, "is being deleted"),
    ],
)
def test_what_is_wrong_with_a_pod(changed, words):
    assert target.trouble(pod(**changed)) == words


def test_only_ready_pods_are_chosen_in_the_order_of_their_names():
    pods = [pod("c"), pod("b", ready="False"), pod("a"), pod("d", phase="Pending"), pod("e", deleted="2026-01-01T00:00:00Z")]
    assert [target.name_of(found) for found in target.ready(pods)] == ["a", "c"]


@pytest.mark.parametrize(
    "pods, sentence",
    [
        ([], "Deployment shop/web has no pods."),
        ([pod("b", ready="False"), pod("a", phase="Pending")],
         "Deployment shop/web has no ready pod: a is not running but Pending, b is not ready."),
        ([pod(name, ready="False") for name in "abcde"],
         "Deployment shop/web has no ready pod: a is not ready, b is not ready, c is not ready and 2 more."),
    ],
)
def test_the_sentence_when_none_is_ready(pods, sentence):
    assert target.why_none_is_ready("Deployment shop/web", pods) == sentence


SIDECAR = {"initContainers": [{"name": "proxy", "ports": [{"name": "admin", "containerPort": 9901}]}]}


@pytest.mark.parametrize(
    "port, of, number",
    [
        ("3000", None, 3000),
        ("4000", None, 4000),  # a container need not declare a port
        ("http", None, 3000),
        ("admin", None, 9901),
        ("80", service({"port": 80, "targetPort": 3000}), 3000),
        ("80", service({"port": 80, "targetPort": "http"}), 3000),
        ("80", service({"port": 80}), 80),
        ("web", service({"name": "other", "port": 81, "targetPort": 1}, {"name": "web", "port": 80, "targetPort": "http"}), 3000),
    ],
)
def test_ports(port, of, number):
    assert target.port_in_pod(port, pod(**SIDECAR), of) == number


@pytest.mark.parametrize(
    "port, of, sentence",
    [
        ("https", None, "Pod web-0 has no port that is called https; there is http."),
        ("0", None, "0 is not the number of a port."),
        ("65536", None, "65536 is not the number of a port."),
        ("3000", service({"name": "web", "port": 80}, {"port": 81}), "Service web has no port 3000; there is 80 (web), 81."),
        ("80", service(), "Service web has no port 80."),
        ("80", service({"port": 80, "targetPort": "grpc"}), "Pod web-0 has no port that is called grpc; there is http."),
    ],
)
def test_ports_that_are_not_there(port, of, sentence):
    with pytest.raises(TaskError) as error:
        target.port_in_pod(port, pod(), of)
    assert str(error.value) == sentence
