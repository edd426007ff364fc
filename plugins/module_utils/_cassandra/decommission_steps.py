# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next so that a Cassandra has fewer nodes, from what is seen of it.  PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .._api.errors import TaskError
from .ring import SYSTEM_KEYSPACES, SYSTEM_REPLICAS, Pod, Ring, Step, Unsettled, names, require_members, require_settled


@dataclass(frozen=True)
class Goal:
    replicas: int
    adjust_system_keyspaces: bool = False


@dataclass(frozen=True)
class State(Ring):
    """C(mode) is that of the node with the highest ordinal; None if it does not tell."""

    mode: str | None = None
    #: {name of a pod: bytes}
    free: dict = field(default_factory=dict)
    #: None without a guard
    guard: int | None = None
    claims: tuple = ()


def next_step(state, goal):
    """What to do next; None when there is nothing left.

    :raises TaskError: it must not be done.
    """
    if goal.replicas > state.replicas:
        raise TaskError(
            f"{state.name} has {state.replicas} replicas, and no node that could be taken out so that there are {goal.replicas}."
        )
    leaving = [pod for pod in state.pods if pod.ordinal >= state.replicas]
    if leaving:
        return Step("await_pods", f"Wait until Pod {names(leaving)} is gone", tuple(leaving))
    _refuse_strangers(state)
    stale = tuple(claim for claim in state.claims if claim.ordinal >= state.replicas)
    if stale:
        return Step("release_claims", f"Delete PersistentVolumeClaim {names(stale)} of nodes that have left", stale)
    if goal.replicas < state.replicas:
        return _shrink(state, goal)
    return _finish(state, goal)


def steps(state, goal):
    """All steps, as far as can be told in advance."""
    found = []
    while (step := next_step(state, goal)) is not None:
        found.append(step)
        state = after(state, step)
    return found


def after(state, step):
    """The state once a step is done."""
    if step.verb == "alter":
        return replace(state, replication={**state.replication, **step.value})
    if step.verb in ("decommission", "await_decommission"):
        leaver = state.pods[-1]
        return replace(state, mode=None, members=tuple(member for member in state.members if member.address != leaver.address))
    if step.verb == "guard":
        return replace(state, guard=step.value)
    if step.verb == "scale":
        # The next one to leave has not been asked yet, but is like all the others.
        return replace(state, replicas=step.value, mode="NORMAL")
    if step.verb == "await_pods":
        return replace(state, pods=tuple(pod for pod in state.pods if pod not in step.value))
    return replace(state, claims=tuple(claim for claim in state.claims if claim not in step.value))


def _shrink(state, goal):
    """The next step on the way to one node less."""
    size = state.replicas - 1
    survivors = [pod for pod in state.pods if pod.ordinal < size]
    # It may not be there: a node that has left is of no use.
    leaver = next((pod for pod in state.pods if pod.ordinal == size), Pod(f"{state.name}-{size}", size, None, False))
    member = state.member(leaver)
    if member is None:
        require_members(state, survivors, size)
        if state.guard is not None and state.guard > size:
            return Step("guard", f"Allow {state.name} to have {size} replicas", size)
        return Step("scale", f"Scale {state.name} to {size} replicas", size)
    if member.status[1] == "L" or state.mode in ("LEAVING", "DECOMMISSIONED"):
        return Step("await_decommission", f"Wait until Pod {leaver.name} has left the ring", leaver.name)
    _require_all_settled(state)
    if state.mode is None:
        raise Unsettled(f"Pod {leaver.name} does not answer nodetool; nothing was changed.")
    if state.mode not in ("NORMAL", "DECOMMISSION_FAILED"):
        raise TaskError(f"The node of Pod {leaver.name} is {state.mode}, and can leave when it is NORMAL; wait, or restart it.")
    _refuse_too_many_replicas(state, goal)
    _refuse_too_little_space(state, survivors, leaver, member)
    due = _system_keyspaces(state, goal, size)
    if due:
        return due
    return Step("decommission", f"Decommission the node of Pod {leaver.name}", leaver.name)


def _finish(state, goal):
    """What goes with the size that there is."""
    last = state.pods[-1] if state.pods else None
    member = state.member(last) if last else None
    if last and (member is None or member.status[1] == "L"):
        raise Unsettled(
            f"The node of Pod {last.name} {'is leaving' if member else 'is no member of the ring'}; what has left cannot come back: go "
            f"on to {state.replicas - 1} replicas first."
        )
    _require_all_settled(state)
    due = _system_keyspaces(state, goal, state.replicas)
    if due:
        return due
    if state.guard is not None and state.guard != state.replicas:
        return Step("guard", f"Forbid {state.name} to have fewer than {state.replicas} replicas", state.replicas)
    return None


def _refuse_strangers(state):
    """Members that are no pod: nodes that are gone without having left."""
    unready = [pod for pod in state.pods if not pod.ready and pod.ordinal < state.replicas - 1]
    if unready:
        raise Unsettled(f"Pod {names(unready)} is not ready; all nodes but the one that leaves must serve.")
    strangers = [member for member in state.members if member.address not in {pod.address for pod in state.pods}]
    if strangers:
        raise Unsettled(
            f"The ring has the member {', '.join(map(str, strangers))}, which is no Pod of {state.name}: bring it back, "
            f"replace it by cassandra_replace, or have the others do without it by nodetool removenode {strangers[0].host_id}."
        )


def _require_all_settled(state):
    require_members(state, state.pods, state.replicas)
    require_settled(state, state.pods, state.members)


def _sizes(state, replicas):
    """{data centre: nodes} with that many replicas; None stands for the whole ring."""
    datacenters = {member.address: member.datacenter for member in state.members}
    own = [datacenters[pod.address] for pod in state.pods if pod.ordinal < replicas and pod.address in datacenters]
    return {None: len(own), **{datacenter: own.count(datacenter) for datacenter in {*own}}}


def _refuse_too_many_replicas(state, goal):
    """Keyspaces that need more nodes than there are going to be."""
    sizes = _sizes(state, goal.replicas)
    excessive = [
        f"{keyspace} ({replicas}{f' in {datacenter}' if datacenter else ''})"
        for keyspace, options in sorted(state.replication.items())
        for datacenter, replicas in sorted(options.items(), key=str)
        if keyspace not in SYSTEM_KEYSPACES and replicas > sizes.get(datacenter, replicas)
    ]
    if excessive:
        raise TaskError(
            f"{goal.replicas} nodes are too few for the replicas of keyspace {', '.join(excessive)}: lower their replication "
            "first, or keep more nodes. Nothing was changed."
        )


def _refuse_too_little_space(state, survivors, leaver, member):
    """Each of the others must be able to take all that the one which leaves has."""
    small = [pod.name for pod in survivors if state.free.get(pod.name, 0) < (member.load or 0)]
    if small:
        raise TaskError(
            f"Pod {', '.join(small)} has less space left than the {member.load >> 20} MiB that Pod {leaver.name} would hand "
            "over; enlarge the PersistentVolumeClaims, or take out snapshots. Nothing was changed."
        )


def _system_keyspaces(state, goal, size):
    """The step that gives the system's own keyspaces as many replicas as there can be."""
    sizes = _sizes(state, size)
    wanted = {}
    for keyspace in SYSTEM_KEYSPACES:
        options = state.replication.get(keyspace, {})
        fit = {datacenter: min(SYSTEM_REPLICAS, nodes) for datacenter, nodes in sizes.items() if datacenter}
        # Other data centres keep what they have.
        fit = {**{datacenter: count for datacenter, count in options.items() if datacenter}, **fit}
        if options and options != fit:
            wanted[keyspace] = fit
    if not wanted:
        return None
    if not goal.adjust_system_keyspaces:
        excessive = [name for name in wanted if any(count > sizes.get(key, count) for key, count in state.replication[name].items())]
        if excessive:
            raise TaskError(
                f"Keyspace {', '.join(excessive)} has more replicas than the {size} nodes that are to stay, and Cassandra lets none "
                "leave then: set adjust_system_keyspaces. Nothing was changed."
            )
        return None
    text = "; ".join(f"{name} {_options(options)}" for name, options in wanted.items())
    return Step("alter", f"Change the replicas of keyspace {text}", wanted)


def _options(options):
    return ", ".join(f"{datacenter}: {count}" for datacenter, count in sorted(options.items()))


def alteration(wanted):
    """The CQL of an C(alter) step."""
    return " ".join(
        f"ALTER KEYSPACE {keyspace} WITH replication = "
        + "{" + ", ".join(["'class': 'NetworkTopologyStrategy'"] + [f"'{name}': {count}" for name, count in sorted(options.items())]) + "};"
        for keyspace, options in wanted.items()
    )


def raises(state, wanted):
    """Whether an C(alter) step gives logins more replicas, which then have to be filled."""
    before = state.replication.get("system_auth", {})
    return any(count > before.get(datacenter, before.get(None, 0)) for datacenter, count in wanted.get("system_auth", {}).items())
