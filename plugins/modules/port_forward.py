#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_forward
short_description: Forward a local port to a pod
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Opens a port of the machine on which the task runs, and carries each connection to it into a pod, as
    C(kubectl port-forward) does. The tasks that follow - P(ansible.builtin.uri#module), say, or a module for a database -
    reach the pod through it.
  - The forward is held open by a process in the background. It ends when a task with O(state=absent) closes it, when
    O(expiration_seconds) have passed, or when a connection finds that the pod is gone.
  - With a Service or a workload the forward leads to one of its ready pods. A task that is repeated once that pod has
    gone - after a rollout, say - has it lead to another one, through the same local port.
options:
  state:
    description:
      - Whether the forward is to be open.
    type: str
    default: present
    choices: [present, absent]
  kind:
    description:
      - The kind of what O(name) names. With all but V(Pod) the forward leads to one of its ready pods.
    type: str
    default: Pod
    choices: [Pod, Service, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job]
  name:
    description:
      - The name of the pod, the Service or the workload.
    type: str
  namespace:
    description:
      - The namespace of O(name).
    type: str
    default: default
  port:
    description:
      - The port in the pod, as a number or by its name. With O(kind=Service) one of the Service's ports, by number or name.
      - Needed with O(name).
    type: str
  local_port:
    description:
      - The port on this machine. V(0) takes any free one.
    type: int
    default: 0
  address:
    description:
      - The address of this machine at which O(local_port) is open. Everybody who reaches it reaches the pod.
    type: str
    default: 127.0.0.1
  expiration_seconds:
    description:
      - After how many seconds the forward closes itself, counted from the last task that asked for it.
    type: int
    default: 3600
  id:
    description:
      - The RV(id) of the forward to close, instead of O(name) and the options that it was opened with.
    type: str
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The pod is looked for, a tunnel to it is tried, and so is the local port; nothing stays open.
  diff_mode:
    support: full
notes:
  - The process runs where the task does, under the task's user. Only tasks that run there as that user find it again.
  - Connections are opened with the credentials that the API server accepted when the forward was opened. Where they are
    a token that expires, so does the forward in effect.
  - The caller needs the verbs C(get) and C(create) on the resource C(pods/portforward), C(get) on what O(name) names, and
    C(list) on C(pods) unless that is a pod.
  - Port forwarding carries TCP, and it carries no half-closed connections. Once a client has sent all that it has to send,
    the tunnel waits 10 seconds for more of the answer.
seealso:
  - module: kubernetes.core.k8s_exec
  - module: kubernetes.core.k8s_log
"""

EXAMPLES = r"""
- name: Forward any free local port to port 3000 of a pod
  slipway.kubernetes.port_forward:
    namespace: shop
    name: web-0
    port: 3000
  register: forward

- name: Ask the pod
  ansible.builtin.uri:
    url: "http://{{ forward.address }}:{{ forward.local_port }}/"
    return_content: true

- name: Close the forward
  slipway.kubernetes.port_forward:
    state: absent
    id: "{{ forward.id }}"

- name: Forward local port 13000 to port http of a Service for ten minutes
  slipway.kubernetes.port_forward:
    namespace: shop
    kind: Service
    name: web
    port: http
    local_port: 13000
    expiration_seconds: 600

- name: Close it, by what it was opened with
  slipway.kubernetes.port_forward:
    state: absent
    namespace: shop
    kind: Service
    name: web
    port: http
    local_port: 13000
"""

RETURN = r"""
id:
  description: The name of the forward, which closes it. The same options give the same one.
  returned: success
  type: str
  sample: service-web-9c2f4e1b07
address:
  description: The address of this machine at which the port is open.
  returned: with O(state=present)
  type: str
  sample: 127.0.0.1
local_port:
  description: The port of this machine. V(0) in check mode, if that would be any free one.
  returned: with O(state=present)
  type: int
  sample: 40213
pod:
  description: The pod that the forward leads to.
  returned: with O(state=present)
  type: str
  sample: web-7d9c5b7c4-x2x7p
port:
  description: The pod's port.
  returned: with O(state=present)
  type: int
  sample: 3000
expiration_timestamp:
  description: When the forward closes itself, as RFC 3339 time in UTC.
  returned: with O(state=present)
  type: str
  sample: "2026-11-24T11:35:00Z"
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward.run import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
