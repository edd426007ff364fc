#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_replace
short_description: Give a node of Cassandra that is lost a successor
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - For a node of Cassandra, deployed by the role C(slipway.kubernetes.cassandra), whose machine or volume is lost or whose data is
    damaged. Its pod gets a new, empty volume, and the node that starts there takes over the share of the rows of the lost one,
    with rows from the other nodes (C(cassandra.replace_address_first_boot)). Then it is repaired.
  - Each step is decided from what is seen of the pods and of the ring, and of a ConfigMap that is named after the StatefulSet with
    C(-replacement) and is there meanwhile. So a run that was interrupted, wherever it was, is finished by another one.
  - Nothing is changed unless the node is down, all rows have a replica on a node that is up, and the nodes that are up agree on
    the schema. A node that is up is left alone.
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
    description: The container in whose image C(nodetool) is.
    type: str
    default: cassandra
  pod:
    description: Name of the pod whose node is lost, such as V(cassandra-1).
    type: str
    required: true
  host_id:
    description:
      - Host ID of the lost node, as C(nodetool status) has it. Needed only where several members of the ring have no pod, so that it
        cannot be told which of them the pod belongs to.
    type: str
  accept_loss_of:
    description:
      - Keyspaces that have no more replicas than there are nodes down. Rows of them that are nowhere else are lost, unless the
        volume is kept and can be read; so they have to be named.
    type: list
    elements: str
    default: []
  repair:
    description:
      - Run C(nodetool repair --full) on the new node. It has taken each row from one replica, which may not be one of those that
        had it; without a repair, rows written at C(QUORUM) may be missed by a reader at C(QUORUM).
      - Left out while another node is down, which the repair would need. RV(steps) says so then.
    type: bool
    default: true
  keep_volumes:
    description:
      - Keep the PersistentVolume of the lost node, by its reclaim policy. It is not bound to a claim any more.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that the whole task may take. A node that takes longer to join goes on, and another run waits for it.
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
  - A pod whose machine is gone ends when its Node is deleted. The task says so when it has waited for 90 seconds.
  - The caller needs the verb C(get) on the StatefulSet, C(list), C(get), C(watch) and C(delete) on pods, C(get) and C(create) on
    C(pods/exec), C(list), C(get) and C(delete) on persistentvolumeclaims, C(get), C(create) and C(delete) on configmaps,
    C(list) and C(watch) on statefulsets, and for O(keep_volumes) C(patch) on persistentvolumes.
seealso:
  - module: slipway.kubernetes.cassandra_decommission
    description: Takes nodes out that are not lost.
"""

EXAMPLES = r"""
- name: Give the node of Pod cassandra-1 a successor
  slipway.kubernetes.cassandra_replace:
    namespace: shop
    pod: cassandra-1

- name: See what that would do
  slipway.kubernetes.cassandra_replace:
    namespace: shop
    pod: cassandra-1
  check_mode: true
  register: prediction
"""

RETURN = r"""
steps:
  description: What was done, or would be, in this order.
  returned: always, once the ring was seen
  type: list
  elements: str
  sample:
    - Note that the node of Pod cassandra-1, 10.244.1.7 (host ID 2b5c7f5e-6b1a-4c36-9d7d-0b6d2f1f3c11, DN), is to be replaced
    - Take Pod cassandra-1 and PersistentVolumeClaim data-cassandra-1 away
    - Wait until the new node of Pod cassandra-1 serves
    - Repair the node of Pod cassandra-1, so that it has all rows
replicas:
  description: How many replicas the StatefulSet has.
  returned: success
  type: int
  sample: 3
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
      sample: 10.244.1.8
    host_id:
      description: The node's host ID.
      type: str
      sample: 7d3b21c9-54c4-4b58-8d6c-7e5f0f0f5a12
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

from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.replace import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
