# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is too old, or not there, is said in one sentence, before anything is done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .environments import ROOT, clean_environment, lowest

TREE = next(folder for folder in (ROOT.parents[1], ROOT / ".collections/ansible_collections") if (folder / "kubernetes/core").is_dir())
ROLLOUT = {"slipway.kubernetes.rollout": {"namespace": "shop", "name": "web", "host": "https://127.0.0.1:1", "api_key": "x"}}
ROLE = {"ansible.builtin.include_role": {"name": "slipway.kubernetes.app"}, "vars": {"app_name": "web", "app_namespace": "shop"}}
PLAY = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def play(tmp_path: Path) -> PLAY:
    """One task, with the collections as they are in the test's own folder."""
    ours = tmp_path / "ansible_collections/slipway/kubernetes"
    ours.parent.mkdir(parents=True)
    ours.symlink_to(ROOT)

    def run(task: dict[str, object], connection: str = "local") -> subprocess.CompletedProcess[str]:
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(plays))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "localhost,", "--connection", connection,
                   "--extra-vars", f"ansible_python_interpreter={sys.executable}", str(tmp_path / "play.yml")]
        environment = clean_environment(tmp_path, tmp_path, PYTHONPATH=str(tmp_path / "packages"), COLUMNS="1000")
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def core(tmp_path: Path, version: str = "", lacks: str = "") -> Path:
    """kubernetes.core as it is, or as if it were another."""
    folder = tmp_path / "ansible_collections/kubernetes/core"
    if not version:
        folder.parent.mkdir(parents=True)
        folder.symlink_to((TREE / "kubernetes/core").resolve())
        return folder
    shutil.copytree((TREE / "kubernetes/core").resolve(), folder)
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    manifest["collection_info"]["version"] = version
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    if lacks:
        file = folder / "plugins/module_utils/args_common.py"
        text = file.read_text()
        assert f"def {lacks}(" in text
        file.write_text(text.replace(f"def {lacks}(", f"def other_{lacks}("))
    return folder


def pretend(tmp_path: Path, package: str, version: str) -> None:
    """What pip writes down about a package, before what it has really installed."""
    folder = tmp_path / f"packages/{package}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")


INSTALL = f"for {sys.executable}, run: ansible-galaxy collection install 'kubernetes.core:>={lowest('kubernetes.core')}'"


@pytest.mark.parametrize("task", [ROLLOUT, ROLE], ids=["module", "role"])
def test_kubernetes_core_of_before_the_oldest(play: PLAY, tmp_path: Path, task: dict[str, object]) -> None:
    folder = core(tmp_path, "6.2.0", lacks="extract_sensitive_values_from_kubeconfig")
    played = play(task)
    assert (
        f"The collection kubernetes.core 6.2.0 in {folder} is too old, {lowest('kubernetes.core')} is the oldest that works; {INSTALL}"
    ) in played.stdout
    assert played.returncode == 2
    assert "Traceback" not in played.stdout + played.stderr


def test_no_kubernetes_core(play: PLAY) -> None:
    played = play(ROLLOUT)
    assert f"The collection kubernetes.core is not there, and {lowest('kubernetes.core')} or newer is needed; {INSTALL}" in played.stdout
    assert played.returncode == 2


@pytest.mark.parametrize("module", [False, True], ids=["in the controller's process", "as a module"])
def test_a_client_of_before_the_oldest(play: PLAY, tmp_path: Path, module: bool) -> None:
    core(tmp_path)
    pretend(tmp_path, "kubernetes", "24.2.0")
    played = play({**ROLLOUT, **({"async": 30, "poll": 1} if module else {})})
    needed = lowest("Python package kubernetes")
    assert (
        f"The Python package kubernetes 24.2.0 is too old, {needed} is the oldest that works. Where this task runs, that is: "
        f"{sys.executable} -m pip install 'kubernetes>={needed}'"
    ) in played.stdout
    assert played.returncode == 2
