# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra import decommission_steps as s
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.nodetool import Member
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.ring import Claim, Pod

MIB = 1 << 20
SYSTEM = ("system_auth", "system_distributed", "system_traces")


def pod(ordinal, ready=True, address=""):
    return Pod(f"db-{ordinal}", ordinal, f"10.0.0.{ordinal}" if address == "" else address, ready)


def member(ordinal, status="UN", datacenter="dc1"):
    return Member(status, f"10.0.0.{ordinal}", 5 * MIB, f"host-{ordinal}", datacenter)


def claim(ordinal):
    return Claim(f"data-db-{ordinal}", ordinal)


def state(size=3, replicas=3, system=None, user=2, **changed):
    """A ring in order: as many replicas of the system's keyspaces as there are nodes, two of the user's."""
    seen = s.State(
        name="db",
        replicas=replicas,
        pods=tuple(pod(ordinal) for ordinal in range(size)),
        members=tuple(member(ordinal) for ordinal in range(size)),
        replication={**dict.fromkeys(SYSTEM, {"dc1": system or min(3, size)}), "shop": {"dc1": user}},
        schema_versions={"version": ["10.0.0.0"]},
        mode="NORMAL",
        free={f"db-{ordinal}": 100 * MIB for ordinal in range(size)},
        guard=replicas,
        claims=tuple(claim(ordinal) for ordinal in range(size)),
    )
    return replace(seen, **changed)


def verbs(seen, replicas=2, adjust=True):
    return [step.verb for step in s.steps(seen, s.Goal(replicas, adjust))]


ALL = ["alter", "decommission", "guard", "scale", "await_pods", "release_claims"]
NOT_SERVING = (*(pod(ordinal) for ordinal in range(2)), pod(2, ready=False))
TWO = tuple(member(ordinal) for ordinal in range(2))


@pytest.mark.parametrize(
    "seen, expected",
    [
        # an uninterrupted run, and each point at which one may have been interrupted
        (state(), ALL),
        (state(system=2), ALL[1:]),
        (state(system=2, mode="DECOMMISSION_FAILED"), ALL[1:]),
        (state(system=2, mode="LEAVING"), ["await_decommission", *ALL[2:]]),
        (state(system=2, mode="LEAVING", members=(*TWO, member(2, "UL"))), ["await_decommission", *ALL[2:]]),
        # nodetool does not answer, but the ring knows
        (state(system=2, mode=None, members=(*TWO, member(2, "UL"))), ["await_decommission", *ALL[2:]]),
        # the others have not heard of it yet
        (state(system=2, mode="DECOMMISSIONED", pods=NOT_SERVING), ["await_decommission", *ALL[2:]]),
        (state(system=2, mode="DECOMMISSIONED", pods=NOT_SERVING, members=TWO), ALL[2:]),
        # the container was started again, which it refuses for good
        (state(system=2, mode=None, pods=NOT_SERVING, members=TWO), ALL[2:]),
        # the pod of the node that has left was deleted, and its successor has no address yet
        (state(system=2, mode=None, pods=(pod(0), pod(1), pod(2, False, None)), members=TWO), ALL[2:]),
        (state(system=2, mode=None, pods=(pod(0), pod(1)), members=TWO), ["guard", "scale", "release_claims"]),
        (state(system=2, mode=None, pods=NOT_SERVING, members=TWO, guard=2), ALL[3:]),
        (state(system=2, replicas=2, pods=NOT_SERVING, members=TWO), ALL[4:]),
        (state(system=2, replicas=2, pods=NOT_SERVING[:2], members=TWO), ALL[5:]),
        (state(2, replicas=2), []),
        # one that has left is still asked for its schema
        (state(2, replicas=2, schema_versions={"a": ["10.0.0.0", "10.0.0.1"], "UNREACHABLE": ["10.0.0.2"]}), []),
        # without a guard
        (state(guard=None), [verb for verb in ALL if verb != "guard"]),
        # two nodes less: one after the other
        (state(4, 4), [*ALL[1:], *ALL]),
    ],
)
def test_steps_to_two_nodes(seen, expected):
    assert verbs(seen) == expected


@pytest.mark.parametrize(
    "seen, expected",
    [
        (state(), []),
        (state(claims=(claim(2), claim(3), claim(4))), ["release_claims"]),
        # a scale-up: logins and guard follow
        (state(system=2, guard=2), ["alter", "guard"]),
        (state(5, 5, guard=3), ["guard"]),
        (state(5, 5, system=2), ["alter"]),
    ],
)
def test_steps_at_the_size_that_is(seen, expected):
    assert verbs(seen, seen.replicas) == expected


def test_system_keyspaces_are_left_alone_without_leave():
    assert verbs(state(system=2, guard=3), 3, adjust=False) == []
    assert verbs(state(system=1), 2, adjust=False) == ALL[1:]


def test_the_systems_first_keyspaces_get_a_replica_for_each_data_centre():
    seen = state(replication={"system_auth": {None: 1}, "system_distributed": {None: 3}, "system_traces": {"dc2": 3, "dc1": 2}})
    assert s.next_step(seen, s.Goal(2, True)).value == {"system_auth": {"dc1": 2}, "system_distributed": {"dc1": 2}}


def test_cql():
    assert s.alteration({"system_auth": {"dc2": 2, "dc1": 3}, "system_traces": {"dc1": 1}}) == (
        "ALTER KEYSPACE system_auth WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': 2}; "
        "ALTER KEYSPACE system_traces WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};"
    )


@pytest.mark.parametrize(
    "before, wanted, raised",
    [
        ({"dc1": 2}, {"system_auth": {"dc1": 3}}, True),
        ({None: 1}, {"system_auth": {"dc1": 3}}, True),
        ({None: 3}, {"system_auth": {"dc1": 3}}, False),
        ({"dc1": 3}, {"system_auth": {"dc1": 2}}, False),
        ({"dc1": 2}, {"system_traces": {"dc1": 3}}, False),
    ],
)
def test_logins_that_have_to_be_filled(before, wanted, raised):
    assert s.raises(state(replication={"system_auth": before}), wanted) is raised


@pytest.mark.parametrize(
    "seen, replicas, sentence",
    [
        (state(), 4, "db has 3 replicas, and no node that could be taken out so that there are 4."),
        (state(user=3), 2, "2 nodes are too few for the replicas of keyspace shop (3 in dc1): lower their replication first"),
        # refused before the first of two leaves
        (state(4, 4, user=3), 2, "2 nodes are too few for the replicas of keyspace shop (3 in dc1)"),
        (
            state(replication={"b": {None: 3}, "a": {"dc1": 3, "dc2": 9}}), 2,
            "2 nodes are too few for the replicas of keyspace a (3 in dc1), b (3): lower",
        ),
        (
            state(free={"db-0": 100 * MIB, "db-1": 4 * MIB}), 2,
            "Pod db-1 has less space left than the 5 MiB that Pod db-2 would hand over",
        ),
        (state(mode=None), 2, "Pod db-2 does not answer nodetool; nothing was changed."),
        (state(mode="MOVING"), 2, "The node of Pod db-2 is MOVING, and can leave when it is NORMAL"),
        (state(members=(*TWO, member(2, "UJ"))), 2, "All nodes must be up and normal (UN), but the ring has 10.0.0.2 (host ID host-2, UJ)."),
        (state(members=(member(0), member(1, "DN"), member(2))), 2, "All nodes must be up and normal (UN), but the ring has 10.0.0.1"),
        (state(members=(*TWO, member(2), member(9, "DN"))), 2, "The ring has the member 10.0.0.9 (host ID host-9, DN), which is no Pod of db"),
        # it left a member behind when it lost its address, so its rows have not been moved
        (state(pods=(pod(0), pod(1), pod(2, False, None))), 2, "The ring has the member 10.0.0.2 (host ID host-2, UN), which is no Pod of db"),
        (state(pods=(pod(0), pod(1, False), pod(2))), 2, "Pod db-1 is not ready; all nodes but the one that leaves must serve."),
        # a gap below the last one: nobody has left whom the ring does not know
        (state(pods=(pod(0), pod(2)), members=(member(0), member(2))), 2, "db has only db-0, db-2 of 3 Pods"),
        (state(pods=(pod(0), pod(2, False)), members=(member(0),), mode=None), 2, "db has only db-0 of 2 Pods"),
        (state(members=(member(0), member(2))), 2, "The node of Pod db-1 is no member of the ring."),
        (state(schema_versions={"a": ["10.0.0.0", "10.0.0.2"], "b": ["10.0.0.1"]}), 2, "The nodes have 2 versions of the schema"),
        (state(schema_versions={"a": ["10.0.0.0"], "UNREACHABLE": ["10.0.0.9", "10.0.0.1"]}), 2, "10.0.0.1 does not tell the version of its schema."),
        # at the size that is
        (state(members=TWO), 3, "The node of Pod db-2 is no member of the ring; what has left cannot come back: go on to 2 replicas first."),
        (state(members=(*TWO, member(2, "UL"))), 3, "The node of Pod db-2 is leaving; what has left cannot come back: go on to 2 replicas first."),
        (state(pods=NOT_SERVING), 3, "Pod db-2 is not ready; all nodes must serve."),
    ],
)
def test_what_is_refused(seen, replicas, sentence):
    with pytest.raises(TaskError) as error:
        s.next_step(seen, s.Goal(replicas, True))
    assert str(error.value).startswith(sentence)


def test_system_keyspaces_that_need_leave():
    with pytest.raises(TaskError, match="Keyspace system_auth, system_distributed, system_traces has more replicas than the 2 nodes"):
        s.next_step(state(), s.Goal(2, False))
