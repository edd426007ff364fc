# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking pods off nodes as C(kubectl drain) does, all at once.  PRIVATE to the collection.

What may go is decided before anything is changed.  Eviction asks the API server, which refuses what a disruption budget
forbids; that is tried again until the time is up.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .._api.client import CORE, Backoff, Fault, object_path
from .._api.errors import TaskError
from .._rollout.objects import controller_ref, selector_string

THREADS = 12
_MIRROR = "kubernetes.io/config.mirror"


def title(pod):
    return f"Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"


def to_evict(pods):
    """The pods that a drain is about: not those that come back at once, as a DaemonSet's, or that the kubelet made."""
    return [pod for pod in pods if _MIRROR not in (pod["metadata"].get("annotations") or {}) and _controller(pod) != "DaemonSet"]


def obstacles(pods, force, delete_emptydir_data):
    """Why some of these pods must not be evicted without being told to."""
    found = []
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        if not _controller(pod) and not force:
            found.append(f"{title(pod)} has no controller and would be gone for good; set drain_force")
        if not delete_emptydir_data and any("emptyDir" in volume for volume in pod["spec"].get("volumes") or []):
            found.append(f"{title(pod)} has data in an emptyDir, which would be lost; set drain_delete_emptydir_data")
    return found


def _controller(pod):
    """The kind of what controls a pod."""
    return (controller_ref(pod) or {}).get("kind")


def pods_on(api, node):
    return to_evict(api.list(f"{CORE}/pods", [("fieldSelector", f"spec.nodeName={node}")])[0])


def drain(api, nodes, grace_period, deadline, progress):
    """Evict all pods of {node: pods}, and wait until they are gone."""
    refusals = {}
    pending = {pod["metadata"]["uid"]: pod for pods in nodes.values() for pod in pods}
    backoff = Backoff(deadline)
    with ThreadPoolExecutor(THREADS) as pool:
        while pending:
            going = [pod for pod in pending.values() if not pod["metadata"].get("deletionTimestamp")]
            answers = pool.map(lambda pod: _evict(api, pod, grace_period), going)
            refusals = {pod["metadata"]["uid"]: answer for pod, answer in zip(going, answers) if answer}
            fresh = pool.map(lambda node: pods_on(api, node), nodes)
            left = {pod["metadata"]["uid"]: pod for pods in fresh for pod in pods}
            pending = {uid: left[uid] for uid in pending if uid in left}
            if not pending:
                return
            if deadline.expired:
                raise TaskError(_timeout(api, pending, refusals, deadline.seconds))
            progress(f"{len(pending)} pods are still on {', '.join(nodes)}")
            backoff.wait()


def _evict(api, pod, grace_period):
    """What the API server says against it; nothing once the pod is on its way."""
    meta = pod["metadata"]
    options = {"preconditions": {"uid": meta["uid"]}}
    if grace_period is not None:
        options["gracePeriodSeconds"] = grace_period
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "deleteOptions": options,
    }
    try:
        api.attempt(object_path(CORE, meta["namespace"], "pods", meta["name"], "eviction"), body)
    except Fault as fault:
        return str(fault)
    return None


def _timeout(api, pending, refusals, seconds):
    """Which pods are left, and which disruption budgets hold them."""
    holders = {}
    for namespace in sorted({pod["metadata"]["namespace"] for uid, pod in pending.items() if uid in refusals}):
        for budget in api.list(object_path("/apis/policy/v1", namespace, "poddisruptionbudgets"))[0]:
            # without a selector it is about no pod
            if budget["spec"].get("selector") is not None:
                selected = [("labelSelector", selector_string(budget["spec"]["selector"]))]
                for pod in api.list(object_path(CORE, namespace, "pods"), selected)[0]:
                    holders.setdefault(pod["metadata"]["uid"], []).append(_describe(budget))
    left = {}
    for uid, pod in sorted(pending.items(), key=lambda item: title(item[1])):
        reason = f"must not be evicted, because {' and '.join(holders.get(uid, [])) or refusals[uid]}" if uid in refusals else "is still terminating"
        left.setdefault(pod["spec"]["nodeName"], []).append(f"{title(pod)} {reason}")
    return " ".join(
        f"Node {node} is cordoned, but not drained after {seconds} s: {'; '.join(reasons)}." for node, reasons in sorted(left.items())
    )


def _describe(budget):
    meta, status = budget["metadata"], budget.get("status") or {}
    return (
        f"PodDisruptionBudget {meta['namespace']}/{meta['name']} needs {status.get('desiredHealthy', 0)} healthy pods "
        f"and has {status.get('currentHealthy', 0)}"
    )
