# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dns.program import Cluster
from dns.servers import eventually

from .program import NAME, MetricsServer

HERE = Path(__file__).parent
CLUSTER = HERE.parent / "cluster"
NAMESPACE = "metrics-test"
MERGE = "application/merge-patch+json"


def program_path(name: str) -> Path:
    """Of a program of the embedded cluster, built where it is not cached."""
    command = [sys.executable, str(CLUSTER / "cluster.py"), "path", name]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    return Cluster(Path(path))


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Callable[..., subprocess.CompletedProcess[str]]:
    path = program_path("kubectl")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(path), "--kubeconfig", str(cluster.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def kubelets(cluster: Cluster) -> Iterator[str]:
    """Nodes that tell what their pods use. Gives the authority of their certificates."""
    objects = yaml.safe_load((HERE / "usage.yml").read_text())
    for obj in objects:
        cluster.create(obj)
    nodes = [node.metadata.name for node in cluster.core.list_node().items]
    # One process answers for all of them.
    path = "metrics.k8s.io/resource-metrics-path"
    for name in nodes:
        cluster.core.patch_node(name, {"metadata": {"annotations": {path: f"/metrics/nodes/{name}/metrics/resource"}}})
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    yield Path(kubeconfig["clusters"][0]["cluster"]["certificate-authority"]).read_text()
    for name in nodes:
        cluster.core.patch_node(name, {"metadata": {"annotations": {path: None}}})
    for obj in objects:
        cluster.delete(obj["apiVersion"], obj["kind"], None, obj["metadata"]["name"])


@pytest.fixture(scope="session")
def play(cluster: Cluster, folder: Path, kubelets: str) -> Callable[..., str]:
    def run(playbook: str, **variables: Any) -> str:
        inventory = {"all": {"hosts": {NAME: {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable,
            "metrics_server_namespace": NAMESPACE, "metrics_server_kubelet_ca": kubelets,
            "metrics_server_metric_resolution": "12s", **variables}}}}
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "inventory.yml"), str(HERE / playbook)]
        environment = os.environ | {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig)}
        played = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert played.returncode == 0, played.stdout[-5000:] + played.stderr[-2000:]
        return played.stdout

    return run


@pytest.fixture(scope="session")
def deployed(play: Callable[..., str], cluster: Cluster) -> Iterator[None]:
    """Deployed by the role. No kubelet runs its pod."""
    play("deploy.yml", metrics_server_check=False)
    cluster.forget_api()
    yield
    play("deploy.yml", metrics_server_state="absent", metrics_server_delete_data=True)


@pytest.fixture(scope="session")
def start(deployed: None, cluster: Cluster, folder: Path) -> Callable[..., MetricsServer]:
    binary = program_path(NAME)

    def starter(**options: str) -> MetricsServer:
        return MetricsServer(binary, cluster, folder, NAMESPACE, **options)

    return starter


@pytest.fixture(scope="session")
def running(start: Callable[..., MetricsServer], cluster: Cluster) -> Iterator[MetricsServer]:
    """Behind the API server, which is led to it by the Service: there is no kube-proxy here."""
    program = start()
    services, apis = cluster.resource("v1", "Service"), cluster.resource("apiregistration.k8s.io/v1", "APIService")
    services.patch(name=NAME, namespace=NAMESPACE, content_type=MERGE, body={
        "spec": {"type": "ExternalName", "externalName": "127.0.0.1", "clusterIP": None, "clusterIPs": None, "selector": None}})
    apis.patch(name="v1beta1.metrics.k8s.io", content_type=MERGE, body={"spec": {"service": {"port": program.port}}})

    def available() -> bool:
        program.require_alive()
        conditions = apis.get(name="v1beta1.metrics.k8s.io").to_dict().get("status", {}).get("conditions") or []
        return any(condition["type"] == "Available" and condition["status"] == "True" for condition in conditions)

    eventually("the API is available", available)
    yield program
    program.stop()
