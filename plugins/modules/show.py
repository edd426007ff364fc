#!/usr/bin/python

# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print a text as it is
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Prints a text for people to read and to paste, without the quotes and backslashes that M(ansible.builtin.debug) puts around
    them, and also where results of tasks that change nothing are not shown.
  - Prints nothing where the output is read by programs, which find the text in the result.
options:
  text:
    description: What to print, of one line or several.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return the change it would make.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: N/A
"""

EXAMPLES = r"""
- name: Say how to look at it
  slipway.kubernetes.show:
    text: "Look: kubectl get all --namespace shop"
"""

RETURN = r"""
text:
  description: What was printed.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    # Printed by the action plugin.
    module = AnsibleModule({"text": {"type": "str", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, text=module.params["text"])


if __name__ == "__main__":
    main()
