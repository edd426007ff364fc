#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_plan
version_added: 0.1.0
short_description: Work out what applying or removing a release would change
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Compares a set of object definitions with the cluster and returns, object by object, what has to be done.
  - The comparison is the API server's own. Every definition goes through a dry run of server-side apply,
    so that what the server would refuse - an immutable field, a missing permission, a policy - is reported
    for all objects at once and before anything is changed.
  - Objects that carry the release's labels and are not among the definitions any more are planned for deletion.
    What holds data is kept.
  - Nothing is changed by this module. It is the first half of the role P(slipway.kubernetes.release#role).
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release, empty for a release of cluster-scoped objects alone.
    type: str
    default: ""
  state:
    description:
      - V(present) plans for the definitions to be in the cluster, and nothing else of this release.
      - V(absent) plans for everything that carries the release's labels to be removed. Definitions are not needed.
    type: str
    choices: [present, absent]
    default: present
  definitions:
    description:
      - The objects, as prepared by the filter P(slipway.kubernetes.release_objects#filter), as the JSON text of a list.
      - A text, and never shown, because Secrets are among them.
    type: str
    default: "[]"
  adopt:
    description: Take over objects that exist already and do not belong to the release.
    type: bool
    default: false
  force_conflicts:
    description:
      - Take over fields that another field manager has set to other values.
      - Fields set by this collection's own modules, for example by M(slipway.kubernetes.rollout), are always
        taken over. They are listed as RV(ignore:overrides) in RV(objects).
    type: bool
    default: false
  delete_data:
    description: With O(state=absent), plan the deletion of what holds data as well.
    type: bool
    default: false
  min_version:
    description: Oldest version of Kubernetes that the release runs on, for example V(1.34).
    type: str
    default: ""
  requires:
    description: Kinds and objects that the release uses, although they are not part of it.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version:
        description: API version of the kind.
        type: str
        required: true
      kind:
        description: Name of the kind.
        type: str
        required: true
      name:
        description: Name of the object that has to exist. Without it, the cluster has to serve the kind, and no more.
        type: str
        default: ""
      namespace:
        description: Namespace of the object, empty for a cluster-scoped one.
        type: str
        default: ""
  timeout:
    description: Seconds after which an API server that does not answer is given up.
    type: int
    default: 60
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Returns what would be changed. Values of Secrets are hidden.
    support: full
requirements:
  - python >= 3.11
  - kubernetes >= 24.2.0
"""

EXAMPLES = r"""
- name: What would removing the release delete?
  slipway.kubernetes.release_plan:
    name: helloworld
    namespace: helloworld
    state: absent
  register: plan
"""

RETURN = r"""
changed:
  description: Whether the cluster differs from the release.
  returned: success
  type: bool
objects:
  description: What has to be done with each object, in the order in which to do it.
  returned: success
  type: list
  elements: dict
  contains:
    api_version: {type: str, description: API version of the object.}
    kind: {type: str, description: Kind of the object.}
    namespace: {type: str, description: "Namespace of the object, empty for a cluster-scoped one."}
    name: {type: str, description: Name of the object.}
    title: {type: str, description: "Kind, namespace and name in one."}
    action: {type: str, description: "One of create, update, delete, unchanged, keep."}
    batch: {type: str, description: The step of the pipeline that deals with it.}
    predicted:
      description: Whether the action is a guess, because the namespace or kind does not exist yet for a dry run.
      type: bool
    overrides: {type: list, elements: dict, description: Fields (field) taken over from other managers (manager).}
    rolls: {type: bool, description: Whether the change of a workload starts a rollout.}
    recreate: {type: bool, description: Whether an update has to delete the object and make it anew.}
    reason: {type: str, description: Why an object is kept.}
  sample:
    - action: create
      api_version: apps/v1
      batch: main
      kind: Deployment
      name: helloworld
      namespace: helloworld
      overrides: []
      predicted: false
workloads:
  description:
    The kinds of workloads in the release per namespace (api_version, kind, namespace), and whether the plan
    starts a rollout there (rolls).
  returned: success
  type: list
  elements: dict
last_workloads:
  description: The same of those workloads that are applied after the others have come up.
  returned: success
  type: list
  elements: dict
access:
  description: URLs of the release's services and ingresses, or the commands that open a way to them.
  returned: success
  type: list
  elements: str
cluster:
  description: The cluster that was asked (host, version) and who it takes the caller for (user).
  returned: success
  type: dict
check_mode:
  description: Whether the task ran in check mode, so that what follows can spare itself the apply.
  returned: success
  type: bool
field_manager:
  description: The field manager for which the dry runs were made.
  returned: success
  type: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.run import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
