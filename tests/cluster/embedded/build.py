# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the programs into the cache, each once per version, and says how far it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from .common import ClusterError, cache_dir, locked, say
from .programs import BUILD_FLAGS, PROGRAMS, Program
from .toolchain import find_go, go_environment

GIB = 1024**3
REPORT_EVERY = 15.0
# Measured for all programs together, with room for a temporary copy: Go's module cache 2.7 GiB and build cache
# 6.6 GiB (the larger half of it is intermediate objects), the finished binaries 0.7 GiB.
NEEDS_CACHE = 1 * GIB
NEEDS_GO_CACHES = {"GOMODCACHE": 3 * GIB, "GOCACHE": 7 * GIB}


def cached_path(program: Program) -> Path:
    return cache_dir() / "bin" / program.name / f"{program.version}-{program.key}" / program.name


def provided_path(name: str) -> Path | None:
    """The prebuilt binary from SLIPWAY_CLUSTER_BIN, if that is set."""
    folder = os.environ.get("SLIPWAY_CLUSTER_BIN")
    if not folder:
        return None
    path = Path(folder).resolve() / name
    if not os.access(path, os.X_OK):
        raise ClusterError(f"SLIPWAY_CLUSTER_BIN={folder} holds no executable {name}")
    return path


def binaries(names: list[str]) -> dict[str, Path]:
    """The path of each named program, building those that are neither provided nor cached."""
    unknown = sorted(set(names) - set(PROGRAMS))
    if unknown:
        raise ClusterError(f"there is no program named {', '.join(unknown)}; known are {', '.join(PROGRAMS)}")
    found = {name: provided_path(name) or cached_path(PROGRAMS[name]) for name in names}
    if not all(path.exists() for path in found.values()):
        with locked("build", "waiting for another process that builds the cluster's programs"):
            # In the table's order, which shares the most work between the builds.
            _build([program for name, program in PROGRAMS.items() if name in found and not found[name].exists()])
    return found


def _build(missing: list[Program]) -> None:
    if not missing:
        return
    check_disk(missing)
    go = find_go()
    say(
        f"building {len(missing)} program(s) from source, once per version: "
        f"about {max(1, round(sum(program.seconds for program in missing) / 60))} min on two cores with cold caches"
    )
    for number, program in enumerate(missing, start=1):
        _Build(go, program, f"[{number}/{len(missing)}] {program.name} {program.version}").run()


def check_disk(missing: list[Program]) -> None:
    """Refuse a build that would fill the disk half-way through."""
    share = sum(program.seconds for program in missing) / sum(program.seconds for program in PROGRAMS.values())
    needs = {cache_dir(): NEEDS_CACHE}
    go = shutil.which("go")
    for name, size in NEEDS_GO_CACHES.items():
        needs[_go_cache(go, name)] = size
    for message in disk_shortages({path: int(size * share) for path, size in needs.items()}):
        raise ClusterError(message)


def _go_cache(go: str | None, name: str) -> Path:
    if go:
        result = subprocess.run([go, "env", name], env=go_environment(), capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.strip():
            return Path(result.stdout.strip())
    default = {"GOMODCACHE": Path.home() / "go" / "pkg" / "mod", "GOCACHE": cache_dir().parent / "go-build"}
    return Path(os.environ.get(name) or default[name])


def disk_shortages(needs: dict[Path, int]) -> list[str]:
    """One sentence for each file system that has less room than the folders on it need together."""
    by_device: dict[int, list[Path]] = {}
    for path in needs:
        existing = next(parent for parent in (path, *path.parents) if parent.exists())
        by_device.setdefault(existing.stat().st_dev, []).append(path)
    messages = []
    for paths in by_device.values():
        needed = sum(needs[path] for path in paths)
        existing = next(parent for parent in (paths[0], *paths[0].parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            messages.append(
                f"building needs about {needed / GIB:.1f} GiB for {', '.join(str(path) for path in paths)}, "
                f"but only {free / GIB:.1f} GiB are free there: make room, or point XDG_CACHE_HOME, GOCACHE "
                "and GOMODCACHE at a larger disk"
            )
    return messages


def copy_files(source: Path, target: Path) -> None:
    """Without modes: Go's module cache is read-only."""
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


class _Build:
    """One `go build`, with its output in a log file and a line of progress now and then."""

    def __init__(self, go: str, program: Program, title: str) -> None:
        self.go = go
        self.program = program
        self.title = title
        self.log = cache_dir() / "logs" / f"build-{program.name}.log"
        self.started = time.monotonic()
        self.source = program.module_dir

    def run(self) -> None:
        target = cached_path(self.program)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("", encoding="utf-8")
        say(f"{self.title}: building")
        flags = [*BUILD_FLAGS, "-ldflags", self.program.ldflags]
        target.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent.parent) as partial:
            if self.program.patched:
                self._patch(Path(partial) / "source")
            # Listing first fetches the modules, so that the build's own progress is that of the compiler.
            stale = self._go(["list", *flags, "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", self.program.package], None)
            # Not the final folder yet: a binary that exists under its key is complete.
            out = Path(partial) / self.program.name
            self._go(["build", "-v", *flags, "-o", str(out), self.program.package], len(stale.splitlines()))
            target.parent.mkdir(exist_ok=True)
            out.rename(target)
        for other in target.parent.parent.iterdir():
            if other != target.parent:
                shutil.rmtree(other, ignore_errors=True)
        say(f"{self.title}: built in {self._elapsed()}")

    def _patch(self, folder: Path) -> None:
        """Build in a copy, beside another of the module that lacks what the program's folder "patch" replaces."""
        module = self.program.patched
        original = json.loads(self._go(["mod", "download", "-json", module], None))["Dir"]
        copy_files(self.source, folder)
        copy_files(Path(original), folder / "patched")
        copy_files(self.source / "patch", folder / "patched")
        self.source = folder
        self._go(["mod", "edit", f"-replace={module}=./patched"], None)

    def _elapsed(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    def _go(self, arguments: list[str], packages: int | None) -> str:
        """Run go; `packages` is how many it will compile, or None while it is fetching modules."""
        # A session of its own: an interrupted build takes the compilers it started with it.
        process = subprocess.Popen(
            [self.go, *arguments], cwd=self.source, env=go_environment(), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        out: list[str] = []
        reader = threading.Thread(target=lambda: out.append(process.stdout.read()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        tail: deque[str] = deque(maxlen=15)
        counter = _Counter(self.title, packages, self._elapsed)
        counter.start()
        try:
            with self.log.open("a", encoding="utf-8") as log:
                for line in process.stderr or ():
                    log.write(line)
                    tail.append(line)
                    counter.lines += 1
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        finally:
            counter.stop()
        reader.join()
        if process.returncode != 0:
            raise ClusterError(f"building {self.program.name} {self.program.version} failed (go {arguments[0]}, "
                               f"log in {self.log}):\n{''.join(tail).rstrip()}")
        return out[0]


class _Counter(threading.Thread):
    """Says every few seconds how far the build is: go's own output can be silent for minutes."""

    def __init__(self, title: str, packages: int | None, elapsed: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self.title = title
        self.packages = packages
        self.elapsed = elapsed
        self.lines = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(REPORT_EVERY):
            say(f"{self.title}: {self.describe()}, {self.elapsed()}")

    def describe(self) -> str:
        if self.packages is None:
            return f"fetched {self.lines} modules"
        if self.lines >= self.packages:
            return "linking"
        return f"compiled {self.lines} of {self.packages} packages"

    def stop(self) -> None:
        self._stopped.set()
