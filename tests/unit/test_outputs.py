# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks and roles hand on, and the names under which they keep what they work out.

AWX gives what one job hands on to all later ones of its workflow as extra variables, which win over whatever is registered, a
fact, or a variable of a role or task there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.lookup.foreign import foreign

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    file
    for pattern in ("playbooks/*.yml", "playbooks/tasks/*.yml", "roles/*/tasks/*.yml", "roles/*/handlers/*.yml")
    for file in ROOT.glob(pattern)
    if not file.name.endswith(".meta.yml")
)
#: What users of a role may look at after it; nothing here does.
RESULTS = {"release_reports", "pod_presets_proof", "users_written"}
#: Where Ansible itself gives a variable a meaning.
ANSIBLE = {"ansible_python_interpreter", "ansible_connection", "ansible_become"}


def tasks(entries: list) -> list[dict]:
    """All tasks and plays, those in blocks included."""
    found = []
    for entry in entries or []:
        found.append(entry)
        for part in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            found += tasks(entry.get(part))
    return found


def everything() -> list[tuple[Path, dict]]:
    return [(file, task) for file in FILES for task in tasks(yaml.safe_load(file.read_text()))]


def specs(pattern: str) -> list[dict]:
    return [
        spec["options"] for file in ROOT.glob(pattern) for spec in yaml.safe_load(file.read_text())["argument_specs"].values() if spec.get("options")
    ]


def outputs() -> set[str]:
    return {name for _file, task in everything() for name in (task.get("ansible.builtin.set_stats") or {}).get("data", ())}


def inputs() -> set[str]:
    return {name for options in specs("playbooks/*.meta.yml") for name in options}


def role_variables() -> set[str]:
    names = {name for options in specs("roles/*/meta/argument_specs.yml") for name in options}
    for file in [*ROOT.glob("roles/*/defaults/*.yml"), *ROOT.glob("roles/*/vars/**/*.yml"), *ROOT.glob("playbooks/vars/*.yml")]:
        names |= set(yaml.safe_load(file.read_text()) or ())
    return names


def kept() -> set[str]:
    """What is registered, made a fact, looped over, or worked out for a play or task."""
    names = set()
    for file, task in everything():
        names |= {task["register"]} if "register" in task else set()
        names |= set(task.get("ansible.builtin.set_fact") or ()) - {"cacheable"}
        names |= {task["loop_control"]["loop_var"]} if "loop_var" in task.get("loop_control", ()) else set()
        if not {"ansible.builtin.include_role", "ansible.builtin.import_role", "ansible.builtin.import_playbook"} & task.keys():
            names |= set(task.get("vars") or ())
    return names - ANSIBLE


def test_the_outputs_are_those_that_are_documented() -> None:
    text = (ROOT / "docs/docsite/rst/awx.rst").read_text()
    listed = text.partition(".. outputs\n")[2].partition(".. end of outputs")[0]
    assert outputs() == set(re.findall(r"^   \* - ``(\w+)``", listed, re.MULTILINE)) != set()


def test_no_output_is_a_name_that_anything_looks_at() -> None:
    assert not outputs() & (inputs() | role_variables() | kept() | RESULTS)


def test_what_is_kept_has_a_private_name() -> None:
    """Which the playbooks refuse as extra variables."""
    assert {name for name in kept() if not name.startswith("__")} == RESULTS
    private = {name for name in role_variables() if name.startswith("_")}
    assert all(name.startswith("__") for name in private)


def test_what_a_role_hands_over_is_not_for_extra_variables() -> None:
    """Or an artifact called release_adopt would have every role take over what is somebody else's; no more is what it looks up by itself."""
    handed_over = set()
    for _file, task in everything():
        role = task.get("ansible.builtin.import_role") or {}
        if role.get("name") == "slipway.kubernetes.release" and role.get("tasks_from") != "report.yml":
            handed_over |= set(task["vars"])
    refused = {*re.findall(r"'(\w+)'", yaml.safe_load((ROOT / "roles/release/vars/main.yml").read_text())["__release_handed_over"])}
    (known,) = specs("roles/release/meta/argument_specs.yml")
    assert handed_over <= refused == set(known)


def test_nothing_looks_at_the_results_for_users() -> None:
    for file in [*FILES, *ROOT.glob("roles/*/vars/**/*.yml"), *ROOT.glob("roles/*/templates/*"), *ROOT.glob("playbooks/templates/*")]:
        for name in RESULTS:
            looked_at = re.sub(rf"register: {name}$|^ +{name}: ", "", file.read_text(), flags=re.MULTILINE)
            assert not re.search(rf"(?<!\w){name}\b", looked_at), (file, name)


def test_every_playbook_checks_its_inputs_first() -> None:
    for file in ROOT.glob("playbooks/*.yml"):
        if file.name.endswith(".meta.yml") or file.name.startswith("_"):
            continue
        first = yaml.safe_load(file.read_text())[0]
        if "ansible.builtin.import_playbook" not in first:
            assert first["tasks"][0]["ansible.builtin.import_tasks"] == "tasks/check_inputs.yml", file
            assert not set(first) & {"roles", "pre_tasks"}, file


@pytest.mark.parametrize(
    ("extra", "names", "prefixes", "found"),
    [
        ({"app_image": 1, "_mine": 1, "release_reports": []}, [], ["__"], []),
        ({"__namespace": 1, "__a": 1, "x": 1}, ["x", "y"], ["__"], ["__a", "__namespace", "x"]),
        ({1: "x", None: "x", False: "x"}, [], ["__"], []),
        ({"__namespace": 1, "__release_result": 1}, [], ["__release_"], ["__release_result"]),
    ],
)
def test_foreign(extra: dict, names: list[str], prefixes: list[str], found: list[str]) -> None:
    assert foreign(extra, names, prefixes) == found


PLAYBOOKS = [file.name for file in sorted(ROOT.glob("playbooks/[!_]*.yml")) if not file.name.endswith(".meta.yml")]


@pytest.mark.parametrize(
    "playbook",
    [name if name in ("wordpress_upgrade.yml", "uninstall.yml") else pytest.param(name, marks=pytest.mark.full) for name in PLAYBOOKS],
)
def test_a_foreign_variable_with_a_private_name_is_refused(playbook: str, tmp_path: Path) -> None:
    """By each playbook, before it asks any cluster."""
    inventory = ROOT / "playbooks/inventory/demo/hosts.yml" if playbook != "wordpress_upgrade.yml" else tmp_path / "hosts.yml"
    (tmp_path / "hosts.yml").write_text("wordpress: {hosts: {blog: {}}}\n")
    names = sorted(name for name in kept() if name.startswith("__"))
    extra = tmp_path / "extra.yml"
    extra.write_text(yaml.safe_dump({name: "foreign" for name in names} | {"wordpress_upgrade_dir": str(tmp_path)}))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "-e", f"@{extra}", str(ROOT / "playbooks" / playbook)]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home"), "KUBECONFIG": os.devnull}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = re.sub(r"\s+", " ", result.stdout + result.stderr)
    assert result.returncode == 2 and f"The extra variables {', '.join(names)[:40]}" in said, said
    assert "Nothing was changed." in said and "TASK [Compare them" not in said
