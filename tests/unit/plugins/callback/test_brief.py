# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The screen of `make demo`: what ansible-playbook prints with this repository's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
SHOW = {"slipway.kubernetes.show": {"text": 'Look: kubectl get pods -o "wide"\nStop: make cluster-down\n'}}
PLAY = [
    {
        "name": "Work",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"name": "Look", "ansible.builtin.set_fact": {"x": "not to be seen"}},
            {"name": "Show", "ansible.builtin.debug": {"msg": "to be seen"}, "run_once": True},
            {"name": "Leave out", "ansible.builtin.debug": {"msg": "nor this"}, "when": False},
            {"name": "Take along", "ansible.builtin.include_tasks": "more.yml"},
            {"name": "Say what to do", **SHOW, "run_once": True},
            {"name": "Break", "ansible.builtin.fail": {"msg": "words"}, "when": "inventory_hostname == 'b' and broken"},
        ],
    }
]


@pytest.fixture
def screen(tmp_path):
    def run(*options, broken=False, **environment):
        (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))
        (tmp_path / "more.yml").write_text(yaml.safe_dump([{"name": "Change", "ansible.builtin.set_fact": {"x": 1}, "changed_when": True}]))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"}
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", "a,b", "-c", "local", "-e", f"{{broken: {str(broken).lower()}}}"]
        done = subprocess.run(
            [*command, "play.yml", *options], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1", **environment},
        )
        return done.stdout

    return run


def test_a_screen_has_what_was_changed_and_what_is_shown(screen):
    lines = [line.rstrip("*").rstrip() for line in screen().splitlines()]
    assert lines == [
        "", "PLAY [Work]",
        "", "TASK [Show]", "ok: [a] => {", '    "msg": "to be seen"', "}",
        "", "TASK [Change]", "changed: [a]", "changed: [b]",
        "", 'Look: kubectl get pods -o "wide"', "Stop: make cluster-down",
        "", "2 hosts: 2 changed, 0 failed",
    ]


def test_a_recap_names_what_failed(screen):
    said = screen(broken=True)
    assert "TASK [Break]" in said and "fatal: [b]: FAILED!" in said and said.endswith("\n2 hosts: 2 changed, 1 failed: b\n")


def test_more_is_told_to_who_asks_for_it(screen):
    said = screen("-v")
    assert "not to be seen" in said and "included: " in said and "PLAY RECAP" in said


def test_programs_read_results(screen):
    """What is printed between would be in their way."""
    said = screen(ANSIBLE_STDOUT_CALLBACK="minimal")
    assert "Look: kubectl" in said
    assert "\nLook: kubectl" not in screen(ANSIBLE_STDOUT_CALLBACK="oneline")


class Display:
    verbosity = 0

    def __init__(self):
        self.lines = []

    def display(self, line, **options):
        self.lines.append(line)


class Result:
    warnings = ()

    def __init__(self, **result):
        self.result, self.task = result, None


def test_what_tells_by_itself_is_not_told_again(monkeypatch):
    from ansible.plugins.callback.default import CallbackModule as Default

    from ansible_collections.slipway.kubernetes.plugins.callback.brief import CallbackModule

    told = []
    monkeypatch.setattr(Default, "v2_runner_on_ok", lambda self, result: told.append(result))
    callback = CallbackModule()
    callback._display = Display()
    summed_up, plain, warned = Result(changed=True, _printed=True), Result(changed=True, summary="not ours"), Result(changed=True, _printed=True)
    warned.warnings = ["look out"]
    for result in (summed_up, plain, warned):
        callback.v2_runner_on_ok(result)
    assert told == [plain, warned]
    callback._display.verbosity = 1
    callback.v2_runner_on_ok(summed_up)
    assert told[-1] is summed_up
