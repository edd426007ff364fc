# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tests share: the two tiers, and where random ones take fresh seeds from.

`make test` leaves out what has the marker `full`. `make test-all` leaves out nothing and sets SLIPWAY_TESTS=all, for tests
that choose a count by it. SLIPWAY_SEED is the one number that all fresh seeds of a run follow from; it is printed, and given
again it repeats them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest


def pytest_configure() -> None:
    # Before the workers of xdist are started, which have to agree on the tests.
    os.environ.setdefault("SLIPWAY_SEED", str(random.SystemRandom().randrange(10**6)))


def pytest_report_header() -> str:
    return f"fresh seeds: SLIPWAY_SEED={os.environ['SLIPWAY_SEED']}"


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Tell tests/run.py how many tests are left out; each worker of xdist says the same."""
    if file := os.environ.get("SLIPWAY_LEFT"):
        Path(file).write_text(str(sum(item.get_closest_marker("full") is not None for item in items)), encoding="utf-8")
