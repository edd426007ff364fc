# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workload kinds, and small readers for plain Kubernetes objects.

Everything here is pure: objects are the dicts that the API's JSON decodes to.
PRIVATE to the collection.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANGE_CAUSE = "kubernetes.io/change-cause"
DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"
POD_TEMPLATE_HASH = "pod-template-hash"
CONTROLLER_REVISION_HASH = "controller-revision-hash"


@dataclass(frozen=True)
class Kind:
    """One workload kind: its resource, the words kubectl uses for it, and where its history lives."""

    name: str
    resource: str
    noun: str
    history_resource: str
    pausable: bool = False


KINDS = {
    "Deployment": Kind("Deployment", "deployments", "deployment", "replicasets", pausable=True),
    "DaemonSet": Kind("DaemonSet", "daemonsets", "daemon set", "controllerrevisions"),
    "StatefulSet": Kind("StatefulSet", "statefulsets", "statefulset", "controllerrevisions"),
}


def dig(obj, *path, default=None):
    """Read a nested field; a missing or null step gives the default."""
    for key in path:
        if not isinstance(obj, dict):
            return default
        obj = obj.get(key)
        if obj is None:
            return default
    return obj


def name_of(obj):
    return dig(obj, "metadata", "name", default="")


def namespace_of(obj):
    return dig(obj, "metadata", "namespace", default="")


def uid_of(obj):
    return dig(obj, "metadata", "uid", default="")


def generation_of(obj):
    return dig(obj, "metadata", "generation", default=0)


def age_of(obj):
    """Compares states of one object: a status update leaves the generation, and a resourceVersion counts up (KEP-5504)."""
    version = str(dig(obj, "metadata", "resourceVersion", default=""))
    return generation_of(obj), int(version) if version.isdecimal() else 0


def annotations_of(obj):
    return dig(obj, "metadata", "annotations", default={})


def observed(workload):
    """Has the controller seen the newest spec?  (A generation starts at 1, so 0 is never observed.)"""
    return dig(workload, "status", "observedGeneration", default=0) >= max(1, generation_of(workload))


def desired_replicas(workload):
    """How many replicas the spec asks for; for a DaemonSet how many nodes should run it."""
    if workload.get("kind") == "DaemonSet":
        return dig(workload, "status", "desiredNumberScheduled", default=0)
    return dig(workload, "spec", "replicas", default=1)


def replica_counts(workload):
    """The counts every kind has, under one set of names."""
    status = workload.get("status") or {}
    if workload.get("kind") == "DaemonSet":
        keys = ("updatedNumberScheduled", "numberReady", "numberAvailable")
    else:
        keys = ("updatedReplicas", "readyReplicas", "availableReplicas")
    updated, ready, available = (status.get(key) or 0 for key in keys)
    return {"desired": desired_replicas(workload), "updated": updated, "ready": ready, "available": available}


def condition(obj, kind):
    """The condition of that type, or an empty dict."""
    for item in dig(obj, "status", "conditions", default=[]):
        if item.get("type") == kind:
            return item
    return {}


def containers_of(template):
    """All containers of a pod template: first the ordinary ones, then the init containers."""
    spec = template.get("spec") or {}
    return [("containers", i, c) for i, c in enumerate(spec.get("containers") or [])] + [
        ("initContainers", i, c) for i, c in enumerate(spec.get("initContainers") or [])
    ]


def images_of(template):
    """Container name to image, init containers included."""
    return {c["name"]: c.get("image", "") for _list, _i, c in containers_of(template)}


def controlled_by(obj, owner):
    """Is owner the controller of obj (metav1.IsControlledBy)?"""
    ref = controller_ref(obj)
    return bool(ref) and ref.get("uid") == uid_of(owner)


def controller_ref(obj):
    for ref in dig(obj, "metadata", "ownerReferences", default=[]):
        if ref.get("controller"):
            return ref
    return None


def selector_string(selector):
    """A LabelSelector (matchLabels and matchExpressions) as the string the API's labelSelector takes."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, operator = expression["key"], expression["operator"]
        values = ",".join(expression.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[operator]
        )
    return ",".join(parts)


def int_or_percent(value, total, round_up):
    """An IntOrString resolved against a total (intstr.GetScaledValueFromIntOrPercent)."""
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    scaled = total * int(text[:-1])
    return -(-scaled // 100) if round_up else scaled // 100


#: a StatefulSet's pods carry its name, a dash and a hash of up to ten digits in one label, whose value may have 63 characters
STATEFUL_SET_NAME = 52


def name_problem(kind, name):
    """Why no pod of a new revision can be made for the workload's name; an empty text if nothing speaks against it."""
    if kind != "StatefulSet" or len(name) <= STATEFUL_SET_NAME:
        return ""
    return (
        f"its name has {len(name)} characters, but more than {STATEFUL_SET_NAME} leave no room for the revision's hash in the label "
        f"{CONTROLLER_REVISION_HASH} of its pods (kubernetes/kubernetes#64023), so that they cannot be created; choose a shorter name"
    )


def describe(workload):
    """How our own sentences name a workload, e.g. C(Deployment shop/web)."""
    return f"{workload.get('kind')} {namespace_of(workload)}/{name_of(workload)}"
