# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: owning_rules
version_added: 0.1.0
short_description: Find the rules that make whoever has them the owner of a cluster
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - Picks those rules of a Role or ClusterRole that grant as much as the ClusterRole C(cluster-admin), or by which one can give
    oneself as much - everything, rights that one does not have oneself (the verbs C(escalate) and C(bind)), or being somebody else
    (C(impersonate)). Verbs, groups and resources that are C(*) include these.
positional: _input
options:
  _input:
    description: The rules.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
owns: "{{ role.rules | slipway.kubernetes.owning_rules | length > 0 }}"
"""

RETURN = r"""
_value:
  description: The rules among them that do.
  type: list
  elements: dict
"""

RBAC = "rbac.authorization.k8s.io"
# (verbs, API group, resources), of which one each suffices
_OWNING = (
    (("escalate", "bind"), RBAC, ("clusterroles", "roles")),
    (("impersonate",), "", ("users", "groups", "serviceaccounts")),
)


def owns(rule):
    """Does one rule make its holder the owner?  If it is for some names alone, one of these may be the one that matters."""
    verbs, groups, resources = ([str(item) for item in rule.get(key) or []] for key in ("verbs", "apiGroups", "resources"))

    def has(items, wanted):
        return "*" in items or any(item in items for item in wanted)

    return any(
        has(verbs, some) and has(groups, [group]) and has(resources, which) for some, group, which in _OWNING
    )


def owning_rules(rules):
    return [rule for rule in rules or [] if isinstance(rule, dict) and owns(rule)]


class FilterModule:
    def filters(self):
        return {"owning_rules": owning_rules}
