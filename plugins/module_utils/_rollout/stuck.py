# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pod, if any, a StatefulSet's controller waits for in vain: rules over plain objects.

An OrderedReady controller does nothing for a set one of whose pods is not ready, not even replace that pod by one of the
revision that it should have (kubernetes/kubernetes#67250).  So a broken pod outlives the change that mends it, be that an
undo, a new image or a deploy.  The rules follow the controller's stateful_set_control.go (k8s.io/kubernetes v1.37.2).
PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from .objects import CONTROLLER_REVISION_HASH, condition, controlled_by, describe, dig, name_of, namespace_of, observed, uid_of

#: seconds between two times of one moment, which the API tells in whole seconds
_SAME_MOMENT = 1
#: seconds that a pod with which nothing is wrong gets to become ready, at least
STARTING_GRACE = 20
#: reasons of a container that is on its way, rather than broken
_STARTING = ("", "ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class Stuck:
    """A pod that holds a StatefulSet up.

    C(kept) says why it must not be removed without asking; None when it may be.
    """

    pod: dict
    kept: str | None

    def advice(self, workload):
        """What a person is to know and to do."""
        because = f", and is not removed by itself because {self.kept}" if self.kept else ""
        return (
            f"pod {name_of(self.pod)} is of an old revision and not ready, {describe(workload)} goes on only without it{because}; "
            f"{command(self.pod)} replaces it"
        )


def command(pod):
    return f"kubectl delete pod {name_of(pod)} --namespace {namespace_of(pod)}"


def stuck_pod(workload, pods, been_ready=()):
    """The pod that holds a StatefulSet up although another one would be made in its place; None if there is none.

    It may be removed only if that can cost nobody anything: it has not been ready since it was made, so that nobody relies
    on it, and no other member is missing either.

    :param pods: all pods with the labels of the set; those of others are left out.
    :param been_ready: uids of pods that were seen ready.
    """
    if not waits_for_each(workload) or not observed(workload):
        return None
    members = sorted(
        ((ordinal_of(workload, pod), pod) for pod in pods if controlled_by(pod, workload) and ordinal_of(workload, pod) is not None),
        key=lambda member: member[0],
    )
    down = [(ordinal, pod) for ordinal, pod in members if not is_ready(pod)]
    if not down:
        return None
    # the controller goes through them from below, and waits at the first one
    ordinal, pod = down[0]
    start = dig(workload, "spec", "ordinals", "start", default=0)
    last = start + dig(workload, "spec", "replicas", default=1) - 1
    missing = set(range(start, ordinal)) - {known for known, _pod in members}
    if not start <= ordinal <= last or missing or is_going(pod):
        # one that is there no more it makes anew, or takes away, by itself
        return None
    wanted = wanted_revision(workload, ordinal)
    if wanted is None or revision_of(pod) == wanted:
        return None
    return Stuck(pod, _kept(pod, members, down, been_ready))


def _kept(pod, members, down, been_ready):
    others = [name_of(other) for _ordinal, other in down if other is not pod]
    if others:
        return f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} not ready either"
    if uid_of(pod) in been_ready or has_been_ready(pod) or _was_waited_for(pod, members):
        return "it has been ready before"
    return None


def waits_for_each(workload):
    """Does the controller of this workload wait for each pod before it goes on to the next?"""
    return (
        workload["kind"] == "StatefulSet"
        and dig(workload, "spec", "podManagementPolicy", default="OrderedReady") == "OrderedReady"
        # with OnDelete it replaces nothing in any case
        and dig(workload, "spec", "updateStrategy", "type", default="RollingUpdate") == "RollingUpdate"
    )


def wanted_revision(workload, ordinal):
    """The revision that the controller would make a pod of: below the partition the old one."""
    start = dig(workload, "spec", "ordinals", "start", default=0)
    partition = dig(workload, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
    return dig(workload, "status", "currentRevision" if ordinal < start + partition else "updateRevision")


def revision_of(pod):
    return dig(pod, "metadata", "labels", CONTROLLER_REVISION_HASH)


def ordinal_of(workload, pod):
    name, _dash, ordinal = name_of(pod).rpartition("-")
    return int(ordinal) if name == name_of(workload) and ordinal.isdecimal() and ordinal.isascii() else None


def is_ready(pod):
    return not is_going(pod) and condition(pod, "Ready").get("status") == "True"


def is_going(pod):
    """Is it being deleted, or ended, so that the controller deletes it?"""
    return bool(dig(pod, "metadata", "deletionTimestamp")) or dig(pod, "status", "phase") in ("Failed", "Succeeded")


def has_been_ready(pod):
    """Whether a pod has been ready since it was made; when that cannot be told it counts as so.

    The kubelet's first word on a pod is its start and that it is not ready, in one.  That condition keeps its time for as
    long as it does not change, so a later time is that of a pod which was ready in between.
    """
    ready = condition(pod, "Ready")
    if not ready:
        # no kubelet has seen it
        return False
    changed, began = _time(ready.get("lastTransitionTime")), _time(dig(pod, "status", "startTime"))
    if ready.get("status") == "True" or changed is None or began is None:
        return True
    return (changed - began).total_seconds() > _SAME_MOMENT


def _was_waited_for(pod, members):
    """Was a pod of a higher number made after this one?  Then this one was ready at that time."""
    made = _time(dig(pod, "metadata", "creationTimestamp"))
    below = True
    for _ordinal, other in members:
        if other is pod:
            below = False
        elif not below:
            later = _time(dig(other, "metadata", "creationTimestamp"))
            if made is None or later is None or later > made:
                return True
    return False


def is_broken(pod):
    """Is something wrong with a pod that is not ready, so that waiting is no use?"""
    if condition(pod, "PodScheduled").get("status") == "False":
        return True
    for statuses in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", statuses, default=[]):
            waiting = dig(status, "state", "waiting")
            if waiting is not None and (waiting.get("reason") or "") not in _STARTING:
                return True
            if dig(status, "state", "terminated", "exitCode", default=0) or dig(status, "lastState", "terminated", "exitCode", default=0):
                return True
    return False


def patience(pod):
    """How many seconds a pod is given that is not ready: none where something is wrong with it, else what its probes allow.

    It may be setting its volume up for the first time, which must not be broken off.
    """
    if is_broken(pod):
        return 0
    allowed = 0
    for container in dig(pod, "spec", "containers", default=[]) + dig(pod, "spec", "initContainers", default=[]):
        longest = 0
        for name in ("startupProbe", "readinessProbe"):
            probe = container.get(name)
            if probe:
                tries = (probe.get("failureThreshold") or 3) if name == "startupProbe" else 1
                longest += (probe.get("initialDelaySeconds") or 0) + tries * (probe.get("periodSeconds") or 10)
        allowed = max(allowed, longest)
    return max(STARTING_GRACE, allowed)


def _time(text):
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None
