# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: env_vars
version_added: 0.1.0
short_description: Make a mapping the environment variables of a container
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Gives the C(env) of a container for a mapping of names to values, in the order of the mapping.
  - A number, boolean or date becomes a text as YAML writes it - C(true), C(3), C(0.5), C(2026-01-31). A mapping is Kubernetes'
    C(valueFrom). Null and lists are no texts and are refused.
positional: _input, path
options:
  _input:
    description: The variables. A list is taken for Kubernetes' own form, of which the values become texts.
    type: raw
    required: true
  path:
    description: How messages call the variables.
    type: str
    default: env
"""

EXAMPLES = r"""
env: "{{ {'DEBUG': true, 'POD': {'fieldRef': {'fieldPath': 'metadata.name'}}} | slipway.kubernetes.env_vars }}"
"""

RETURN = r"""
_value:
  description: The environment variables, each with C(name), and C(value) or C(valueFrom).
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.values import ValueProblem
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.values import env_vars as environment


def env_vars(variables, path="env"):
    try:
        return environment(variables, path)
    except ValueProblem as problem:
        raise AnsibleFilterError(str(problem)) from problem


class FilterModule:
    def filters(self):
        return {"env_vars": env_vars}
