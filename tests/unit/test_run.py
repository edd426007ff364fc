# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test driver counts what it runs, and runs all that there is."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def driver() -> Any:
    spec = importlib.util.spec_from_file_location("slipway_test_driver", ROOT / "tests/run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "counted, code, said",
    [
        ((3, 0, 1), 0, "3 passed, 0 failed, 1 skipped"),
        ((3, 0, 1, 255), 0, "3 passed, 0 failed, 1 skipped; 255 left to make test-all"),
        ((3, 2, 0), 1, "3 passed, 2 failed, 0 skipped"),
        # no success that the exit code denies, nor one without a test
        ((3, 0, 0), 1, "3 passed, 1 failed, 0 skipped"),
        ((0, 0, 0), 0, "0 passed, 1 failed, 0 skipped"),
        # a suite that make test-all has for itself
        ((0, 0, 0, 7), 0, "0 passed, 0 failed, 0 skipped; 7 left to make test-all"),
    ],
)
def test_what_is_counted(driver: Any, counted: tuple[int, ...], code: int, said: str) -> None:
    assert str(driver.checked(driver.Counts(*counted), code)) == said


def test_the_sum_of_counts(driver: Any) -> None:
    total = driver.Counts(1, 2, 3, 4)
    total += driver.Counts(10, 20, 30, 40)
    assert total == driver.Counts(11, 22, 33, 44)


def test_the_parts_hold_every_task_once(driver: Any) -> None:
    plan = driver.stages([])
    parts = driver.in_parts(plan, [])
    found = [task.title for stages in parts.values() for tasks in stages.values() for task in tasks]
    assert sorted(found) == sorted(task.title for tasks in plan.values() for task in tasks)
    assert set(parts) == set(driver.PARTS)


def test_a_part_is_that_part_alone(driver: Any) -> None:
    parts = driver.in_parts(driver.stages([]), ["twin"])
    assert {part: [task.title for tasks in stages.values() for task in tasks] for part, stages in parts.items()} == {"twin": ["server: twin"]}


def test_contributing_names_the_parts(driver: Any) -> None:
    row = next(line for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if 'test-all PARTS="' in line)
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == set(driver.PARTS)


def test_the_longest_task_is_the_first(driver: Any) -> None:
    waiting = driver.Waiting(task for tasks in driver.stages([]).values() for task in tasks)
    taken = []
    while task := waiting.take():
        taken.append(driver.expected_seconds(task))
    assert taken == sorted(taken, reverse=True)


def test_while_a_cluster_is_built_others_are_taken(driver: Any) -> None:
    waiting = driver.Waiting(task for tasks in driver.stages([]).values() for task in tasks)
    with driver.FIRST_CLUSTER:
        assert not waiting.take().needs_cluster
    rest = driver.Waiting([driver.Task("molecule", "app", None, needs_cluster=True)])
    with driver.FIRST_CLUSTER:
        assert rest.take().title == "molecule: app"
    assert rest.take() is None


def test_known_seconds_are_those_of_tasks(driver: Any) -> None:
    assert set(driver.SECONDS) <= {task.title for tasks in driver.stages([]).values() for task in tasks}


@pytest.mark.parametrize(
    "names, groups", [([*"abcdefg"], [[*"adg"], [*"be"], [*"cf"]]), ([*"ab"], [["a"], ["b"]]), ([], [])]
)
def test_groups(driver: Any, names: list[str], groups: list[list[str]]) -> None:
    assert driver.in_groups(names, 3) == groups


@pytest.mark.parametrize(
    "code, said, counts",
    [
        (0, "", (3, 0)),
        (1, "ERROR: The 2 integration test(s) listed below (out of 3) failed. See error output above for details:\nb\nc", (1, 2)),
        (1, "ERROR: it broke", (0, 3)),
    ],
)
def test_each_target_of_a_group_counts(
    driver: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, said: str, counts: tuple[int, int]
) -> None:
    (tmp_path / "log").write_text(said)
    monkeypatch.setattr(driver, "ansible_test", lambda *arguments: code)
    with open(tmp_path / "log", "rb") as log:
        worker = type("Worker", (), {"log": log})
        counted = driver.integration(["a", "b", "c"])(worker)
    assert (counted.passed, counted.failed) == counts


def test_the_readme_says_how_to_run_the_tests_and_what_they_end_with(driver: Any) -> None:
    start = (ROOT / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    assert {"    make demo", "    make test"} <= set(start.splitlines())
    numbers = re.search(r"^    (\d+) passed, (\d+) failed, (\d+) skipped; (\d+) left to make test-all$", start, re.M)
    assert numbers is not None
    assert str(driver.Counts(*map(int, numbers.groups()))) == numbers[0].strip()
    hint = re.search(r"^    Look: +\.venv/bin/python (tests/cluster/cluster\.py kubectl) get all --namespace helloworld$", start, re.M)
    assert hint is not None
    assert f"$(BIN)/python {hint[1]}" in (ROOT / "Makefile").read_text()
    assert "Look:      {{ __kubectl }} get all --namespace helloworld\n" in (ROOT / "playbooks/templates/demo.txt.j2").read_text()


def test_the_newest_python_is_looked_for_among_the_supported_ones() -> None:
    row = next(row for row in yaml.safe_load((ROOT / "meta/support.yml").read_text())["support"] if row["what"] == "Python of the controller")
    lowest, highest = (int(row[end].removeprefix("3.")) for end in ("lowest", "highest"))
    line = next(line for line in (ROOT / "tests/tools/newest_python").read_text().splitlines() if line.startswith("for version in"))
    assert re.findall(r"3\.\d+", line) == [f"3.{minor}" for minor in range(highest, lowest - 1, -1)]
