# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: playbook_inputs
version_added: 0.1.0
short_description: Read the inputs of a playbook as surveys and people give them
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - An empty text is no value, whatever the type - so that a question that nobody has answered is none. Blanks around a text
    do not belong to it.
  - A list may be one, or a text with its elements in lines or between commas.
positional: _input, values
options:
  _input:
    description: The options of the playbook's argument spec.
    type: dict
    required: true
  values:
    description: The variables of these names, as far as there are any.
    type: dict
    required: true
  typed:
    description: Whether values get their types, and defaults are filled in. They have to be valid then.
    type: bool
    default: false
"""

EXAMPLES = r"""
# {'count': 3, 'names': ['a', 'b'], 'force': false}
inputs: "{{ {'count': {'type': 'int', 'default': 3}, 'names': {'type': 'list'}, 'force': {'type': 'bool'}}
            | slipway.kubernetes.playbook_inputs({'count': '', 'names': 'a\n b', 'force': 'no'}, typed=true) }}"
"""

RETURN = r"""
_value:
  description: The values that were given; with O(typed) those that hold, of the options that have one, and an empty list for a list that has none.
  type: dict
"""

import re

from ansible.module_utils.parsing.convert_bool import boolean

_TYPES = {"bool": boolean, "int": int, "str": str, "list": list}


def _read(kind, value):
    if kind == "list":
        # a number is an element like any other
        texts = [str(element) for element in (value if isinstance(value, (list, tuple)) else [value])]
        return [word.strip() for text in texts for word in re.split(r"[,\n]", text) if word.strip()]
    return value.strip() if isinstance(value, str) else value


def playbook_inputs(options, values, typed=False):
    """The values that were given, as the options' types want them."""
    kinds = {name: option.get("type", "str") for name, option in options.items()}
    given = {name: _read(kinds[name], value) for name, value in values.items() if name in options and value is not None}
    given = {name: value for name, value in given.items() if value not in ("", [])}
    if not typed:
        return given
    defaults = {
        name: option["default"] if "default" in option else [] for name, option in options.items() if "default" in option or kinds[name] == "list"
    }
    return {name: _TYPES.get(kinds[name], str)(value) for name, value in {**defaults, **given}.items()}


class FilterModule:
    def filters(self):
        return {"playbook_inputs": playbook_inputs}
