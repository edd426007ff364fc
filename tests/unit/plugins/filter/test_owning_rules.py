# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.filter.owning_rules import RBAC, owning_rules


@pytest.mark.parametrize(
    "verbs, groups, resources, expected",
    [
        (["*"], ["*"], ["*"], True),
        (["get", "*"], ["*", "apps"], ["*"], True),
        # with the verb impersonate on users
        (["*"], [""], ["*"], True),
        (["*"], ["apps"], ["*"], False),
        (["get", "list", "watch"], ["*"], ["*"], False),
        (["*"], ["*"], ["pods"], False),
        (["escalate"], [RBAC], ["clusterroles"], True),
        (["*"], [RBAC], ["roles"], True),
        (["bind"], ["*"], ["*"], True),
        (["create", "update"], [RBAC], ["clusterroles"], False),
        (["impersonate"], [""], ["groups"], True),
        (["impersonate"], ["apps"], ["groups"], False),
        ([], [], [], False),
    ],
)
def test_owning_rules(verbs, groups, resources, expected):
    rule = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    assert owning_rules([{"verbs": ["get"]}, rule]) == ([rule] if expected else [])


@pytest.mark.parametrize("rules", [None, [], [{}], [{"nonResourceURLs": ["*"], "verbs": ["*"]}], [{"verbs": None, "apiGroups": None}]])
def test_whatever_comes(rules):
    assert owning_rules(rules) == []
