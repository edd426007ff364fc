# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles share in their argument specs comes from one file."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("slipway_shared_options", ROOT / "tests/tools/shared_options.py")
assert spec is not None and spec.loader is not None
shared_options = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared_options)

RELEASED = sorted(path.parts[-3] for path in (ROOT / "roles").glob("*/tasks/main.yml") if "release_templates:" in path.read_text())
LOOKED_UP = re.findall(r"__release_prefix ~ '(\w+)'", "".join((ROOT / f"roles/release/{name}/main.yml").read_text() for name in ("defaults", "tasks")))
#: What a role does without, and why.
WITHOUT = {
    ("users", "create_namespace"): "its release has no namespace",
    ("users", "resume"): "its release has no workloads",
    ("pod_presets", "resume"): "its release has no workloads",
}


@functools.cache
def options(role: str) -> dict[str, Any]:
    return shared_options.specs((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())


def test_argument_specs_are_as_the_shared_options_say() -> None:
    shared_options.main(["--check"])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


@pytest.mark.parametrize(
    ("role", "there", "instead", "option"),
    [
        ("app", "description: Seconds to wait.\n", "description: Time to wait.\n", "app_wait_timeout"),
        ("cassandra", "default: 900\n", "default: 300\n", "cassandra_wait_timeout"),
        ("gateway", "          - pause\n", "", "gateway_on_failure"),
        ("users", "      users_prune:\n        description", "      users_prune:\n        # Why?\n        description", "users_prune"),
        # One form for what a role has alone, too.
        ("nodes", 'default: ""\n', "default: ''\n", "nodes"),
    ],
)
def test_drift_is_told_by_file_and_option_and_can_be_undone(copy: Path, role: str, there: str, instead: str, option: str) -> None:
    path = copy / f"roles/{role}/meta/argument_specs.yml"
    before = path.read_text()
    path.write_text(before.replace(there, instead))
    with pytest.raises(SystemExit, match=rf"{option}\b") as told:
        shared_options.main(["--check"], copy)
    if "#" in instead:
        assert "comment" in str(told.value)
        return
    assert f"{option} in roles/{role}/meta/argument_specs.yml" in str(told.value) and str(told.value).count("\n") == 0
    shared_options.main([], copy)
    assert path.read_text() == before


def test_a_role_that_takes_part_needs_no_more_than_the_name(copy: Path) -> None:
    path = copy / "roles/app/meta/argument_specs.yml"
    before = path.read_text()
    path.write_text(re.sub(r"(      app_pdb:)\n(?: {7,}.*\n)+", r"      # Kept.\n\1 {}\n", before))
    shared_options.main([], copy)
    assert path.read_text() == before.replace("      app_pdb:", "      # Kept.\n      app_pdb:")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"titles": {}}, "no title for the role app"),
        ({"options": {"prune": {"roles": {"nodes": {}}}}}, "which has no nodes_prune"),
        ({"options": {"prune": {"own": ["nodes"]}}}, "which has no nodes_prune"),
    ],
)
def test_what_is_said_of_nothing_is_refused(change: dict[str, Any], said: str) -> None:
    source = yaml.safe_load((ROOT / "tests/tools/shared_options.yml").read_text()) | change
    with pytest.raises(SystemExit, match=said):
        shared_options.check(source, {"app": options("app"), "nodes": options("nodes")})


@pytest.mark.parametrize(
    "option",
    [
        {"description": "long " * 60 + "- with: everything # in it", "default": ""},
        {"description": ["a: b", "- c", "d " * 100], "choices": ["", "yes", "0", "None", "~", "*", "a b"]},
        {"default": {"a": {"b": [1, "1", None, True]}, "c: d": [{"e": "f", "g": [{"h": {}}]}], "i": []}},
        {"default": "{{ 'a' if b == \"c\" else '' }}", "options": {"x": {"type": "dict", "description": "…", "options": {"y": {"no_log": True}}}}},
        {"default": ["line\nbreak", " led", "trailed ", "true", "1e3", "2026-01-31", "a\\b", "@x", "%y", "x: ", "#"]},
    ],
)
def test_what_is_written_reads_the_same(option: dict[str, Any]) -> None:
    option = {"description": "x", **option}
    option = {key: value.strip() if isinstance(value, str) else value for key, value in option.items()}
    option["description"] = [text.strip() for text in option["description"]] if isinstance(option["description"], list) else option["description"]
    text = shared_options.block("app_x", option)
    assert yaml.safe_load(text) == {"app_x": option}
    assert max(map(len, text.splitlines())) <= shared_options.WIDTH


def test_release_looks_up_what_is_shared() -> None:
    assert len(LOOKED_UP) > 15 and set(LOOKED_UP) <= set(yaml.safe_load((ROOT / "tests/tools/shared_options.yml").read_text())["options"])


@pytest.mark.parametrize("suffix", sorted(set(LOOKED_UP)))
@pytest.mark.parametrize("role", RELEASED)
def test_a_role_has_what_release_looks_up_in_it(role: str, suffix: str) -> None:
    assert (f"{role}_{suffix}" in options(role)) != ((role, suffix) in WITHOUT)
