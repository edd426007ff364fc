#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_wait
version_added: 0.1.0
short_description: Wait for the workloads of a release
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Waits until Deployments, DaemonSets and StatefulSets with the given labels are rolled out, Jobs are complete and
    ReplicationControllers have their pods, in several namespaces if need be, all at once. Gives up as soon as a new pod of one
    of them cannot start, but lets the others finish.
  - M(slipway.kubernetes.rollout) does the same for workloads of one kind in one namespace.
options:
  label_selectors:
    description: Label selectors, all of which a workload must match.
    type: list
    elements: str
    required: true
  workloads:
    description:
      - Which kinds of workloads to wait for, and where, in the form of RV(slipway.kubernetes.release_plan#module:workloads).
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description: The kind of the workloads.
        type: str
        required: true
        choices: [Deployment, DaemonSet, StatefulSet, Job, ReplicationController]
      namespace:
        description: The namespace of the workloads.
        type: str
        required: true
      api_version:
        description: The API version of the workloads.
        type: str
        default: apps/v1
        choices: [apps/v1, batch/v1, v1]
      rolls:
        description: Whether the release has started a rollout there, so that O(on_failure) applies.
        type: bool
        default: false
  on_failure:
    description:
      - What to do with a workload whose rollout failed, where the release has started one. V(undo) puts its previous
        revision back, V(pause) pauses it. The task fails all the same.
    type: str
    default: fail
    choices: [fail, undo, pause]
  wait_timeout:
    description: How many seconds the whole task may take. At least 1.
    type: int
    default: 300
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.reads
"""

EXAMPLES = r"""
- name: Wait for the shop and its database
  slipway.kubernetes.release_wait:
    label_selectors:
      - app.kubernetes.io/part-of=shop
    workloads:
      - kind: Deployment
        namespace: shop
      - kind: StatefulSet
        namespace: shop
"""

RETURN = r"""
rollouts:
  description: One entry for each workload, as M(slipway.kubernetes.rollout) returns it.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.wait import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
