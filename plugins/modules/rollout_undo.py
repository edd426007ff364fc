#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_undo
short_description: Go back to an earlier revision
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Puts the pod template of an earlier revision of Deployments, DaemonSets and StatefulSets back, as
    C(kubectl rollout undo) does, and waits for it. Nothing but the pod template is restored, and a Deployment's
    change-cause.
  - A workload whose pod template is that of the revision already is left alone.
  - Unlike kubectl, first waits until the controller has seen the last change, since an undo before that goes one
    revision too far; leaves all other annotations as they are; and does not write when somebody else has changed the
    workload in between, but looks anew.
options:
  to_revision:
    description:
      - The number of the revision to go back to. V(0) is the one before the current one, that is, the one with the
        second-highest number.
    type: int
    default: 0
  change_cause:
    description:
      - The annotation C(kubernetes.io/change-cause) to set. By default a Deployment gets the one of the revision it
        goes back to, and other kinds keep theirs, as with kubectl.
    type: str
  replace_stuck_pods:
    description:
      - Remove the pod that the controller of a StatefulSet waits for although it would make another one in its place, since
        it would wait for ever (see U(https://github.com/kubernetes/kubernetes/issues/67250)).
      - When and how that is done says O(slipway.kubernetes.rollout#module:replace_stuck_pods).
    type: bool
    default: true
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._workload
  - slipway.kubernetes._workload.fail_fast
  - slipway.kubernetes._workload.wait
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.writes
"""

EXAMPLES = r"""
- name: Go back to the revision before
  slipway.kubernetes.rollout_undo:
    namespace: shop
    name: web

- name: Go back to revision 1 and say why
  slipway.kubernetes.rollout_undo:
    namespace: shop
    name: web
    to_revision: 1
    change_cause: "version 1 again: version 2 loses carts"

- name: Undo the last change of a StatefulSet, whose new pods do not start
  slipway.kubernetes.rollout_undo:
    kind: StatefulSet
    namespace: shop
    name: db
"""

RETURN = r"""
rollouts:
  description: One entry for each workload, ordered by name.
  returned: always
  type: list
  elements: dict
  contains:
    from_revision:
      description: The number of the revision that was current before; null if there was none.
      type: int
      sample: 4
    to_revision:
      description: The number that the revision it went back to had. By going back it becomes the newest one and gets a new number.
      type: int
      sample: 3
    api_version:
      description: The API version of the workload.
      type: str
      sample: apps/v1
    kind:
      description: The kind of the workload.
      type: str
      sample: Deployment
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    name:
      description: The name of the workload.
      type: str
      sample: web
    revision:
      description: The number of the current revision; null while the controller has not made one.
      type: int
      sample: 4
    phase:
      description:
        - Where the rollout stands. One of V(complete), V(progressing), V(paused) and V(failed).
        - A workload that is paused while nothing is left to roll out is V(complete).
      type: str
      sample: complete
    message:
      description: The sentence that C(kubectl rollout status) prints.
      type: str
      sample: deployment "web" successfully rolled out
    paused:
      description: Whether the Deployment is paused.
      type: bool
      sample: false
    replicas:
      description: How many replicas the workload should have, and how many are updated, ready and available.
      type: dict
      sample: {desired: 3, updated: 3, ready: 3, available: 3}
    images:
      description: The image of each container and init container of the pod template.
      type: dict
      sample: {web: "nginx:1.30.4"}
    change_cause:
      description: The annotation C(kubernetes.io/change-cause); null when there is none.
      type: str
      sample: nginx 1.30.4
    replaced_pods:
      description: The pods that were removed because the StatefulSet's controller waited for them in vain.
      returned: when there were any
      type: list
      elements: str
      sample: [db-1]
    diagnosis:
      description:
        - Why the pods do not start, the gravest finding first, at most five. Empty unless the rollout failed or
          its time was up.
      type: list
      elements: dict
      contains:
        pod:
          description: The pod; empty when there is none, for example because a quota forbids it.
          type: str
        container:
          description: The container; empty when the finding concerns the pod as a whole.
          type: str
        reason:
          description: The reason as the API has it, for example V(ImagePullBackOff).
          type: str
        message:
          description: The message that belongs to the reason.
          type: str
        exit_code:
          description: With what the container ended; null when it did not.
          type: int
        restart_count:
          description: How often the container was restarted.
          type: int
        logs:
          description: The last lines of the container's log, at most ten, for the first two findings.
          type: list
          elements: str
        events:
          description: The pod's last warning events, at most five, for the first two findings.
          type: list
          elements: dict
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.door import ENGINES


def main():
    ENGINES["rollout_undo"].main()


if __name__ == "__main__":
    main()
