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

    FAIL_FAST = r"""
options:
  fail_fast:
    description:
      - Give up as soon as the rollout is hopeless, rather than at the progress deadline or at the end of O(wait_timeout).
        That is so in these cases, for the new pods' containers, init containers and sidecars.
      - At once, for an image name that is invalid; an image that is not on the node and may not be pulled
        (C(ErrImageNeverPull)); a process that cannot be started (C(StartError), or the exit codes 126 and 127).
      - After O(fail_fast_restarts) ends in failure of one container, without its having been ready.
      - After O(fail_fast_after) seconds, for an image that is not there or not allowed; a ConfigMap, a Secret or a key that
        the pod names and that is missing.
      - Nothing else counts, be it a node that has no room, a quota, a volume, a port of the host, a registry that is busy or
        not to be reached, or a probe that does not succeed. It is shown while it lasts, as far as pods and events may be listed
        and watched.
      - What is over is forgotten, and what happened to a pod before this run does not count.
    type: bool
    default: true
  fail_fast_restarts:
    description:
      - How many times a container may end with an exit code other than 0, without its having been ready, before O(fail_fast)
        gives up. At least 1.
    type: int
    default: 3
  fail_fast_after:
    description:
      - How many seconds without a break an image, a ConfigMap, a Secret or a key may be missing before O(fail_fast) gives up.
        At least 0.
    type: int
    default: 60
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
