# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: release_removals
version_added: 0.1.0
short_description: Name the objects that a release has to delete
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Picks what a plan wants deleted, as definitions for M(kubernetes.core.k8s), in the order to delete it.
positional: _input, batch
options:
  _input:
    description: RV(slipway.kubernetes.release_plan#module:objects) of M(slipway.kubernetes.release_plan).
    type: list
    elements: dict
    required: true
  batch:
    description:
      - Only this batch. All batches by default.
      - V(recreate) is what has to be deleted because it can only be made anew.
    type: str
    choices: [first, main, last, recreate]
"""

EXAMPLES = r"""
definition: "{{ plan.objects | slipway.kubernetes.release_removals('main') }}"
"""

RETURN = r"""
_value:
  description: The definitions.
  type: list
  elements: dict
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import removals


class FilterModule:
    def filters(self):
        return {"release_removals": removals}
