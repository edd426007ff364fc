# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next so that a node of Cassandra that is lost has a successor.  PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._api.errors import TaskError
from .nodetool import Member
from .ring import Pod, Ring, Step, Unsettled, names, require_settled

#: The system's keyspaces whose rows nobody misses.
DISPENSABLE = ("system_distributed", "system_traces")


@dataclass(frozen=True)
class Goal:
    pod: str
    host_id: str | None = None
    #: keyspaces of which rows may be lost
    accept_loss_of: tuple = ()
    repair: bool = True


@dataclass(frozen=True)
class Note:
    """What is noted in the cluster while a node is being replaced: whose node, which member, on which claims it was."""

    pod: str
    address: str
    host_id: str
    #: their uids
    claims: tuple


@dataclass(frozen=True)
class State(Ring):
    """C(claims) are those of the pod whose node is replaced."""

    claims: tuple = ()
    note: Note | None = None


def next_step(state, goal):
    """What to do next; None when there is nothing left.

    :raises TaskError: it must not be done.
    """
    ordinal = _ordinal(state, goal)
    if state.note is not None and state.note.pod != goal.pod:
        raise TaskError(f"The node of Pod {state.note.pod} is being replaced; run that to its end before the one of Pod {goal.pod}.")
    pod = next((pod for pod in state.pods if pod.ordinal == ordinal), Pod(goal.pod, ordinal, None, False))
    member = state.member(pod)
    if state.note is None:
        return _begin(state, goal, pod, member)
    old = tuple(claim for claim in state.claims if claim.uid in state.note.claims)
    if old:
        return Step("release", f"Take Pod {pod.name} and PersistentVolumeClaim {names(old)} away", old)
    if member is None or not pod.ready:
        return Step("await_ready", f"Wait until the new node of Pod {pod.name} serves")
    if state.note.host_id in {other.host_id for other in state.members}:
        raise Unsettled(f"The ring still has the member {state.note.address} (host ID {state.note.host_id}), whose successor is Pod {pod.name}.")
    if member.status != "UN":
        raise Unsettled(f"The ring sees the new node of Pod {pod.name} as {member.status}.")
    if not goal.repair:
        return Step("finish", f"Note that the node of Pod {pod.name} is replaced", False)
    down = _down(state)
    if down:
        # None can be repaired with one that is down.
        text = f"Note that the node of Pod {pod.name} is replaced, and is to be repaired when {', '.join(map(str, down))} is up or replaced"
        return Step("finish", text, False)
    return Step("finish", f"Repair the node of Pod {pod.name}, so that it has all rows", True)


def _begin(state, goal, pod, member):
    if member is not None and member.status == "UN":
        if pod.ready:
            return None
        raise Unsettled(
            f"The others see the node of Pod {pod.name} up. One that lives cannot be replaced: delete the Pod if it does not serve, and run "
            "it again if its successor does not start."
        )
    if member is not None and member.status[0] != "D":
        raise Unsettled(f"The ring sees the node of Pod {pod.name} as {member.status}; wait until it is up and normal, or down.")
    others = [other for other in state.pods if other.ordinal != pod.ordinal]
    if state.replicas == 1:
        raise TaskError(f"Pod {pod.name} is the only one of {state.name}: there is no node that a successor could get rows from.")
    lost = member or _lost(state, goal, pod, others)
    # Others may be lost as well, and wait for their turn.
    present = [member for member in state.members if member != lost and member.status != "DN"]
    serving = {other.address for other in present}
    require_settled(state, [other for other in others if other.address in serving], present)
    _refuse_loss(state, goal, pod)
    return Step(
        "note",
        f"Note that the node of Pod {pod.name}, {lost}, is to be replaced",
        Note(pod.name, lost.address, lost.host_id, tuple(claim.uid for claim in state.claims)),
    )


def _lost(state, goal, pod, others):
    """The member that no pod answers for any more."""
    addresses = {other.address for other in others}
    lost = [member for member in state.members if member.address not in addresses]
    if goal.host_id:
        lost = [member for member in lost if member.host_id == goal.host_id]
        if not lost:
            raise TaskError(f"The ring has no lost member with the host ID {goal.host_id}.")
    if not lost:
        raise Unsettled(f"The ring has no member that Pod {pod.name} could be the successor of: it joins as a new node.")
    if len(lost) > 1:
        raise TaskError(
            f"Several members of the ring are no Pod: {', '.join(map(str, lost))}. Set host_id to the one that Pod {pod.name} is to be the "
            "successor of; the others leave it by nodetool removenode."
        )
    if lost[0].status[0] != "D":
        raise Unsettled(f"The others do not see yet that the member {lost[0]} is down.")
    return lost[0]


def _down(state):
    return [member for member in state.members if member.status[0] == "D"]


def _refuse_loss(state, goal, pod):
    """Keyspaces of which some rows may be on no other node."""
    down = len(_down(state))
    lonely = [
        keyspace
        for keyspace, options in sorted(state.replication.items())
        if sum(options.values()) <= down and keyspace not in (*DISPENSABLE, *goal.accept_loss_of)
    ]
    if lonely:
        raise TaskError(
            f"{down} {'node is' if down == 1 else 'nodes are'} down, and keyspace {', '.join(lonely)} has no more replicas than that, so that "
            f"the volume of Pod {pod.name} may be the last that has some rows: bring it back, or name the keyspaces in accept_loss_of. "
            "Nothing was changed."
        )


def _ordinal(state, goal):
    ordinals = {f"{state.name}-{ordinal}": ordinal for ordinal in range(state.replicas)}
    if goal.pod not in ordinals:
        raise TaskError(f"{goal.pod} is no Pod of StatefulSet {state.name}, which has {', '.join(ordinals) or 'none'}.")
    return ordinals[goal.pod]


def after(state, step, goal):
    """The state once a step is done."""
    if step.verb == "note":
        return replace(state, note=step.value)
    others = tuple(pod for pod in state.pods if pod.name != goal.pod)
    if step.verb == "release":
        return replace(state, claims=(), pods=others)
    if step.verb == "await_ready":
        ordinal = _ordinal(state, goal)
        pod = Pod(goal.pod, ordinal, "(new)", True)
        lost = next((member for member in state.members if member.host_id == state.note.host_id), None)
        member = Member("UN", pod.address, None, "(new)", lost.datacenter if lost else "")
        return replace(
            state,
            pods=tuple(sorted((*others, pod), key=lambda pod: pod.ordinal)),
            members=(*(member for member in state.members if member != lost), member),
        )
    return replace(state, note=None)
