# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing a Cassandra step by step: what both modules that do so have in common.  PRIVATE to the collection."""

from __future__ import annotations

import re

from .._api.client import APPS, CORE, ApiError, Backoff, Deadline, object_path
from .._api.errors import TaskError
from .._api.pods import PodApi
from .._rollout.objects import condition, controlled_by, dig, name_of, selector_string, uid_of
from . import nodetool
from .ring import Claim, Pod, Unsettled

#: seconds between two looks at a node: each starts a Java virtual machine there
INTERVAL = 3
#: seconds that the ring gets to agree on what has been changed
SETTLING = 120

OPTIONS = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "default": "cassandra"},
    "container": {"type": "str", "default": "cassandra"},
    "wait_timeout": {"type": "int", "default": 7200},
}


def refuse(params):
    """Say what is wrong before anybody is asked."""
    for option in ("namespace", "name", "container"):
        if not params[option]:
            raise TaskError(f"{option} must not be empty.")


class Operation:
    """One call of a module.

    A subclass has C(look), which tells what is there, C(next_step) and C(after), which are about that alone, and for each
    verb of a step a method C(_VERB), which does it.
    """

    def __init__(self, params, check_mode, progress):
        self.params = params
        self.check_mode = check_mode
        self.progress = progress
        self.deadline = Deadline(params["wait_timeout"])
        self.api = PodApi(params["auth"], self.deadline, progress=progress)
        self.done = []
        self.volumes = []

    def result(self, want_diff):
        state = before = self.look()
        try:
            while (step := self.decide(state)) is not None:
                self.progress(step.text)
                if self.check_mode:
                    state = self.after(state, step)
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
            result["diff"] = {
                side: "".join(f"{line}\n" for line in self.outline(seen)) for side, seen in (("before", before), ("after", state))
            }
        return result

    def decide(self, state):
        """The next step. What has just been changed is not known to all nodes at once, which is no reason to fail."""
        settling, backoff = Deadline(SETTLING), Backoff(self.deadline)
        while True:
            try:
                return self.next_step(state)
            except Unsettled as unsettled:
                if self.check_mode or not self.done or settling.expired or self.deadline.expired:
                    raise
                self.progress(f"{unsettled} Looking again")
                backoff.wait()
                state = self.look()

    def outline(self, state):
        """A state in the words of a difference."""
        return [
            f"replicas: {state.replicas}",
            *(f"member: {member.address} {member.host_id}" for member in sorted(state.members, key=lambda member: member.address)),
            *(f"claim: {claim.name} {claim.uid}".rstrip() for claim in sorted(state.claims, key=lambda claim: claim.ordinal)),
            *(
                f"keyspace {name}: " + ", ".join(f"{datacenter or 'ring'}={count}" for datacenter, count in sorted(options.items(), key=str))
                for name, options in sorted(state.replication.items())
            ),
        ]

    # ---------------------------------------------------------- what is seen --
    def ring(self, asked=lambda pod: True):
        """The StatefulSet, and what every state has: the ring as the first ready pod tells it that may be asked."""
        workload = self._stateful_set()
        query = [("labelSelector", selector_string(workload["spec"]["selector"]))]
        found = self.api.list(object_path(CORE, self.params["namespace"], "pods"), query)[0]
        pods = sorted((pod_of(pod) for pod in found if controlled_by(pod, workload)), key=lambda pod: pod.ordinal)
        witness = next((pod for pod in pods if pod.ready and asked(pod)), None)
        if witness is None:
            raise TaskError(
                f"StatefulSet {self.params['namespace']}/{self.params['name']} has no {'other ' if len(pods) > 1 else ''}Pod that is ready, "
                "so nobody tells what the ring is."
            )
        status = self.nodetool(witness.name, "status")
        cluster = self.nodetool(witness.name, "describecluster")
        return workload, {
            "name": self.params["name"],
            "replicas": dig(workload, "spec", "replicas", default=1),
            "pods": tuple(pods),
            "members": nodetool.members(status),
            "replication": nodetool.replication(cluster),
            "schema_versions": nodetool.schema_versions(cluster),
        }

    def _stateful_set(self):
        namespace, name = self.params["namespace"], self.params["name"]
        try:
            return self.api.get(object_path(APPS, namespace, "statefulsets", name))
        except ApiError as error:
            if error.code != 404:
                raise
            raise TaskError(f"There is no StatefulSet {name} in namespace {namespace}.") from None

    def nodetool(self, pod, command):
        """What nodetool prints in a pod."""
        code, out, err = self.execute(pod, ["nodetool", command])
        if code != 0:
            raise TaskError(f"nodetool {command} failed in Pod {pod}: {nodetool.complaint(err or out)}.")
        return out

    def claims(self, workload):
        """Those made from the templates of the StatefulSet, for whichever ordinal."""
        templates = [name_of(claim) for claim in workload["spec"].get("volumeClaimTemplates") or []]
        pattern = re.compile(rf"(?:{'|'.join(map(re.escape, templates))})-{re.escape(name_of(workload))}-(\d+)")
        claims = self.api.list(object_path(CORE, self.params["namespace"], "persistentvolumeclaims"))[0] if templates else []
        matches = [(pattern.fullmatch(name_of(claim)), uid_of(claim)) for claim in claims]
        return tuple(Claim(match[0], int(match[1]), uid) for match, uid in matches if match)

    def get(self, resource, name):
        """An object of the namespace; None if there is none."""
        try:
            return self.api.get(object_path(CORE, self.params["namespace"], resource, name))
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    # ---------------------------------------------------------- what is done --
    def start(self, pod, command, log):
        """Start a command on its own: the connection may break, and the one who has started it may end."""
        script = f"({command}; echo exit $?) > {log} 2>&1 < /dev/null &"
        code, _out, err = self.execute(pod, ["sh", "-c", script])
        if code != 0:
            raise TaskError(f"{command} cannot be started in Pod {pod}: {err.strip()}.")

    def ended(self, pod, log):
        """(exit status, what it says) of a command that was started so; None while it runs.

        The status is None where nothing is known of it, because the container was started again.
        """
        status, out, _err = self.execute(pod, ["cat", log])
        if status != 0:
            return None, ""
        text, _exit, code = out.rpartition("exit ")
        return (int(code), text) if code.strip().isdigit() else None

    def release(self, claim):
        """Delete a claim, but for its volume where that is to be kept."""
        found = self.get("persistentvolumeclaims", claim.name)
        if found is None or uid_of(found) != claim.uid:
            return
        volume = dig(found, "spec", "volumeName")
        if self.params["keep_volumes"] and volume:
            path = f"{CORE}/persistentvolumes/{volume}"
            mine = {"op": "test", "path": "/spec/claimRef/uid", "value": claim.uid}
            self.api.patch(path, [mine, {"op": "add", "path": "/spec/persistentVolumeReclaimPolicy", "value": "Retain"}])
            self.volumes.append(volume)
        self.api.delete(object_path(CORE, self.params["namespace"], "persistentvolumeclaims", claim.name), uid_of(found))

    def await_gone(self, resource, uids):
        """Wait until the objects are gone.  C(uids) is {name: uid}; others of these names are not waited for."""
        backoff = Backoff(self.deadline)
        while True:
            left = [name for name, uid in uids.items() if uid_of(self.get(resource, name) or {}) == uid]
            if not left:
                return
            if self.deadline.expired:
                raise TaskError(f"{', '.join(left)} of {resource} is still there after {self.deadline.seconds:.0f} s; run it again to wait for that.")
            backoff.wait()

    def execute(self, pod, command, stdin=""):
        return self.api.execute(self.params["namespace"], pod, self.params["container"], command, stdin)


def pod_of(pod):
    ordinal = int(name_of(pod).rpartition("-")[2])
    address = dig(pod, "status", "podIP")
    ready = (condition(pod, "Ready") or {}).get("status") == "True" and not pod["metadata"].get("deletionTimestamp")
    return Pod(name_of(pod), ordinal, nodetool.address(address) if address else None, ready, uid_of(pod))
