# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes: what a request changes in a workload, as JSON patch operations.

Every patch tests uid and generation first, so that it is refused instead of undoing somebody's change, or of changing what
somebody else has made under that name since.  C(metadata.resourceVersion) would not do: each status update during a
rollout moves it.
PRIVATE to the collection.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

try:
    import jsonpatch
except ImportError:
    # needed by kubernetes.core as well; without it there is no prediction
    jsonpatch = None

from .._api.errors import TaskError
from .history import template_of
from .objects import (
    CHANGE_CAUSE,
    KINDS,
    annotations_of,
    containers_of,
    describe,
    desired_replicas,
    dig,
    generation_of,
    int_or_percent,
    name_of,
    name_problem,
    observed,
    uid_of,
)

#: the longest value that a label can have
_LABEL_VALUE = 63
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Request:
    """What one call of the rollout module asks of each workload."""

    state: str = "complete"
    images: dict | None = None
    change_cause: str | None = None
    restarted_at: str | None = None
    pause_at: str | None = None


def check(workload, request, wait):
    """Refuse, before anything is written, what cannot work."""
    kind, name = KINDS[workload["kind"]], describe(workload)
    paused = dig(workload, "spec", "paused", default=False)
    if request.state in ("paused", "resumed") and not kind.pausable:
        raise TaskError(f"state={request.state} is not supported for {name}: only a Deployment can be paused.")
    if request.pause_at is not None and not kind.pausable:
        raise TaskError(f"pause_at is not supported for {name}: only a Deployment can be paused.")
    if request.state == "restarted" and paused:
        raise TaskError(f"{name} is paused and cannot be restarted; use state=resumed first.")
    known = {c["name"] for _list, _i, c in containers_of(workload["spec"]["template"])}
    for container in sorted(set(request.images or {}) - known - {"*"}):
        raise TaskError(
            f'unable to find container named "{container}" in {name}; its containers are {", ".join(sorted(known))}.'
        )
    if request.pause_at is not None:
        pause_count(workload, request.pause_at)
    problem = name_problem(workload["kind"], name_of(workload))
    new_pods = request.state == "restarted" or image_operations(workload, request.images)
    if problem and (new_pods or _has_bad_revision(workload)):
        raise TaskError(f"{name}: {problem}.")
    if wait and request.state == "complete" and paused and image_operations(workload, request.images):
        raise TaskError(
            f"{name} is paused, so this change would not roll out; use state=resumed to roll it out, "
            f"or state=paused to set it and stay paused."
        )


def _has_bad_revision(workload):
    """Has the controller of a StatefulSet made a revision whose pods cannot be created?  A hash may be short enough."""
    return observed(workload) and len(dig(workload, "status", "updateRevision", default="")) > _LABEL_VALUE


def operations(workload, request):
    """The JSON patch for a request; empty when the workload is already as asked."""
    changes = image_operations(workload, request.images)
    if request.state == "restarted":
        changes += annotation_operations(
            dig(workload, "spec", "template", default={}), "/spec/template", RESTARTED_AT, request.restarted_at
        )
    paused = dig(workload, "spec", "paused", default=False)
    if request.state == "paused" and not paused:
        changes.append({"op": "add", "path": "/spec/paused", "value": True})
    # pause_at starts a rollout anew when there is something to roll out
    if paused and (request.state == "resumed" or (request.pause_at is not None and changes)):
        changes.append({"op": "remove", "path": "/spec/paused"})
    if request.change_cause is not None:
        changes += annotation_operations(workload, "", CHANGE_CAUSE, request.change_cause)
    return guarded(workload, changes)


def image_operations(workload, images):
    """Set images by container name as kubectl set image does; a name wins over C('*')."""
    changes = []
    for where, index, container in containers_of(workload["spec"]["template"]):
        image = (images or {}).get(container["name"], (images or {}).get("*"))
        if image is not None and image != container.get("image"):
            path = f"/spec/template/spec/{where}/{index}/image"
            changes.append({"op": "replace", "path": path, "value": image})
    return changes


def annotation_operations(obj, prefix, key, value):
    """Set one annotation, or remove it (value None), and leave the others as they are."""
    annotations = annotations_of(obj)
    if annotations.get(key) == value:
        return []
    path = f"{prefix}/metadata/annotations"
    if value is not None and not annotations:
        if not dig(obj, "metadata"):
            return [{"op": "add", "path": f"{prefix}/metadata", "value": {"annotations": {key: value}}}]
        return [{"op": "add", "path": path, "value": {key: value}}]
    item = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
    return [{"op": "remove", "path": item}] if value is None else [{"op": "add", "path": item, "value": value}]


def undo_operations(workload, template, change_cause):
    """Put a template back, with its change-cause; nothing else is restored, as for kubectl.

    :param change_cause: the text to set, None to remove it, or KEEP.
    """
    changes = []
    if template != template_of(workload):
        changes.append({"op": "replace", "path": "/spec/template", "value": template})
    if change_cause is not KEEP:
        changes += annotation_operations(workload, "", CHANGE_CAUSE, change_cause)
    return guarded(workload, changes)


KEEP = object()


def guarded(workload, changes):
    if not changes:
        return []
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid_of(workload)},
        {"op": "test", "path": "/metadata/generation", "value": generation_of(workload)},
        *changes,
    ]


def predict(workload, operations):
    """The workload as a patch would leave it, for whom the API server does not try it out."""
    patched = jsonpatch.apply_patch(copy.deepcopy(workload), operations)
    if patched["spec"] != workload["spec"]:
        patched["metadata"]["generation"] = generation_of(workload) + 1
    return patched


def pause_count(workload, pause_at):
    """How many updated replicas pause_at asks for: a count, or a share of the desired replicas (rounded up)."""
    desired = desired_replicas(workload)
    try:
        count = int_or_percent(str(pause_at).strip(), desired, round_up=True)
    except ValueError:
        raise TaskError(f'pause_at must be a percentage such as "25%" or a number of replicas, got: {pause_at}.') from None
    if count < 1 or count > desired:
        raise TaskError(
            f"pause_at={pause_at} is {count} of {desired} replicas of {describe(workload)}; it must be between 1 and {desired}."
        )
    return count


def may_pause(deployment, new, old, count):
    """Has a rollout reached the point where pause_at stops it?

    That is when at least C(count) replicas are updated and the controller has no further step to
    take before one of them becomes available, so that pausing never races with it: exactly what the
    strategy allows is updated.  The steps are those of the deployment controller's rolling.go
    (k8s.io/kubernetes v1.37.2).

    :param new: the ReplicaSet of the new template.
    :param old: the other ReplicaSets.
    """
    updated, available = _size(new), dig(new, "status", "availableReplicas", default=0)
    if updated < count:
        return False
    if available >= count:
        return True
    desired = desired_replicas(deployment)
    strategy = dig(deployment, "spec", "strategy", default={})
    if strategy.get("type") == "Recreate":
        return updated >= desired
    rolling = strategy.get("rollingUpdate") or {}
    surge = int_or_percent(rolling.get("maxSurge", 0), desired, round_up=True)
    unavailable = int_or_percent(rolling.get("maxUnavailable", 0), desired, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    remaining = sum(_size(rs) for rs in old)
    total = updated + remaining
    can_scale_up = total < desired + surge and updated < desired
    can_scale_down = remaining > 0 and total - (desired - min(unavailable, desired)) - (updated - available) > 0
    # what the ReplicaSets were told has also been done
    settled = all(dig(rs, "status", "replicas", default=0) == _size(rs) for rs in [new, *old])
    return settled and not can_scale_up and not can_scale_down


def _size(replica_set):
    return dig(replica_set, "spec", "replicas", default=0)
