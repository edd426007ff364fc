# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List every version that this repository names, with its date and the newest one that is known.

What is known is in tests/versions/releases.yml; what the Go module proxy and PyPI say today is added where they can be reached.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / "tests/versions/releases.yml"
REQUIREMENTS = ("meta/ee-requirements.txt", "tests/requirements-runtime.txt", "tests/requirements.txt")
# Seconds that a registry gets.
PATIENCE = 60


@dataclass(frozen=True)
class Release:
    version: str
    date: str
    security: bool
    source: str


@dataclass(frozen=True)
class Named:
    """A version that the repository names, and what is known of others."""

    name: str
    where: str
    version: str
    releases: tuple[Release, ...]
    go: str = ""
    held: str = ""

    @property
    def date(self) -> str:
        return next((release.date for release in self.releases if release.version == self.version), "")

    @property
    def newest(self) -> Release:
        return max(self.releases, key=lambda release: number(release.version))

    @property
    def holes(self) -> list[Release]:
        """Security releases that are newer than what is named."""
        return [release for release in self.releases if release.security and number(release.version) > number(self.version)]


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def named(entry: dict[str, t.Any], root: Path = ROOT) -> Named:
    """An entry of releases.yml, with the version that the repository has now."""
    file, pattern = entry["named"]["file"], entry["named"]["pattern"]
    found = re.findall(pattern, (root / file).read_text(encoding="utf-8"))
    if len(found) != 1:
        raise ValueError(f"{entry['name']}: {pattern} is found {len(found)} times in {file}, not once")
    releases = tuple(
        Release(str(release["version"]), str(release.get("date") or ""), bool(release.get("security")), release["source"])
        for release in entry["releases"]
    )
    return Named(entry["name"], file, found[0], releases, entry.get("go", ""), entry.get("held", ""))


def everything() -> list[Named]:
    return [named(entry) for entry in yaml.safe_load(FACTS.read_text(encoding="utf-8"))]


def packages() -> list[tuple[Requirement, str]]:
    """The Python packages, each with the file that asks for it."""
    return [
        (Requirement(line), file)
        for file in REQUIREMENTS
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-r"))
    ]


def output(*command: str) -> str:
    """What a program prints, or nothing where it fails."""
    with tempfile.TemporaryDirectory() as elsewhere:  # no go.mod
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=elsewhere)
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return done.stdout if done.returncode == 0 else ""


def newest_module(module: str) -> Release | None:
    if not module or not shutil.which("go"):
        return None
    told = output("go", "list", "-m", "-json", f"{module}@latest")
    if not told:
        return None
    answer = json.loads(told)
    return Release(answer["Version"].removeprefix("v"), answer.get("Time", "")[:10], False, "Go module proxy, now")


def newest_package(name: str) -> str:
    match = re.match(r"\S+ \((\S+)\)", output(sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", name))
    return match[1] if match else ""


def table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offline", action="store_true", help="ask no registry")
    options = parser.parse_args()

    known = everything()
    asked = [requirement for requirement, _file in packages()]
    with ThreadPoolExecutor(4) as pool:
        modules = list(pool.map(lambda each: None if options.offline else newest_module(each.go), known))
        newest_packages = list(pool.map(lambda each: "" if options.offline else newest_package(each.name), asked))

    rows = [("what", "named", "of", "newest known", "of", "says", "verdict")]
    holes = 0
    for each, live in zip(known, modules):
        newest = max(filter(None, (each.newest, live)), key=lambda release: number(release.version))
        verdict = "newest" if number(newest.version) <= number(each.version) else each.held or "NEWER ONE"
        if each.holes:
            holes += 1
            verdict = f"HOLES, closed by {', '.join(release.version for release in each.holes)}"
        rows.append((each.name, each.version, each.date or "?", newest.version, newest.date or "?", newest.source, verdict))
    print(table(rows))

    print()
    rows = [("Python package", "asked for", "in", "newest known")]
    for (requirement, file), newest in zip(packages(), newest_packages):
        rows.append((requirement.name, str(requirement.specifier) or "any", file, newest or "no answer"))
    print(table(rows))
    if holes:
        print(f"\n{holes} with holes that a known release closes", file=sys.stderr)
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
