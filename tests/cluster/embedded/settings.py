# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kwokctl is told: components, ports, nodes and the stages that pods go through. Pure but for reading files."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from .common import HERE
from .programs import PROGRAMS

STAGES = HERE / "stages"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
# Of the options of kwokctl, in the order in which a block of ports is handed out.
PORTS = ("etcdPort", "etcdPeerPort", "kubeApiserverPort", "kubeControllerManagerPort", "kubeSchedulerPort",
         "kwokControllerPort")
# Below the range from which Linux and macOS pick the ports of outgoing connections, and clear of NodePorts.
PORT_BLOCKS = range(20000, 30000, 10)

EXTRA_ARGS: dict[str, dict[str, str]] = {
    # Nothing here has to survive a power cut.
    "etcd": {"unsafe-no-fsync": "true"},
    "kube-apiserver": {
        # Found by itself only where the machine has a network; nothing connects to it.
        "advertise-address": "192.0.2.1",
        # The nodes' host names don't resolve; kwok answers for every kubelet on the nodes' address.
        "kubelet-preferred-address-types": "InternalIP",
    },
    "kube-controller-manager": {
        "leader-elect": "false",
        # Signs client certificates. kwokctl starts every component in the cluster's own folder.
        "cluster-signing-cert-file": "pki/ca.crt",
        "cluster-signing-key-file": "pki/ca.key",
        "concurrent-deployment-syncs": "20",
        "concurrent-replicaset-syncs": "20",
        "concurrent-rc-syncs": "1",
        "concurrent-statefulset-syncs": "20",
        "concurrent-daemonset-syncs": "10",
        "concurrent-job-syncs": "10",
        "concurrent-gc-syncs": "40",
        "concurrent-namespace-syncs": "20",
        "concurrent-service-endpoint-syncs": "20",
    },
    "kube-scheduler": {"leader-elect": "false"},
}


def cluster_name(folder: Path) -> str:
    """One name for one folder, so that clusters of several folders run side by side."""
    return "slipway-" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]


def port_blocks(name: str) -> list[dict[str, int]]:
    """The ports to try, starting at a place that depends on the name: a restarted cluster mostly keeps its own."""
    first = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(PORT_BLOCKS)
    starts = [*PORT_BLOCKS[first:], *PORT_BLOCKS[:first]]
    return [{option: start + offset for offset, option in enumerate(PORTS)} for start in starts]


def stages(pod_ready_delay: int, log_dir: Path) -> str:
    """The Stage documents with their templates filled in."""
    def text(name: str) -> str:
        return (STAGES / name).read_text(encoding="utf-8").strip().replace("__LOG_DIR__", str(log_dir))

    container = text("container.gotmpl")
    values = {
        "__POD_STAGE__": text("pod-stage.jq"),
        "__POD_STATUS__": container + text("pod-status.gotmpl"),
        "__POD_EVENT__": container + text("pod-event.gotmpl"),
        "__POD_LOGS__": container + text("pod-logs.gotmpl"),
        "__POD_READY_DELAY_MS__": pod_ready_delay,
        "__KUBERNETES_VERSION__": PROGRAMS["kube-apiserver"].version,
    }
    documents = "\n---\n".join(text(name) for name in ("node.yaml.in", "pod.yaml.in", "volume.yaml.in"))
    # A JSON string is a YAML scalar that needs no care about indentation.
    return re.sub(r"__[A-Z_]+__", lambda match: json.dumps(values[match.group()]), documents)


def configuration(binaries: dict[str, Path], ports: dict[str, int], pod_ready_delay: int, log_dir: Path) -> str:
    """The file that kwokctl (and the kwok that it starts) reads."""
    options: dict[str, Any] = {
        "runtime": "binary",
        "bindAddress": "127.0.0.1",
        "kubeVersion": PROGRAMS["kube-apiserver"].version,
        "kubectlBinary": str(binaries["kubectl"]),
        "etcdBinary": str(binaries["etcd"]),
        "kubeApiserverBinary": str(binaries["kube-apiserver"]),
        "kubeControllerManagerBinary": str(binaries["kube-controller-manager"]),
        "kubeSchedulerBinary": str(binaries["kube-scheduler"]),
        "kwokControllerBinary": str(binaries["kwok"]),
        "disableQPSLimits": True,
        # The stages of failing pods create Logs objects that say which log each container has. Tests create PortForward
        # objects to have something of their own behind a pod's port, Attach objects to have a container print while it is
        # attached to, the other two to have kubelets tell the usage of pods.
        "enableCRDs": ["Logs", "PortForward", "Attach", "Metric", "ClusterResourceUsage"],
        **ports,
    }
    documents: list[Any] = [
        {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": options,
            "componentsPatches": [
                {"name": name, "extraArgs": [{"key": key, "value": value} for key, value in extra.items()]}
                for name, extra in EXTRA_ARGS.items()
            ],
        },
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterLogs",
            "metadata": {"name": "running"},
            "spec": {"logs": [{"logsFile": str(log_dir / "running.log")}]},
        },
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterPortForward",
            "metadata": {"name": "running"},
            # No ports: all of them.
            "spec": {"forwards": [{"command": ["/bin/sh", "-c", ANSWER]}]},
        },
    ]
    return "\n---\n".join([*(json.dumps(document, indent=1) for document in documents), stages(pod_ready_delay, log_dir)])


def manifest(nodes: int) -> dict[str, Any]:
    """What a cluster has when it is handed over."""
    return {"apiVersion": "v1", "kind": "List", "items": [*map(_node, range(nodes)), STORAGE_CLASS]}


def _node(index: int) -> dict[str, Any]:
    name = f"node-{index}"
    # Room for as many pods as the node takes; kwok's own default is one /24 for all nodes.
    cidr = f"10.{64 + index // 16}.{index % 16 * 16}.0/20"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "node-role.kubernetes.io/worker": "",
                "topology.kubernetes.io/region": "embedded",
                "topology.kubernetes.io/zone": f"embedded-{'abc'[index % 3]}",
            },
        },
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
    }


STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "slipway.kubernetes/embedded",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def trial(name: str) -> dict[str, Any]:
    """A Deployment that gets available only if every component does its work."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"slipway.kubernetes/ready-delay": "0s"}},
                "spec": {"containers": [{"name": "trial", "image": "trial"}]},
            },
        },
    }


# Static logs: kwok serves files. In the format of the container runtime interface.
LOGS = {
    "running": [
        ("stdout", "listening on :3000"),
        ("stdout", "GET / 200"),
    ],
    "crash-loop": [
        ("stdout", "starting"),
        ("stderr", "Error: connect ECONNREFUSED 127.0.0.1:5432"),
        ("stderr", "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)"),
        ("stderr", "fatal: could not reach the database, giving up"),
    ],
    "exit-126": [("stderr", "/bin/sh: 1: /srv/app: Permission denied")],
    "exit-127": [("stderr", "/bin/sh: 1: app: not found")],
    "oom": [
        ("stdout", "starting"),
        ("stdout", "loading 2.1 GiB of data into memory"),
    ],
}

# What a pod answers to whoever forwards a port to it, whatever its image and the port: as wardviaene/k8s-demo does.
ANSWER = r"""
return=$(printf '\r')
while read -r line && [ "$line" != "$return" ]; do :; done
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 12\r\nConnection: close\r\n\r\nHello World!'
"""


def log_file(lines: list[tuple[str, str]], timestamp: str) -> str:
    return "".join(f"{timestamp} {stream} F {line}\n" for stream, line in lines)
