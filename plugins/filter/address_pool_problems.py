# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: address_pool_problems
version_added: 0.1.0
short_description: Say what is wrong with pools of addresses for Services
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Finds what is no address, overlaps another entry, or has the address of a node; and Services whose address no pool would
    have any more.
positional: _input
options:
  _input:
    description: The pools, each with C(name) and C(addresses).
    type: list
    elements: dict
    required: true
  nodes:
    description: Nodes as the cluster has them.
    type: list
    elements: dict
    default: []
  live_pools:
    description: IPAddressPools as the cluster has them.
    type: list
    elements: dict
    default: []
  services:
    description: Services as the cluster has them.
    type: list
    elements: dict
    default: []
  force:
    description: Whether Services may lose their address.
    type: bool
    default: false
"""

EXAMPLES = r"""
sentences: "{{ [{'name': 'office', 'addresses': ['192.0.2.0/28']}] | slipway.kubernetes.address_pool_problems(nodes=nodes.resources) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each problem.
  type: list
  elements: str
"""

from ansible_collections.slipway.kubernetes.plugins.plugin_utils import _address_pools


def address_pool_problems(pools, nodes=(), live_pools=(), services=(), force=False):
    addresses = {
        node["metadata"]["name"]: [
            entry["address"]
            for entry in (node.get("status") or {}).get("addresses") or []
            if entry["type"] in ("InternalIP", "ExternalIP")
        ]
        for node in nodes
    }
    return _address_pools.problems(pools, addresses, live_pools, services, force)


class FilterModule:
    def filters(self):
        return {"address_pool_problems": address_pool_problems}
