#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
version_added: 0.1.0
short_description: Bring a set of objects into the cluster, keep it as they say, or take it out again
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Applies objects together, waits for what they start, deletes what the release had before and has no more, and keeps a record
    of it in the cluster.
  - Nothing is changed before the API server has accepted all objects in a dry run. What it refuses - an immutable field, a
    missing right, a policy, a field that another manager has set - is told for all objects at once.
  - A release is known by its cluster, O(namespace), O(owner) and O(name). What belongs to it stands in its records, which are
    Secrets of the type C(slipway.kubernetes/release.v1); nothing else is ever deleted, whatever labels it has.
  - The newest record is also a lock. Another run of the same release waits for it, and goes on 30 seconds after a run that was
    killed. Running again finishes what a killed run began.
  - The objects' owner is the field manager C(slipway.kubernetes). What O(definitions) no longer says is taken back, also where
    M(slipway.kubernetes.rollout) or, before the release took the object over, C(kubectl apply) or C(helm) wrote it. Replicas
    are an autoscaler's while one targets the workload; a rollout that is paused, or held by a partition, stays so.
  - This is what the role P(slipway.kubernetes.release#role) does its work with.
options:
  name:
    description:
      - Name of the release.
    type: str
    required: true
  namespace:
    description:
      - Namespace of the release, which objects without one get. Empty for a release that has cluster-scoped objects alone.
    type: str
    default: ""
  owner:
    description:
      - Who the release is of. One of the same name that is of another owner is another release.
      - The role gives the name of the role that called it.
    type: str
    default: release
  record_namespace:
    description:
      - Namespace of the release's records, if it is not that of the release. Without both it is V(slipway-system).
    type: str
    default: ""
  variable_prefix:
    description:
      - How the variables begin by which a role has these options, such as V(shop_), for messages that say what to set.
    type: str
    default: ""
  renamed_from:
    description:
      - What the release was called before. Its records and objects are then this release's, without being made anew.
      - What is left out has not changed.
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
      namespace:
        description: Its namespace.
        type: str
      owner:
        description: Its owner.
        type: str
  hold:
    description:
      - Put the release on hold, for this reason, and do nothing else. Each run that does not give this option is then refused,
        with the reason, who gave it and when.
      - Empty, the hold ends and the run goes on.
    type: str
  labels:
    description:
      - Labels of every object's own metadata.
    type: dict
    default: {}
  annotations:
    description:
      - Annotations of every object's own metadata.
    type: dict
    default: {}
  state:
    description:
      - V(present) has the objects in the cluster as O(definitions) says.
      - V(absent) has none of them there, but for what holds data. O(definitions) is not needed.
    type: str
    choices: [present, absent]
    default: present
  definitions:
    description:
      - The objects, as YAML documents or the JSON text of a list, in any order. They are sorted by kind.
      - A text, and never shown, because Secrets are among them.
      - The annotation C(slipway.kubernetes/phase=last) has an object applied after the workloads are ready,
        C(slipway.kubernetes/recreate) makes one anew that cannot be changed, C(slipway.kubernetes/data) keeps one that a removal
        would delete, and C(slipway.kubernetes/generated) keeps the values that a Secret has.
    type: str
    default: "[]"
  create_namespace:
    description:
      - Create O(namespace) if it is missing, and label it with the level O(pod_security).
      - One that this collection has made gets another level only while no other release is there; a stricter one is refused then.
        One that somebody else has made is left as it is.
      - Where this is false, the namespace is not touched and must exist.
    type: bool
    default: true
  pod_security:
    description:
      - Pod Security level that the namespace enforces, audits and warns at. Empty for no label.
    type: str
    choices: ["", privileged, baseline, restricted]
    default: restricted
  adopt:
    description:
      - Take over objects that are there already and are nobody's or another release's.
      - On the first run over a release from before there were records, what was its and is not in O(definitions) is
        entered, and deleted.
    type: bool
    default: false
  adopt_managers:
    description:
      - Field managers whose fields become the release's with an object that it takes over, and go where O(definitions) does not
        have them. Those of C(kubectl), C(helm) and the Kubernetes clients are among them without being named.
    type: list
    elements: str
    default: []
  force_conflicts:
    description:
      - Take over fields that another field manager has set to other values.
      - Those that this collection's own modules have set are always taken over, and named in RV(ignore:overrides) of RV(objects).
    type: bool
    default: false
  resume:
    description:
      - Resume a Deployment that is paused, where the template of its pods changes. Otherwise such a change is refused, since it would
        not be rolled out.
    type: bool
    default: false
  prune:
    description:
      - Delete what the release had before and has no more. Where this is false, it is named in a warning.
    type: bool
    default: true
  allow_empty:
    description:
      - Let O(definitions) be empty, which deletes all that the release had.
    type: bool
    default: false
  delete_data:
    description:
      - With O(state=absent), delete what holds data as well - claims and volumes, definitions of custom resources, generated
        Secrets, whatever is annotated with C(slipway.kubernetes/data).
    type: bool
    default: false
  delete_namespace:
    description:
      - With O(state=absent), delete the namespace too, if this collection has made it and it holds nothing of anybody else.
    type: bool
    default: false
  history_limit:
    description:
      - How many records of deployments that went well are kept. At least 1.
    type: int
    default: 10
  change_cause:
    description:
      - Why the release is changed, for its record.
    type: str
    default: ""
  min_version:
    description:
      - Oldest version of Kubernetes that the release runs on, for example V(1.34).
    type: str
    default: ""
  requires:
    description:
      - Kinds and objects that the release uses, although they are not part of it.
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
  wait:
    description:
      - Whether to wait until the workloads are rolled out and the Jobs are through, or all objects are gone.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds to wait. Looking, planning and applying may take two minutes besides. At least 1.
    type: int
    default: 300
  on_failure:
    description:
      - What to do with workloads that do not come up - leave them, undo what this run changed, or pause. Only Deployments can
        be paused; others are left. The task fails all the same.
    type: str
    choices: [fail, undo, pause]
    default: fail
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._workload.fail_fast
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Returns what is changed, or would be in check mode. What is secret is hidden.
    support: full
seealso:
  - module: slipway.kubernetes.rollout
  - module: slipway.kubernetes.rollout_undo
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Bring settings into the cluster
  slipway.kubernetes.release:
    name: greetings
    namespace: greetings
    definitions: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {greeting: Hello}
      ---
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: colours}
      data: {background: white}

- name: Change one of them, and delete the other
  slipway.kubernetes.release:
    name: greetings
    namespace: greetings
    definitions: "{{ [settings] | to_json }}"
    change_cause: the greeting is friendlier
  vars:
    settings:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {greeting: Hello and welcome}

- name: Nobody is to change it for now
  slipway.kubernetes.release:
    name: greetings
    namespace: greetings
    hold: the auditors are here until Friday

- name: Take it out again, and its namespace with it
  slipway.kubernetes.release:
    name: greetings
    namespace: greetings
    hold: ""
    state: absent
    delete_namespace: true
"""

RETURN = r"""
changed:
  description: Whether the cluster differed from the release.
  returned: always
  type: bool
revision:
  description: Number of the release's newest record. 0 if it has none.
  returned: success
  type: int
hold:
  description: Why the release was put on hold by this task. Empty where it was not.
  returned: success
  type: str
check_mode:
  description: Whether nothing was done, since the task ran in check mode.
  returned: success
  type: bool
objects:
  description: What was done with each object, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    api_version: {type: str, description: API version of the object.}
    kind: {type: str, description: Kind of the object.}
    namespace: {type: str, description: "Namespace of the object, empty for a cluster-scoped one."}
    name: {type: str, description: Name of the object.}
    title: {type: str, description: "Kind, namespace and name in one."}
    action: {type: str, description: "One of create, update, recreate, delete, unchanged, keep."}
    predicted:
      description: Whether the action is a guess, because the namespace or kind does not exist yet for a dry run.
      type: bool
    overrides: {type: list, elements: dict, description: Fields (field) taken over from other managers (manager).}
    reason: {type: str, description: "Why an object is kept, or is not looked at yet."}
  sample:
    - action: create
      api_version: v1
      kind: ConfigMap
      name: settings
      namespace: shop
      overrides: []
      predicted: false
      title: ConfigMap shop/settings
summary:
  description: What was done, in one line, as the task prints it.
  returned: success
  type: str
  sample: "shop in namespace shop: created ConfigMap shop/settings; Deployment shop: 3 of 3 ready"
workloads:
  description: How many pods of each workload are ready, a line each.
  returned: success
  type: list
  elements: str
  sample: ["Deployment shop: 3 of 3 ready"]
rollouts:
  description: One entry for each workload that was waited for, as M(slipway.kubernetes.rollout) returns it.
  returned: always
  type: list
  elements: dict
access:
  description: How to reach the release from outside, a sentence, URL or command each.
  returned: success
  type: list
  elements: str
cluster:
  description: The cluster's address (host), its version (version), and the user as whom it was asked (user).
  returned: success
  type: dict
  sample: {host: "https://192.0.2.7:6443", user: kubernetes-admin, version: v1.37.2}
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.release import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
