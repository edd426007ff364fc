# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: release_access
version_added: 0.1.0
short_description: Say how to reach Services, Ingresses and HTTPRoutes from outside
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Gives the URL of each object, or the command that opens a way to it.
positional: _input, node_address
options:
  _input:
    description: Objects, as in a manifest or as the cluster has them. Those of other kinds are passed over.
    type: list
    elements: dict
    required: true
  node_address:
    description: Address of a node, for Services that are reached by a port of every node.
    type: str
    default: ""
"""

EXAMPLES = r"""
urls: "{{ services.resources | slipway.kubernetes.release_access('192.0.2.7') }}"
"""

RETURN = r"""
_value:
  description: URLs and commands.
  type: list
  elements: str
"""

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import access


class FilterModule:
    def filters(self):
        return {"release_access": access}
