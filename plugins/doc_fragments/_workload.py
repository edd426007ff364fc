# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:

    DOCUMENTATION = r"""
options:
  api_version:
    description:
      - The API version of the workloads.
    type: str
    default: apps/v1
    choices: [apps/v1]
  kind:
    description:
      - The kind of the workloads.
    type: str
    default: Deployment
    choices: [Deployment, DaemonSet, StatefulSet]
  namespace:
    description:
      - The namespace of the workloads.
    type: str
    default: default
  name:
    description:
      - The name of one workload.
      - Exactly one of O(name) and O(label_selectors) is required.
    type: str
  label_selectors:
    description:
      - Label selectors, all of which a workload must match, such as V(app=shop) or V(tier in (web, api\)).
      - All workloads of O(kind) in O(namespace) that match are worked on, and waited for, in parallel.
    type: list
    elements: str
requirements:
  - python >= 3.11 where the task runs
  - kubernetes >= 31.0.0
notes:
  - With a local connection (without O(ignore:become) and O(ignore:async)) the work is done in the controller's
    own process, which is about ten times as fast as a module and shows the progress of a rollout while it waits.
    Elsewhere the same code runs as a module.
  - A server that answers 429, 500, 502, 503 or 504, or not at all, is asked again with growing pauses, as long as
    the time limit allows. One that has never answered is given up after 30 seconds.
seealso:
  - module: slipway.kubernetes.rollout
  - module: slipway.kubernetes.rollout_undo
  - module: slipway.kubernetes.rollout_info
  - name: kubectl rollout
    description: The command whose semantics these modules follow.
    link: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/
"""

    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait for the rollouts to complete.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds the whole task may take, for all workloads together. At least 1.
    type: int
    default: 300
"""
