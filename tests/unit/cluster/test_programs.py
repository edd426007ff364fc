# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from embedded import programs
from embedded.programs import KUBERNETES, PROGRAMS, Program, kubernetes_ldflags, module_version

GO_MOD = """module slipway.example/cluster/thing

go 1.26.0

require example.com/single v0.1.0

require (
\texample.com/thing/v3 v3.7.3 // indirect
\texample.com/thing/v3/sub v3.0.0
)
"""


@pytest.mark.parametrize(("module", "version"), [
    ("example.com/thing/v3", "v3.7.3"),
    ("example.com/thing/v3/sub", "v3.0.0"),
    ("example.com/single", "v0.1.0"),
])
def test_a_version_is_read_from_go_mod(module: str, version: str) -> None:
    assert module_version(GO_MOD, module) == version


def test_a_module_that_go_mod_lacks() -> None:
    with pytest.raises(ValueError, match="requires no example.com/other"):
        module_version(GO_MOD, "example.com/other")


def test_kubernetes_is_stamped_with_its_version() -> None:
    flags = kubernetes_ldflags("v1.37.2")
    assert flags.startswith("-s -w -X ")
    for stamp in ("component-base/version.gitVersion=v1.37.2", "gitMajor=1 ", "gitMinor=37 ", "client-go/pkg/version.gitVersion=v1.37.2"):
        assert stamp in flags


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_program_is_pinned(program: Program) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+", program.version)
    assert program.package in (program.module_dir / "go.mod").read_text(encoding="utf-8")
    assert f"{program.module} {program.version} h1:" in (program.module_dir / "go.sum").read_text(encoding="utf-8")


def test_every_kubernetes_program_has_one_version() -> None:
    assert len({program.version for program in PROGRAMS.values() if program.module == KUBERNETES}) == 1


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Go modules, where a test may change them."""
    shutil.copytree(programs.HERE / "go", tmp_path / "go")
    monkeypatch.setattr(programs, "HERE", tmp_path)
    return tmp_path / "go" / "etcd"


def test_the_key_stays_while_nothing_changes(copy: Path) -> None:
    before = PROGRAMS["etcd"].key
    (copy / "go.mod").touch()
    assert PROGRAMS["etcd"].key == before
    assert re.fullmatch("[0-9a-f]{12}", before)


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_the_key_changes_with_the_module(copy: Path, name: str) -> None:
    before = {program.name: program.key for program in PROGRAMS.values()}
    with (copy / name).open("a", encoding="utf-8") as handle:
        handle.write("// changed\n")
    assert [program.name for program in PROGRAMS.values() if program.key != before[program.name]] == ["etcd"]


def test_the_key_changes_with_a_patch(copy: Path) -> None:
    before = {program.name: program.key for program in PROGRAMS.values()}
    patch = next((copy.parent / "traefik/patch").rglob("*.go"))
    patch.write_text("package dns\n", encoding="utf-8")
    assert [program.name for program in PROGRAMS.values() if program.key != before[program.name]] == ["traefik"]


@pytest.mark.parametrize("program", [program for program in PROGRAMS.values() if program.patched], ids=lambda program: program.name)
def test_what_is_patched_is_pinned(program: Program) -> None:
    version = module_version((program.module_dir / "go.mod").read_text(encoding="utf-8"), program.patched)
    assert f"{program.patched} {version} h1:" in (program.module_dir / "go.sum").read_text(encoding="utf-8")


def test_the_key_changes_with_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PROGRAMS["etcd"].key
    monkeypatch.setattr(programs, "STRIP", "-s")
    assert PROGRAMS["etcd"].key != before


def test_programs_of_one_module_have_keys_of_their_own() -> None:
    assert len({program.key for program in PROGRAMS.values()}) == len(PROGRAMS)
