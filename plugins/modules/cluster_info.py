#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Tell which cluster a task goes to, and as whom
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Asks the API server for its version, for something by which its cluster is known, and whom it takes the task for.
  - As a play's first task it says once what is wrong with the connection, rather than every host for itself.
options:
  expected:
    description:
      - Refuse any other cluster. The address of the API server, or the uid of the namespace C(kube-system).
    type: str
    default: ""
  timeout:
    description: How many seconds an API server that does not answer is tried for, of 30 that the task takes at most.
    type: int
    default: 7
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
  - slipway.kubernetes._attributes.reads
"""

EXAMPLES = r"""
- name: Look which cluster this is
  slipway.kubernetes.cluster_info:
  register: cluster

- name: Refuse any other from here on
  slipway.kubernetes.cluster_info:
    expected: "{{ cluster.uid }}"
"""

RETURN = r"""
summary:
  description: Which cluster this is, in one line, as the task prints it.
  returned: success
  type: str
  sample: Cluster https://203.0.113.5:6443, Kubernetes v1.37.2, as kubernetes-admin
host:
  description: The address of the API server.
  returned: success
  type: str
  sample: https://203.0.113.5:6443
version:
  description: The version of the API server.
  returned: success
  type: str
  sample: v1.37.2
user:
  description: Whom the API server takes the task for; empty where it does not say.
  returned: success
  type: str
  sample: kubernetes-admin
uid:
  description: The uid of the namespace C(kube-system); empty for whoever may not read it.
  returned: success
  type: str
  sample: 6a1b8a0a-6b0c-4e0e-9d9c-1f6f0c1e7f4e
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._cluster_info import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
