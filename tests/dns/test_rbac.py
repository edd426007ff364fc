# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rights that the role gives are enough for external-dns, and it needs every single one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .program import Cluster, ExternalDns
from .servers import eventually

NAMESPACE, RELEASE = "dns-every", "dns-every"
# Newer clients list by watching, where the server can. In the other way, both verbs show.
LISTS = {"KUBE_FEATURE_WatchListClient": "false"}
# external-dns uses much memory and, as it starts, both cores.
AT_ONCE = 6
SOURCES = {
    "service": {"services", "pods", "endpointslices", "nodes"},
    "ingress": {"ingresses"},
    "crd": {"dnsendpoints", "dnsendpoints/status"},
    "gateway": {"gateways", "listenersets", "namespaces", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes"},
}


def rules(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.resource("rbac.authorization.k8s.io/v1", "ClusterRole").get(name=RELEASE).to_dict()["rules"]


def granted(cluster: Cluster) -> list[tuple[str, str]]:
    return [(verb, resource) for rule in rules(cluster) for resource in rule["resources"] for verb in rule["verbs"]]


@pytest.fixture
def account(cluster: Cluster) -> Iterator[Callable[[str, list[dict[str, Any]]], str]]:
    """Makes ServiceAccounts with rights of their own."""
    made = []

    def maker(name: str, own_rules: list[dict[str, Any]]) -> str:
        cluster.core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": name}})
        cluster.rbac.create_cluster_role({"metadata": {"name": name}, "rules": own_rules})
        made.append(name)
        cluster.rbac.create_cluster_role_binding({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
        })
        return name

    yield maker
    for name in made:
        cluster.rbac.delete_cluster_role_binding(name)
        cluster.rbac.delete_cluster_role(name)
        cluster.core.delete_namespaced_service_account(name, NAMESPACE)


def without(own_rules: list[dict[str, Any]], verb: str, resource: str) -> list[dict[str, Any]]:
    left = [
        {**rule, "verbs": [own for own in rule["verbs"] if own != verb]} if resource in rule["resources"] else rule
        for rule in own_rules
    ]
    return [rule for rule in left if rule["verbs"]]


def test_rights_are_those_of_the_sources(deployed: None, cluster: Cluster) -> None:
    expected = {(verb, resource) for resources in SOURCES.values() for resource in resources for verb in ("list", "watch")}
    expected -= {(verb, "dnsendpoints/status") for verb in ("list", "watch")}
    assert set(granted(cluster)) == expected | {("update", "dnsendpoints/status")}
    # By default it looks at load balancers, which need none of the pods.
    small = cluster.resource("rbac.authorization.k8s.io/v1", "ClusterRole").get(name="dns-sync").to_dict()["rules"]
    assert sorted(resource for rule in small for resource in rule["resources"]) == ["ingresses", "services"]


@pytest.mark.parametrize("env", [{}, LISTS], ids=["by watching", "by listing"])
def test_rights_are_enough(start: Callable[..., ExternalDns], cluster: Cluster, env: dict[str, str]) -> None:
    program = start("every", env=env)
    try:
        program.wait_synced()
        assert program.requests.refused == set()
        # The status is written where there is a DNSEndpoint: the next test.
        used = {right for right in granted(cluster) if right[0] == "watch" or env and right[0] == "list"}
        assert program.requests.used == used
    finally:
        program.stop()


def test_status_of_dnsendpoints_is_written(
    start: Callable[..., ExternalDns], account: Callable[..., str], cluster: Cluster, namespace: str
) -> None:
    """A right that is used only after a change, and once."""
    cluster.create({
        "apiVersion": "externaldns.k8s.io/v1alpha1", "kind": "DNSEndpoint", "metadata": {"name": "mail", "namespace": namespace},
        "spec": {"endpoints": [{"dnsName": "mail.other.test", "recordType": "A", "targets": ["192.0.2.50"]}]},
    })
    endpoints = cluster.resource("externaldns.k8s.io/v1alpha1", "DNSEndpoint")
    lacking = start("every", service_account=account("no-update", without(rules(cluster), "update", "dnsendpoints/status")))
    try:
        eventually("the missing right shows", lambda: lacking.requests.refused)
        lacking.wait_synced()
        assert lacking.requests.refused == {("update", "dnsendpoints/status")}
        assert "status" not in endpoints.get(name="mail", namespace=namespace).to_dict()
    finally:
        lacking.stop()
    complete = start("every")
    try:
        eventually("the status", lambda: endpoints.get(name="mail", namespace=namespace).to_dict().get("status") == {"observedGeneration": 1})
        assert complete.requests.refused == set()
    finally:
        complete.stop()


def test_each_right_is_needed(start: Callable[..., ExternalDns], account: Callable[..., str], cluster: Cluster) -> None:
    all_rules = rules(cluster)
    lacks = [right for right in granted(cluster) if right[0] in ("list", "watch")]
    assert len(lacks) == 28
    found = {}
    for begin in range(0, len(lacks), AT_ONCE):
        programs = {
            (verb, resource): start("every", env=LISTS, service_account=account(f"no-{verb}-{resource}", without(all_rules, verb, resource)))
            for verb, resource in lacks[begin:begin + AT_ONCE]
        }
        try:
            for lack, program in programs.items():
                found[lack] = set(eventually(f"the want of {lack}", lambda program=program: program.requests.refused))
        finally:
            for program in programs.values():
                program.stop()
    assert found == {lack: {lack} for lack in lacks}


def test_logs_hold_no_credentials(folder: Path) -> None:
    logs = list(folder.glob("dns-*.log"))
    assert logs
    assert not [log.name for log in logs if "open sesame" in log.read_text(errors="replace")]
