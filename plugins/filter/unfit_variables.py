# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unfit_variables
version_added: 0.1.0
short_description: Find values of a role's variables that no manifest can hold
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - An argument spec takes a list for a text, and passes over NUL, half of a character, null where a value has to be, and keys that
    YAML has made booleans or null.
  - The role's name and namespace, variables with C(_name) and C(_namespace) after the role's name, have to be names of objects.
positional: _input, options, role
options:
  _input:
    description: The variables with their values.
    type: dict
    required: true
  options:
    description: The options of the role's argument spec.
    type: dict
    required: true
  role:
    description: Name of the role, with which its variables begin.
    type: str
    required: true
"""

EXAMPLES = r"""
sentences: "{{ {'app_env': {'A': \"a\\0b\"}} | slipway.kubernetes.unfit_variables({'app_env': {'type': 'dict'}}, 'app') }}"
"""

RETURN = r"""
_value:
  description: One sentence for each value, which names the variable and never shows a text.
  type: list
  elements: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.values import unfit


def unfit_variables(variables, options, role):
    return unfit(variables, options, role)


class FilterModule:
    def filters(self):
        return {"unfit_variables": unfit_variables}
