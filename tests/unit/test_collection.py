# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says about itself in several places says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
MODULES = {file.stem for file in (ROOT / "plugins/modules").glob("*.py")}
ROLES = {folder.name for folder in (ROOT / "roles").glob("*/")}


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def requirements(name: str) -> dict[str, SpecifierSet]:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-r"))]
    return {requirement.name: requirement.specifier for requirement in map(Requirement, lines)}


def documentation(module: str) -> dict[str, Any]:
    match = re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', (ROOT / f"plugins/modules/{module}.py").read_text(), re.S | re.M)
    assert match is not None
    return yaml.safe_load(match.group(1))


def table(heading: str) -> dict[str, str]:
    """The rows of the README's table under a heading, by the name in their first column."""
    section = (ROOT / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {row[1]: row[0] for row in re.finditer(r"^\| \[?`(\w+)`.*$", section, re.M)}


def test_action_group_holds_every_module() -> None:
    *modules, metadata = load("meta/runtime.yml")["action_groups"]["kubernetes"]
    assert set(modules) == MODULES
    assert metadata == {"metadata": {"extend_group": ["kubernetes.core.k8s"]}}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_documents_its_action_group(module: str) -> None:
    assert "slipway.kubernetes._attributes" in documentation(module)["extends_documentation_fragment"]


def test_tested_kubernetes_core_is_one_that_galaxy_yml_allows() -> None:
    tested = {entry["name"]: entry["version"] for entry in load("tests/requirements.yml")["collections"]}
    allowed = load("galaxy.yml")["dependencies"]
    assert tested.keys() == allowed.keys()
    assert all(SpecifierSet(allowed[name]).contains(version) for name, version in tested.items())


def test_ansible_core_is_the_same_everywhere() -> None:
    tested = requirements("tests/requirements-runtime.txt")["ansible-core"]
    environment = Requirement(load("execution-environment.yml")["dependencies"]["ansible_core"]["package_pip"])
    assert environment.specifier == tested
    floor = SpecifierSet(load("meta/runtime.yml")["requires_ansible"])
    assert [bound.operator for bound in floor] == [">="]  # an upper bound turns every new release into a bug report
    lowest = next(bound.version for bound in tested if bound.operator == ">=")
    assert floor.contains(lowest)
    assert not floor.contains("2.18.99")


@pytest.mark.parametrize("file", ["execution-environment.yml", "meta/execution-environment.yml"])
def test_execution_environment_names_files_that_exist(file: str) -> None:
    dependencies = load(file)["dependencies"]
    named = [value for value in dependencies.values() if isinstance(value, str)]
    assert "meta/ee-requirements.txt" in named
    assert all((ROOT / name).is_file() for name in named)


def test_controller_requirements_have_no_upper_bounds() -> None:
    bounds = [bound.operator for specifier in requirements("meta/ee-requirements.txt").values() for bound in specifier]
    assert set(bounds) <= {">="}


def test_readme_lists_the_modules() -> None:
    assert table("Modules").keys() == MODULES


def test_readme_lists_the_roles() -> None:
    assert table("Roles").keys() == ROLES


# What was fetched for the images of tests is others' work.
PYTHON_FILES = [
    path.relative_to(ROOT) for top in ("plugins", "tests") for path in (ROOT / top).rglob("*.py") if "prepared" not in path.parts
]


@pytest.mark.parametrize("file", sorted(map(str, PYTHON_FILES)))
def test_python_files_carry_the_licence(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not text or "SPDX-License-Identifier: GPL-3.0-or-later" in text
