#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Roll a change out and wait for it
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Sets images, restarts, pauses or resumes Deployments, DaemonSets and StatefulSets, and waits until they are rolled
    out, as C(kubectl set image) and C(kubectl rollout restart), C(pause), C(resume) and C(status) do.
  - Gives up as soon as a rollout is hopeless, says which pod it is and why, and puts the old version back if asked to.
  - Unlike kubectl, pausing what is paused and resuming what is not is no error, restarting, pausing and resuming have
    a dry run, a progress deadline condition from before the change is not believed, and nothing is written when
    somebody else has changed the workload in between.
options:
  state:
    description:
      - V(complete) waits for the rollout, after setting O(images) and O(change_cause) if they are given.
      - V(restarted) replaces all pods. This changes the workload every time.
      - V(paused) pauses a Deployment. With O(images) the change is set, and stays where it is until it is resumed.
      - V(resumed) resumes a Deployment and waits for it.
    type: str
    default: complete
    choices: [complete, restarted, paused, resumed]
  images:
    description:
      - The image of each container, init containers included, by the container's name. V(*) is every container that is
        not named.
    type: dict
  change_cause:
    description:
      - The annotation C(kubernetes.io/change-cause), which the rollout's history shows. It is written together with
        the change.
    type: str
  pause_at:
    description:
      - Pause the rollout of a Deployment once so many replicas are updated and available, as a count such as V(1) or a
        share of the replicas such as V(25%), rounded up.
      - The Deployment's strategy still says how many replicas are updated at once, so there can be more of them.
        O(state=resumed) rolls out the rest.
      - Needs O(wait=true).
    type: str
  replace_stuck_pods:
    description:
      - Remove the pod that the controller of a StatefulSet waits for although it would make another one in its place, since
        it would wait for ever (see U(https://github.com/kubernetes/kubernetes/issues/67250)), so that a new image heals what
        an earlier one has broken.
      - Such a pod is of an old revision and not ready. It is removed only if it has not been ready since it was made and all
        other pods of the StatefulSet are ready. One with which nothing is wrong but that it is not ready gets 20 seconds first,
        or as long as its probes allow.
      - It is evicted. Where a PodDisruptionBudget forbids even that, as the one of a single replica does, it is deleted.
        Needs the right to create C(pods/eviction) or to delete C(pods). Where the pod must not be removed, the message has
        the command that does it.
      - With O(wait=false) this is looked at once, right after the change.
    type: bool
    default: true
  on_failure:
    description:
      - What to do with a workload whose rollout failed or was not complete in time. The task fails all the same.
      - V(fail) leaves it as it is.
      - V(undo) puts back the pod template that was live before this task, and waits for that, at most O(wait_timeout) seconds
        more. Of a Deployment that was paused amid a rollout, that is the revision from before the rollout.
      - V(pause) pauses the Deployment.
      - Both leave alone what this task has not changed, for which there is M(slipway.kubernetes.rollout_undo), what somebody
        else has changed the pod template of since, and what has been made anew under its name. Scaling is not in the way.
    type: str
    default: fail
    choices: [fail, undo, pause]
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._workload
  - slipway.kubernetes._workload.fail_fast
  - slipway.kubernetes._workload.wait
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.writes
"""

EXAMPLES = r"""
- name: Roll out version 2
  slipway.kubernetes.rollout:
    namespace: shop
    name: web
    images:
      web: registry.example.com/shop/web:2
    change_cause: "version 2"

- name: Roll out version 3, and go back to the version before if it does not start
  slipway.kubernetes.rollout:
    namespace: shop
    name: web
    images:
      web: registry.example.com/shop/web:3
    on_failure: undo

- name: Wait for everything that belongs to the shop
  slipway.kubernetes.rollout:
    namespace: shop
    label_selectors:
      - app.kubernetes.io/part-of=shop

- name: Restart a StatefulSet
  slipway.kubernetes.rollout:
    kind: StatefulSet
    namespace: shop
    name: db
    state: restarted

- name: Roll out version 4 to a quarter of the replicas
  slipway.kubernetes.rollout:
    namespace: shop
    name: web
    images:
      web: registry.example.com/shop/web:4
    pause_at: 25%

- name: Roll it out to all of them
  slipway.kubernetes.rollout:
    namespace: shop
    name: web
    state: resumed
"""

RETURN = r"""
rollouts:
  description: One entry for each workload, ordered by name.
  returned: always
  type: list
  elements: dict
  contains:
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
    ENGINES["rollout"].main()


if __name__ == "__main__":
    main()
