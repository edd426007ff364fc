#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: objects_info
short_description: Read several objects at once
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Reads objects of several kinds side by side, in the controller's process where the connection is local. For one kind,
    M(kubernetes.core.k8s_info) does as well.
  - Takes at most 30 seconds.
options:
  objects:
    description: What to look for.
    type: list
    elements: dict
    required: true
    suboptions:
      api_version:
        description: The group and version, such as V(apps/v1).
        type: str
        default: v1
      kind:
        description: The kind, such as V(Deployment).
        type: str
        required: true
      namespace:
        description: The namespace. Without one and without O(objects[].name), objects of all namespaces are looked for.
        type: str
        default: ""
      name:
        description: The name of one object.
        type: str
        default: ""
      label_selectors:
        description: Without O(objects[].name), only objects with these labels, as C(kubectl get --selector) takes them.
        type: list
        elements: str
        default: []
      optional:
        description: Whether to go on where the user may not look, which RV(found[].seen) then tells.
        type: bool
        default: false
  sensitive:
    description:
      - Whether the values of Secrets are wanted. They are registered and never shown, as with the keyword C(no_log); a
        failure still says why. By default they are left out.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.reads
"""

EXAMPLES = r"""
- name: Look at the nodes, and at what kube-proxy is told
  slipway.kubernetes.objects_info:
    objects:
      - {kind: Node}
      - {kind: ConfigMap, namespace: kube-system, name: kube-proxy, optional: true}
  register: looked

- name: Show what there is
  ansible.builtin.debug:
    msg: "{{ looked.found | map(attribute='resources') | flatten | map(attribute='metadata.name') }}"
"""

RETURN = r"""
found:
  description: One entry for each of O(objects), in their order.
  returned: always
  type: list
  elements: dict
  contains:
    api_version: {type: str, description: As it was asked for.}
    kind: {type: str, description: As it was asked for.}
    namespace: {type: str, description: As it was asked for.}
    name: {type: str, description: As it was asked for.}
    resources:
      description: The objects, without C(metadata.managedFields).
      type: list
      elements: dict
    served:
      description: Whether the API server knows this kind in this version.
      type: bool
    seen:
      description: Whether the user may look.
      type: bool
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._objects_info import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
