# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection with the oldest versions that it promises, and in `make test-all` with all between them and the newest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from .environments import LOWEST, ROOT, Unavailable, Versions, clean_environment, collections, environment, matrix

HERE = Path(__file__).parent


class Tried:
    """An environment with this collection in it."""

    def __init__(self, versions: Versions, folder: Path, binaries: Path) -> None:
        self.versions, self.folder, self.binaries = versions, folder, binaries
        self.environment = clean_environment(folder, collections(versions, binaries, folder / "collections"))

    def play(self, playbook: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        extra = [word for name, value in variables.items() for word in ("--extra-vars", f"{name}={value}")]
        return self._run("ansible-playbook", "--inventory", "localhost,", str(playbook), *extra)

    def test(self, *paths: str) -> subprocess.CompletedProcess[str]:
        return self._run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "tests/pytest.ini"),
                         "-o", f"pythonpath={self.folder / 'collections'}", *(str(ROOT / path) for path in paths))

    def render(self, role: str) -> dict[str, list[dict[str, Any]]]:
        """The role's objects, by the name of each variant of its variables."""
        done = subprocess.run([str(self.binaries / "python"), "-m", "roles.rendering", role], env=self.environment, cwd=ROOT / "tests/unit",
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, end_of(done)
        return json.loads(done.stdout)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(self.binaries / program), *arguments], env=self.environment, cwd=self.folder,
                              capture_output=True, text=True, check=False)


def tried(versions: Versions, folder: Path, binaries: Path | None = None) -> Tried:
    try:
        return Tried(versions, folder, environment(versions, binaries))
    except Unavailable as error:
        pytest.skip(f"{versions}: {error}")


def end_of(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-6000:] + done.stderr[-3000:]


def render(role: str) -> dict[str, list[dict[str, Any]]]:
    """The same with what runs this test."""
    done = subprocess.run([sys.executable, "-m", "roles.rendering", role], cwd=ROOT / "tests/unit", capture_output=True, text=True, check=False)
    assert done.returncode == 0, end_of(done)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def lowest(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    return tried(LOWEST, tmp_path_factory.mktemp("lowest"))


def smoke(environment: Tried) -> None:
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    played = environment.play(HERE / "smoke.yml", smoke_namespace=f"versions-{uuid.uuid4().hex[:8]}")
    assert played.returncode == 0, end_of(played)
    assert "does not support Ansible version" not in played.stderr


def requests(environment: Tried) -> None:
    """What goes over the wire, and what becomes of the answers: of that, clients make the most different things."""
    unit = "tests/unit/plugins/module_utils/_api"
    tested = environment.test(f"{unit}/test_requests.py", f"{unit}/test_requirements.py", f"{unit}/test_connection.py")
    assert tested.returncode == 0, end_of(tested)


def test_the_lowest_versions_run_the_smoke(lowest: Tried) -> None:
    smoke(lowest)


def test_the_lowest_versions_send_and_take_the_same(lowest: Tried) -> None:
    requests(lowest)


# In a template, the first Ansible that is promised is stricter with what a dictionary lacks than those that came later.
@pytest.mark.parametrize("role", sorted(path.stem for path in (ROOT / "tests/unit/roles/variants").glob("*.yml")))
def test_the_lowest_versions_render_the_same(lowest: Tried, role: str) -> None:
    rendered = []
    for run in (lowest.render(role), render(role)):
        rendered.append({name: sorted((each["kind"], each["metadata"]["name"]) for each in documents) for name, documents in run.items()})
    assert rendered[0] == rendered[1]


@pytest.mark.full
@pytest.mark.parametrize("versions", matrix(), ids=str)
def test_the_matrix(versions: Versions, tmp_path: Path) -> None:
    environment = tried(versions, tmp_path, tmp_path / "environment")
    requests(environment)
    smoke(environment)
