#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_attach
short_description: Attach to a container that runs
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Attaches to the main process of a container, as C(kubectl attach) does. Sends it a text, and returns what it prints for a
    time, or until a line matches.
  - A container that does not run yet is waited for.
  - Only what is printed while the task is attached is returned. P(kubernetes.core.k8s_log#module) reads what was printed
    before, and P(kubernetes.core.k8s_exec#module) runs another command in the container.
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
      - The name of the container; an init container and an ephemeral one can be attached to as well.
      - By default the one that the pod's annotation C(kubectl.kubernetes.io/default-container) names, else the pod's first.
    type: str
  stdin:
    description:
      - A text for the process to read. The container must have been started with C(stdin=true).
      - With C(stdinOnce=true) the process then comes to the end of its input, and the container takes none ever after - what
        it is sent then is lost, and nobody says so. Otherwise its input stays open for the next one who attaches.
      - The text is sent whole. The task fails if the container has not taken all of it within O(wait_timeout).
      - Use C(no_log) for a task whose text is secret.
    type: str
  stdin_add_newline:
    description:
      - Whether a newline is appended to a text that does not end in one.
    type: bool
    default: true
  search_regex:
    description:
      - A regular expression. The task ends once it is found in a line of the output, be that line complete or not.
        What ends a line is no part of it.
      - It fails if there is no such line within O(wait_timeout), or before the container has ended.
    type: str
  wait_timeout:
    description:
      - How many seconds the task may take. Without O(search_regex) it stays attached for that long, unless the container
        ends before. At least 1.
    type: int
    default: 10
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - slipway.kubernetes._attributes
attributes:
  check_mode:
    support: full
    details:
      - The pod and its container are looked at. With O(stdin) that is all; without it the task changes nothing anyway, and
        attaches.
  diff_mode:
    support: N/A
notes:
  - The caller needs the verb C(get) on the resource C(pods), the verbs C(get) and C(create) on C(pods/attach), and
    C(list) and C(watch) on C(pods) if the container does not run yet.
  - The task has no terminal. A container that was started with one (C(tty=true)) prints all its output to RV(stdout).
  - At least the last MiB of each stream is returned. When more has come, a warning says so.
seealso:
  - module: kubernetes.core.k8s_exec
  - module: kubernetes.core.k8s_log
  - module: slipway.kubernetes.port_forward
  - name: kubectl attach
    description: The command whose semantics this module follows.
    link: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_attach/
"""

EXAMPLES = r"""
- name: See what a pod prints within the next 3 seconds
  slipway.kubernetes.pod_attach:
    namespace: shop
    name: web-0
    wait_timeout: 3
  register: web

- name: Wait at most a minute for a line that a container prints
  slipway.kubernetes.pod_attach:
    namespace: shop
    name: web-0
    container: web
    search_regex: listening on port \d+
    wait_timeout: 60

- name: Send a command to the console of an application, and wait for its answer
  slipway.kubernetes.pod_attach:
    namespace: shop
    name: console-0
    stdin: save-all
    search_regex: ^Saved
    wait_timeout: 30
"""

RETURN = r"""
container:
  description: The container that was attached to.
  returned: success
  type: str
  sample: web
stdout:
  description: What the container printed to its standard output, without the last line's end.
  returned: when attached
  type: str
  sample: "Saved 3 carts"
stdout_lines:
  description: The lines of RV(stdout).
  returned: when attached
  type: list
  elements: str
  sample: ["Saved 3 carts"]
stderr:
  description: What the container printed to its standard error, without the last line's end.
  returned: when attached
  type: str
  sample: ""
stderr_lines:
  description: The lines of RV(stderr).
  returned: when attached
  type: list
  elements: str
  sample: []
match:
  description: The line in which O(search_regex) was found.
  returned: when O(search_regex) was found
  type: str
  sample: Saved 3 carts
ended:
  description: Whether the container ended while the task was attached to it.
  returned: when attached
  type: bool
  sample: false
exit_code:
  description: The exit code with which it ended; none if its pod has not told within 2 seconds.
  returned: when RV(ended)
  type: int
  sample: 0
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_attach.run import ENGINE


def main():
    ENGINE.main()


if __name__ == "__main__":
    main()
