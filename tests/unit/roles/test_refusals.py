# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input is refused by the role, in words that say what to do, before the role changes anything."""

from __future__ import annotations

import pytest

from .refusing import messages, refusals, roles_with_refusals
from .rendering import application_roles

CASES = [
    # All go to one process, which follows all roles at once.
    pytest.param(role, name, marks=pytest.mark.xdist_group("refusals"))
    for role in roles_with_refusals() for name in refusals(role)
]


def test_every_role_has_some():
    assert roles_with_refusals() == application_roles()


@pytest.mark.parametrize("role, name", CASES)
def test_bad_input_is_refused(role, name):
    said = messages()[role][name]
    assert refusals(role)[name]["refusal"] in said, said or "accepted"


@pytest.mark.xdist_group("refusals")
@pytest.mark.parametrize("role", roles_with_refusals())
def test_null_is_refused_by_name(role):
    for name, said in messages()[role].items():
        variables = name.split(" ")
        if variables.pop(0) == "null":
            wanted = [f"{variable} is null; leave it out, or give it a value." for variable in variables]
            assert [sentence for sentence in wanted if sentence not in said] == [], said
