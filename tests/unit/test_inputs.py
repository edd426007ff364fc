# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that playbooks are given are those of the user's folder, not of the playbook's, where tasks run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.filter.playbook_inputs import playbook_inputs

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = ROOT / "playbooks"


def path_inputs() -> list[tuple[str, str]]:
    return [
        (playbook, name)
        for file in sorted(PLAYBOOKS.glob("*.meta.yml"))
        for playbook, spec in yaml.safe_load(file.read_text())["argument_specs"].items()
        for name, option in spec["options"].items()
        if option["type"] == "path"
    ]


@pytest.mark.parametrize(("playbook", "name"), path_inputs())
def test_paths_are_used_as_check_inputs_has_made_them(playbook: str, name: str) -> None:
    used = [
        word
        for file in PLAYBOOKS.rglob("*.*")
        if file.is_file() and not file.name.endswith(".meta.yml")
        for word in re.findall(rf"[\w.]*\b{name}\b", file.read_text())
    ]
    assert set(used) == {f"__paths.{name}"}


def play(playbook: str, here: Path, *options: str, **inputs: str) -> str:
    """What a playbook says, started in a folder by a program, which may not set PWD."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(PLAYBOOKS / f"{playbook}.yml")]
    command += [*options, "--extra-vars", json.dumps(inputs)]
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(here / ".ansible"), "HOME": str(here), "KUBECONFIG": os.devnull, "PWD": "/",
    }
    result = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    return re.sub(r"\s+", " ", result.stdout + result.stderr)


@pytest.mark.parametrize("given", ["backups/1", "./backups/../backups/1", " ~/backups/1 "])
def test_a_relative_path_is_one_of_the_users_folder(tmp_path: Path, given: str) -> None:
    folder = tmp_path / "backups" / "1"
    folder.mkdir(parents=True)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256().hexdigest()}  schema.cql\n")
    assert "/backups/1/schema.cql does not exist; nothing was changed." in play("cassandra_restore", tmp_path, cassandra_restore_dir=given)


def test_an_absolute_path_is_left_alone(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    archive = tmp_path / "backup.tar.gz"
    archive.write_text("")
    (tmp_path / "backup.tar.gz.sha256").write_text("0  backup.tar.gz\n")
    assert f"{archive} is not what its checksum says; nothing was changed." in play("wordpress_restore", here, wordpress_restore_file=str(archive))


OPTIONS = {
    "text": {"type": "str", "default": "all"}, "name": {"type": "str"}, "count": {"type": "int", "default": 3}, "flag": {"type": "bool", "default": True},
    "some": {"type": "list", "elements": "str"}, "kind": {"type": "str", "choices": ["a", "b"]}, "file": {"type": "path"},
}
DEFAULTS = {"text": "all", "count": 3, "flag": True, "some": []}


@pytest.mark.parametrize(
    ("values", "typed"),
    [
        ({}, {}),
        # What AWX and other runners send for questions that nobody has answered.
        ({name: "" for name in OPTIONS}, {}),
        ({name: None for name in OPTIONS}, {}),
        ({name: " \n" for name in OPTIONS}, {}),
        ({"text": " shop ", "name": "0", "count": "5", "flag": "no"}, {"text": "shop", "name": "0", "count": 5, "flag": False}),
        ({"count": 0, "flag": False}, {"count": 0, "flag": False}),
        ({"some": "shop"}, {"some": ["shop"]}),
        ({"some": "shop, wpblog,\n\n db\r\n"}, {"some": ["shop", "wpblog", "db"]}),
        ({"some": ["shop", " wpblog ", "a,b", 7, ""]}, {"some": ["shop", "wpblog", "a", "b", "7"]}),
        ({"some": []}, {}),
        ({"somebody else's": 1}, {}),
    ],
)
def test_inputs_as_they_are_given(values: dict, typed: dict) -> None:
    assert playbook_inputs(OPTIONS, values, typed=True) == DEFAULTS | typed
    assert playbook_inputs(OPTIONS, values).keys() == typed.keys()


@pytest.mark.parametrize(
    ("playbook", "inputs", "said"),
    [
        ("undo", {}, "undo needs a value for undo_namespace."),
        ("undo", {"undo_namespace": " "}, "undo needs a value for undo_namespace."),
        ("wordpress_rotate", {"wordpress_rotate_secrets": "database\nsugar"}, "value of wordpress_rotate_secrets must be one or more of: database, salts"),
        pytest.param("status", {"status_kind": "Pod"}, "value of status_kind must be one of", marks=pytest.mark.full),
        pytest.param("rollout", {"rollout_wait_timeout": "soon", "rollout_namespace": "x"}, "cannot be converted to an int", marks=pytest.mark.full),
        pytest.param("site", {"site_roles": "ap,wordpress"}, "The inventory has no release.", marks=pytest.mark.full),
        ("uninstall", {"uninstall_releases": "all"}, "The inventory has no release in group platform, so nothing was removed."),
    ],
)
def test_bad_inputs_are_told(tmp_path: Path, playbook: str, inputs: dict, said: str) -> None:
    (tmp_path / "inputs.yml").write_text(yaml.safe_dump(inputs))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-e", "@inputs.yml", str(PLAYBOOKS / f"{playbook}.yml")]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / ".ansible"), "KUBECONFIG": os.devnull}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and said in re.sub(r"\s+", " ", result.stdout + result.stderr), result.stdout + result.stderr


@pytest.mark.parametrize(
    ("groups", "refusal"),
    [
        (
            {"wordpress": {"blog": {}, "shop": {"wordpress_namespace": "wordpress"}}},
            "blog and shop would be one release, wordpress in namespace wordpress of role wordpress",
        ),
        ({"wordpress": {"blog": {"wordpress_namespace": "blog"}, "shop": {}}}, None),
        ({"app": {"a": {"app_name": "web"}, "b": {"app_name": "web", "app_namespace": "other"}}}, None),
        ({"app": {"a": {"app_name": "web"}, "b": {"app_name": "{{ 'we' ~ 'b' }}"}}}, "a and b would be one release, web in namespace web of role app"),
        ({"app": {"a": {"app_name": "web"}}, "cassandra": {"b": {"cassandra_name": "web", "cassandra_namespace": "web"}}}, None),
        (
            {"cassandra": {"a": {"slipway_kubernetes_namespace": "x"}, "b": {"cassandra_namespace": "x"}}},
            "a and b would be one release, cassandra in namespace x of role cassandra",
        ),
        ({"metrics_server": {"a": {}, "b": {}}}, "a and b would be one release, metrics-server in namespace metrics-server of role metrics_server"),
        ({"users": {"a": {}, "b": {}}}, "a and b would be one release, users of role users"),
        ({"nodes": {"a": {}, "b": {}}}, "a and b would be one release, nodes of role nodes"),
        # one of them goes
        ({"wordpress": {"blog": {"wordpress_state": "absent"}, "shop": {}}}, None),
        # of no role that is deployed
        ({"other": {"a": {}, "b": {}}}, None),
    ],
)
def test_two_hosts_are_not_one_release(tmp_path: Path, groups: dict, refusal: str | None) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"platform": {"children": {group: {"hosts": hosts} for group, hosts in groups.items()}}}))
    said = play("site", tmp_path, "--inventory", str(inventory))
    if refusal:
        end = "it takes all in one host." if refusal.endswith(("users", "nodes")) else "give each a name or a namespace of its own."
        assert f"{refusal}: {end} Nothing was changed." in said
    else:
        # The next thing that is looked at.
        assert "Look which cluster this is" in said and "would be one release" not in said


def test_each_host_has_its_own_inputs(tmp_path: Path) -> None:
    """What one host of the inventory says of its data is not said of another's."""
    hosts = {"scratch": {"uninstall_delete_data": True, "app_name": "scratch"}, "prod": {"app_name": "prod"}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"platform": {"children": {"app": {"hosts": hosts}}}}))
    plays = yaml.safe_load((PLAYBOOKS / "uninstall.yml").read_text())
    # Up to where a cluster is asked.
    tasks = [task for task in plays[0]["tasks"] if "slipway.kubernetes.cluster_info" not in task]
    plays[0]["tasks"] = [*tasks, {"name": "Tell", "ansible.builtin.debug": {"msg": "{{ inventory_hostname }} {{ __inputs.uninstall_delete_data }}"}}]
    for name in ("tasks", "vars", "uninstall.meta.yml"):
        (tmp_path / name).symlink_to(PLAYBOOKS / name)
    (tmp_path / "play.yml").write_text(yaml.safe_dump([plays[0]]))
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", "inventory.yml", "-e", "uninstall_releases=all", "play.yml"]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / ".ansible"), "KUBECONFIG": os.devnull}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False).stdout
    assert "scratch True" in said and "prod False" in said, said
