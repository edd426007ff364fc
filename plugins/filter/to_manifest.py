# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: to_manifest
version_added: 0.1.0
short_description: Write a value into a template of a manifest
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Writes a value so that the manifest has exactly it, whatever is in it - C(on), C(1e3), C(~), quotes, line breaks, emoji. Every
    value in the templates of this collection's roles goes through it.
  - The result is JSON, of one line, which is YAML as well. C(ansible.builtin.to_json) writes characters beyond U+FFFF as two halves,
    which YAML refuses, and line separators that YAML takes for the end of a line.
  - What has no place in a manifest is refused by name - NUL, half of a character, a point in time that YAML has made of an unquoted
    text, keys that YAML has made booleans or null.
positional: _input, kind, path
options:
  _input:
    description: The value.
    type: raw
    required: true
  kind:
    description:
      - What the field takes. By default the value keeps its type.
      - With V(str) each number, boolean and date becomes a text as YAML writes it, also within lists and mappings - for labels,
        annotations and arguments. Anything else is refused.
      - With V(int) and V(bool) texts such as C(-e) gives become numbers and booleans.
      - With V(int_or_str) a text of digits becomes a number, for ports that may have a name and for numbers that may be a percentage.
    type: str
    choices: [str, int, bool, int_or_str]
  path:
    description: How messages call the value.
    type: str
    default: the value
"""

EXAMPLES = r"""
# metadata:
#   name: {{ app_name | slipway.kubernetes.to_manifest('str') }}
#   labels: {{ app_labels | slipway.kubernetes.to_manifest('str', 'app_labels') }}
line: "name: {{ '7654321' | slipway.kubernetes.to_manifest('str') }}"
"""

RETURN = r"""
_value:
  description: The value as JSON.
  type: str
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.values import ValueProblem, to_json, value_for


def to_manifest(value, kind=None, path=""):
    try:
        return to_json(value_for(value, kind, path))
    except ValueProblem as problem:
        raise AnsibleFilterError(str(problem)) from problem


class FilterModule:
    def filters(self):
        return {"to_manifest": to_manifest}
