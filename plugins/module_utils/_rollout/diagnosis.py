# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a pod does not start: rules over plain Pod objects.

The rules are those that krane (pod.rb), kstatus (core.go) and kubedog agree on; the reasons are the
kubelet's (k8s.io/kubernetes v1.37.2, pkg/kubelet/images/types.go and pkg/kubelet/container/sync_result.go).
PRIVATE to the collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .objects import condition, containers_of, dig, name_of, uid_of

#: seconds that a reason which often heals by itself is given before it counts as final
UNSCHEDULABLE_GRACE = 15
TRANSIENT_GRACE = 30

_NEVER = ("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CrashLoopBackOff")
_PULL = ("ErrImagePull", "ImagePullBackOff", "ErrImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed")
_NODE = ("CreateContainerError", "RunContainerError", "CreatePodSandboxError", "ContainerCannotRun")
_TRANSIENT_PULL = re.compile(
    r"too ?many ?requests|\b429\b|\b5\d\d\b|timeout|timed out|deadline exceeded|connection (?:reset|refused)|"
    r"unexpected EOF|temporary failure|\bi/o\b",
    re.IGNORECASE,
)
# older kubelets say no more than this once they back off; the pull before may have met a busy registry
_NO_CAUSE = re.compile(r'^Back-off pulling image "[^"]*"$')
_CACHE_SYNC = re.compile(r"failed to sync \w+ cache")


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a pod from running.

    C(grace) is how many seconds it may last before the rollout is given up: 0 at once, None never.
    """

    pod: str
    pod_uid: str
    container: str
    reason: str
    message: str
    grace: int | None
    exit_code: int | None = None
    restart_count: int = 0
    crashed: bool = False

    @property
    def key(self):
        return (self.pod_uid, self.container, self.reason)

    def sentence(self):
        where = ", ".join(f"{kind} {name}" for kind, name in (("pod", self.pod), ("container", self.container)) if name)
        code = f" (exit code {self.exit_code}, {self.restart_count} restarts)" if self.exit_code is not None else ""
        return ": ".join(part for part in (where, self.reason + code, self.message) if part)


def examine(pod):
    """All findings of one pod, the gravest first; an empty list for a pod that is fine or going away."""
    if dig(pod, "metadata", "deletionTimestamp"):
        return []
    phase = dig(pod, "status", "phase", default="Pending")
    if phase == "Succeeded" or condition(pod, "Ready").get("status") == "True":
        return []
    if phase == "Failed":
        found = [_pod_finding(pod, dig(pod, "status", "reason", default="Failed"), dig(pod, "status", "message", default=""), None)]
    else:
        found = []
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        grace = UNSCHEDULABLE_GRACE if scheduled.get("reason") == "Unschedulable" else None
        found.append(_pod_finding(pod, scheduled.get("reason") or "NotScheduled", scheduled.get("message") or "", grace))
    for statuses in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", statuses, default=[]):
            finding = _container_finding(pod, status)
            if finding:
                found.append(finding)
    return sorted(found, key=lambda f: (f.grace is None, f.grace or 0))


def _pod_finding(pod, reason, message, grace):
    return Finding(name_of(pod), uid_of(pod), "", reason, message, grace)


def _container_finding(pod, status):
    waiting = dig(status, "state", "waiting", default={})
    terminated = dig(status, "state", "terminated", default={})
    last = dig(status, "lastState", "terminated", default={})
    restarts = status.get("restartCount") or 0

    def finding(reason, message, grace, ended=None):
        ended = ended or {}
        return Finding(
            pod=name_of(pod),
            pod_uid=uid_of(pod),
            container=status["name"],
            reason=reason,
            message=" ".join(str(message or "").split()),
            grace=grace,
            exit_code=ended.get("exitCode"),
            restart_count=restarts,
            crashed=bool(ended),
        )

    reason, message = waiting.get("reason") or "", waiting.get("message") or ""
    if reason == "CrashLoopBackOff":
        # the waiting state's own message only counts the back-off; how the container ended says more
        why = last.get("reason") or ""
        text = ": ".join(part for part in (why if why != "Error" else "", last.get("message")) if part)
        return finding(reason, text, 0, last or {"exitCode": None})
    if reason == "CreateContainerConfigError" and _CACHE_SYNC.search(message):
        return finding(reason, message, TRANSIENT_GRACE)
    if reason in _NEVER:
        return finding(reason, message, 0)
    if reason in _PULL:
        return finding(reason, message, TRANSIENT_GRACE if _may_heal(message, status.get("image") or "") else 0)
    if reason in _NODE:
        return finding(reason, message, TRANSIENT_GRACE)
    if terminated.get("exitCode"):
        # the kubelet restarts it; CrashLoopBackOff follows when it ends again
        return finding(terminated.get("reason") or "Error", terminated.get("message") or "", None, terminated)
    if waiting:
        return finding(reason or "Waiting", message, None) if reason not in ("PodInitializing", "") else None
    if dig(status, "state", "running") and not status.get("ready"):
        return finding("NotReady", _probe_sentence(pod, status["name"]), None, last if restarts else None)
    return None


def _may_heal(message, image):
    """Does a failed pull sound as if the next one could succeed?  The image's own name says nothing."""
    return bool(_NO_CAUSE.match(message) or _TRANSIENT_PULL.search(message.replace(image, "") if image else message))


def _probe_sentence(pod, container_name):
    for where, _i, container in containers_of(pod):
        if container.get("name") != container_name:
            continue
        if where == "initContainers" and container.get("restartPolicy") != "Always":
            return "the init container has not finished"
        for name in ("startupProbe", "readinessProbe"):
            probe = container.get(name)
            if probe:
                return f"its {name} has not succeeded ({_probe_action(probe)})"
    return "it is running but not ready"


def _probe_action(probe):
    if probe.get("httpGet"):
        get = probe["httpGet"]
        return f"GET {get.get('path', '/')} on port {get.get('port')}"
    if probe.get("tcpSocket"):
        return f"TCP port {probe['tcpSocket'].get('port')}"
    if probe.get("grpc"):
        return f"gRPC port {probe['grpc'].get('port')}"
    return "exec " + " ".join(dig(probe, "exec", "command", default=[]))
