# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every topic of the documentation's map leads somewhere, every example is in it and is run by a scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(file.stem for file in (ROOT / "playbooks/examples").glob("*.yml"))
PAGE = (ROOT / "docs/docsite/rst/examples.rst").read_text()
ROWS = [tuple(line.strip() for line in row.split("\n     - ")) for row in PAGE.split("\n   * - ")[2:]]


@pytest.mark.parametrize("topic, runs, changed", ROWS, ids=[row[0] for row in ROWS])
def test_topic_leads_to_what_there_is_or_says_why_not(topic: str, runs: str, changed: str) -> None:
    examples = re.findall(r"``examples/(\w+)\.yml``", runs)
    if runs == "none":
        # The reason, and then what to do instead.
        assert re.fullmatch(r"\w.*[.,] Use (\w|``).*", changed)
    else:
        assert examples
    assert set(examples) <= set(EXAMPLES)
    assert all((ROOT / "roles" / role).is_dir() for role in re.findall(r"``(\w+)``", runs))
    variables = re.findall(r"``(app_\w+)``", runs + changed)
    defaults = yaml.safe_load((ROOT / "roles/app/defaults/main.yml").read_text())
    assert set(variables) <= defaults.keys()


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_documented_and_run(example: str) -> None:
    assert f"``examples/{example}.yml``" in PAGE
    for playbook in ("converge.yml", "cleanup.yml"):
        runs = [file for file in (ROOT / "molecule").glob(f"examples_*/{playbook}") if f"examples/{example}.yml" in file.read_text()]
        assert len(runs) == 1, f"{playbook} of one scenario has to run it, not of {len(runs)}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_says_what_it_shows_and_how_to_remove_it(example: str) -> None:
    text = (ROOT / f"playbooks/examples/{example}.yml").read_text()
    comment = text[: text.index("- name:")]
    assert "# Look at: " in comment and "# Remove: -e example_state=absent" in comment
    assert yaml.safe_load(text)[0]["vars"]["example_state"] == "present"
