# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which container is attached to, and whether it can be.  Pure.  PRIVATE to the collection.

The rules are those of kubectl attach (k8s.io/kubectl v0.37.2, pkg/cmd/attach/attach.go and
pkg/cmd/util/podcmd/podcmd.go).
"""

from __future__ import annotations

from .._api.errors import TaskError
from .._rollout.objects import annotations_of, condition, describe, dig

#: the annotation by which a pod says which of its containers is meant when none is named
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
#: where a pod's spec has containers, and its status their states
_LISTS = {
    "containers": "containerStatuses",
    "initContainers": "initContainerStatuses",
    "ephemeralContainers": "ephemeralContainerStatuses",
}


def choose(pod, wanted=None):
    """The spec of the container to attach to: the one that is named, else the pod's default one, else its first."""
    containers = {c["name"]: c for where in _LISTS for c in dig(pod, "spec", where, default=[])}
    name = wanted or annotations_of(pod).get(DEFAULT_CONTAINER)
    if not wanted and name not in containers:
        # kubectl, too, only warns of an annotation that names none
        name = next(iter(containers))
    if name not in containers:
        raise TaskError(f"{_pod(pod)} has no container {name}; it has {', '.join(containers)}.")
    return containers[name]


def refuse_input(pod, container):
    """Say why a container cannot be sent a text."""
    if not container.get("stdin"):
        raise TaskError(
            f"{title(pod, container)} takes no input: it was started without stdin. Set stdin: true for it in the pod's spec."
        )


def takes_one_input(container):
    """Does the process come to the end of its input when who has attached has sent it?

    Of any other, containerd ends the whole stream once its stdin is closed.
    """
    return bool(container.get("stdinOnce")) and not container.get("tty")


def obstacle(pod, container):
    """Why a container cannot be attached to now, and whether that is for good: C((reason, final)), or None when it runs."""
    state = state_of(pod, container)
    if state.get("running") is not None:
        return None
    phase = dig(pod, "status", "phase", default="Pending")
    ended = state.get("terminated")
    if ended is not None:
        final = phase in ("Succeeded", "Failed") or not _is_restarted(pod, container, ended)
        return f"has ended with {_exit(ended)}", final
    if phase in ("Succeeded", "Failed"):
        return f"does not run: the pod has ended as {phase}", True
    scheduled = condition(pod, "PodScheduled")
    waiting = state.get("waiting") or (scheduled if scheduled.get("status") == "False" else {})
    reason = ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)
    return f"does not run yet: {' '.join(reason.split()) or 'the pod is ' + phase}", False


def ending(before, pod, container):
    """How a container has ended that ran in the pod C(before): C((words, exit code)), or None as long as the pod tells nothing."""
    status = _status(pod, container)
    ended = dig(status, "state", "terminated")
    if ended is None and status.get("restartCount", 0) > _status(before, container).get("restartCount", 0):
        # it has been started anew since
        ended = dig(status, "lastState", "terminated")
    return ended and (f"has ended with {_exit(ended)}", ended.get("exitCode"))


def state_of(pod, container):
    return _status(pod, container).get("state") or {}


def title(pod, container):
    return f"Container {container['name']} of {_pod(pod)}"


def _pod(pod):
    return describe({"kind": "Pod", **pod})


def _status(pod, container):
    statuses = (status for where in _LISTS.values() for status in dig(pod, "status", where, default=[]))
    return next((status for status in statuses if status.get("name") == container["name"]), {})


def _is_restarted(pod, container, ended):
    policy = container.get("restartPolicy") or dig(pod, "spec", "restartPolicy", default="Always")
    is_init = any(c["name"] == container["name"] for c in dig(pod, "spec", "initContainers", default=[]))
    if any(c["name"] == container["name"] for c in dig(pod, "spec", "ephemeralContainers", default=[])):
        return False
    # an init container that has succeeded is done, unless it is a sidecar
    if policy == "Always" and (not is_init or container.get("restartPolicy")):
        return True
    return policy != "Never" and ended.get("exitCode") != 0


def _exit(ended):
    reason = ended.get("reason")
    return f"exit code {ended.get('exitCode')}" + (f" ({reason})" if reason and reason not in ("Error", "Completed") else "")
