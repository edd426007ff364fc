#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nodes
short_description: Label, taint, cordon and drain nodes, and undo exactly that
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Takes what shall be set on the nodes of a cluster, and makes the difference. All nodes are read with one request, each
    that differs is changed with one, and nothing is changed before the API server has accepted all changes in a dry run.
  - An annotation on each node notes what was set there and what was there before. So what is no longer asked for is undone,
    and nothing else; what was so already stays when it is no longer asked for.
  - A node is drained as by C(kubectl drain). All nodes are drained at once, and evictions that a disruption budget forbids
    are tried again until O(wait_timeout).
  - One list describes a cluster. What an earlier run has set on a node that is not in O(nodes) is undone, too.
options:
  nodes:
    description: The nodes, each with what shall be set on it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      labels:
        description: Labels. One whose value is null shall not be there.
        type: dict
        default: {}
      taints:
        description: Taints.
        type: list
        elements: dict
        default: []
        suboptions:
          key:
            description: Key of the taint.
            type: str
            required: true
          value:
            description: Value of the taint. A number or boolean becomes a text as YAML writes it, as that of a label does.
            type: raw
            default: ""
          effect:
            description: What becomes of pods that do not tolerate it.
            type: str
            required: true
            choices: [NoSchedule, PreferNoSchedule, NoExecute]
      cordon:
        description:
          - Whether no new pods come to the node. V(false) uncordons it, whoever has cordoned it.
          - Without it, only a cordon of this module is undone.
        type: bool
      drain:
        description: Cordon the node and evict its pods, but for those of DaemonSets and those that the kubelet made.
        type: bool
        default: false
  state:
    description: V(absent) undoes all that was set on any node. Evicted pods do not come back.
    type: str
    choices: [present, absent]
    default: present
  force_conflicts:
    description: Replace labels and taints that somebody else has set to other values. They come back when it is undone.
    type: bool
    default: false
  drain_force:
    description: Evict pods that have no controller, and so are gone for good.
    type: bool
    default: false
  drain_delete_emptydir_data:
    description: Evict pods with data in an emptyDir, which is lost.
    type: bool
    default: false
  drain_grace_period:
    description: Seconds that evicted pods get to end. Their own choice by default, and with less than 0.
    type: int
  wait_timeout:
    description:
      - How many seconds the whole task may take, until all drained nodes are empty.
      - With V(0) it evicts once, and fails if a pod that was to go is then still there.
    type: int
    default: 300
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is evicted, so that a disruption budget that would hold up a drain is not noticed.
  diff_mode:
    support: full
notes:
  - The caller needs the verbs C(list), C(get) and C(patch) on nodes, and for draining C(list) on pods and
    poddisruptionbudgets and C(create) on C(pods/eviction).
"""

EXAMPLES = r"""
- name: Label one node, and keep another for special pods
  slipway.kubernetes.nodes:
    nodes:
      - name: worker-1
        labels: {hardware: high-spec}
      - name: worker-2
        taints:
          - {key: type, value: specialnode, effect: NoSchedule}

- name: Drain a node for maintenance
  slipway.kubernetes.nodes:
    nodes:
      - name: worker-1
        drain: true
    drain_delete_emptydir_data: true

- name: Undo all of it
  slipway.kubernetes.nodes:
    state: absent
"""

RETURN = r"""
created:
  description: What was set where nothing was.
  returned: success
  type: list
  elements: str
  sample: ["Node worker-1 label hardware=high-spec", "Node worker-2 taint type=specialnode:NoSchedule"]
updated:
  description: What was changed.
  returned: success
  type: list
  elements: str
deleted:
  description: What was taken away.
  returned: success
  type: list
  elements: str
evicted:
  description: Pods that were evicted, or would be.
  returned: success
  type: list
  elements: str
  sample: ["Pod shop/web-1"]
summary:
  description: What was done, in one line, as the task prints it.
  returned: success
  type: str
  sample: "nodes: created Node worker-1 label hardware=high-spec"
host:
  description: The API server.
  returned: success
  type: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._nodes.run import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
