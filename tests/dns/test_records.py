# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What external-dns makes of Services, Ingresses, routes and DNSEndpoints, as DNS servers answer it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import running
from .program import Cluster, ExternalDns
from .servers import Bind, PowerDNS, Process, eventually, free_port

sync_runs, keep_runs, bind_runs, every_runs = (running(name) for name in ("sync", "keep", "bind", "every"))


def owned_by(answers: list[str], owner: str) -> bool:
    return any("heritage=external-dns," in text and f"external-dns/owner={owner}," in text for text in answers)


def test_service_and_ingress_live_their_life(sync_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str) -> None:
    cluster.service(namespace, "echo", "echo.sync.test", "192.0.2.10", ttl="120")
    cluster.ingress(namespace, "shop", "shop.sync.test", "192.0.2.20")
    powerdns.answers("echo.sync.test", ["192.0.2.10"])
    powerdns.answers("shop.sync.test", ["192.0.2.20"])
    assert powerdns.ttl("echo.sync.test") == 120
    assert owned_by(powerdns.dig("a-echo.sync.test", "TXT"), "sync")
    assert owned_by(powerdns.dig("a-shop.sync.test", "TXT"), "sync")

    cluster.patch_status("v1", "Service", namespace, "echo", {"loadBalancer": {"ingress": [{"ip": "192.0.2.11"}, {"ip": "2001:db8::11"}]}})
    cluster.patch_status("networking.k8s.io/v1", "Ingress", namespace, "shop", {"loadBalancer": {"ingress": [{"ip": "192.0.2.21"}]}})
    cluster.patch("v1", "Service", namespace, "echo", {"metadata": {"annotations": {"external-dns.kubernetes.io/ttl": "60"}}})
    powerdns.answers("echo.sync.test", ["192.0.2.11"])
    powerdns.answers("echo.sync.test", ["2001:db8::11"], "AAAA")
    powerdns.answers("shop.sync.test", ["192.0.2.21"])
    eventually("the new TTL", lambda: powerdns.ttl("echo.sync.test") == 60)

    cluster.delete("v1", "Service", namespace, "echo")
    cluster.delete("networking.k8s.io/v1", "Ingress", namespace, "shop")
    eventually("the records are gone", lambda: not any("echo" in name or "shop" in name for name, _kind in powerdns.records("sync.test")))
    assert powerdns.status("echo.sync.test") == "NXDOMAIN"


def test_foreign_records_are_left_alone(sync_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str) -> None:
    foreign = {
        ("legacy.sync.test", "A"): "198.51.100.1",
        ("theirs.sync.test", "A"): "198.51.100.2",
        ("a-theirs.sync.test", "TXT"): '"heritage=external-dns,external-dns/owner=theirs,external-dns/resource=service/x/y"',
        ("sync.test", "MX"): "10 mail.sync.test.",
    }
    for (name, kind), content in foreign.items():
        powerdns.record("sync.test", name, kind, content)
    before = powerdns.records("sync.test")
    # A Service that wants a name that somebody holds, and names outside of the domain that is managed.
    cluster.service(namespace, "legacy", "legacy.sync.test", "192.0.2.30")
    cluster.service(namespace, "theirs", "theirs.sync.test", "192.0.2.31")
    cluster.service(namespace, "other", "www.other.test", "192.0.2.32")
    cluster.service(namespace, "marker", "marker.sync.test", "192.0.2.33")
    powerdns.answers("marker.sync.test", ["192.0.2.33"])
    sync_runs.wait_synced()
    assert {key: value for key, value in powerdns.records("sync.test").items() if "marker" not in key[0]} == before
    assert set(powerdns.records("other.test")) == {("other.test", "NS")}

    for name in ("legacy", "theirs", "other", "marker"):
        cluster.delete("v1", "Service", namespace, name)
    eventually("the marker is gone", lambda: powerdns.records("sync.test") == before)


def test_only_sync_deletes(keep_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str) -> None:
    cluster.service(namespace, "echo", "echo.keep.test", "192.0.2.10")
    powerdns.answers("echo.keep.test", ["192.0.2.10"])
    cluster.patch_status("v1", "Service", namespace, "echo", {"loadBalancer": {"ingress": [{"ip": "192.0.2.11"}]}})
    powerdns.answers("echo.keep.test", ["192.0.2.11"])
    cluster.delete("v1", "Service", namespace, "echo")
    keep_runs.wait_synced()
    assert powerdns.dig("echo.keep.test") == ["192.0.2.11"]
    assert owned_by(powerdns.dig("a-echo.keep.test", "TXT"), "keep")


def test_bind_with_signed_updates(bind_runs: ExternalDns, cluster: Cluster, bind: Bind, namespace: str) -> None:
    cluster.service(namespace, "echo", "echo.bind.test", "192.0.2.10")
    cluster.ingress(namespace, "shop", "shop.bind.test", "192.0.2.20")
    cluster.service(namespace, "legacy", "legacy.bind.test", "192.0.2.30")
    bind.answers("echo.bind.test", ["192.0.2.10"])
    bind.answers("shop.bind.test", ["192.0.2.20"])
    bind.answers("10.2.0.192.in-addr.arpa", ["echo.bind.test."], "PTR")
    assert owned_by(bind.dig("owner-of-a-echo.bind.test", "TXT"), "bind")

    cluster.patch_status("v1", "Service", namespace, "echo", {"loadBalancer": {"ingress": [{"ip": "192.0.2.11"}]}})
    bind.answers("echo.bind.test", ["192.0.2.11"])
    bind.answers("11.2.0.192.in-addr.arpa", ["echo.bind.test."], "PTR")
    bind.answers("10.2.0.192.in-addr.arpa", [], "PTR")

    cluster.delete("v1", "Service", namespace, "echo")
    cluster.delete("networking.k8s.io/v1", "Ingress", namespace, "shop")
    for name in ("echo.bind.test", "shop.bind.test", "11.2.0.192.in-addr.arpa", "owner-of-a-echo.bind.test"):
        eventually(f"{name} is gone", lambda name=name: bind.status(name) == "NXDOMAIN")
    assert bind.dig("legacy.bind.test") == ["198.51.100.1"]
    assert bind.dig("owner-of-a-legacy.bind.test", "TXT") == []


def test_routes_and_dnsendpoints(every_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str) -> None:
    cluster.create({
        "apiVersion": "externaldns.k8s.io/v1alpha1", "kind": "DNSEndpoint", "metadata": {"name": "mail", "namespace": namespace},
        "spec": {"endpoints": [{"dnsName": "mail.every.test", "recordType": "A", "recordTTL": 60, "targets": ["192.0.2.50", "192.0.2.51"]}]},
    })
    cluster.create(
        {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "web", "namespace": namespace},
            "spec": {"gatewayClassName": "none", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
        },
        {"addresses": [{"type": "IPAddress", "value": "192.0.2.52"}]},
    )
    cluster.create(
        {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": namespace},
            "spec": {"parentRefs": [{"name": "web"}], "hostnames": ["web.every.test"]},
        },
        {"parents": [{
            "controllerName": "example.com/none", "parentRef": {"name": "web"},
            "conditions": [{
                "type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        }]},
    )
    powerdns.answers("mail.every.test", ["192.0.2.50", "192.0.2.51"])
    powerdns.answers("web.every.test", ["192.0.2.52"])
    cluster.delete("externaldns.k8s.io/v1alpha1", "DNSEndpoint", namespace, "mail")
    cluster.delete("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, "web")
    for name in ("mail.every.test", "web.every.test"):
        eventually(f"{name} is gone", lambda name=name: powerdns.status(name) == "NXDOMAIN")


def test_one_namespace_alone_and_a_provider_behind_a_webhook(
    start: Callable[..., ExternalDns], binary: Path, cluster: Cluster, powerdns: PowerDNS, folder: Path, namespace: str
) -> None:
    """The sidecar is external-dns, too, which serves any of its providers in this way."""
    arguments = ["--webhook-server", "--provider=pdns", "--source=empty", "--policy=sync", f"--pdns-server={powerdns.url}",
                 "--domain-filter=team.test", f"--metrics-address=127.0.0.1:{free_port()}"]
    sidecar = Process([str(binary), *arguments], folder / "sidecar.log", {"EXTERNAL_DNS_PDNS_API_KEY": powerdns.api_key})
    team = start("team")
    try:
        cluster.service(namespace, "stranger", "stranger.team.test", "192.0.2.40")
        cluster.service("dns-team", "member", "member.team.test", "192.0.2.41")
        powerdns.answers("member.team.test", ["192.0.2.41"])
        team.wait_synced()
        assert powerdns.status("stranger.team.test") == "NXDOMAIN"
        assert team.requests.refused == set()
        cluster.delete("v1", "Service", "dns-team", "member")
        eventually("the record is gone", lambda: powerdns.status("member.team.test") == "NXDOMAIN")
        sidecar.require_alive()
    finally:
        team.stop()
        sidecar.stop()


def test_records_change_their_owner(
    start: Callable[..., ExternalDns], keep_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str
) -> None:
    cluster.service(namespace, "web", "web.keep.test", "192.0.2.60")
    powerdns.answers("web.keep.test", ["192.0.2.60"])
    assert owned_by(powerdns.dig("a-web.keep.test", "TXT"), "keep")
    keep_runs.stop()
    moved = start("keep", instead={"txt-owner-id": "moved", "migrate-from-txt-owner": "keep"})
    try:
        eventually("the new owner", lambda: owned_by(powerdns.dig("a-web.keep.test", "TXT"), "moved"))
        cluster.patch_status("v1", "Service", namespace, "web", {"loadBalancer": {"ingress": [{"ip": "192.0.2.61"}]}})
        powerdns.answers("web.keep.test", ["192.0.2.61"])
    finally:
        moved.stop()


def test_empty_source_purges_what_is_owned(
    start: Callable[..., ExternalDns], sync_runs: ExternalDns, cluster: Cluster, powerdns: PowerDNS, namespace: str
) -> None:
    before = powerdns.records("sync.test")
    cluster.service(namespace, "echo", "echo.sync.test", "192.0.2.10")
    cluster.ingress(namespace, "shop", "shop.sync.test", "192.0.2.20")
    powerdns.answers("echo.sync.test", ["192.0.2.10"])
    powerdns.answers("shop.sync.test", ["192.0.2.20"])
    sync_runs.stop()
    purge = start("sync", instead={"source": "empty"})
    try:
        eventually("only foreign records are left", lambda: powerdns.records("sync.test") == before)
    finally:
        purge.stop()
