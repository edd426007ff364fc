# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says about itself in several places says the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
MODULES = {file.stem for file in (ROOT / "plugins/modules").glob("*.py")}
#: Those that ask a cluster.
ASKING = MODULES - {"show"}
ROLES = {folder.name for folder in (ROOT / "roles").glob("*/")}


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def requirements(name: str) -> dict[str, SpecifierSet]:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-r"))]
    return {requirement.name: requirement.specifier for requirement in map(Requirement, lines)}


def source(name: str, constant: str) -> Any:
    """A literal that is assigned in a Python file, without running it."""
    for node in ast.parse((ROOT / name).read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == constant for target in targets):
            return ast.literal_eval(node.value)
    raise LookupError(f"{name} assigns nothing to {constant}")


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
    assert set(modules) == ASKING
    assert metadata == {"metadata": {"extend_group": ["kubernetes.core.k8s"]}}


@pytest.mark.parametrize("module", sorted(ASKING))
def test_module_documents_its_action_group(module: str) -> None:
    assert "slipway.kubernetes._attributes" in documentation(module)["extends_documentation_fragment"]


SUPPORT = {row["what"]: row for row in load("meta/support.yml")["support"]}
LOWEST = {what: row["lowest"] for what, row in SUPPORT.items()}
HIGHEST = {what: row["highest"] for what, row in SUPPORT.items()}


def test_readme_has_the_table_of_support() -> None:
    section = (ROOT / "README.md").read_text().split("\n## Support\n")[1].strip().split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()[2:]]
    assert rows == [[row["what"], row["lowest"], row["highest"], row["tested"]] for row in SUPPORT.values()]


def test_lowest_versions_are_the_same_everywhere() -> None:
    assert load("galaxy.yml")["dependencies"] == {"kubernetes.core": f">={LOWEST['kubernetes.core']}"}
    packages = {what.removeprefix("Python package "): lowest for what, lowest in LOWEST.items() if what.startswith("Python package ")}
    assert source("plugins/module_utils/_api/requirements.py", "PACKAGES") == packages
    controller = requirements("meta/ee-requirements.txt")
    assert {name: controller[name] for name in packages} == {name: SpecifierSet(f">={lowest}") for name, lowest in packages.items()}
    assert load("meta/runtime.yml")["requires_ansible"] == f">={LOWEST['ansible-core']}"
    assert source("plugins/module_utils/_api/requirements.py", "CORE") == LOWEST["kubernetes.core"]
    assert ".".join(map(str, source("tests/tools/bootstrap.py", "MINIMUM_PYTHON"))) == LOWEST["Python of the controller"]
    assert load("roles/release/defaults/main.yml")["release_kubernetes_min_version"] == LOWEST["Kubernetes"]


@pytest.mark.parametrize("role", sorted(ROLES))
def test_role_names_the_lowest_ansible(role: str) -> None:
    assert load(f"roles/{role}/meta/main.yml")["galaxy_info"]["min_ansible_version"] == LOWEST["ansible-core"].rpartition(".")[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_names_its_requirements(module: str) -> None:
    """Once for all, in the fragment; a module adds what it needs besides."""
    fragment = yaml.safe_load((ROOT / "plugins/doc_fragments/_attributes.py").read_text().split('DOCUMENTATION = r"""')[1].split('"""')[0])
    assert fragment["requirements"] == [
        f"python >= {LOWEST['Python of the controller']} where the task runs",
        *(f"{name} >= {lowest}" for name, lowest in source("plugins/module_utils/_api/requirements.py", "PACKAGES").items()),
        f"kubernetes.core >= {LOWEST['kubernetes.core']}",
    ]
    own = documentation(module).get("requirements") or []
    assert not [line for line in own if re.match(r"(python|kubernetes)\b", line)]


def test_nothing_else_speaks_of_lowest_versions() -> None:
    """A sentence of a README or a module that names one is a copy that nobody compares."""
    speaks = re.compile(r"(?:ansible-core|kubernetes\.core|kubernetes|Kubernetes|[Pp]ython) ?(?:>=|≥|from) ?v?\d+\.\d+", re.ASCII)
    allowed = {"plugins/doc_fragments/_attributes.py"}
    files = [*(ROOT / "roles").glob("*/README.md"), *(ROOT / "plugins").rglob("*.py"), *(ROOT / "roles").glob("*/meta/*.yml")]
    found = {
        str(path.relative_to(ROOT)): speaks.findall(path.read_text())
        for path in files if str(path.relative_to(ROOT)) not in allowed
    }
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_templates_are_validated_for_every_supported_kubernetes() -> None:
    minors = range(int(LOWEST["Kubernetes"].split(".")[1]), int(HIGHEST["Kubernetes"].split(".")[1]) + 1)
    for file in ("test_templates.py", "test_app_table.py"):
        assert source(f"tests/unit/roles/{file}", "VERSIONS") == [f"1.{minor}" for minor in minors]


def test_embedded_cluster_is_the_kubernetes_that_is_named() -> None:
    version = re.search(r"k8s\.io/kubernetes v(\S+)", (ROOT / "tests/cluster/go/kubernetes/go.mod").read_text())[1]
    assert version.startswith(HIGHEST["Kubernetes"] + ".")
    assert SUPPORT["Kubernetes"]["tested"].startswith(version)
    named = re.findall(r"kindest/node:v([\d.]+)", (ROOT / "tests/kind/kind.py").read_text() + (ROOT / ".ci/run").read_text())
    assert set(named) == {version}


def test_every_supported_kubernetes_core_can_be_had() -> None:
    releases = source("tests/tools/bootstrap.py", "ANSIBLE_RELEASES")
    assert list(releases)[0] == LOWEST["kubernetes.core"] and list(releases)[-1] == HIGHEST["kubernetes.core"]
    assert {entry["name"]: entry["version"] for entry in load("tests/requirements.yml")["collections"]} == {"kubernetes.core": HIGHEST["kubernetes.core"]}


def test_tested_kubernetes_core_is_one_that_galaxy_yml_allows() -> None:
    tested = {entry["name"]: entry["version"] for entry in load("tests/requirements.yml")["collections"]}
    allowed = load("galaxy.yml")["dependencies"]
    assert tested.keys() == allowed.keys()
    assert all(SpecifierSet(allowed[name]).contains(version) for name, version in tested.items())


def test_ansible_core_is_the_same_everywhere() -> None:
    tested = requirements("tests/requirements-runtime.txt")["ansible-core"]
    environment = Requirement(load("execution-environment.yml")["dependencies"]["ansible_core"]["package_pip"])
    assert environment.specifier == tested
    assert tested.contains(LOWEST["ansible-core"]) and tested.contains(HIGHEST["ansible-core"])
    assert not tested.contains("2.18.99")


@pytest.mark.parametrize("file", ["execution-environment.yml", "meta/execution-environment.yml"])
def test_execution_environment_names_files_that_exist(file: str) -> None:
    dependencies = load(file)["dependencies"]
    named = [value for value in dependencies.values() if isinstance(value, str)]
    assert "meta/ee-requirements.txt" in named
    assert all((ROOT / name).is_file() for name in named)


def test_execution_environment_has_the_collection() -> None:
    """As `make build` makes it, and the collections that it is tested with."""
    galaxy, environment = load("galaxy.yml"), load("execution-environment.yml")
    archive = f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    assert environment["additional_build_files"] == [{"src": f"dist/{archive}", "dest": "collections"}]
    # the build's folder is /build there
    collections = [{"name": f"/build/collections/{archive}", "type": "file"}, *load("tests/requirements.yml")["collections"]]
    assert environment["dependencies"]["galaxy"]["collections"] == collections


def test_a_checkout_as_project_of_awx_installs_the_collection() -> None:
    assert load("collections/requirements.yml") == {"collections": [{"name": ".", "type": "dir"}]}


def test_controller_requirements_have_no_upper_bounds() -> None:
    bounds = [bound.operator for specifier in requirements("meta/ee-requirements.txt").values() for bound in specifier]
    assert set(bounds) <= {">="}


def test_readme_lists_the_modules() -> None:
    assert table("Modules").keys() == MODULES


def test_readme_lists_the_roles() -> None:
    assert table("Roles").keys() == ROLES


def test_a_module_that_writes_does_not_say_that_it_only_reads() -> None:
    readers = [module for module in ASKING if "slipway.kubernetes._attributes.reads" in documentation(module)["extends_documentation_fragment"]]
    assert "rollout_info" in readers
    # What a task may do to the objects in the cluster has an option that says so.
    assert not [module for module in readers if {"on_failure", "state", "images"} & (documentation(module).get("options") or {}).keys()]


def test_comments_name_task_files_that_exist() -> None:
    named = re.compile(r"#.*?(tasks/\w+\.yml)")
    missing = [
        f"{file.relative_to(ROOT)}: {name}"
        for role in (ROOT / "roles").glob("*/")
        for file in [*role.rglob("*.yml"), *role.rglob("*.j2"), *role.glob("README.md")]
        for name in named.findall(file.read_text())
        if not (role / name).is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("role", sorted(ROLES))
def test_readme_of_a_role_names_modules_that_its_tasks_run(role: str) -> None:
    """Of our own modules, in the table of what happens: a role that hands its templates to `release` runs that role's."""
    folder = ROOT / "roles" / role
    readme = (folder / "README.md").read_text()
    happens = readme.split("\n## What happens\n")[1].split("\n## ")[0] if "\n## What happens\n" in readme else ""
    named = set(re.findall(r"`slipway\.kubernetes\.(\w+)`", happens)) & MODULES
    tasks = "".join(file.read_text() for file in (folder / "tasks").glob("*.yml"))
    assert {module for module in named if f"slipway.kubernetes.{module}:" not in tasks} == set()


# What was fetched for the images of tests is others' work.
PYTHON_FILES = [
    path.relative_to(ROOT) for top in ("plugins", "tests") for path in (ROOT / top).rglob("*.py") if "prepared" not in path.parts
]


@pytest.mark.parametrize("file", sorted(map(str, PYTHON_FILES)))
def test_python_files_carry_the_licence(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not text or "SPDX-License-Identifier: GPL-3.0-or-later" in text
