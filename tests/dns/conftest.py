# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from . import servers
from .program import Cluster, ExternalDns

HERE = Path(__file__).parent
CLUSTER = HERE.parent / "cluster"
GATEWAY_CRDS = "gateways", "gatewayclasses", "listenersets", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes"


@pytest.fixture(scope="session", autouse=True)
def _dns_servers_are_installed() -> None:
    if missing := servers.missing():
        pytest.skip(f"not installed: {', '.join(missing)} (on Debian: tests/dns/setup)")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dns")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    return Cluster(Path(path))


@pytest.fixture(scope="session")
def binary() -> Path:
    """external-dns, built from its Go module where it is not cached."""
    command = [sys.executable, str(CLUSTER / "cluster.py"), "path", "external-dns"]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@pytest.fixture(scope="session")
def powerdns(folder: Path) -> Iterator[servers.PowerDNS]:
    server = servers.PowerDNS(folder / "powerdns")
    for zone in ("sync.test", "keep.test", "team.test", "every.test", "other.test"):
        server.zone(zone)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bind(folder: Path) -> Iterator[servers.Bind]:
    server = servers.Bind(folder / "bind", {"bind.test": "legacy A 198.51.100.1\n", "2.0.192.in-addr.arpa": ""})
    yield server
    server.stop()


def gateway_crds() -> list[dict[str, Any]]:
    """The definitions that belong to the version of the Gateway API that external-dns is built with."""
    sys.path.insert(0, str(CLUSTER))
    from embedded.toolchain import find_go, go_environment  # pylint: disable=import-error,import-outside-toplevel

    module = subprocess.run(
        [find_go(), "mod", "download", "-json", "sigs.k8s.io/gateway-api"],
        cwd=CLUSTER / "go/external-dns", env=go_environment(), check=True, capture_output=True, text=True,
    )
    folder = Path(json.loads(module.stdout)["Dir"]) / "config/crd/experimental"
    return [yaml.safe_load((folder / f"gateway.networking.k8s.io_{name}.yaml").read_text()) for name in GATEWAY_CRDS]


@pytest.fixture(scope="session")
def gateway_api(cluster: Cluster) -> Iterator[None]:
    made = []
    resource = cluster.resource("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    for definition in gateway_crds():
        try:
            resource.create(body=definition)
        except kubernetes.dynamic.exceptions.ConflictError:
            continue
        made.append(definition["metadata"]["name"])
    for name in made:
        servers.eventually(f"{name} is served", lambda name=name: any(
            condition["type"] == "Established" and condition["status"] == "True"
            for condition in resource.get(name=name).to_dict().get("status", {}).get("conditions") or []
        ))
    cluster.forget_api()
    yield
    for name in made:
        resource.delete(name=name)
    cluster.forget_api()


@pytest.fixture(scope="session")
def releases(powerdns: servers.PowerDNS, bind: servers.Bind) -> dict[str, dict[str, Any]]:
    """Every external-dns of these tests: its name and variables."""
    pdns = {"external_dns_provider": "pdns", "external_dns_pdns": {"server": powerdns.url, "api_key": powerdns.api_key}}
    return {
        "sync": pdns | {"external_dns_policy": "sync", "external_dns_domain_filters": ["sync.test"]},
        "keep": pdns | {"external_dns_policy": "upsert-only", "external_dns_domain_filters": ["keep.test"]},
        "every": pdns | {
            "external_dns_policy": "sync", "external_dns_domain_filters": ["every.test"],
            "external_dns_sources": [
                "service", "ingress", "crd", "gateway-httproute", "gateway-grpcroute", "gateway-tlsroute", "gateway-tcproute",
                "gateway-udproute",
            ],
            "external_dns_service_type_filter": [], "external_dns_gateway_listener_sets": True,
        },
        "team": {
            "external_dns_provider": "webhook", "external_dns_policy": "sync", "external_dns_domain_filters": ["team.test"],
            "external_dns_namespaced": True, "external_dns_webhook": {"image": "registry.example/webhook:1"},
        },
        "bind": {
            "external_dns_provider": "rfc2136", "external_dns_policy": "sync",
            "external_dns_domain_filters": ["bind.test", "2.0.192.in-addr.arpa"], "external_dns_create_ptr": True,
            "external_dns_txt_prefix": "owner-of-%{record_type}-",
            "external_dns_rfc2136": {
                "hosts": ["127.0.0.1"], "port": bind.port, "zones": ["bind.test", "2.0.192.in-addr.arpa"],
                "tsig_keyname": bind.key_name, "tsig_secret": bind.key,
            },
        },
    }


@pytest.fixture(scope="session")
def deployed(cluster: Cluster, folder: Path, gateway_api: None, releases: dict[str, dict[str, Any]]) -> Iterator[None]:
    """All of them deployed by the role."""
    hosts = {
        name: {"external_dns_name": f"dns-{name}", "external_dns_namespace": f"dns-{name}", "external_dns_txt_owner_id": name} | variables
        for name, variables in releases.items()
    }
    inventory = {"all": {"hosts": hosts, "vars": {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable,
        "external_dns_interval": "1s", "external_dns_extra_args": ["--min-event-sync-interval=1s"], "external_dns_wait": False,
        # All that there is to log, for the test that no credential is among it.
        "external_dns_log_level": "debug",
    }}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "inventory.yml"), str(HERE / "deploy.yml")]
    environment = os.environ | {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig), "ANSIBLE_FORKS": "8"}
    played = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stdout[-5000:] + played.stderr[-2000:]
    cluster.forget_api()
    yield
    for name in releases:
        cluster.core.delete_namespace(f"dns-{name}")
    selector = {"label_selector": "app.kubernetes.io/name=external-dns"}
    cluster.rbac.delete_collection_cluster_role(**selector)
    cluster.rbac.delete_collection_cluster_role_binding(**selector)
    cluster.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "dnsendpoints.externaldns.k8s.io")
    for name in releases:
        servers.eventually(f"namespace dns-{name} is gone", lambda name=name: cluster.namespace_gone(f"dns-{name}"))


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for what asks for records."""
    name = request.node.name.removeprefix("test_").replace("_", "-").split("[")[0][:60]
    cluster.core.create_namespace({"metadata": {"name": name}})
    yield name
    cluster.core.delete_namespace(name)


@pytest.fixture(scope="session")
def start(deployed: None, binary: Path, cluster: Cluster, folder: Path) -> Callable[..., ExternalDns]:
    def starter(release: str, **options: Any) -> ExternalDns:
        return ExternalDns(binary, cluster, folder, f"dns-{release}", f"dns-{release}", **options)

    return starter


def running(release: str) -> Callable[..., Iterator[ExternalDns]]:
    """A fixture for an external-dns that runs for all tests of a module."""

    def fixture(start: Callable[..., ExternalDns]) -> Iterator[ExternalDns]:
        program = start(release)
        yield program
        program.stop()

    return pytest.fixture(scope="module", name=f"{release}_runs")(fixture)
