# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The revisions of a workload, and the choice of the one to undo to.

Follows kubectl's pkg/polymorphichelpers/{history,rollback}.go (k8s.io/kubectl v0.37.2) and the
controllers' own rule for "the current one" (a history object whose template equals the spec's).
PRIVATE to the collection.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from .._api.errors import TaskError
from .objects import (
    CHANGE_CAUSE,
    CONTROLLER_REVISION_HASH,
    DEPLOYMENT_REVISION,
    POD_TEMPLATE_HASH,
    annotations_of,
    controlled_by,
    describe,
    dig,
    name_of,
    observed,
    uid_of,
)


@dataclass(frozen=True)
class Revision:
    """One entry of a rollout history: a ReplicaSet or a ControllerRevision, reduced to what they share.

    C(pod_label) is the (key, value) that the pods of this revision carry.
    """

    number: int
    name: str
    uid: str
    created: str
    change_cause: str | None
    template: dict
    pod_label: tuple


def clean_template(template):
    """A template as it stands in a workload's spec: without what a controller or an encoder added.

    That is the pod-template-hash label of a ReplicaSet, the C($patch) directive of a
    ControllerRevision, and the C(creationTimestamp: null) that older encoders wrote.
    """
    template = copy.deepcopy(template)
    template.pop("$patch", None)
    metadata = template.get("metadata") or {}
    if metadata.get("creationTimestamp", "") is None:
        del metadata["creationTimestamp"]
    labels = metadata.get("labels")
    if labels:
        labels.pop(POD_TEMPLATE_HASH, None)
        if not labels:
            del metadata["labels"]
    if not metadata:
        template.pop("metadata", None)
    return template


def template_of(workload):
    return clean_template(dig(workload, "spec", "template", default={}))


def revisions_of(workload, history_objects):
    """The workload's own revisions, oldest first.

    :param history_objects: ReplicaSets for a Deployment, else ControllerRevisions; foreign ones are left out.
    """
    read = _replica_set if workload["kind"] == "Deployment" else _controller_revision
    revisions = [read(obj) for obj in history_objects if controlled_by(obj, workload)]
    return sorted((r for r in revisions if r is not None), key=lambda r: (r.number, r.created, r.name))


def _replica_set(obj):
    try:
        # an absent annotation counts as revision 0, an unreadable one hides the ReplicaSet
        number = int(annotations_of(obj).get(DEPLOYMENT_REVISION) or 0)
    except ValueError:
        return None
    label = (POD_TEMPLATE_HASH, dig(obj, "metadata", "labels", POD_TEMPLATE_HASH))
    return _revision(obj, number, dig(obj, "spec", "template", default={}), label)


def _controller_revision(obj):
    owner = next(iter(dig(obj, "metadata", "ownerReferences", default=[{}])), {})
    # pods of a StatefulSet carry the revision's whole name, those of a DaemonSet its hash
    value = name_of(obj)
    if owner.get("kind") == "DaemonSet":
        value = dig(obj, "metadata", "labels", CONTROLLER_REVISION_HASH)
    template = dig(obj, "data", "spec", "template", default={})
    return _revision(obj, obj.get("revision") or 0, template, (CONTROLLER_REVISION_HASH, value))


def _revision(obj, number, template, pod_label):
    return Revision(
        number=number,
        name=name_of(obj),
        uid=uid_of(obj),
        created=dig(obj, "metadata", "creationTimestamp", default=""),
        change_cause=annotations_of(obj).get(CHANGE_CAUSE) or None,
        template=clean_template(template),
        pod_label=pod_label,
    )


def current_revision(workload, revisions):
    """The revision whose template the workload's spec holds, or None while there is none yet."""
    template = template_of(workload)
    matching = [r for r in revisions if r.template == template]
    if matching:
        # of equal ReplicaSets the controller takes the oldest (deploymentutil.FindNewReplicaSet)
        return min(matching, key=lambda r: r.created) if workload["kind"] == "Deployment" else matching[-1]
    # a template that an older API server encoded differently: believe the controller
    if not revisions or not observed(workload) or workload["kind"] == "Deployment":
        return None
    named = dig(workload, "status", "updateRevision", default=revisions[-1].name)
    return next((r for r in revisions if r.name == named), None)


def undo_target(workload, revisions, to_revision):
    """The revision that an undo goes to.

    0 means the one with the second-highest number, as for kubectl; after a gap in the numbers too.
    """
    if to_revision == 0:
        if len(revisions) < 2:
            raise TaskError(f"{describe(workload)} has no earlier revision to undo to{_available(revisions)}.")
        return revisions[-2]
    for revision in revisions:
        if revision.number == to_revision:
            return revision
    raise TaskError(
        f"unable to find specified revision {to_revision} in the history of {describe(workload)}{_available(revisions)}."
    )


def _available(revisions):
    if not revisions:
        return ": its history is empty"
    return ": its revisions are " + ", ".join(str(r.number) for r in revisions)
