# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra import replace_steps as s
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.nodetool import Member
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.ring import Claim, Pod


def pod(ordinal, ready=True, address=""):
    return Pod(f"db-{ordinal}", ordinal, f"10.0.0.{ordinal}" if address == "" else address, ready)


def member(ordinal, status="UN", address=""):
    return Member(status, address or f"10.0.0.{ordinal}", None, f"host-{ordinal}", "dc1")


OLD, NEW = Claim("data-db-1", 1, "old"), Claim("data-db-1", 1, "new")
NOTE = s.Note("db-1", "10.0.0.1", "host-1", ("old",))
LOST = (member(0), member(1, "DN"), member(2))
WITHOUT = (pod(0), pod(1, False, None), pod(2))
#: the ring once the new node has joined, on another address
JOINED = {"pods": (pod(0), pod(1, True, "10.0.0.9"), pod(2)), "members": (member(0), member(9), member(2)), "claims": (NEW,)}


def state(**changed):
    """A ring of three in which the node of db-1 is lost: its pod waits for a volume that is gone."""
    seen = s.State(
        name="db",
        replicas=3,
        pods=WITHOUT,
        members=LOST,
        replication={"system_auth": {"dc1": 3}, "system_traces": {"dc1": 1}, "system_distributed": {None: 1}, "shop": {"dc1": 3}},
        schema_versions={"version": ["10.0.0.0", "10.0.0.2"], "UNREACHABLE": ["10.0.0.1"]},
        claims=(OLD,),
    )
    return replace(seen, **changed)


def goal(**changed):
    return s.Goal(**{"pod": "db-1", **changed})


def verbs(seen, aim=None):
    found, aim = [], aim or goal()
    while (step := s.next_step(seen, aim)) is not None:
        found.append(step.verb)
        seen = s.after(seen, step, aim)
    return found


ALL = ["note", "release", "await_ready", "finish"]


@pytest.mark.parametrize(
    "seen, expected",
    [
        # an uninterrupted run, and each point at which one may have been interrupted
        (state(), ALL),
        (state(note=NOTE), ALL[1:]),
        # the claim is on its way out
        (state(note=NOTE, pods=(pod(0), pod(2))), ALL[1:]),
        (state(note=NOTE, claims=(), pods=(pod(0), pod(2))), ALL[2:]),
        (state(note=NOTE, claims=(NEW,)), ALL[2:]),
        # it has joined, but does not serve yet
        (state(note=NOTE, **{**JOINED, "pods": (pod(0), pod(1, False, "10.0.0.9"), pod(2))}), ALL[2:]),
        (state(note=NOTE, **JOINED), ALL[3:]),
        (state(**JOINED), []),
        # the container of the lost node goes on failing
        (state(pods=(pod(0), pod(1, False), pod(2))), ALL),
        # its claim was deleted by hand, and the next one could not join
        (state(claims=(NEW,), pods=(pod(0), pod(1, False, "10.0.0.9"), pod(2))), ALL),
        (state(claims=()), [verb for verb in ALL if verb != "release"]),
        # nobody misses these rows
        (state(members=tuple(member(ordinal) for ordinal in range(3)), pods=tuple(pod(ordinal) for ordinal in range(3))), []),
    ],
)
def test_steps(seen, expected):
    assert verbs(seen) == expected


def test_what_is_noted():
    assert s.next_step(state(), goal()).value == NOTE


def test_one_of_several_lost_members_is_chosen_by_its_host_id():
    seen = state(members=(*LOST, member(7, "DN")))
    with pytest.raises(TaskError, match=r"Several members of the ring are no Pod: 10.0.0.1 .*, 10.0.0.7 .*Set host_id"):
        s.next_step(seen, goal())
    assert s.next_step(seen, goal(host_id="host-1")).value == NOTE


def test_two_lost_nodes_are_replaced_one_after_the_other():
    seen = state(replicas=5, pods=(*WITHOUT, pod(3), pod(4, False)), members=(*LOST, member(3), member(4, "DN")))
    assert verbs(seen) == ALL
    # No rows can be compared with those of a node that is down.
    half = replace(seen, note=NOTE, claims=(NEW,), pods=(*JOINED["pods"], pod(3), pod(4, False)))
    half = replace(half, members=(*JOINED["members"], member(3), member(4, "DN")))
    step = s.next_step(half, goal())
    assert (step.verb, step.value) == ("finish", False)
    assert "is to be repaired when 10.0.0.4 (host ID host-4, DN) is up or replaced" in step.text


@pytest.mark.parametrize(
    "seen, aim, sentence",
    [
        (state(), goal(pod="db-3"), "db-3 is no Pod of StatefulSet db, which has db-0, db-1, db-2."),
        (state(), goal(pod="db"), "db is no Pod of StatefulSet db"),
        (state(note=NOTE), goal(pod="db-2"), "The node of Pod db-1 is being replaced; run that to its end before the one of Pod db-2."),
        (state(), goal(host_id="host-5"), "The ring has no lost member with the host ID host-5."),
        (state(members=(member(0), member(2))), goal(), "The ring has no member that Pod db-1 could be the successor of"),
        (state(members=(member(0), member(1), member(2))), goal(), "The others do not see yet that the member 10.0.0.1 (host ID host-1, UN) is down."),
        (
            state(members=(member(0), member(1), member(2)), pods=(pod(0), pod(1, False), pod(2))), goal(),
            "The others see the node of Pod db-1 up. One that lives cannot be replaced",
        ),
        (state(members=(*LOST[::2], member(1, "UJ")), pods=(pod(0), pod(1, False), pod(2))), goal(), "The ring sees the node of Pod db-1 as UJ"),
        (state(pods=(pod(0, False), *WITHOUT[1:])), goal(), "Pod db-0 is not ready; all nodes must serve."),
        (state(members=(*LOST[:2], member(2, "UJ"))), goal(), "All nodes must be up and normal (UN), but the ring has 10.0.0.2"),
        # with two of three replicas down, all rows are on the third one; with all of them, nobody knows
        (
            state(replicas=5, members=(*LOST[:2], member(2, "DN"), member(3), member(4, "DN"))), goal(host_id="host-1"),
            "3 nodes are down, and keyspace shop, system_auth has no more replicas than that",
        ),
        (
            state(schema_versions={"a": ["10.0.0.0"], "b": ["10.0.0.2"], "UNREACHABLE": ["10.0.0.1"]}), goal(),
            "The nodes have 2 versions of the schema",
        ),
        (state(replicas=1, pods=(pod(0, False),), members=(member(0, "DN"),)), goal(pod="db-0"), "Pod db-0 is the only one of db"),
        (
            state(replication={"shop": {"dc1": 1}, "a": {None: 1}, "system_auth": {"dc1": 1}}), goal(accept_loss_of=("a",)),
            "1 node is down, and keyspace shop, system_auth has no more replicas than that, so that the volume of Pod db-1 may be the last",
        ),
        (
            state(note=NOTE, **{**JOINED, "members": (*JOINED["members"], member(1, "DN"))}), goal(),
            "The ring still has the member 10.0.0.1 (host ID host-1), whose successor is Pod db-1.",
        ),
        (
            state(note=NOTE, **{**JOINED, "members": (member(0), member(9, "UJ"), member(2))}), goal(),
            "The ring sees the new node of Pod db-1 as UJ.",
        ),
    ],
)
def test_what_is_refused(seen, aim, sentence):
    with pytest.raises(TaskError) as error:
        s.next_step(seen, aim)
    assert str(error.value).startswith(sentence)


def test_replicas_of_other_data_centres_count():
    assert verbs(state(replication={"shop": {"dc1": 1, "dc2": 1}})) == ALL


def test_rows_may_be_lost_of_what_is_named():
    assert verbs(state(replication={"shop": {"dc1": 1}}), goal(accept_loss_of=("shop",))) == ALL


def test_without_repair():
    assert s.next_step(state(note=NOTE, **JOINED), goal(repair=False)).text == "Note that the node of Pod db-1 is replaced"
