# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking pods off nodes as C(kubectl drain) does, all at once.  PRIVATE to the collection.

What may go is decided before anything is changed, and again for each pod that comes to a node until it is cordoned.
Eviction asks the API server, which refuses what a disruption budget forbids; that is tried again until the time is up.
"""

from __future__ import annotations

from .._api.client import CORE, ApiError, Backoff, Deadline, Fault, object_path
from .._api.errors import TaskError
from .._api.parallel import parallel
from .._pod_presets import matches
from .._rollout.objects import controller_ref

THREADS = 12
#: seconds within which the scheduler has heard that a node is cordoned
SETTLING = 1
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


def drain(api, nodes, allowed, grace_period, deadline, progress, settling=SETTLING):
    """Evict all pods of cordoned nodes, and wait until none is left.

    The scheduler may bind a pod that it has chosen the node for before it hears of the cordon, so a look at an empty node
    counts when that time has passed.

    :param allowed: takes pods, and returns why some of them must not be evicted; asked once about each pod.
    :returns: the titles of the pods that were evicted, in order.
    :raises TaskError: C(result) holds those that were evicted so far.
    """
    evicted, seen, pending, refusals, settled, backoff = set(), set(), {}, {}, Deadline(settling), Backoff(deadline)
    try:
        while nodes:
            try:
                found = dict(zip(nodes, parallel(lambda node: pods_on(api, node), nodes, THREADS)))
            except ApiError:
                raise
            except TaskError:
                # An API server that is silent until the time is up: what is being waited for says more.
                if not pending or not deadline.expired:
                    raise
                raise TaskError(_timeout(api, pending, refusals, deadline.seconds)) from None
            pending = {pod["metadata"]["uid"]: pod for pods in found.values() for pod in pods}
            if not pending and settled.expired:
                break
            _refuse(api, found, seen, allowed)
            seen |= set(pending)
            going = [pod for pod in pending.values() if not pod["metadata"].get("deletionTimestamp")]
            answers = parallel(lambda pod: _evict(api, pod, grace_period), going, THREADS)
            evicted |= {title(pod) for pod, answer in zip(going, answers) if answer is True}
            said = {pod["metadata"]["uid"]: answer for pod, answer in zip(going, answers) if isinstance(answer, Exception)}
            # an attempt without an answer, such as the last one in haste, tells nothing new
            refusals = {uid: answer if getattr(answer, "answered", True) else refusals.get(uid, answer) for uid, answer in said.items()}
            for refusal in refusals.values():
                if isinstance(refusal, TaskError) and not _passes(refusal):
                    raise refusal
            if pending and deadline.expired:
                raise TaskError(_timeout(api, pending, refusals, deadline.seconds))
            if pending:
                progress(f"{len(pending)} pods are still on {', '.join(node for node, pods in found.items() if pods)}")
                backoff.wait()
            else:
                settled.sleep(settled.left())
    except TaskError as error:
        error.result.update(changed=bool(evicted), evicted=sorted(evicted))
        raise
    return sorted(evicted)


def _refuse(api, found, seen, allowed):
    """Nobody has been asked about a pod that came since the nodes were looked at.

    Where a node has been uncordoned, or replaced, more would come for each that goes.
    """
    came = {node: [pod for pod in pods if pod["metadata"]["uid"] not in seen] for node, pods in found.items()}
    came = {node: pods for node, pods in came.items() if pods}
    errors = []
    for node, cordoned in zip(came, parallel(lambda node: _is_cordoned(api, node), came, THREADS)):
        if not cordoned:
            errors.append(f"Node {node} has been uncordoned meanwhile, so it is not drained any further.")
        elif obstacles := allowed(came[node]):
            errors.append(f"Node {node} is cordoned, but cannot be drained: {'; '.join(obstacles)}.")
    if errors:
        raise TaskError(" ".join(errors))


def _is_cordoned(api, node):
    """Of one that has been deleted, nothing comes any more."""
    try:
        return bool(api.get(f"{CORE}/nodes/{node}")["spec"].get("unschedulable"))
    except ApiError as error:
        if error.code != 404:
            raise
        return True


def _evict(api, pod, grace_period):
    """True once the pod is on its way, None if it was gone already, and else what is against it, as an exception."""
    meta = pod["metadata"]
    options = {"preconditions": {"uid": meta["uid"]}}
    # less than none means its own, as to kubectl; the API server would take it for one second
    if grace_period is not None and grace_period >= 0:
        options["gracePeriodSeconds"] = grace_period
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "deleteOptions": options,
    }
    try:
        return api.attempt(object_path(CORE, meta["namespace"], "pods", meta["name"], "eviction"), body) or None
    except (Fault, TaskError) as error:
        # told once it is known which of the others are on their way
        return error


def _passes(error):
    """Nothing can be created in a namespace that is being deleted, evictions included; its pods go by themselves."""
    return isinstance(error, ApiError) and error.code == 403 and "being terminated" in str(error)


def _timeout(api, pending, refusals, seconds):
    """Which pods are left, and which disruption budgets hold them."""
    held = [pod for uid, pod in pending.items() if getattr(refusals.get(uid), "budget", False)]
    namespaces = sorted({pod["metadata"]["namespace"] for pod in held})
    budgets = dict(zip(namespaces, parallel(lambda namespace: _budgets(api, namespace), namespaces, THREADS)))
    holders = {}
    for pod in held:
        labels = pod["metadata"].get("labels") or {}
        selecting = [budget for budget in budgets[pod["metadata"]["namespace"]] if matches(budget, labels)]
        holders[pod["metadata"]["uid"]] = [_describe(budget) for budget in selecting]
    left = {}
    for uid, pod in sorted(pending.items(), key=lambda item: title(item[1])):
        if uid in refusals:
            reason = f"must not be evicted, because {' and '.join(holders.get(uid, [])) or str(refusals[uid]).rstrip('.')}"
        elif pod["metadata"].get("deletionTimestamp"):
            reason = "is still terminating"
        else:
            reason = "has just been evicted; see what brings pods to a node that is cordoned if it is there again"
        left.setdefault(pod["spec"]["nodeName"], []).append(f"{title(pod)} {reason}")
    states = parallel(lambda node: _state(api, node), sorted(left), THREADS)
    return " ".join(
        f"Node {node} {state}, but not drained after {seconds} s: {'; '.join(left[node])}." for node, state in zip(sorted(left), states)
    )


def _budgets(api, namespace):
    """Those of a namespace that are about a pod.  Where they cannot be read, what the API server said of the pods has to do."""
    try:
        budgets = api.list(object_path("/apis/policy/v1", namespace, "poddisruptionbudgets"))[0]
    except TaskError:
        return []
    # without a selector it is about none
    return [budget for budget in budgets if budget["spec"].get("selector") is not None]


def _state(api, node):
    try:
        api.get(f"{CORE}/nodes/{node}")
    except ApiError as error:
        if error.code == 404:
            return "has been deleted meanwhile"
    except TaskError:
        # what is left is to be told all the same
        pass
    return "is cordoned"


def _describe(budget):
    meta, status = budget["metadata"], budget.get("status") or {}
    return (
        f"PodDisruptionBudget {meta['namespace']}/{meta['name']} needs {status.get('desiredHealthy', 0)} healthy pods "
        f"and has {status.get('currentHealthy', 0)}"
    )
