# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environments with chosen versions of everything that the collection stands on."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-kubernetes/environments"
SUPPORT: dict[str, dict[str, str]] = {row["what"]: row for row in yaml.safe_load((ROOT / "meta/support.yml").read_text())["support"]}

sys.path.insert(0, str(ROOT / "tests/tools"))
import bootstrap  # noqa: E402  # found by the line before


class Unavailable(Exception):
    """Something cannot be had here, in one sentence."""


@dataclass(frozen=True)
class Versions:
    """What pip is asked for, behind "=="; the version of the collection is exact."""

    python: str
    ansible_core: str
    client: str
    core: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"Python {self.python}, ansible-core {self.ansible_core}, kubernetes {self.client}, kubernetes.core {self.core}"

    @property
    def packages(self) -> list[str]:
        return [f"ansible-core=={self.ansible_core}", f"kubernetes=={self.client}", "jsonpatch", "pytest>=9,<10", *self.more]


def lowest(what: str) -> str:
    return SUPPORT[what]["lowest"]


LOWEST = Versions(
    lowest("Python of the controller"), lowest("ansible-core"), lowest("Python package kubernetes"), lowest("kubernetes.core"),
    tuple(f"{name}=={lowest(f'Python package {name}')}" for name in ("urllib3", "websocket-client")),
)


def matrix() -> list[Versions]:
    """Every client with every ansible-core; the versions of kubernetes.core take turns."""
    first, last = (int(SUPPORT["Python package kubernetes"][end].split(".")[0]) for end in ("lowest", "highest"))
    clients = [LOWEST.client, *(f"{major}.*" for major in range(first + 1, last + 1))]
    bases = [(LOWEST.python, LOWEST.ansible_core), ("3.12", "2.20.*"), (SUPPORT["Python of the controller"]["highest"], "2.21.*")]
    cores = list(bootstrap.ANSIBLE_RELEASES)
    return [
        Versions(python, ansible_core, client, cores[(row + column) % len(cores)], LOWEST.more if row == column == 0 else ())
        for row, (python, ansible_core) in enumerate(bases)
        for column, client in enumerate(clients)
    ]


def find_python(version: str) -> Path:
    """One of that version that can make virtual environments: the one in use, on the PATH, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [Path(getattr(sys, "_base_executable", sys.executable)), shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
    check = f"import ensurepip, venv, sys; assert '%d.%d' % sys.version_info[:2] == {version!r}"
    for candidate in filter(None, candidates):
        # A pyenv shim may exist without a Python behind it.
        if subprocess.run([candidate, "-c", check], capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    raise Unavailable(f"there is no Python {version} here")


def environment(versions: Versions, folder: Path | None = None) -> Path:
    """The bin folder of an environment with these versions; without a folder it is made once, and kept in the user's cache."""
    python = find_python(versions.python)
    target = folder or CACHE / "-".join((versions.python, versions.ansible_core, versions.client))
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_name(target.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{python} {' '.join(versions.packages)}\n"
        stamp = target / "complete"
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(target, ignore_errors=True)
            run([python, "-m", "venv", target], "the environment cannot be made")
            run([target / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *versions.packages],
                f"pip cannot install {versions}")
            stamp.write_text(wanted)
    return target / "bin"


def run(command: list[Any], failed: str) -> None:
    """Raise Unavailable with the last words of a command that fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{failed}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def collections(versions: Versions, binaries: Path, folder: Path) -> Path:
    """A collections path with this checkout and that kubernetes.core."""
    try:
        core = bootstrap.cached_collection(binaries, "kubernetes.core", versions.core)
    except bootstrap.BootstrapError as error:
        raise Unavailable(str(error)) from error
    tree = folder / "ansible_collections"
    for name, target in (("kubernetes/core", core), ("slipway/kubernetes", ROOT)):
        link = tree / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    return folder


def clean_environment(folder: Path, collections_path: Path, **more: str) -> dict[str, str]:
    """Nothing of what the user's shell, or the environment that runs these tests, says about Ansible and Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }
