# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: release_objects
version_added: 0.1.0
short_description: Make rendered documents the objects of a release
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Gives every object the labels of the release and, where it has none, the release's namespace,
    encodes C(stringData) of Secrets, and sorts the objects into the order in which to apply them.
  - Adds the release's namespace to the objects on request.
positional: _input
options:
  _input:
    description: The documents. Empty ones are left out.
    type: list
    elements: dict
    required: true
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release, empty for a release of cluster-scoped objects alone.
    type: str
    default: ""
  create_namespace:
    description: Whether the namespace is one of the objects.
    type: bool
    default: false
  pod_security:
    description: Pod Security level that the namespace is labelled with.
    type: str
    choices: ["", privileged, baseline, restricted]
    default: ""
"""

EXAMPLES = r"""
objects: "{{ documents | slipway.kubernetes.release_objects('helloworld', 'demo', create_namespace=true) }}"
"""

RETURN = r"""
_value:
  description: The objects.
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import prepare


def release_objects(documents, name, namespace="", create_namespace=False, pod_security=""):
    try:
        return prepare(documents, name, namespace, create_namespace, pod_security)
    except ValueError as error:
        raise AnsibleFilterError("Release %s: %s" % (name, error)) from error


class FilterModule:
    def filters(self):
        return {"release_objects": release_objects}
