#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_account_token
short_description: Issue a token that lets its bearer act as a ServiceAccount for a while
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Requests a token for a ServiceAccount, as C(kubectl create token) does.
  - The cluster stores nothing - the token is signed, expires by itself, and can be revoked only by deleting the
    ServiceAccount or the object that it is bound to. So the task is never V(changed), and each run returns a new token.
options:
  name:
    description:
      - The name of the ServiceAccount.
    type: str
    required: true
  namespace:
    description:
      - The namespace of the ServiceAccount.
    type: str
    default: default
  expiration_seconds:
    description:
      - For how many seconds the token is valid. At least 600, which is the least that any API server issues.
      - The API server may issue one for less time or more. That is a warning; RV(expiration_timestamp) has the last word.
    type: int
    default: 3600
  audiences:
    description:
      - Whom the token is meant for. Who receives it has to reject it unless it names them.
      - Without any it is meant for the API server.
    type: list
    elements: str
    default: []
  bound_object_ref:
    description:
      - An object with which the token ends. Once it is deleted, the API server does not accept the token any more.
    type: dict
    suboptions:
      api_version:
        description: The API version of the object.
        type: str
        default: v1
      kind:
        description: The kind of the object. Pods and Secrets are those of O(namespace).
        type: str
        required: true
        choices: [Node, Pod, Secret]
      name:
        description: The name of the object.
        type: str
        required: true
      uid:
        description: The UID that the object must have.
        type: str
  show:
    description:
      - Whether the result may be seen on the screen and in the records of the job, the token included.
      - Otherwise the result is hidden, as by C(no_log), at every verbosity. A registered variable holds it all the same,
        so whatever prints that variable prints the token.
      - A task that fails says why in either case.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The same request is sent as a dry run, so that a missing ServiceAccount or permission is found out.
        No token is returned.
  diff_mode:
    support: N/A
notes:
  - With a local connection (without O(ignore:become)) the request is sent from the controller's own process, else by a
    module. Either way the result is hidden.
  - O(ignore:async) is refused, because its job file would keep the token.
  - The caller needs the verb C(create) on the resource C(serviceaccounts/token).
seealso:
  - name: Managing Service Accounts
    description: What the tokens are and how long they are valid.
    link: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

EXAMPLES = r"""
- name: Issue a token for an hour
  slipway.kubernetes.service_account_token:
    namespace: dashboard
    name: viewer
  register: viewer

- name: Write a kubeconfig that only its owner may read
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.template', 'kubeconfig.j2') }}"
    dest: ~/viewer.kubeconfig
    mode: "0600"
  vars:
    token: "{{ viewer.token }}"
  no_log: true

- name: Issue a token that ends with the Pod it is for, and show it
  slipway.kubernetes.service_account_token:
    namespace: shop
    name: importer
    audiences: [vault]
    expiration_seconds: 600
    bound_object_ref:
      kind: Pod
      name: importer-0
    show: true
"""

RETURN = r"""
token:
  description: The token. Empty in check mode.
  returned: success
  type: str
  sample: eyJhbGciOiJSUzI1NiIsImtpZCI6Ij...
expiration_timestamp:
  description: Until when the token is valid, as RFC 3339 time in UTC.
  returned: success
  type: str
  sample: "2026-11-24T11:35:00Z"
expiration_seconds:
  description: For how many seconds the API server has issued the token.
  returned: success
  type: int
  sample: 3600
audiences:
  description: Whom the token is meant for.
  returned: success
  type: list
  elements: str
  sample: ["https://kubernetes.default.svc"]
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._service_account_token import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
