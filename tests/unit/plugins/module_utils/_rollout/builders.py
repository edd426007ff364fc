# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain Kubernetes objects, as short to write down as the tests need them."""

from __future__ import annotations

SELECTOR = {"matchLabels": {"app": "web"}}
UIDS = {"Deployment": "uid-deployment", "DaemonSet": "uid-daemonset", "StatefulSet": "uid-statefulset"}


def template(image="app:1", containers=None, init=None, annotations=None, labels=None, **pod_spec):
    """A pod template of one container "web", or of the containers given as name=image."""
    containers = {"web": image} if containers is None else containers
    metadata = {"labels": {"app": "web"} if labels is None else labels}
    if annotations is not None:
        metadata["annotations"] = annotations
    spec = {"containers": [{"name": n, "image": i} for n, i in containers.items()], **pod_spec}
    if init:
        spec["initContainers"] = [{"name": n, "image": i} for n, i in init.items()]
    return {"metadata": metadata, "spec": spec}


def workload(kind="Deployment", pod_template=None, generation=1, observed=None, status=None, annotations=None, **spec):
    """A workload that its controller has seen, unless observed says otherwise."""
    metadata = {"name": "web", "namespace": "shop", "uid": UIDS[kind], "generation": generation}
    if annotations is not None:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"selector": SELECTOR, "template": pod_template or template(), **spec},
        "status": {"observedGeneration": generation if observed is None else observed, **(status or {})},
    }


def owned_by(kind, uid=None, controller=True, name="web"):
    return [{"kind": kind, "name": name, "uid": uid or UIDS[kind], "controller": controller}]


def replica_set(revision, pod_template=None, name=None, created="2026-01-01T00:00:00Z", owners=None, cause=None, **extra):
    """A ReplicaSet of the Deployment; revision is the annotation's text, None for none."""
    annotations = {} if revision is None else {"deployment.kubernetes.io/revision": str(revision)}
    if cause is not None:
        annotations["kubernetes.io/change-cause"] = cause
    pod_template = pod_template or template(f"app:{revision}")
    pod_hash = f"hash{revision}"
    labels = {**pod_template["metadata"]["labels"], "pod-template-hash": pod_hash}
    name = name or f"web-{pod_hash}"
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": created,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": owned_by("Deployment") if owners is None else owners,
        },
        "spec": {
            "template": {**pod_template, "metadata": {**pod_template["metadata"], "labels": labels, "creationTimestamp": None}},
            **extra,
        },
    }


def controller_revision(kind, revision, pod_template=None, name=None, owners=None, cause=None):
    """A ControllerRevision of a DaemonSet or StatefulSet, its data encoded as an API server before 1.34 did."""
    pod_template = pod_template or template(f"app:{revision}")
    name = name or f"web-rev{revision}"
    label = "controller-revision-hash" if kind == "DaemonSet" else "controller.kubernetes.io/hash"
    return {
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {label: f"rev{revision}"},
            "annotations": {} if cause is None else {"kubernetes.io/change-cause": cause},
            "ownerReferences": owned_by(kind) if owners is None else owners,
        },
        "revision": revision,
        "data": {
            "spec": {
                "template": {
                    **pod_template,
                    "$patch": "replace",
                    "metadata": {**pod_template["metadata"], "creationTimestamp": None},
                }
            }
        },
    }


def condition(kind, status, reason="", message="", updated=None):
    found = {"type": kind, "status": status, "reason": reason, "message": message}
    return found if updated is None else {**found, "lastUpdateTime": updated}
