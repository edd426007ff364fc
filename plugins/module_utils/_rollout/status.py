# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a rollout, as kubectl rollout status sees it, from one workload object.

The order of the tests and the sentences follow kubectl's
pkg/polymorphichelpers/rollout_status.go (k8s.io/kubectl v0.37.2).
PRIVATE to the collection.
"""

from __future__ import annotations

from dataclasses import dataclass

from .objects import condition, dig, generation_of, name_of, observed, replica_counts

COMPLETE = "complete"
PROGRESSING = "progressing"
PAUSED = "paused"
FAILED = "failed"

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True)
class Verdict:
    """Where a rollout stands: the phase and the sentence kubectl prints for it."""

    phase: str
    message: str

    @property
    def complete(self):
        return self.phase == COMPLETE


def deadline_time(workload):
    """When the progress deadline condition was last written, or None if it is not set.

    A caller that is about to write remembers it: right after an undo the API serves the new
    observedGeneration together with the condition of the rollout before.
    """
    progressing = condition(workload, "Progressing")
    if progressing.get("reason") != DEADLINE_EXCEEDED:
        return None
    return progressing.get("lastUpdateTime") or progressing.get("lastTransitionTime") or ""


def waits_for_deletion(workload):
    """Does this workload replace a pod only when somebody deletes it (updateStrategy OnDelete)?"""
    strategy = dig(workload, "spec", "updateStrategy", "type", default="RollingUpdate")
    return workload.get("kind") != "Deployment" and strategy != "RollingUpdate"


def verdict(workload, stale_deadline=None):
    """Judge a rollout.

    :param workload: a Deployment, DaemonSet or StatefulSet.
    :param stale_deadline: a C(deadline_time) that belongs to an earlier rollout and is not believed.
    """
    return _VERDICTS[workload["kind"]](workload, stale_deadline)


def _deployment(workload, stale_deadline):
    name, counts = name_of(workload), replica_counts(workload)
    if not observed(workload):
        return Verdict(PROGRESSING, "Waiting for deployment spec update to be observed...")
    since = deadline_time(workload)
    if since is not None and since != stale_deadline:
        return Verdict(FAILED, f'deployment "{name}" exceeded its progress deadline')
    unfinished = PAUSED if dig(workload, "spec", "paused") else PROGRESSING
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    total = dig(workload, "status", "replicas", default=0)
    if counts["updated"] < counts["desired"]:
        return Verdict(
            unfinished, f"{waiting}{counts['updated']} out of {counts['desired']} new replicas have been updated..."
        )
    if total > counts["updated"]:
        return Verdict(unfinished, f"{waiting}{total - counts['updated']} old replicas are pending termination...")
    if counts["available"] < counts["updated"]:
        return Verdict(
            unfinished, f"{waiting}{counts['available']} of {counts['updated']} updated replicas are available..."
        )
    return Verdict(COMPLETE, f'deployment "{name}" successfully rolled out')


def _on_delete(workload, counts):
    done = observed(workload) and counts["updated"] >= counts["desired"] and counts["available"] >= counts["desired"]
    return Verdict(
        COMPLETE if done else PROGRESSING, "rollout status is only available for RollingUpdate strategy type"
    )


def _daemon_set(workload, _stale_deadline):
    name, counts = name_of(workload), replica_counts(workload)
    if waits_for_deletion(workload):
        return _on_delete(workload, counts)
    if not observed(workload):
        return Verdict(PROGRESSING, "Waiting for daemon set spec update to be observed...")
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if counts["updated"] < counts["desired"]:
        return Verdict(
            PROGRESSING, f"{waiting}{counts['updated']} out of {counts['desired']} new pods have been updated..."
        )
    if counts["available"] < counts["desired"]:
        return Verdict(
            PROGRESSING, f"{waiting}{counts['available']} of {counts['desired']} updated pods are available..."
        )
    return Verdict(COMPLETE, f'daemon set "{name}" successfully rolled out')


def _stateful_set(workload, _stale_deadline):
    counts = replica_counts(workload)
    if waits_for_deletion(workload):
        return _on_delete(workload, counts)
    if not observed(workload):
        return Verdict(PROGRESSING, "Waiting for statefulset spec update to be observed...")
    if counts["ready"] < counts["desired"]:
        return Verdict(PROGRESSING, f"Waiting for {counts['desired'] - counts['ready']} pods to be ready...")
    partition = dig(workload, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
    if counts["updated"] < counts["desired"] - partition:
        return Verdict(
            PROGRESSING,
            f"Waiting for partitioned roll out to finish: {counts['updated']} out of "
            f"{counts['desired'] - partition} new pods have been updated...",
        )
    return Verdict(COMPLETE, f"partitioned roll out complete: {counts['updated']} new pods have been updated...")


_VERDICTS = {"Deployment": _deployment, "DaemonSet": _daemon_set, "StatefulSet": _stateful_set}


def unobserved_for(workload):
    """The sentence for a controller that has not seen the newest spec."""
    return (
        f"the controller has not observed generation {generation_of(workload)} "
        f"(it last saw {dig(workload, 'status', 'observedGeneration', default=0)}); is kube-controller-manager running?"
    )
