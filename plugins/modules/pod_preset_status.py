#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_preset_status
short_description: Prove that PodPresets are injected, and tell which pods carry them
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - For each PodPreset, asks the API server what it would make of a pod that the preset selects, by a dry run. So nothing
    is created, and an admission policy that does nothing is found out all the same.
  - Fails unless every preset is injected in its current version. A new preset or policy takes the API server a moment,
    which O(wait_timeout) grants.
  - Lists the pods that a preset selects by what has become of it there. A pod keeps what it was created with, so those
    that are V(outdated) or V(without) it need a restart of their workload.
options:
  namespace:
    description:
      - The namespace of the presets. Without it, those of all namespaces.
    type: str
  name:
    description:
      - The name of a preset. Without it, all that O(label_selectors) select.
    type: str
  label_selectors:
    description:
      - Labels of the presets.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - For how many seconds to wait until every preset is injected.
    type: int
    default: 30
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.reads
notes:
  - The caller needs the verbs C(list) on C(podpresets), and C(create) and C(list) on C(pods).
  - Where the cluster has several API servers, the one that answers is the one that is proven.
seealso:
  - module: slipway.kubernetes.rollout
    description: Restarts workloads, so that their pods get new presets.
"""

EXAMPLES = r"""
- name: Prove that all presets are injected
  slipway.kubernetes.pod_preset_status:
  register: presets

- name: Tell which pods run without the current presets
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.name }}: {{ item.pods.outdated + item.pods.without }}"
  loop: "{{ presets.presets }}"
  loop_control:
    label: "{{ item.name }}"

- name: Prove that one preset is
  slipway.kubernetes.pod_preset_status:
    namespace: shop
    name: share-credential
    wait_timeout: 5
"""

RETURN = r"""
presets:
  description: One entry for each preset, ordered by namespace and name.
  returned: when presets were tried, also on failure
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the preset.
      type: str
    name:
      description: The name of the preset.
      type: str
    outcome:
      description:
        - V(injected) if a new pod gets the preset.
        - V(conflict) if presets for the same pods contradict each other, so that chance decides which are injected.
        - V(refused) if the API server does not take pods with this preset.
        - V(ignored) if nothing happens.
        - V(untried) if the API server would not have the canary, for a quota for instance. That is a warning.
      type: str
    message:
      description: The same as a sentence, with the reason.
      type: str
    pods:
      description: The names of the pods that the preset selects, and that do not opt out of presets.
      type: dict
      contains:
        injected:
          description: Pods with the preset as it is.
          type: list
          elements: str
        outdated:
          description: Pods with a former version of the preset.
          type: list
          elements: str
        conflicts:
          description: Pods that were created without the preset, because they say otherwise themselves.
          type: list
          elements: str
        without:
          description: Pods that are older than the preset.
          type: list
          elements: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_presets import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
