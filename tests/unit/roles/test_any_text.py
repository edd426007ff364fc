# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever texts the variables of a role hold, its objects hold the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .rendering import application_roles

#: What is slow to render: make test has a few examples of it, make test-all as many as of the others.
SLOW = {"app": 10, "ingress_nginx": 5, "metallb": 5}
ALL = os.environ.get("SLIPWAY_TESTS") == "all"


# Their texts are all either varied or named in any_text.READ.
@pytest.mark.parametrize("role", application_roles())
def test_what_goes_in_comes_out(role):
    # In a process of its own, because Ansible takes over its imports.
    run = subprocess.run(
        [sys.executable, "-m", "roles.any_text", role, str(250 if ALL else SLOW.get(role, 25))],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-1000:] + run.stderr[-4000:]
