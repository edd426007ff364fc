# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cassandra_decommission module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

import base64
import re
import time
from contextlib import suppress

from .._api.client import APPS, CORE, ApiError, Backoff, Deadline, Fault, object_path
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._rollout.objects import condition, controlled_by, dig, name_of, selector_string, uid_of
from . import nodetool
from .pods import PodApi
from .steps import Claim, Goal, Pod, State, Unsettled, after, alteration, next_step, raises

DATA = "/var/lib/cassandra"
#: what a decommission says, in the pod that leaves
LOG = "/tmp/slipway-decommission.log"
#: seconds between two looks at a node: each starts a Java virtual machine there
INTERVAL = 3
#: seconds that the ring gets to agree on what has been changed
SETTLING = 120
#: seconds within which an API server has heard that the guard was lowered
GUARD_LAG = 15

OPTIONS = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "default": "cassandra"},
    "container": {"type": "str", "default": "cassandra"},
    "replicas": {"type": "int", "required": True},
    "adjust_system_keyspaces": {"type": "bool", "default": False},
    "superuser_secret": {"type": "str", "no_log": False},
    "scale_guard": {"type": "str"},
    "keep_volumes": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 7200},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Take nodes out until there are as many as wanted."""
    refuse(params)
    return Decommission(params, check_mode, progress).result(want_diff)


def refuse(params):
    """Say what is wrong before anybody is asked."""
    if params["replicas"] < 1:
        raise TaskError(f"replicas must be at least 1, got: {params['replicas']}. The last node has nobody to hand its rows to.")
    for option in ("namespace", "name", "container"):
        if not params[option]:
            raise TaskError(f"{option} must not be empty.")


class Decommission:
    """One call of the module."""

    def __init__(self, params, check_mode, progress):
        self.params = params
        self.check_mode = check_mode
        self.progress = progress
        self.deadline = Deadline(params["wait_timeout"])
        self.api = PodApi(params["auth"], self.deadline, progress=progress)
        self.goal = Goal(params["replicas"], params["adjust_system_keyspaces"])
        self.guard = params["scale_guard"] or f"{params['name']}-scale-guard"
        self.secret = params["superuser_secret"] or f"{params['name']}-superuser"
        self.done = []
        self.volumes = []

    def result(self, want_diff):
        state = before = self.look()
        try:
            while (step := self.decide(state)) is not None:
                self.progress(step.text)
                if self.check_mode:
                    state = after(state, step)
                else:
                    getattr(self, f"_{step.verb}")(step, state)
                self.done.append(step.text)
                if not self.check_mode:
                    state = self.look()
        except TaskError as error:
            error.result.update(changed=bool(self.done) and not self.check_mode, steps=self.done)
            raise
        result = {
            "changed": bool(self.done),
            "steps": self.done,
            "replicas": state.replicas,
            "members": [
                {"status": member.status, "address": member.address, "host_id": member.host_id, "datacenter": member.datacenter}
                for member in state.members
            ],
            "kept_volumes": self.volumes,
            "host": self.api.host,
        }
        if want_diff:
            result["diff"] = {"before": _outline(before), "after": _outline(state)}
        return result

    def decide(self, state):
        """The next step. What has just been changed is not known to all nodes at once, which is no reason to fail."""
        settling, backoff = Deadline(SETTLING), Backoff(self.deadline)
        while True:
            try:
                return next_step(state, self.goal)
            except Unsettled as unsettled:
                if self.check_mode or not self.done or settling.expired or self.deadline.expired:
                    raise
                self.progress(f"{unsettled} Looking again")
                backoff.wait()
                state = self.look()

    # ---------------------------------------------------------- what is seen --
    def look(self):
        workload = self._stateful_set()
        replicas = dig(workload, "spec", "replicas", default=1)
        query = [("labelSelector", selector_string(workload["spec"]["selector"]))]
        found = self.api.list(object_path(CORE, self.params["namespace"], "pods"), query)[0]
        pods = sorted((_pod(pod) for pod in found if controlled_by(pod, workload)), key=lambda pod: pod.ordinal)
        witness = next((pod for pod in pods if pod.ready), None)
        if witness is None:
            raise TaskError(f"StatefulSet {self.params['namespace']}/{self.params['name']} has no Pod that is ready, so nobody tells what the ring is.")
        status = self._nodetool(witness.name, "status")
        cluster = self._nodetool(witness.name, "describecluster")
        shrinking = self.goal.replicas < replicas
        leaver = next((pod for pod in pods if pod.ordinal == replicas - 1), None)
        return State(
            name=self.params["name"],
            replicas=replicas,
            pods=tuple(pods),
            members=nodetool.members(status),
            replication=nodetool.replication(cluster),
            schema_versions=nodetool.schema_versions(cluster),
            mode=self._mode(leaver.name) if shrinking and leaver else None,
            free=self._free(pods[: replicas - 1]) if shrinking else {},
            guard=self._guard_value(),
            claims=self._claims(workload),
        )

    def _stateful_set(self):
        namespace, name = self.params["namespace"], self.params["name"]
        try:
            return self.api.get(object_path(APPS, namespace, "statefulsets", name))
        except ApiError as error:
            if error.code != 404:
                raise
            raise TaskError(f"There is no StatefulSet {name} in namespace {namespace}.") from None

    def _nodetool(self, pod, command):
        """What nodetool prints in a pod."""
        code, out, err = self._in(pod, ["nodetool", command])
        if code != 0:
            raise TaskError(f"nodetool {command} failed in Pod {pod}: {nodetool.complaint(err or out)}.")
        return out

    def _mode(self, pod):
        """The mode of a pod's node; None where it does not tell, as one that has left and was started again."""
        with suppress(TaskError):
            return nodetool.mode(self._in(pod, ["nodetool", "netstats"])[1])
        return None

    def _free(self, pods):
        found = {}
        for pod in pods:
            if pod.ready:
                code, out, err = self._in(pod.name, ["df", "-Pk", DATA])
                if code != 0:
                    raise TaskError(f"Pod {pod.name} does not tell how much space is left in {DATA}: {err.strip()}.")
                found[pod.name] = nodetool.available(out)
        return found

    def _guard_value(self):
        guard = self._get("configmaps", self.guard)
        return int(guard["data"]["minReplicas"]) if guard else None

    def _claims(self, workload):
        templates = [name_of(claim) for claim in workload["spec"].get("volumeClaimTemplates") or []]
        pattern = re.compile(rf"(?:{'|'.join(map(re.escape, templates))})-{re.escape(name_of(workload))}-(\d+)")
        claims = self.api.list(object_path(CORE, self.params["namespace"], "persistentvolumeclaims"))[0]
        matches = [pattern.fullmatch(name_of(claim)) for claim in claims] if templates else []
        return tuple(Claim(match[0], int(match[1])) for match in matches if match)

    def _get(self, resource, name):
        """An object of the namespace; None if there is none."""
        try:
            return self.api.get(object_path(CORE, self.params["namespace"], resource, name))
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    # ---------------------------------------------------------- what is done --
    def _alter(self, step, state):
        pod = next(pod.name for pod in state.pods if pod.ready)
        secret = self._get("secrets", self.secret)
        if secret is None:
            raise TaskError(f"There is no Secret {self.secret} in namespace {self.params['namespace']} to log in with; set superuser_secret.")
        login = [base64.b64decode(secret["data"][key]).decode() for key in ("username", "password")]
        # A command is part of the request's URL and so of the API server's audit log; what goes in here is not.
        script = (
            "IFS= read -r user && IFS= read -r password && "
            'exec cqlsh --username "$user" --password "$password" --connect-timeout 30 --request-timeout 60 --execute "$0" < /dev/null'
        )
        code, out, err = self._in(pod, ["sh", "-c", script, alteration(step.value)], "\n".join(login) + "\n")
        if code != 0:
            raise TaskError(f"The replicas of the system's keyspaces cannot be changed, says cqlsh in Pod {pod}: {nodetool.complaint(err or out)}.")
        if raises(state, step.value):
            # Until then, a node that is asked for a login does not know it.
            code, out, err = self._in(pod, ["nodetool", "repair", "--full", "system_auth"])
            if code != 0:
                raise TaskError(f"Keyspace system_auth could not be repaired from Pod {pod}: {nodetool.complaint(err or out)}.")

    def _decommission(self, step, state):
        # On its own: the connection may break, and the one who has started it may end.
        start = f"(nodetool decommission; echo exit $?) > {LOG} 2>&1 < /dev/null &"
        code, _out, err = self._in(step.value, ["sh", "-c", start])
        if code != 0:
            raise TaskError(f"The decommission cannot be started in Pod {step.value}: {err.strip()}.")
        self._follow(step.value, state, seen=None)

    def _await_decommission(self, step, state):
        self._follow(step.value, state, seen="LEAVING")

    def _follow(self, name, state, seen):
        """Wait until a node has left the ring.  C(seen) is the mode that it was in."""
        pod = next(pod for pod in state.pods if pod.name == name)
        witness = next(other.name for other in state.pods if other.ready and other != pod)
        while True:
            mode = self._mode(name)
            if mode in (None, "DECOMMISSIONED"):
                with suppress(TaskError):
                    if pod.address not in {member.address for member in nodetool.members(self._nodetool(witness, "status"))}:
                        return
            elif mode != "LEAVING":
                words = self._last_words(name)
                if seen == "LEAVING" or words is not None:
                    raise TaskError(
                        f"The node of Pod {name} is {mode} and has not left: {words or 'it was started again meanwhile'}. "
                        "Nothing is lost; run it again once that is settled."
                    )
            seen = mode or seen
            if self.deadline.expired:
                raise TaskError(
                    f"The node of Pod {name} has not left after {self.deadline.seconds:.0f} s, but goes on doing so; run it again to wait "
                    "for it."
                )
            self.progress(f"Pod {name} is {mode or 'not to be asked'}")
            time.sleep(min(INTERVAL, self.deadline.left()))

    def _last_words(self, pod):
        """How a decommission that was started in a pod has failed; None if it has not."""
        _code, out, _err = self._in(pod, ["cat", LOG])
        text, _exit, code = out.rpartition("exit ")
        return nodetool.complaint(text) if code.strip().isdigit() and int(code) else None

    def _guard(self, step, state):
        self._patch(
            object_path(CORE, self.params["namespace"], "configmaps", self.guard), "/data/minReplicas", str(state.guard), str(step.value)
        )

    def _scale(self, step, state):
        path = object_path(APPS, self.params["namespace"], "statefulsets", self.params["name"])
        lag, backoff = Deadline(GUARD_LAG), Backoff(self.deadline)
        while True:
            try:
                return self._patch(path, "/spec/replicas", state.replicas, step.value)
            except ApiError as error:
                if "denied request" not in str(error) or lag.expired:
                    raise
                backoff.wait()

    def _patch(self, path, field, old, new):
        """Change one field from what it was; whether that was done is seen by whoever looks."""
        operations = [{"op": "test", "path": field, "value": old}, {"op": "replace", "path": field, "value": new}]
        try:
            self.api.patch(path, operations)
        except Fault as fault:
            self.api.give_up_after(fault)
        except ApiError as error:
            # A run that was killed may go on in a worker of Ansible's, which has a session of its own.
            if error.code != 422 or dig(self.api.get(path), *field.split("/")[1:]) == old:
                raise

    def _await_pods(self, step, state):
        self._await_gone("pods", step.value)

    def _release_claims(self, step, state):
        for claim in step.value:
            found = self._get("persistentvolumeclaims", claim.name)
            if found is None:
                continue
            volume = dig(found, "spec", "volumeName")
            if self.params["keep_volumes"] and volume:
                path = f"{CORE}/persistentvolumes/{volume}"
                self.api.patch(path, [{"op": "add", "path": "/spec/persistentVolumeReclaimPolicy", "value": "Retain"}])
                self.volumes.append(volume)
            self.api.delete(object_path(CORE, self.params["namespace"], "persistentvolumeclaims", claim.name), uid_of(found))
        self._await_gone("persistentvolumeclaims", [claim.name for claim in step.value])

    def _await_gone(self, resource, names):
        backoff = Backoff(self.deadline)
        while True:
            left = [name for name in names if self._get(resource, name) is not None]
            if not left:
                return
            if self.deadline.expired:
                raise TaskError(f"{', '.join(left)} of {resource} is still there after {self.deadline.seconds:.0f} s; run it again to wait for that.")
            backoff.wait()

    def _in(self, pod, command, stdin=""):
        return self.api.execute(self.params["namespace"], pod, self.params["container"], command, stdin)


def _pod(pod):
    ordinal = int(name_of(pod).rpartition("-")[2])
    address = dig(pod, "status", "podIP")
    ready = (condition(pod, "Ready") or {}).get("status") == "True" and not pod["metadata"].get("deletionTimestamp")
    return Pod(name_of(pod), ordinal, nodetool.address(address) if address else None, ready)


def _outline(state):
    """A state in the words of a difference."""
    lines = [f"replicas: {state.replicas}"]
    if state.guard is not None:
        lines.append(f"guard: {state.guard}")
    lines += [f"member: {member.address} {member.host_id}" for member in sorted(state.members, key=lambda member: member.address)]
    lines += [f"claim: {claim.name}" for claim in sorted(state.claims, key=lambda claim: claim.ordinal)]
    lines += [
        f"keyspace {name}: " + ", ".join(f"{datacenter or 'ring'}={count}" for datacenter, count in sorted(options.items(), key=str))
        for name, options in sorted(state.replication.items())
    ]
    return "\n".join(lines) + "\n"


ENGINE = Engine("cassandra_decommission", OPTIONS, run)
