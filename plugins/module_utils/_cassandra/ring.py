# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cassandra as it is seen, and what has to be true of it before it is changed.  PRIVATE to the collection.

What is done is decided from that alone, one step after the other: nothing is remembered from one run to the next, so whoever
was interrupted sees the same, and goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._api.errors import TaskError
from .nodetool import UNREACHABLE

#: The system's own keyspaces that have replicas on several nodes, and as many as a large cluster is to have.
SYSTEM_KEYSPACES = ("system_auth", "system_distributed", "system_traces")
SYSTEM_REPLICAS = 3


class Unsettled(TaskError):
    """A ring that is not as it has to be, which may pass: nodes hear of each other with a delay."""


@dataclass(frozen=True)
class Pod:
    name: str
    ordinal: int
    #: None before it has one
    address: str | None
    ready: bool
    uid: str = ""


@dataclass(frozen=True)
class Claim:
    name: str
    ordinal: int
    uid: str = ""


@dataclass(frozen=True)
class Ring:
    """What is seen of a Cassandra: its StatefulSet's C(name) and C(replicas), and what a ready pod says of the ring."""

    name: str
    replicas: int
    pods: tuple
    members: tuple
    replication: dict
    schema_versions: dict

    def member(self, pod):
        return next((member for member in self.members if member.address == pod.address), None)


@dataclass(frozen=True)
class Step:
    """C(verb) is what to do, C(text) the same for people, C(value) what it is done with."""

    verb: str
    text: str
    value: object = None


def require_members(state, pods, count):
    if len(pods) < count:
        raise Unsettled(f"{state.name} has only {names(pods) or 'no Pod'} of {count} Pods; wait until all serve.")
    outside = [pod for pod in pods if state.member(pod) is None]
    if outside:
        raise Unsettled(f"The node of Pod {names(outside)} is no member of the ring.")


def require_settled(state, pods, members):
    """These pods and members are up and normal, and know the same schema."""
    bad = [member for member in members if member.status != "UN"]
    if bad:
        raise Unsettled(f"All nodes must be up and normal (UN), but the ring has {', '.join(map(str, bad))}.")
    unready = [pod for pod in pods if not pod.ready]
    if unready:
        raise Unsettled(f"Pod {names(unready)} is not ready; all nodes must serve.")
    # For days, nodes that have left are asked too.
    addresses = {member.address for member in members}
    versions = {version: present for version, hosts in state.schema_versions.items() if (present := addresses.intersection(hosts))}
    if UNREACHABLE in versions:
        raise Unsettled(f"{', '.join(sorted(versions[UNREACHABLE]))} does not tell the version of its schema.")
    if len(versions) > 1:
        raise Unsettled(f"The nodes have {len(versions)} versions of the schema: wait until they agree on one.")


def names(things):
    return ", ".join(thing.name for thing in things)
