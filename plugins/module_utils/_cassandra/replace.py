# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cassandra_replace module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations


from .._api.client import CORE, FIELD_MANAGER, ApiError, Backoff, Deadline, object_path
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._rollout.door import ENGINES
from .._rollout.objects import annotations_of, dig, name_of, uid_of
from . import nodetool, operation
from .operation import INTERVAL, Operation
from .replace_steps import Goal, Note, State, after, next_step

#: what a repair says, in the pod of the new node
LOG = "/tmp/slipway-repair.log"
#: seconds that a pod gets to end, whose node the others see down anyway
GRACE = 30
#: seconds after which nobody seems to be there who could end it
ABANDONED = 90
#: annotations of the note
HOST_ID = "slipway.kubernetes/host-id"
CLAIMS = "slipway.kubernetes/claims"

OPTIONS = {
    **operation.OPTIONS,
    "pod": {"type": "str", "required": True},
    "host_id": {"type": "str"},
    "accept_loss_of": {"type": "list", "elements": "str", "default": []},
    "repair": {"type": "bool", "default": True},
    "keep_volumes": {"type": "bool", "default": True},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Give a node that is lost a successor."""
    operation.refuse(params)
    return Replacement(params, check_mode, progress).result(want_diff)


class Replacement(Operation):
    """One call of the module."""

    def __init__(self, params, check_mode, progress):
        super().__init__(params, check_mode, progress)
        self.goal = Goal(params["pod"], params["host_id"], tuple(params["accept_loss_of"]), params["repair"])
        self.note = f"{params['name']}-replacement"

    def next_step(self, state):
        return next_step(state, self.goal)

    def after(self, state, step):
        return after(state, step, self.goal)

    # ---------------------------------------------------------- what is seen --
    def look(self):
        workload, ring = self.ring(lambda pod: pod.name != self.goal.pod)
        self.owner = workload
        if not self._is_looked_for(workload):
            raise TaskError(
                f"The Pods of StatefulSet {self.params['namespace']}/{self.params['name']} do not look for ConfigMap {self.note}, by which a new "
                "node knows whom it succeeds: deploy it by the role slipway.kubernetes.cassandra of this version first."
            )
        return State(
            **ring,
            claims=tuple(claim for claim in self.claims(workload) if f"{self.params['name']}-{claim.ordinal}" == self.goal.pod),
            note=self._noted(),
        )

    def outline(self, state):
        lines = [] if state.note is None else [f"to be replaced: {state.note.pod}, {state.note.address} {state.note.host_id}"]
        return [*super().outline(state), *lines]

    def _is_looked_for(self, workload):
        volumes = dig(workload, "spec", "template", "spec", "volumes", default=[])
        return self.note in [dig(volume, "configMap", "name") for volume in volumes]

    def _noted(self):
        found = self.get("configmaps", self.note)
        if found is None:
            return None
        try:
            ((pod, address),) = found["data"].items()
            annotations = annotations_of(found)
            return Note(pod, nodetool.address(address), annotations[HOST_ID], tuple(annotations[CLAIMS].split()))
        except (KeyError, ValueError):
            raise TaskError(
                f"ConfigMap {self.note} in namespace {self.params['namespace']} is not what this module notes of a replacement; delete it."
            ) from None

    # ---------------------------------------------------------- what is done --
    def _note(self, step, state):
        note = step.value
        try:
            self.api.post(object_path(CORE, self.params["namespace"], "configmaps"), {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": self.note,
                    "annotations": {HOST_ID: note.host_id, CLAIMS: " ".join(note.claims)},
                    # It says nothing to another Cassandra of the same name.
                    "ownerReferences": [
                        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name_of(self.owner), "uid": uid_of(self.owner)}
                    ],
                },
                # The file that the container looks for.
                "data": {note.pod: note.address},
            }, [("fieldManager", FIELD_MANAGER)])
        except ApiError as error:
            # Noted already, by an attempt whose answer was lost or by another run: the next look tells.
            if error.code != 409:
                raise

    def _release(self, step, state):
        pod = self.get("pods", self.goal.pod)
        for claim in step.value:
            self.release(claim)
        if pod is not None:
            self.api.delete(object_path(CORE, self.params["namespace"], "pods", self.goal.pod), uid_of(pod), GRACE)
            self._await_end(pod)
        self.await_gone("persistentvolumeclaims", {claim.name: claim.uid for claim in step.value})

    def _await_end(self, pod):
        limit, backoff = Deadline(min(ABANDONED, self.deadline.left())), Backoff(self.deadline)
        while uid_of(self.get("pods", self.goal.pod) or {}) == uid_of(pod):
            if limit.expired:
                raise TaskError(
                    f"Pod {self.goal.pod} is still there {limit.seconds:.0f} s after it was deleted. If its machine is lost, delete Node "
                    f"{dig(pod, 'spec', 'nodeName')}, and run it again to go on."
                )
            backoff.wait()

    def _await_ready(self, step, state):
        rollout, backoff = ENGINES["rollout"], Backoff(self.deadline)
        while True:
            rollout.run(
                {
                    **{name: option.get("default") for name, option in rollout.options.items()},
                    "auth": self.params["auth"],
                    "kind": "StatefulSet",
                    "namespace": self.params["namespace"],
                    "name": self.params["name"],
                    "wait_timeout": max(1, int(self.deadline.left())),
                },
                False,
                False,
                self.progress,
            )
            # What the controller says may be of the time before.
            found = self.get("pods", self.goal.pod)
            if found is not None and operation.pod_of(found).ready:
                return
            backoff.wait()

    def _finish(self, step, state):
        if step.value:
            self._repair()
        found = self.get("configmaps", self.note)
        if found is not None:
            self.api.delete(object_path(CORE, self.params["namespace"], "configmaps", self.note), uid_of(found))

    def _repair(self):
        """Each row came from one of its replicas, which may not have been one of those that had it."""
        pod, container = self.goal.pod, self._container()
        self.start(pod, "nodetool repair --full", LOG)
        while (ended := self.ended(pod, LOG)) is None and self._container() == container:
            if self.deadline.expired:
                raise TaskError(
                    f"The repair of the node of Pod {pod} has not ended after {self.deadline.seconds:.0f} s, and goes on; it serves already. "
                    "Run it again, with a longer wait_timeout, or without repair."
                )
            self.progress(f"Pod {pod} is being repaired")
            self.deadline.sleep(INTERVAL)
        status, text = ended or (None, "")
        if status != 0:
            raise TaskError(
                f"The node of Pod {pod} serves, but could not be repaired: {nodetool.complaint(text) if status else 'it was started again'}. "
                "Run it again."
            )

    def _container(self):
        """Which container runs in the pod: what was started in one ends with it."""
        pod = self.get("pods", self.goal.pod) or {}
        return [status.get("containerID") for status in dig(pod, "status", "containerStatuses", default=[])]


ENGINE = Engine("cassandra_replace", OPTIONS, run)
