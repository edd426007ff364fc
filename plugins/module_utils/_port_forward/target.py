# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pod, and which of its ports, a forward leads to.  Pure.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.client import APPS, CORE
from .._api.errors import TaskError
from .._rollout.objects import condition, dig, name_of, selector_string

#: kinds that a forward can be opened to, and where the API has them
KINDS = {
    "Pod": (CORE, "pods"),
    "Service": (CORE, "services"),
    "Deployment": (APPS, "deployments"),
    "StatefulSet": (APPS, "statefulsets"),
    "DaemonSet": (APPS, "daemonsets"),
    "ReplicaSet": (APPS, "replicasets"),
    "ReplicationController": (CORE, "replicationcontrollers"),
    "Job": ("/apis/batch/v1", "jobs"),
}


def selector_of(kind, target):
    """The label selector of a Service's or workload's pods, as the API's labelSelector takes it."""
    selector = dig(target, "spec", "selector")
    if not selector:
        raise TaskError(f"{kind} {name_of(target)} has no selector, and so no pods that a port could be forwarded to.")
    if kind in ("Service", "ReplicationController"):
        selector = {"matchLabels": selector}
    return selector_string(selector)


def trouble(pod):
    """Why no port can be forwarded to a pod, or None."""
    phase = dig(pod, "status", "phase", default="Unknown")
    if dig(pod, "metadata", "deletionTimestamp"):
        return "is being deleted"
    return None if phase == "Running" else f"is not running but {phase}"


def ready(pods):
    """Those that serve, in the order in which they are chosen."""
    return sorted((pod for pod in pods if not trouble(pod) and condition(pod, "Ready").get("status") == "True"), key=name_of)


def why_none_is_ready(title, pods):
    if not pods:
        return f"{title} has no pods."
    reasons = [f"{name_of(pod)} {trouble(pod) or 'is not ready'}" for pod in sorted(pods, key=name_of)]
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"{title} has no ready pod: {', '.join(reasons[:3])}{more}."


def port_in_pod(port, pod, service=None):
    """The number of the pod's port that C(port) - a number or a name; with a Service one of that's ports - stands for."""
    if service is not None:
        port = _target_port(port, service)
    if str(port).isdigit():
        if not 1 <= int(port) <= 65535:
            raise TaskError(f"{port} is not the number of a port.")
        return int(port)
    ports = {item["name"]: item["containerPort"] for item in _container_ports(pod) if item.get("name")}
    if port not in ports:
        raise TaskError(f"Pod {name_of(pod)} has no port that is called {port}{_among(ports)}.")
    return ports[port]


def _target_port(port, service):
    ports = dig(service, "spec", "ports", default=[])
    found = [item for item in ports if str(port) in (item.get("name"), str(item["port"]))]
    if not found:
        known = [f"{item['port']} ({item['name']})" if item.get("name") else str(item["port"]) for item in ports]
        raise TaskError(f"Service {name_of(service)} has no port {port}{_among(known)}.")
    return found[0].get("targetPort") or found[0]["port"]


def _container_ports(pod):
    # a sidecar is an init container that goes on running
    containers = dig(pod, "spec", "containers", default=[]) + dig(pod, "spec", "initContainers", default=[])
    return [port for container in containers for port in container.get("ports") or []]


def _among(known):
    return f"; there is {', '.join(known)}" if known else ""
