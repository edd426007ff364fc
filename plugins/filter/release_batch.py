# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: release_batch
version_added: 0.1.0
short_description: Pick the objects that one step of a release has to send
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Picks, from all objects of a release, those which the plan wants created or updated in one batch.
positional: _input, plan, batch
options:
  _input:
    description: The objects, from P(slipway.kubernetes.release_objects#filter).
    type: list
    elements: dict
    required: true
  plan:
    description: RV(slipway.kubernetes.release_plan#module:objects) of M(slipway.kubernetes.release_plan).
    type: list
    elements: dict
    required: true
  batch:
    description: The batch.
    type: str
    choices: [definitions, secrets, generated, main, last]
    required: true
"""

EXAMPLES = r"""
definition: "{{ objects | slipway.kubernetes.release_batch(plan.objects, 'main') }}"
"""

RETURN = r"""
_value:
  description: The objects.
  type: list
  elements: dict
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import select


class FilterModule:
    def filters(self):
        return {"release_batch": select}
