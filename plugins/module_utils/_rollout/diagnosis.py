# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a pod does not start: rules over plain Pod objects.

The reasons are the kubelet's (k8s.io/kubernetes v1.37.2, pkg/kubelet/images/types.go and
pkg/kubelet/container/sync_result.go); the words of an image that cannot be had are those of containerd, CRI-O and
Docker.  What follows from a finding for a rollout is told by fail_fast.py.
PRIVATE to the collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .objects import condition, containers_of, desired_replicas, dig, name_of, uid_of

#: what a finding amounts to: no pod of this template can ever start
AT_ONCE = "at once"
#: an image, ConfigMap or Secret that has to be put there by somebody else: final when nobody does
IF_IT_LASTS = "if it lasts"
#: the reason of a failed pull is not told: what was known of it before still holds
AS_BEFORE = "as before"
#: a process that has ended: so many of them are final
EXIT = "exit"
#: a matter of time
NEVER = "never"
_GRAVITY = (AT_ONCE, EXIT, IF_IT_LASTS, AS_BEFORE, NEVER)

_NEVER_STARTS = ("InvalidImageName", "ErrImageNeverPull")
_PULL = ("ErrImagePull", "ImagePullBackOff", "ErrImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed")
#: reasons of a container that has nothing to tell yet
_STARTING = ("", "ContainerCreating", "PodInitializing")
# a registry that is busy, broken or not to be reached; a name server, a proxy or a certificate in between; and what a node lacks
# of an image that it has got, which containerd calls not found as well: a layer, its snapshot, the lease that keeps both
_UNREACHED = re.compile(
    r"too ?many|rate.?limit|\bquota\b|\b429\b|\b5\d\d\b|time-?out|timed out|deadline|\bdial\b|\blookup\b|\bconnect|connection|"
    r"no such host|misbehaving|no route|content digest|content store|\bsnapshot\b|\blease\b|\bEOF\b|temporar|"
    # containerd got no answer, CRI-O none of a registry, and what came instead is a proxy's page
    r"failed to do request|pinging container registry|\bproxy\b|unexpected media type|"
    r"unavailable|cancell?ed|\bTLS\b|x509|certificate|network|\bi/o\b|\breset\b|no space",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(
    r"not ?found|(?:manifest|name|repository) (?:is )?unknown|does not exist|\b404\b|"
    # for the node's platform
    r"no match(?:ing manifest)? for|no image found in (?:manifest list|image index)",
    re.IGNORECASE,
)
_NOT_ALLOWED = re.compile(
    r"\b40[13]\b|denied|unauthorized|unauthenticated|forbidden|authorization failed|authentication required|no basic auth credentials|"
    r"invalid username|insufficient_scope",
    re.IGNORECASE,
)
_BAD_NAME = re.compile(r"invalid reference format|couldn't parse image name", re.IGNORECASE)
# kubelets before 1.32 say no more than this once they back off; the pull before may have met a busy registry
_NO_CAUSE = re.compile(r'^(?:Back-off pulling image "[^"]*")?$')
#: a ConfigMap, a Secret or a key of theirs, named by an environment variable or a volume
_MISSING = re.compile(
    r"\b(?:configmaps?|secrets?) \"[^\"]+\" not found|couldn't find key .+ in (?:ConfigMap|Secret) |"
    r"references non-existent (?:config|secret) key",
    re.IGNORECASE,
)
# a volume's driver, not the pod, is what names a Secret: that of the volume, which the driver's operator makes
_DRIVER = re.compile(r"\brpc error\b|kubernetes\.io/csi|SecretRef", re.IGNORECASE)
# the node, not the program, is why a process was not started
_NODE_TROUBLE = re.compile(
    r"deadline exceeded|no space left|resource temporarily unavailable|cannot allocate memory|too many open files", re.IGNORECASE
)
# the same, unless a program is named: the container runtime, or what a device's driver hooks into it
_RUNTIME_TROUBLE = re.compile(
    r"context canceled|\bttrpc\b|failed to start shim|cgroup config|\bhook\b|device or resource busy|connection reset|timed out|"
    r"connection refused|transport endpoint",
    re.IGNORECASE,
)
_PROGRAM = re.compile(r"\bexec: |executable file|exec format error", re.IGNORECASE)
#: exit codes of a shell and of container runtimes for a command that is not executable, or not there
_NO_COMMAND = (126, 127)


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a pod from running.

    C(verdict) is what it amounts to, C(topic) what it is about: findings of one topic, such as the two states of a
    failing pull, are one and the same.
    """

    pod: str
    pod_uid: str
    container: str
    reason: str
    message: str
    verdict: str = NEVER
    topic: str = ""
    exit_code: int | None = None
    restart_count: int = 0
    crashed: bool = False

    @property
    def key(self):
        return (self.pod_uid, self.container, self.topic or self.reason)

    @property
    def gravity(self):
        return _GRAVITY.index(self.verdict)

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
        found = [_pod_finding(pod, dig(pod, "status", "reason", default="Failed"), dig(pod, "status", "message", default=""))]
    else:
        found = []
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(_pod_finding(pod, scheduled.get("reason") or "NotScheduled", scheduled.get("message") or ""))
    for status in container_statuses(pod):
        finding = _container_finding(pod, status)
        if finding:
            found.append(finding)
    return sorted(found, key=lambda f: f.gravity)


def container_statuses(pod):
    """Those of the init containers, sidecars among them, then those of the others.

    Ephemeral containers are somebody's tools, which no rollout depends on.
    """
    return dig(pod, "status", "initContainerStatuses", default=[]) + dig(pod, "status", "containerStatuses", default=[])


def last_exit(status):
    """How the container ended last; an empty dict for one that has not."""
    return dig(status, "state", "terminated", default={}) or dig(status, "lastState", "terminated", default={})


def cannot_start(ended):
    """Does this end of a container say that its process cannot be started at all?"""
    if ended.get("reason") == "StartError":
        return not not_run(ended)
    return ended.get("exitCode") in _NO_COMMAND


def not_run(ended):
    """Is this the end of a container whose process was not even tried, for what the node or its container runtime lacks?"""
    message = ended.get("message") or ""
    if ended.get("reason") != "StartError":
        return False
    return bool(_NODE_TROUBLE.search(message) or (_RUNTIME_TROUBLE.search(message) and not _PROGRAM.search(message)))


def starting(pod):
    """Has the pod a node, and do all of its containers wait for what they are made of: volumes, a network, images?"""
    states = [dig(status, "state", "waiting", "reason") for status in container_statuses(pod)]
    return condition(pod, "PodScheduled").get("status") == "True" and all(state in _STARTING for state in states)


def mount_finding(pod, event):
    """What an event says about a volume that the pod waits for."""
    message = said_of(event)
    missing = bool(_MISSING.search(message))
    if missing and _DRIVER.search(message):
        # those that the pod hands to a driver are its own
        named = [dig(volume, "csi", "nodePublishSecretRef", "name") for volume in dig(pod, "spec", "volumes", default=[])]
        missing = any(f'"{name}" not found' in message for name in named if name)
    return Finding(
        name_of(pod),
        uid_of(pod),
        "",
        event.get("reason") or "",
        message,
        IF_IT_LASTS if missing else NEVER,
        "config" if missing else "volume",
    )


def refusal(workload):
    """That a controller may not create pods, as a Deployment or a ReplicationController says by itself; None if it may."""
    refused = condition(workload, "ReplicaFailure")
    if refused.get("status") != "True":
        return None
    return Finding("", uid_of(workload), "", refused.get("reason") or "FailedCreate", one_line(refused.get("message")), topic="pods")


def lacks_pods(workload):
    """Are there fewer pods than the workload asks for?  Of those that do not say why, events may."""
    if workload["kind"] == "DaemonSet":
        return dig(workload, "status", "currentNumberScheduled", default=0) < desired_replicas(workload)
    return dig(workload, "status", "replicas", default=0) < desired_replicas(workload)


def event_finding(workload, event):
    """What an event says about pods that a workload lacks."""
    return Finding("", uid_of(workload), "", event.get("reason") or "", said_of(event), topic="pods")


def said_of(event):
    """An event's message, without what is put before it when there are many alike."""
    return one_line(event.get("message")).removeprefix("(combined from similar events): ")


def one_line(text):
    return " ".join(str(text or "").split())


def _pod_finding(pod, reason, message):
    return Finding(name_of(pod), uid_of(pod), "", reason, message)


def _container_finding(pod, status):
    waiting = dig(status, "state", "waiting", default={})
    terminated = dig(status, "state", "terminated", default={})
    last = dig(status, "lastState", "terminated", default={})
    restarts = status.get("restartCount") or 0

    def finding(reason, message, verdict=NEVER, topic="", ended=None):
        ended = ended or {}
        return Finding(
            pod=name_of(pod),
            pod_uid=uid_of(pod),
            container=status["name"],
            reason=reason,
            message=one_line(message),
            verdict=verdict,
            topic=topic,
            exit_code=ended.get("exitCode"),
            restart_count=restarts,
            crashed=bool(ended),
        )

    reason, message = waiting.get("reason") or "", waiting.get("message") or ""
    if reason == "CrashLoopBackOff":
        # the waiting state's own message only counts the back-off; how the container ended says more
        why = last.get("reason") or ""
        text = ": ".join(part for part in (why if why != "Error" else "", last.get("message")) if part)
        return finding(reason, text, EXIT, "exit", last or {"exitCode": None})
    if reason in _NEVER_STARTS or (reason in _PULL and _BAD_NAME.search(message)):
        return finding(reason, message, AT_ONCE, "image")
    if reason in _PULL:
        return finding(reason, message, _pull_verdict(reason, message, status.get("image") or ""), "image")
    if reason == "CreateContainerConfigError":
        return finding(reason, message, IF_IT_LASTS if _MISSING.search(message) else NEVER, "config")
    if terminated.get("exitCode"):
        # the kubelet restarts it; CrashLoopBackOff follows when it ends again
        return finding(terminated.get("reason") or "Error", terminated.get("message") or "", EXIT, "exit", terminated)
    if waiting:
        return finding(reason, message, ended=last) if reason not in _STARTING else None
    if dig(status, "state", "running") and not status.get("ready"):
        return finding("NotReady", _probe_sentence(pod, status["name"]), ended=last if restarts else None)
    return None


def _pull_verdict(reason, message, image):
    """Does a failed pull say that the image is not there, or not for us?  The image's own name says nothing."""
    if _NO_CAUSE.match(message.strip()):
        return AS_BEFORE
    if reason in ("RegistryUnavailable", "SignatureValidationFailed"):
        return NEVER
    said = _without(image, message)
    if _UNREACHED.search(said):
        return NEVER
    return IF_IT_LASTS if _NOT_THERE.search(said) or _NOT_ALLOWED.search(said) else NEVER


def _without(image, message):
    """A message without the addresses, quotations and words in which the image's name occurs."""
    said = re.sub(r"\"[^\"]*\"|\S+://\S+|\[[^\]]*\]|(?<=manifest )\S+(?= in )", " ", message.replace('\\"', '"'))
    name = re.sub(r"(?::[^:/]*)?(?:@.*)?$", "", image)
    host, _slash, rest = name.partition("/")
    for part in {image, name, name.rpartition("/")[2], host if rest and "." in host else ""} - {""}:
        said = re.sub(rf"(?<!\S)(?:\S*/)?{re.escape(part)}(?:[:@][^\s:']*)?(?=[\s:,']|$)", " ", said)
    return said


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
