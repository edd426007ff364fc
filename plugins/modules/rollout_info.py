#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Read the state and the history of rollouts
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Tells where the rollouts of Deployments, DaemonSets and StatefulSets stand and which revisions they can go back to,
    as C(kubectl rollout status) and C(kubectl rollout history) do.
  - Takes at most 30 seconds.
options:
  revision:
    description:
      - Return only this revision in the history. At least 1.
    type: int
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._workload
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.reads
"""

EXAMPLES = r"""
- name: Read the history of a Deployment
  slipway.kubernetes.rollout_info:
    namespace: shop
    name: web
  register: web

- name: Show which images each revision has
  ansible.builtin.debug:
    msg: "{{ item.revision }}: {{ item.images }} {{ item.change_cause or '' }}"
  loop: "{{ web.rollouts[0].history }}"
  loop_control:
    label: "{{ item.name }}"

- name: Read revision 1 with its pod template
  slipway.kubernetes.rollout_info:
    namespace: shop
    name: web
    revision: 1
"""

RETURN = r"""
rollouts:
  description: One entry for each workload, ordered by name.
  returned: always
  type: list
  elements: dict
  contains:
    history:
      description: The revisions, oldest first.
      type: list
      elements: dict
      contains:
        revision:
          description: The number of the revision.
          type: int
        change_cause:
          description: The change-cause of the revision; null when it has none.
          type: str
        images:
          description: The image of each container and init container.
          type: dict
        created:
          description: When the revision was made first, as RFC 3339 time.
          type: str
        current:
          description: Whether this is the revision of the current pod template.
          type: bool
        name:
          description: The name of the ReplicaSet or ControllerRevision.
          type: str
        template:
          description: The pod template. What is secret in it is hidden, such as literal values of variables whose names say so.
          type: dict
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
    ENGINES["rollout_info"].main()


if __name__ == "__main__":
    main()
