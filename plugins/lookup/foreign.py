# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: foreign
version_added: 0.1.0
short_description: Find extra variables that would take the place of this collection's own
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Extra variables win over everything that a play works out - what a task registers, facts, the variables of roles and
    tasks. AWX gives a job what earlier nodes of its workflow have handed on, and the workflow's own variables, as such.
  - The playbooks and roles of this collection keep what they work out under names that begin with two underscores, and
    refuse to run where an extra variable has such a name.
options:
  _terms:
    description: Further names that an extra variable must not have.
    type: list
    elements: str
  prefixes:
    description: How private names begin.
    type: list
    elements: str
    default: [__]
"""

EXAMPLES = r"""
- name: Require that nothing from outside takes the place of what is worked out here
  ansible.builtin.assert:
    that: query('slipway.kubernetes.foreign') | length == 0
"""

RETURN = r"""
_list:
  description: The names, in order.
  type: list
  elements: str
"""

from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars


def foreign(extra, names, prefixes):
    """Which of the extra variables begin like private ones, or are among these names."""
    # in YAML a key may be a number, too
    return sorted(name for name in map(str, extra) if name.startswith(tuple(prefixes)) or name in names)


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return foreign(load_extra_vars(self._loader), terms, self.get_option("prefixes"))
