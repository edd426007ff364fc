# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: misspelt
version_added: 0.1.0
short_description: Find names that nearly spell a known one
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - An argument spec checks the variables that it knows, but passes over C(app_nmae).
  - Names that resemble no known one are left alone - they may well be the user's own variables.
positional: _input, known
options:
  _input:
    description: Names in use.
    type: list
    elements: str
    required: true
  known:
    description: Names that have a meaning.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
sentences: "{{ query('ansible.builtin.varnames', '^app_') | slipway.kubernetes.misspelt(['app_name', 'app_image']) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each misspelt name.
  type: list
  elements: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import misspelt


class FilterModule:
    def filters(self):
        return {"misspelt": misspelt}
