# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition of PodPreset is what its generator writes."""

from __future__ import annotations

import runpy

from .rendering import ROOT


def test_the_definition_is_generated():
    generator = runpy.run_path(str(ROOT / "tests/tools/podpreset_crd.py"))
    assert generator["TARGET"].read_text(encoding="utf-8") == generator["text"](), "run tests/tools/podpreset_crd.py"
