#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_exec
short_description: Run a command in a container, and hand it a text
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Runs a command in a container, as C(kubectl exec --stdin) does, and fails if the command does.
  - The text of O(stdin) reaches the command without being a part of the request's URL, and so of the API server's audit log, and
    without a file in the container. P(kubernetes.core.k8s_exec#module) hands a command no text.
options:
  namespace:
    description:
      - The namespace of the pod.
    type: str
    default: default
  name:
    description:
      - The name of the pod.
    type: str
    required: true
  container:
    description:
      - The name of the container.
      - By default the one that the pod's annotation C(kubectl.kubernetes.io/default-container) names, else the pod's first.
    type: str
  argv:
    description:
      - The command and its arguments. No shell is involved unless it is one.
      - They are seen by whoever may list processes in the container, and by the API server's audit log.
    type: list
    elements: str
    required: true
  stdin:
    description:
      - A text for the command to read. It is shown nowhere.
      - After the text its input ends.
    type: str
  wait_timeout:
    description:
      - How many seconds the command may take. At least 1.
    type: int
    default: 300
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The pod and its container are looked for. The command is not run.
  diff_mode:
    support: N/A
notes:
  - The caller needs the verb C(get) on the resource C(pods), and C(get) and C(create) on C(pods/exec).
  - A connection that breaks does not end the command. Nobody knows then how far it has come, and the task fails.
seealso:
  - module: kubernetes.core.k8s_exec
  - module: slipway.kubernetes.pod_attach
"""

EXAMPLES = r"""
- name: Change a password without anybody seeing it
  slipway.kubernetes.pod_exec:
    namespace: shop
    name: database-0
    argv: [sh, -c, 'MYSQL_PWD="$(cat /run/secrets/root_password)" mariadb --user=root']
    stdin: ALTER USER 'shop'@'%' IDENTIFIED BY '{{ shop_password }}';
"""

RETURN = r"""
container:
  description: The container in which the command ran.
  returned: success
  type: str
  sample: web
rc:
  description: The exit code of the command.
  returned: when the command has run
  type: int
  sample: 0
stdout:
  description: What the command printed to its standard output, without the last line's end.
  returned: when the command has run
  type: str
  sample: "Saved 3 carts"
stdout_lines:
  description: The lines of RV(stdout).
  returned: when the command has run
  type: list
  elements: str
  sample: ["Saved 3 carts"]
stderr:
  description: What the command printed to its standard error, without the last line's end.
  returned: when the command has run
  type: str
  sample: ""
stderr_lines:
  description: The lines of RV(stderr).
  returned: when the command has run
  type: list
  elements: str
  sample: []
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_exec import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
