# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from embedded import build
from embedded.build import GIB, binaries, cached_path, disk_shortages, provided_path
from embedded.common import ClusterError, cache_dir, locked, version_tuple
from embedded.programs import PROGRAMS, Program

ETCD = PROGRAMS["etcd"]

# Lists one package to compile, then "compiles" it. FAKE_GO=fail makes the compiler fail.
FAKE_GO = """#!/bin/sh
case $1 in
  env) ;;
  mod) [ "$2" = download ] && echo "{\\"Dir\\": \\"$FAKE_GO_MODULE\\"}" || echo "$*" >> "$FAKE_GO_COUNT" ;;
  list) echo "go: downloading example.com/x v1.0.0" >&2; echo example.com/x ;;
  build)
    [ "$FAKE_GO" = fail ] && { echo "x.go:1:1: undefined: y" >&2; exit 1; }
    while [ "$1" != -o ]; do shift; done
    echo "#!/bin/sh" > "$2"; chmod +x "$2"; echo built >> "$FAKE_GO_COUNT" ;;
esac
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SLIPWAY_CLUSTER_BIN", raising=False)
    return tmp_path / "cache" / "slipway-kubernetes"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that takes no time; the file that it counts its builds in."""
    script = tmp_path / "go"
    script.write_text(FAKE_GO, encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(build, "find_go", lambda: str(script))
    monkeypatch.setattr(build, "check_disk", lambda missing: None)
    monkeypatch.setenv("FAKE_GO_COUNT", str(tmp_path / "count"))
    return tmp_path / "count"


def test_the_cache_follows_xdg(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_dir() == cache
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_dir() == Path.home() / ".cache" / "slipway-kubernetes"


@pytest.mark.parametrize(("text", "numbers"), [("1.26.8", (1, 26, 8)), ("1.27rc1", (1, 27)), ("none", ())])
def test_version_tuple(text: str, numbers: tuple[int, ...]) -> None:
    assert version_tuple(text) == numbers


def test_a_program_is_built_once(built: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _again in range(2):
        (path,) = binaries(["etcd"]).values()
        assert path == cached_path(ETCD)
        assert path.exists()
    assert built.read_text(encoding="utf-8") == "built\n"
    said = capfd.readouterr().err.splitlines()
    assert said[1] == f"[1/1] etcd {ETCD.version}: building"
    assert said[2].startswith(f"[1/1] etcd {ETCD.version}: built in ")


def test_a_build_replaces_older_ones(built: Path) -> None:
    old = cached_path(ETCD).parent.with_name("v3.0.0-0123456789ab")
    old.mkdir(parents=True)
    other = cached_path(PROGRAMS["kubectl"]).parent
    other.mkdir(parents=True)
    binaries(["etcd"])
    assert [path.name for path in old.parent.iterdir()] == [cached_path(ETCD).parent.name]
    assert other.exists()


def test_a_failed_build_leaves_nothing(built: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("FAKE_GO", "fail")
    with pytest.raises(ClusterError, match=r"building etcd v\S+ failed \(go build, log in (.+)\):\n.*undefined: y") as failure:
        binaries(["etcd"])
    log = cache / "logs" / "build-etcd.log"
    assert str(log) in str(failure.value)
    assert "undefined: y" in log.read_text(encoding="utf-8")
    assert list(cached_path(ETCD).parent.parent.iterdir()) == []


def test_a_module_is_patched_in_a_copy(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, program = tmp_path / "module", tmp_path / "program"
    for file, text in {
        module / "go.mod": "module example.com/big", module / "clouds/clouds.go": "package clouds // all",
        program / "go.mod": "module example.com/program", program / "patch/clouds/clouds.go": "package clouds // none",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    # As Go's module cache is.
    (module / "clouds").chmod(0o555)
    monkeypatch.setenv("FAKE_GO_MODULE", str(module))
    monkeypatch.setattr(Program, "module_dir", program)
    build_ = build._Build(str(tmp_path / "go"), replace(ETCD, patched="example.com/big"), "etcd")
    build_.log.parent.mkdir(parents=True)
    build_._patch(tmp_path / "copy")
    assert build_.source == tmp_path / "copy"
    assert built.read_text(encoding="utf-8") == "mod edit -replace=example.com/big=./patched\n"
    assert (tmp_path / "copy/patched/go.mod").read_text(encoding="utf-8") == "module example.com/big"
    assert (tmp_path / "copy/patched/clouds/clouds.go").read_text(encoding="utf-8") == "package clouds // none"
    assert (tmp_path / "copy/go.mod").read_text(encoding="utf-8") == "module example.com/program"
    assert (module / "clouds/clouds.go").read_text(encoding="utf-8") == "package clouds // all"


def test_two_builds_at_once_build_once(built: Path) -> None:
    threads = [threading.Thread(target=binaries, args=(["etcd"],)) for _thread in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built.read_text(encoding="utf-8") == "built\n"


def test_an_unknown_program() -> None:
    with pytest.raises(ClusterError, match="no program named kubelet; known are kubectl, "):
        binaries(["kubelet"])


def test_prebuilt_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provided_path("etcd") is None
    monkeypatch.setenv("SLIPWAY_CLUSTER_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match="holds no executable etcd"):
        binaries(["etcd"])
    (tmp_path / "etcd").touch(mode=0o755)
    assert binaries(["etcd"]) == {"etcd": tmp_path / "etcd"}


def test_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: usage(100 * GIB, 97 * GIB, 3 * GIB))
    needs = {tmp_path / "not" / "yet": 1 * GIB, tmp_path: 1 * GIB}
    assert disk_shortages(needs) == []
    # Folders of one disk share its room.
    (message,) = disk_shortages(needs | {tmp_path / "more": 2 * GIB})
    assert "needs about 4.0 GiB" in message and "only 3.0 GiB are free" in message and "XDG_CACHE_HOME" in message


def test_a_full_disk_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: usage(GIB, GIB, 0))
    monkeypatch.setattr(build, "find_go", lambda: pytest.fail("started to build"))
    with pytest.raises(ClusterError, match="only 0.0 GiB are free"):
        binaries(["etcd"])


@pytest.mark.parametrize(("packages", "lines", "text"), [
    (None, 12, "fetched 12 modules"), (40, 3, "compiled 3 of 40 packages"), (40, 40, "linking"), (0, 0, "linking"),
])
def test_how_far_a_build_is(packages: int | None, lines: int, text: str) -> None:
    counter = build._Counter("title", packages, lambda: "1 s")
    counter.lines = lines
    assert counter.describe() == text


def test_a_lock_is_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    order = []

    def second() -> None:
        with locked("thing", "waiting for thing"):
            order.append("second")

    with locked("thing", "nobody has it"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert capfd.readouterr().err == "waiting for thing\n"
