# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every version that the repository names is known, and none has holes that a known release closes."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("slipway_versions", ROOT / "tests/tools/versions.py")
assert spec is not None and spec.loader is not None
versions = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = versions  # dataclasses look there
spec.loader.exec_module(versions)

ENTRIES = yaml.safe_load((ROOT / "tests/versions/releases.yml").read_text())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_no_known_security_release_is_newer(entry: dict[str, Any]) -> None:
    each = versions.named(entry)
    assert not each.holes, f"{each.where} names {each.name} {each.version}; {', '.join(r.version for r in each.holes)} closed holes of it"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_what_is_named_is_known_and_what_is_held_back_says_why(entry: dict[str, Any]) -> None:
    each = versions.named(entry)
    assert each.version in [release.version for release in each.releases], "the version that is named is none of the known releases"
    assert all(release.source for release in each.releases)
    assert all(re.fullmatch(r"(\d{4}-\d\d-\d\d)?", release.date) for release in each.releases)
    if versions.number(each.newest.version) > versions.number(each.version):
        assert each.held


def test_a_hole_is_seen(tmp_path: Path) -> None:
    (tmp_path / "defaults.yml").write_text("blog_version: 7.1.0-php8.3\n")
    entry = {
        "name": "WordPress",
        "named": {"file": "defaults.yml", "pattern": r"blog_version: ([\d.]+)"},
        "releases": [
            {"version": "7.0.9", "security": True, "source": "x"},
            {"version": "7.1.0", "source": "x"},
            {"version": "7.1.2", "security": True, "source": "x"},
            {"version": "7.1.10", "source": "x"},
        ],
    }
    each = versions.named(entry, tmp_path)
    assert (each.version, [release.version for release in each.holes], each.newest.version) == ("7.1.0", ["7.1.2"], "7.1.10")


def test_a_pattern_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "defaults.yml").write_text("other: 1\n")
    with pytest.raises(ValueError, match="found 0 times in defaults.yml"):
        versions.named({"name": "x", "named": {"file": "defaults.yml", "pattern": "blog: (.*)"}, "releases": []}, tmp_path)


def test_every_image_and_version_of_a_role_or_playbook_is_listed() -> None:
    """A tag or a version in their own files, which nobody would look after."""
    listed: dict[str, list[str]] = {}
    for entry in ENTRIES:
        listed.setdefault(entry["named"]["file"], []).append(entry["named"]["pattern"])
    # What helloworld is has no version: the course's own image, by its tag "latest".
    exempt = {"roles/release/defaults/main.yml"}
    line = re.compile(r"(?m)^.*(?:\w*version: \"?\{?\{?[^\n]*?v?\d+\.\d+[^\n]*|image[^\n]*:v?\d+\.\d+[^\n]*)$")
    missing = []
    roles = ROOT / "roles"
    for file in [*roles.glob("*/defaults/main.yml"), *roles.glob("*/vars/main.yml"), *(ROOT / "playbooks").rglob("*.yml")]:
        name = str(file.relative_to(ROOT))
        text = file.read_text()
        known = [match.span(1) for pattern in listed.get(name, []) for match in re.finditer(pattern, text)]
        for match in line.finditer(text):
            if match.group().lstrip().startswith("#") or name in exempt or "api_version" in match.group():
                continue
            if not any(match.start() <= start < match.end() for start, _end in known):
                missing.append(f"{name}: {match.group().strip()}")
    assert missing == []


def test_every_program_that_tests_build_is_listed() -> None:
    listed = {entry["named"]["file"] for entry in ENTRIES}
    assert {str(file.relative_to(ROOT)) for file in (ROOT / "tests/cluster/go").glob("*/go.mod")} <= listed


@pytest.mark.parametrize("role, built", [("ExternalDNS", "ExternalDNS that tests build"), ("metrics-server", "metrics-server that tests build"),
                                         ("Traefik", "Traefik that tests build")])
def test_what_is_tested_is_what_is_deployed(role: str, built: str) -> None:
    found = {each.name: each.version for each in versions.everything()}
    assert found[role] == found[built]
