# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""external-dns as a process here: with the arguments, environment and rights that a Deployment gives to its pod."""

from __future__ import annotations

import base64
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import kubernetes
import yaml

from .recorder import Recorder
from .servers import Process, eventually, free_port

LAST_SYNC = re.compile(r"^external_dns_controller_last_sync_timestamp_seconds (\S+)$", re.M)


class Cluster:
    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.client = kubernetes.config.new_client_from_config(str(kubeconfig))
        self.core = kubernetes.client.CoreV1Api(self.client)
        self.rbac = kubernetes.client.RbacAuthorizationV1Api(self.client)
        self.dynamic = kubernetes.dynamic.DynamicClient(self.client)

    def forget_api(self) -> None:
        """Look anew at what the API server serves."""
        self.dynamic = kubernetes.dynamic.DynamicClient(self.client)

    def namespace_gone(self, name: str) -> bool:
        try:
            self.core.read_namespace(name)
        except kubernetes.client.ApiException as error:
            return error.status == 404
        return False

    def resource(self, api_version: str, kind: str) -> Any:
        return self.dynamic.resources.get(api_version=api_version, kind=kind)

    def create(self, obj: dict[str, Any], status: dict[str, Any] | None = None) -> None:
        resource = self.resource(obj["apiVersion"], obj["kind"])
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
        resource.create(body=obj, namespace=namespace)
        if status is not None:
            self.patch_status(obj["apiVersion"], obj["kind"], namespace, name, status)

    def patch_status(self, api_version: str, kind: str, namespace: str | None, name: str, status: dict[str, Any]) -> None:
        self.resource(api_version, kind).status.patch(
            body={"status": status}, name=name, namespace=namespace, content_type="application/merge-patch+json"
        )

    def patch(self, api_version: str, kind: str, namespace: str | None, name: str, body: dict[str, Any]) -> None:
        self.resource(api_version, kind).patch(
            body=body, name=name, namespace=namespace, content_type="application/merge-patch+json"
        )

    def delete(self, api_version: str, kind: str, namespace: str | None, name: str) -> None:
        self.resource(api_version, kind).delete(name=name, namespace=namespace)

    def service(self, namespace: str, name: str, hostname: str, address: str, **annotations: str) -> None:
        """A Service of type LoadBalancer, whose address no cloud but this test assigns."""
        prefix = "external-dns.kubernetes.io/"
        self.create(
            {
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": namespace, "annotations": {
                    f"{prefix}hostname": hostname, **{f"{prefix}{key}": value for key, value in annotations.items()}}},
                "spec": {"type": "LoadBalancer", "selector": {"app": "none"}, "ports": [{"port": 80}]},
            },
            {"loadBalancer": {"ingress": [{"ip": address}]}},
        )

    def ingress(self, namespace: str, name: str, hostname: str, address: str) -> None:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        self.create(
            {
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"rules": [{"host": hostname, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
            },
            {"loadBalancer": {"ingress": [{"ip": address}]}},
        )

    def recorder(self, namespace: str, service_account: str) -> Recorder:
        """The way to the API server for a ServiceAccount, with an expiring token."""
        admin = yaml.safe_load(self.kubeconfig.read_text())
        context = next(c["context"] for c in admin["contexts"] if c["name"] == admin["current-context"])
        cluster = next(c["cluster"] for c in admin["clusters"] if c["name"] == context["cluster"])
        request = {"spec": {"expirationSeconds": 3600}}
        token = self.core.create_namespaced_service_account_token(service_account, namespace, request).status.token
        return Recorder(cluster["server"], cluster["certificate-authority"], token)


def kubeconfig_for(server: str, file: Path) -> Path:
    file.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
    }))
    return file


class ExternalDns(Process):
    """Runs as the container of Deployment `namespace/name` would, as its ServiceAccount or another."""

    def __init__(
        self, binary: Path, cluster: Cluster, folder: Path, namespace: str, name: str,
        service_account: str = "", env: dict[str, str] | None = None, instead: dict[str, str] | None = None,
    ) -> None:
        """`instead`: flags with another value than the Deployment gives them, or that it does not give."""
        deployment = cluster.resource("apps/v1", "Deployment").get(name=name, namespace=namespace).to_dict()
        pod = deployment["spec"]["template"]["spec"]
        container = next(c for c in pod["containers"] if c["name"] == "external-dns")
        instead = instead or {}
        self.arguments = [text for text in container["args"] if text.removeprefix("--").split("=")[0] not in instead]
        self.arguments += [f"--{flag}={value}" for flag, value in instead.items()]
        variables = {entry["name"]: entry["value"] for entry in container.get("env") or []}
        for source in container.get("envFrom") or []:
            secret = cluster.core.read_namespaced_secret(source["secretRef"]["name"], namespace)
            variables |= {key: base64.b64decode(value).decode() for key, value in secret.data.items()}
        account = service_account or pod["serviceAccountName"]
        label = f"{name}-{account}" if service_account else name
        self.metrics_port = free_port()
        self.requests = cluster.recorder(namespace, account)
        kubeconfig = kubeconfig_for(self.requests.url, folder / f"{label}.kubeconfig")
        # In a pod the program finds the API server and its token by itself; and every pod has a port 7979.
        variables |= {
            "EXTERNAL_DNS_KUBECONFIG": str(kubeconfig),
            "EXTERNAL_DNS_METRICS_ADDRESS": f"127.0.0.1:{self.metrics_port}",
        }
        super().__init__([str(binary), *self.arguments], folder / f"{label}.log", variables | (env or {}))

    def stop(self) -> None:
        super().stop()
        self.requests.stop()

    def last_sync(self) -> float:
        self.require_alive()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as response:
                match = LAST_SYNC.search(response.read().decode())
        except OSError:
            return 0.0
        return float(match.group(1)) if match else 0.0

    def wait_synced(self) -> None:
        """Until a whole round has been made that began after now: the end of the second from now."""
        now = time.time()
        first = eventually("a synchronization", lambda: (end := self.last_sync()) > now and end)
        eventually("a second synchronization", lambda: self.last_sync() > first)
