# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cassandra_decommission module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

import base64
from contextlib import suppress

from .._api.client import APPS, CORE, ApiError, Backoff, Deadline, Fault, object_path
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._rollout.objects import dig, uid_of
from . import nodetool, operation
from .decommission_steps import Goal, State, after, alteration, next_step, raises
from .operation import INTERVAL, Operation

DATA = "/var/lib/cassandra"
#: what a decommission says, in the pod that leaves
LOG = "/tmp/slipway-decommission.log"
#: Runs a statement with the name and the password that it reads.  A command is part of the request's URL, and so of the API
#: server's audit log, and seen in the list of processes; a file goes with the shell that has made it.
CQL = r"""
umask 077
login=$(mktemp) || exit
trap 'rm -f "$login"' EXIT
trap 'exit 1' HUP INT TERM
IFS= read -r user && IFS= read -r password || exit
printf '[PlainTextAuthProvider]\nusername = %s\npassword = %s\n' "$user" "$password" > "$login" || exit
cqlsh --credentials "$login" --connect-timeout 30 --request-timeout 60 --execute "$0" < /dev/null
"""
#: seconds within which an API server has heard that the guard was lowered
GUARD_LAG = 15

OPTIONS = {
    **operation.OPTIONS,
    "replicas": {"type": "int", "required": True},
    "adjust_system_keyspaces": {"type": "bool", "default": False},
    "superuser_secret": {"type": "str", "no_log": False},
    "scale_guard": {"type": "str"},
    "keep_volumes": {"type": "bool", "default": False},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Take nodes out until there are as many as wanted."""
    if params["replicas"] < 1:
        raise TaskError(f"replicas must be at least 1, got: {params['replicas']}. The last node has nobody to hand its rows to.")
    operation.refuse(params)
    return Decommission(params, check_mode, progress).result(want_diff)


class Decommission(Operation):
    """One call of the module."""

    def __init__(self, params, check_mode, progress):
        super().__init__(params, check_mode, progress)
        self.goal = Goal(params["replicas"], params["adjust_system_keyspaces"])
        self.uids = {}
        self.guard = params["scale_guard"] or f"{params['name']}-scale-guard"
        self.secret = params["superuser_secret"] or f"{params['name']}-superuser"

    def next_step(self, state):
        return next_step(state, self.goal)

    def after(self, state, step):
        return after(state, step)

    # ---------------------------------------------------------- what is seen --
    def look(self):
        workload, ring = self.ring()
        self.uids["statefulset"] = uid_of(workload)
        replicas, pods = ring["replicas"], ring["pods"]
        shrinking = self.goal.replicas < replicas
        leaver = next((pod for pod in pods if pod.ordinal == replicas - 1), None)
        return State(
            **ring,
            mode=self._mode(leaver.name) if shrinking and leaver else None,
            free=self._free(pods[: replicas - 1]) if shrinking else {},
            guard=self._guard_value(),
            claims=self.claims(workload),
        )

    def outline(self, state):
        lines = [] if state.guard is None else [f"guard: {state.guard}"]
        return [*super().outline(state), *lines]

    def _mode(self, pod):
        """The mode of a pod's node; None where it does not tell, as one that has left and was started again."""
        with suppress(TaskError):
            return nodetool.mode(self.execute(pod, ["nodetool", "netstats"])[1])
        return None

    def _free(self, pods):
        found = {}
        for pod in pods:
            if pod.ready:
                code, out, err = self.execute(pod.name, ["df", "-Pk", DATA])
                if code != 0:
                    raise TaskError(f"Pod {pod.name} does not tell how much space is left in {DATA}: {err.strip()}.")
                found[pod.name] = nodetool.available(out)
        return found

    def _guard_value(self):
        guard = self.get("configmaps", self.guard)
        self.uids["guard"] = uid_of(guard or {})
        return int(guard["data"]["minReplicas"]) if guard else None

    # ---------------------------------------------------------- what is done --
    def _alter(self, step, state):
        pod = next(pod.name for pod in state.pods if pod.ready)
        secret = self.get("secrets", self.secret)
        if secret is None:
            raise TaskError(f"There is no Secret {self.secret} in namespace {self.params['namespace']} to log in with; set superuser_secret.")
        login = [base64.b64decode(secret["data"][key]).decode() for key in ("username", "password")]
        code, out, err = self.execute(pod, ["sh", "-c", CQL, alteration(step.value)], "\n".join(login) + "\n")
        if code != 0:
            raise TaskError(f"The replicas of the system's keyspaces cannot be changed, says cqlsh in Pod {pod}: {nodetool.complaint(err or out)}.")
        if raises(state, step.value):
            # Until then, a node that is asked for a login does not know it.
            code, out, err = self.execute(pod, ["nodetool", "repair", "--full", "system_auth"])
            if code != 0:
                raise TaskError(f"Keyspace system_auth could not be repaired from Pod {pod}: {nodetool.complaint(err or out)}.")

    def _decommission(self, step, state):
        self.start(step.value, "nodetool decommission", LOG)
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
                    if pod.address not in {member.address for member in nodetool.members(self.nodetool(witness, "status"))}:
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
            self.deadline.sleep(INTERVAL)

    def _last_words(self, pod):
        """How a decommission that was started in a pod has failed; None if it has not."""
        code, text = self.ended(pod, LOG) or (None, "")
        return nodetool.complaint(text) if code else None

    def _guard(self, step, state):
        path = object_path(CORE, self.params["namespace"], "configmaps", self.guard)
        self._patch(path, self.uids["guard"], "/data/minReplicas", str(state.guard), str(step.value))

    def _scale(self, step, state):
        path = object_path(APPS, self.params["namespace"], "statefulsets", self.params["name"])
        lag, backoff = Deadline(GUARD_LAG), Backoff(self.deadline)
        while True:
            try:
                return self._patch(path, self.uids["statefulset"], "/spec/replicas", state.replicas, step.value)
            except ApiError as error:
                if "denied request" not in str(error) or lag.expired:
                    raise
                backoff.wait()

    def _patch(self, path, uid, field, old, new):
        """Change one field of the object with that uid from what it was; whether that was done is seen by whoever looks."""
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "test", "path": field, "value": old},
            {"op": "replace", "path": field, "value": new},
        ]
        try:
            self.api.patch(path, operations)
        except Fault as fault:
            self.api.give_up_after(fault)
        except ApiError as error:
            # A run that was killed may go on in a worker of Ansible's, which has a session of its own.
            if error.code != 422:
                raise
            found = self.api.get(path)
            if uid_of(found) != uid:
                raise TaskError(f"{path} was deleted and made anew by somebody else meanwhile, so it is left as it is; run this again.") from None
            if dig(found, *field.split("/")[1:]) == old:
                raise

    def _await_pods(self, step, state):
        self.await_gone("pods", {pod.name: pod.uid for pod in step.value})

    def _release_claims(self, step, state):
        for claim in step.value:
            self.release(claim)
        self.await_gone("persistentvolumeclaims", {claim.name: claim.uid for claim in step.value})


ENGINE = Engine("cassandra_decommission", OPTIONS, run)
