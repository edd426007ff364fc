#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_decommission
short_description: Take nodes out of a Cassandra, with all their rows moved first
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Brings a Cassandra that runs as a StatefulSet to fewer nodes. One after the other, the node with the highest ordinal is
    decommissioned, that is, hands its rows to the others; then the StatefulSet is scaled, and the
    PersistentVolumeClaim of the node deleted, with which it could never come back.
  - Each step is decided from what is seen of the pods and of the ring. So a run that was interrupted, wherever it was, is
    finished by another one; a decommission that has begun goes on without anybody watching it.
  - Nothing is changed unless all nodes are up and normal and agree on the schema, the nodes that are to stay suffice for the
    replicas of all keyspaces, and each of them has room for the rows of the one that leaves.
  - With as many O(replicas) as there are, it verifies that all of them are members of the ring, and brings what goes with
    that size in order - claims of nodes that have left, the scale guard, and with O(adjust_system_keyspaces) the replicas
    of the system's keyspaces.
options:
  namespace:
    description: Namespace of the StatefulSet.
    type: str
    required: true
  name:
    description: Name of the StatefulSet.
    type: str
    default: cassandra
  container:
    description: The container in whose image C(nodetool) and C(cqlsh) are.
    type: str
    default: cassandra
  replicas:
    description: How many nodes there shall be. Not more than there are.
    type: int
    required: true
  adjust_system_keyspaces:
    description:
      - Give C(system_auth), C(system_distributed) and C(system_traces) three replicas, or as many as there are nodes if these
        are fewer. Where logins get more replicas, these are filled by a repair of C(system_auth).
      - Cassandra lets no node leave while a keyspace would have fewer nodes than replicas, and has these from the start
        with up to three.
    type: bool
    default: false
  superuser_secret:
    description:
      - Secret with C(username) and C(password) of who may alter the system's keyspaces. The name of the StatefulSet with
        C(-superuser) by default.
    type: str
  scale_guard:
    description:
      - ConfigMap whose C(minReplicas) the admission policy of the role C(slipway.kubernetes.cassandra) goes by. It is lowered
        right before the StatefulSet is scaled. The name of the StatefulSet with C(-scale-guard) by default; without
        such a ConfigMap, there is no guard.
    type: str
  keep_volumes:
    description:
      - Keep the PersistentVolumes of nodes that have left, by their reclaim policy. They are not bound to a claim any more, so
        that no node starts on them.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that the whole task may take. A decommission that takes longer goes on, and another run waits for it.
    type: int
    default: 7200
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The steps are worked out from what is seen now. Commands that only read are run in pods all the same.
  diff_mode:
    support: full
notes:
  - The caller needs the verbs C(get) and C(patch) on the StatefulSet and the ConfigMap of the guard, C(list) and C(get) on
    pods, C(get) and C(create) on C(pods/exec), C(list), C(get) and C(delete) on persistentvolumeclaims, C(get) on the
    Secret, and for O(keep_volumes) C(patch) on persistentvolumes.
  - Variables of the role, such as C(cassandra_replicas), are to be changed to the new size afterwards.
seealso:
  - module: slipway.kubernetes.rollout
    description: Restarts nodes, one at a time.
"""

EXAMPLES = r"""
- name: Go from three nodes to two
  slipway.kubernetes.cassandra_decommission:
    namespace: shop
    replicas: 2
    adjust_system_keyspaces: true

- name: See what that would do
  slipway.kubernetes.cassandra_decommission:
    namespace: shop
    replicas: 2
    adjust_system_keyspaces: true
  check_mode: true
  register: prediction

- name: Require that all three nodes are members of the ring, and no others
  slipway.kubernetes.cassandra_decommission:
    namespace: shop
    replicas: 3
"""

RETURN = r"""
steps:
  description: What was done, or would be, in this order.
  returned: always, once the ring was seen
  type: list
  elements: str
  sample:
    - "Change the replicas of keyspace system_auth dc1: 2; system_distributed dc1: 2"
    - Decommission the node of Pod cassandra-2
    - Allow cassandra to have 2 replicas
    - Scale cassandra to 2 replicas
    - Wait until Pod cassandra-2 is gone
    - Delete PersistentVolumeClaim data-cassandra-2 of nodes that have left
replicas:
  description: How many replicas the StatefulSet has.
  returned: success
  type: int
  sample: 2
members:
  description: The ring.
  returned: success
  type: list
  elements: dict
  contains:
    status:
      description: Two letters, as C(nodetool status) has them.
      type: str
      sample: UN
    address:
      description: The node's address.
      type: str
      sample: 10.244.1.7
    host_id:
      description: The node's host ID.
      type: str
      sample: 2b5c7f5e-6b1a-4c36-9d7d-0b6d2f1f3c11
    datacenter:
      description: The node's data centre.
      type: str
      sample: dc1
kept_volumes:
  description: PersistentVolumes that were kept for O(keep_volumes).
  returned: success
  type: list
  elements: str
host:
  description: The API server.
  returned: success
  type: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.decommission import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
