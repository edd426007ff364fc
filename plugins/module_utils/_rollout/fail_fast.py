# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a rollout is hopeless: what the states of its pods, one after another, amount to.

Only what no amount of time mends ends a rollout early.  Everything else counts against the progress deadline.
PRIVATE to the collection.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .._api.errors import TaskError
from .diagnosis import AS_BEFORE, AT_ONCE, IF_IT_LASTS, cannot_start, container_statuses, examine, last_exit, not_run
from .objects import condition, dig, uid_of

OPTIONS = {
    "fail_fast": {"type": "bool", "default": True},
    "fail_fast_restarts": {"type": "int", "default": 3},
    "fail_fast_after": {"type": "int", "default": 60},
}
#: seconds after which something that keeps a pod from running is worth a word
_TOLD_AFTER = 3
#: what a container's end is called when its node was lost: nothing is known about the process
_NODE_LOST = "ContainerStatusUnknown"


@dataclass(frozen=True)
class FailFast:
    """The options of that name; C(since) is when the run began by the server's clock, if it was before this task."""

    wanted: bool = True
    restarts: int = 3
    after: int = 60
    since: str = ""

    @classmethod
    def of(cls, params):
        for option, least in (("fail_fast_restarts", 1), ("fail_fast_after", 0)):
            if params[option] < least:
                raise TaskError(f"{option} must be at least {least}, got: {params[option]}.")
        return cls(params["fail_fast"], params["fail_fast_restarts"], params["fail_fast_after"], params.get("since") or "")

    def began_after(self, pod):
        """Was the pod, which is there as the task begins, made by this run all the same?"""
        return bool(self.since) and dig(pod, "metadata", "creationTimestamp", default="") >= self.since


def _were_ready(pod):
    """Have all containers of a pod been ready before, though nobody may have seen it?

    A kubelet sets the condition with the start time, as False, and leaves it alone until it is another one
    (updateStatusInternal in pkg/kubelet/status/status_manager.go).
    """
    changed = condition(pod, "ContainersReady").get("lastTransitionTime") or ""
    return bool(changed) and changed > dig(pod, "status", "startTime", default=changed)


@dataclass
class _Container:
    """What is known of one container of one pod."""

    ready: bool = False  # now, or at any time before
    exit: tuple = ()  # which end of it was seen last
    ends: int = 0  # how often it had ended by then, at most
    failures: int = 0  # ends in failure, since the run began
    cannot_start: bool = False
    since: dict = field(default_factory=dict)  # a topic, and since when it has lasted


class Verdicts:
    """Takes in the states of pods as they come, and tells what has become final."""

    def __init__(self, rules, clock=time.monotonic):
        self._rules, self._clock = rules, clock
        self._pods = {}
        self._since = {}  # a pod's findings by their keys, and since when they have lasted

    def see(self, pod, before=False, extra=()):
        """Take note of a pod's state.

        :param before: the pod is there as the task begins: what happened to it earlier does not count.
        :param extra: findings that are not told by the pod itself.
        """
        uid = uid_of(pod)
        known, containers = self._pods.get(uid), self._pods.setdefault(uid, {})
        old = before and known is None and not self._rules.began_after(pod)
        # before the first look, or while nobody answered
        were_ready = _were_ready(pod)
        for status in container_statuses(pod):
            container = containers.setdefault(status["name"], _Container())
            if status.get("ready") or were_ready:
                container.ready = True
            self._count(container, status, old)
        since = self._since.get(uid, {})
        self._since[uid] = {f.key: since.get(f.key, self._clock()) for f in [*examine(pod), *extra]}
        for name, finding in self._lasting(pod, extra).items():
            container = containers.setdefault(name, _Container())
            if finding is None:
                container.since.clear()
            elif finding.verdict == IF_IT_LASTS:
                # another topic is another matter
                container.since = {finding.topic: container.since.get(finding.topic, self._clock())}
            elif not (finding.verdict == AS_BEFORE and finding.topic in container.since):
                container.since.clear()

    def forget(self, uid):
        self._pods.pop(uid, None)
        self._since.pop(uid, None)

    def keep(self, uids):
        """Forget all pods but these."""
        for uid in set(self._pods) - set(uids):
            self.forget(uid)

    def final(self, pod, extra=()):
        """The finding that makes the pod hopeless, or None."""
        if not self._rules.wanted:
            return None
        containers = self._pods.get(uid_of(pod), {})
        for finding in [*examine(pod), *extra]:
            container = containers.get(finding.container, _Container())
            if finding.verdict == AT_ONCE:
                return finding
            due = self._due(container, finding)
            if due is not None and due <= self._clock():
                return finding
            if finding.crashed and self._has_failed(container):
                return finding
        return None

    def due(self, pod, extra=()):
        """When the pod becomes hopeless unless its state changes, by the clock; None if never."""
        containers = self._pods.get(uid_of(pod), {})
        times = [self._due(containers.get(f.container, _Container()), f) for f in [*examine(pod), *extra]]
        return min((t for t in times if t is not None), default=None) if self._rules.wanted else None

    def telling(self, pod, extra=()):
        """The gravest finding of a pod, if it has lasted for a while, and when it will have; a pod that only starts has none."""
        findings = sorted([*examine(pod), *extra], key=lambda f: f.gravity)
        if not findings:
            return None, None
        due = self._since.get(uid_of(pod), {}).get(findings[0].key, self._clock()) + _TOLD_AFTER
        return (findings[0], None) if due <= self._clock() else (None, due)

    # ------------------------------------------------------------ internals --
    def _count(self, container, status, old):
        ended = last_exit(status)
        which = (ended.get("containerID"), ended.get("finishedAt"), None if ended.get("containerID") else status.get("restartCount"))
        if not ended or which == container.exit:
            return
        restarts, state = status.get("restartCount") or 0, status.get("state") or {}
        if ended.get("exitCode") and not old and ended.get("reason") != _NODE_LOST and not not_run(ended):
            # of ends that came too fast for us, or while nobody answered, the number is known: there were at least so many
            container.failures += max(1, restarts + bool(state.get("terminated")) - container.ends)
            container.cannot_start = cannot_start(ended)
        # whether one that waits to be restarted is counted already, depends on who counts
        container.exit, container.ends = which, restarts + (state.get("running") is None)

    def _has_failed(self, container):
        return not container.ready and (container.cannot_start or container.failures >= self._rules.restarts)

    def _due(self, container, finding):
        since = container.since.get(finding.topic) if finding.verdict in (IF_IT_LASTS, AS_BEFORE) else None
        return None if since is None else since + self._rules.after

    @staticmethod
    def _lasting(pod, extra):
        """For each container, and for the pod as a whole (""), the finding that may last."""
        found = dict.fromkeys(("", *(status["name"] for status in container_statuses(pod))))
        for finding in reversed([*examine(pod), *extra]):
            found[finding.container] = finding
        return found
