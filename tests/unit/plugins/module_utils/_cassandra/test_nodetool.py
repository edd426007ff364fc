# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra import nodetool

IDS = ["8f2d1f1c-5f1e-4c55-9c1b-6f6a86cb9a11", "0ab3ed8e-13f1-4a5e-8a39-7f5db9f0a722", "c6c5b2c6-2a1d-4d38-a6a4-2cf1ad2a6d33"]

STATUS = f"""Datacenter: dc1
===============
Status=Up/Down
|/ State=Normal/Leaving/Joining/Moving
--  Address     Load        Tokens  Owns (effective)  Host ID                               Rack
UN  10.244.1.5  104.35 KiB  16      64.7%             {IDS[0]}  rack1
UL  10.244.2.7  1.2 GiB     16      59.3%             {IDS[1]}  rack1
DN  10.244.3.9  ?           16      76.0%             {IDS[2]}  rack1

"""
ONE_TOKEN = f"""Datacenter: dc1
===============
Status=Up/Down
|/ State=Normal/Leaving/Joining/Moving
--  Address        Load       Owns  Host ID                               Token                 Rack
UN  fd00:0:0:0:0:0:0:5  70 bytes  ?     {IDS[0]}  -4611686018427387904  rack1

Datacenter: dc2
===============
Status=Up/Down
|/ State=Normal/Leaving/Joining/Moving
--  Address        Load       Owns  Host ID                               Token                 Rack
?J  10.244.2.7     70 bytes   ?     {IDS[1]}  4611686018427387904  rack1

Note: Non-system keyspaces don't have the same replication settings, effective ownership information is meaningless
"""
CLUSTER = """Cluster Information:
\tName: K8Demo
\tSnitch: org.apache.cassandra.locator.GossipingPropertyFileSnitch
\tDynamicEndPointSnitch: enabled
\tPartitioner: org.apache.cassandra.dht.Murmur3Partitioner
\tSchema versions:
\t\t5f1e8f2d-0c55-4c55-9c1b-6f6a86cb9a11: [10.244.1.5, 10.244.2.7]

\t\tUNREACHABLE: [10.244.3.9]

Stats for all nodes:
\tLive: 2
\tJoining: 0
\tMoving: 0
\tLeaving: 0
\tUnreachable: 1

Data Centers:\x20
\tdc1 #Nodes: 3 #Down: 1

Database versions:
\t5.0.9: [10.244.1.5:7000, 10.244.2.7:7000, 10.244.3.9:7000]

Keyspaces:
\tsystem_auth -> Replication class: NetworkTopologyStrategy {dc1=3, dc2=2}
\tsystem_distributed -> Replication class: SimpleStrategy {replication_factor=3}
\tsystem -> Replication class: LocalStrategy {}
\tshop -> Replication class: NetworkTopologyStrategy {dc1=3/1}
"""


def test_members():
    assert nodetool.members(STATUS) == (
        nodetool.Member("UN", "10.244.1.5", 106854, IDS[0], "dc1"),
        nodetool.Member("UL", "10.244.2.7", 1288490189, IDS[1], "dc1"),
        nodetool.Member("DN", "10.244.3.9", None, IDS[2], "dc1"),
    )


def test_members_with_one_token_each_and_two_data_centres():
    assert nodetool.members(ONE_TOKEN) == (
        nodetool.Member("UN", "fd00::5", 70, IDS[0], "dc1"),
        nodetool.Member("?J", "10.244.2.7", 70, IDS[1], "dc2"),
    )


def test_a_ring_that_is_not_there():
    assert nodetool.members("nodetool: Failed to connect to '127.0.0.1:7199'\n") == ()


@pytest.mark.parametrize(
    "text, size",
    [("0 bytes", 0), ("1 KiB", 1024), ("1.5 MiB", 1572864), ("2,5 GiB", 2684354560), ("1 TiB", 1 << 40), ("?", None), ("1 KB", None)],
)
def test_sizes(text, size):
    assert nodetool.size(text) == size


@pytest.mark.parametrize(
    "text, mode",
    [
        ("Mode: NORMAL\nNot sending any streams.\nRead Repair Statistics:\n", "NORMAL"),
        ("WARN: something\nMode: LEAVING\nUnbootstrap 5a\n", "LEAVING"),
        ("Mode: DECOMMISSION_FAILED\n", "DECOMMISSION_FAILED"),
        ("nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused'.", None),
    ],
)
def test_modes(text, mode):
    assert nodetool.mode(text) == mode


def test_schema_versions():
    assert nodetool.schema_versions(CLUSTER) == {
        "5f1e8f2d-0c55-4c55-9c1b-6f6a86cb9a11": ["10.244.1.5", "10.244.2.7"],
        "UNREACHABLE": ["10.244.3.9"],
    }


def test_replication():
    assert nodetool.replication(CLUSTER) == {
        "system_auth": {"dc1": 3, "dc2": 2},
        "system_distributed": {None: 3},
        "shop": {"dc1": 3},
    }


def test_available_space():
    text = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda         263112772 67530532  27812344      71% /var/lib/cassandra\n"
    assert nodetool.available(text) == 27812344 * 1024


@pytest.mark.parametrize(
    "text, sentence",
    [
        (
            "nodetool: Unsupported operation: Not enough live nodes to maintain replication factor in keyspace shop (RF = 3, N = 3).\n"
            "See 'nodetool help' or 'nodetool help <command>'.\n",
            "Unsupported operation: Not enough live nodes to maintain replication factor in keyspace shop (RF = 3, N = 3)",
        ),
        ("error: Stream failed\n-- StackTrace --\njava.lang.RuntimeException: Stream failed\n\tat org.apache\n", "Stream failed"),
        ("Connection error: ('Unable to connect')\n", "Connection error: ('Unable to connect')"),
        ("\n", "it says nothing"),
    ],
)
def test_complaints(text, sentence):
    assert nodetool.complaint(text) == sentence
