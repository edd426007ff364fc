#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: user_kubeconfig
short_description: Write a kubeconfig with a client certificate for a user
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Makes a private key, has the cluster sign a client certificate for it by a CertificateSigningRequest, which it approves
    itself, and writes both into a kubeconfig that only its owner may read.
  - A kubeconfig that is there keeps its key and certificate until shortly before the certificate expires, or until its
    groups or the cluster are others.
  - The key is in the file alone - in no result, no log, and not in the cluster.
  - A certificate only says who a user is. What the user may do is said by RoleBindings and ClusterRoleBindings for its name
    or its groups.
options:
  path:
    description:
      - The file, on the machine where the task runs. Missing folders are made, for the owner alone.
      - A file that is not a kubeconfig for O(user) which this module has written is neither overwritten nor deleted.
    type: path
    required: true
  user:
    description:
      - The name of the user, at most 64 characters.
    type: str
    required: true
  state:
    description:
      - Whether the file is there. With V(absent) the file is deleted and nothing else happens - Kubernetes cannot revoke
        certificates, so a copy of the file is good until the certificate expires.
    type: str
    choices: [present, absent]
    default: present
  groups:
    description:
      - The groups of the user. No cluster signs for V(system:masters) in this way.
    type: list
    elements: str
    default: []
  expiration_seconds:
    description:
      - For how many seconds a new certificate is valid. At least 600.
      - The cluster may issue one for less time, which is a warning; RV(expires) has the last word.
    type: int
    default: 31536000
  renew_before:
    description:
      - Make a new key and certificate when the present one is valid for less than so many seconds.
      - Never more than half of the time for which it was issued.
    type: int
    default: 2592000
  context_namespace:
    description:
      - The namespace that the kubeconfig sets.
    type: str
    default: ""
  server:
    description:
      - The URL at which the user reaches the API server. Without it, the one that the task itself uses.
    type: str
    default: ""
  wait_timeout:
    description:
      - For how many seconds to wait for the certificate.
    type: int
    default: 60
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The request is sent as a dry run, so that one which the cluster does not take is found out. Nothing is approved.
  diff_mode:
    support: full
    details:
      - The difference is that of server, groups, namespace, mode and expiry. Key and certificate are not shown.
requirements:
  - cryptography
notes:
  - The caller needs the verbs C(create), C(get) and C(delete) on C(certificatesigningrequests), C(patch) on
    C(certificatesigningrequests/approval), and C(approve) on the C(signers) named C(kubernetes.io/kube-apiserver-client).
    Whoever has these can be any user of the cluster.
  - With a local connection (without O(ignore:become)) the file is written by the controller's own process, else by a module.
seealso:
  - module: slipway.kubernetes.service_account_token
    description: Tokens, which expire sooner and end with their ServiceAccount, are the better choice for programs.
  - name: Certificates and Certificate Signing Requests
    description: What the signer of client certificates accepts.
    link: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

EXAMPLES = r"""
- name: Write a kubeconfig for a user of the group developers, good for 90 days and renewed after 60
  slipway.kubernetes.user_kubeconfig:
    path: ~/.kube/users/jane.kubeconfig
    user: jane
    groups: [developers]
    expiration_seconds: 7776000
    renew_before: 2592000
    context_namespace: shop
  register: jane

- name: Tell until when it is good
  ansible.builtin.debug:
    msg: "{{ jane.path }} is good until {{ jane.expires }}"

- name: Delete it
  slipway.kubernetes.user_kubeconfig:
    path: ~/.kube/users/jane.kubeconfig
    user: jane
    state: absent
"""

RETURN = r"""
path:
  description: The file, as an absolute path.
  returned: success
  type: str
  sample: /home/admin/.kube/users/jane.kubeconfig
user:
  description: The name of the user.
  returned: success
  type: str
  sample: jane
groups:
  description: The groups of the user.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [developers]
issued:
  description: Whether a new certificate was issued, or would be in check mode.
  returned: when O(state=present)
  type: bool
  sample: true
reason:
  description: Why a new certificate was needed, or nothing.
  returned: when O(state=present)
  type: str
  sample: there is no kubeconfig yet
expires:
  description: Until when the certificate is valid, as RFC 3339 time in UTC. Empty for a new one in check mode.
  returned: when O(state=present)
  type: str
  sample: "2027-11-24T11:35:00Z"
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._user_kubeconfig.run import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
