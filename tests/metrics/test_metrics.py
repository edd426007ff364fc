# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kubectl top answers, by a metrics-server that has the rights that the role gives, and needs every single one of them."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from dns.program import Cluster
from dns.servers import eventually

from .conftest import HERE, NAMESPACE
from .program import NAME, MetricsServer

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
RBAC = "rbac.authorization.k8s.io"
# What kubelets ask the API server for: the simulated ones let everybody in.
KUBELETS = ("get", "nodes/metrics")
# By the bindings to roles that Kubernetes brings along.
DELEGATED = {("create", "tokenreviews"), ("create", "subjectaccessreviews")}
CONFIGURATION = {(verb, "configmaps") for verb in ("get", "list", "watch")}


def rules(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.resource(f"{RBAC}/v1", "ClusterRole").get(name="system:metrics-server").to_dict()["rules"]


def granted(cluster: Cluster) -> set[tuple[str, str]]:
    return {(verb, resource) for rule in rules(cluster) for resource in rule["resources"] for verb in rule["verbs"]}


@pytest.fixture(scope="module")
def pod(cluster: Cluster) -> Iterator[str]:
    cluster.core.create_namespaced_pod("default", {
        "metadata": {"name": "busy", "annotations": {
            "slipway.kubernetes/usage-cpu": "250m", "slipway.kubernetes/usage-memory": "64Mi"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "one", "image": "busy"}, {"name": "two", "image": "busy"}]},
    })
    yield "busy"
    cluster.core.delete_namespaced_pod("busy", "default")


def test_the_role_sees_the_metrics_of_all_nodes(running: MetricsServer, play: Callable[..., str]) -> None:
    assert "failed=0" in play("check.yml")


def test_top_nodes(running: MetricsServer, kubectl: Kubectl, cluster: Cluster) -> None:
    nodes = {node.metadata.name for node in cluster.core.list_node().items}

    def rows() -> dict[str, list[str]]:
        shown = kubectl("top", "nodes", "--no-headers")
        return {words[0]: words[1:] for words in map(str.split, shown.stdout.splitlines())}

    found = eventually("kubectl top nodes", lambda: set(found := rows()) == nodes and found)
    for cpu, _share, memory, _share_of_memory in found.values():
        assert int(cpu.removesuffix("m")) >= 40
        assert int(memory.removesuffix("Mi")) >= 256


def test_top_pods(running: MetricsServer, kubectl: Kubectl, pod: str) -> None:
    def usage() -> tuple[int, int] | None:
        shown = kubectl("top", "pod", pod, "--no-headers").stdout.split()
        return (int(shown[1].removesuffix("m")), int(shown[2].removesuffix("Mi"))) if shown else None

    cpu, memory = eventually("kubectl top pod", usage)
    # Two containers; time is measured.
    assert 450 <= cpu <= 550
    assert memory == 128


@pytest.fixture
def viewer(cluster: Cluster) -> Iterator[str]:
    """The token of an account that may view one namespace."""
    binding = {
        "metadata": {"name": "metrics-viewer"}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    cluster.rbac.create_namespaced_role_binding("default", binding)
    yield cluster.core.create_namespaced_service_account_token("default", "default", {"spec": {}}).status.token
    cluster.rbac.delete_namespaced_role_binding("metrics-viewer", "default")


def ask(program: MetricsServer, authority: str, token: str, path: str) -> int:
    """The status of an answer by metrics-server itself, which the API server is not in between of."""
    context = ssl.create_default_context(cadata=authority)
    with socket.create_connection(("127.0.0.1", program.port)) as plain:
        with context.wrap_socket(plain, server_hostname=f"{NAME}.{NAMESPACE}.svc") as secure:
            secure.sendall(f"GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            return int(secure.makefile().readline().split()[1])


def test_who_may_view_a_namespace_may_see_its_metrics(
    running: MetricsServer, kubectl: Kubectl, cluster: Cluster, pod: str, viewer: str
) -> None:
    own = "--as=system:serviceaccount:default:default"
    eventually("a viewer sees them", lambda: pod in kubectl("top", "pods", own).stdout)
    for refused in (("pods", "--namespace", NAMESPACE), ("nodes",)):
        assert "Forbidden" in kubectl("top", *refused, own).stderr
    # The API server of this cluster asks in its own name, so it takes a direct question to see that metrics-server looks, too.
    authority = base64.b64decode(cluster.core.read_namespaced_secret("metrics-server-tls", NAMESPACE).data["ca"]).decode()
    for path, status in (("namespaces/default/pods", 200), (f"namespaces/{NAMESPACE}/pods", 403), ("nodes", 403)):
        assert ask(running, authority, viewer, f"/apis/metrics.k8s.io/v1beta1/{path}") == status


def test_rights_are_enough_and_all_used(running: MetricsServer, cluster: Cluster) -> None:
    own = granted(cluster) - {KUBELETS}
    # Before this, all kinds of questions were asked.
    assert running.requests.refused == set()
    assert own | DELEGATED < running.requests.used <= own | DELEGATED | CONFIGURATION


def test_kubelets_let_it_in(deployed: None, kubectl: Kubectl) -> None:
    account = f"system:serviceaccount:{NAMESPACE}:{NAME}"
    assert kubectl("auth", "can-i", "get", "nodes", "--subresource=metrics", f"--as={account}").stdout == "yes\n"
    assert kubectl("auth", "can-i", "get", "nodes", "--subresource=proxy", f"--as={account}").stdout == "no\n"


@pytest.mark.parametrize("missing", [(verb, resource) for resource in ("nodes", "pods") for verb in ("list", "watch")], ids=" ".join)
def test_each_right_is_missed(
    start: Callable[..., MetricsServer], cluster: Cluster, request: pytest.FixtureRequest, missing: tuple[str, str]
) -> None:
    name = "without-" + "-".join(missing)
    subject = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
    own = [{"apiGroups": [""], "resources": [resource], "verbs": [verb]} for verb, resource in granted(cluster) - {missing, KUBELETS}]

    def bind(to: str) -> dict[str, Any]:
        kind = "Role" if to == "extension-apiserver-authentication-reader" else "ClusterRole"
        return {"metadata": {"name": f"{name}-{kind}-{to}"[:63].rstrip("-")}, "subjects": subject,
                "roleRef": {"apiGroup": RBAC, "kind": kind, "name": to}}

    cluster.core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": name}})
    cluster.rbac.create_cluster_role({"metadata": {"name": name}, "rules": own})
    request.addfinalizer(lambda: cluster.rbac.delete_cluster_role(name))
    for role in (name, "system:auth-delegator"):
        body = bind(role)
        cluster.rbac.create_cluster_role_binding(body)
        request.addfinalizer(lambda body=body: cluster.rbac.delete_cluster_role_binding(body["metadata"]["name"]))
    reader = bind("extension-apiserver-authentication-reader")
    cluster.rbac.create_namespaced_role_binding("kube-system", reader)
    request.addfinalizer(lambda: cluster.rbac.delete_namespaced_role_binding(reader["metadata"]["name"], "kube-system"))

    program = start(account=name)
    try:
        eventually("it is refused", lambda: program.requests.refused)
        assert program.requests.refused == {missing}
    finally:
        program.stop()


def test_a_stranger_is_not_taken_for_a_kubelet(start: Callable[..., MetricsServer], cluster: Cluster, request: pytest.FixtureRequest) -> None:
    """And the role knows what is wrong by the words in which metrics-server says so."""
    authority, other = "metrics-server-kubelet-ca", cluster.core.read_namespaced_secret("metrics-server-tls", NAMESPACE).data["ca"]
    right = cluster.core.read_namespaced_config_map(authority, NAMESPACE).data
    cluster.core.patch_namespaced_config_map(authority, NAMESPACE, {"data": {"ca.crt": base64.b64decode(other).decode()}})
    request.addfinalizer(lambda: cluster.core.patch_namespaced_config_map(authority, NAMESPACE, {"data": right}))
    program = start(label="distrustful")
    try:
        words = yaml.safe_load((HERE.parents[1] / "roles/metrics_server/vars/main.yml").read_text())["__metrics_server_distrust"]
        eventually("it says so", lambda: re.search(words, program.output()))
    finally:
        program.stop()
