# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of the demo: deployed, deployed again, and removed; what that costs in task runs, and in lines on the screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "playbooks/inventory/demo"
#: Task runs of all hosts, those that are skipped and those that include others among them. A release takes eleven: what includes its
#: role, in its layer and in three where it is skipped; its arguments, checks, look-ups, problems; the release, its report, and AWX's.
#: Each host has its own inputs, of which the checks take five.
RUNS = {"site": 240, "uninstall": 240}
#: Lines, where nothing takes so long that it is told of meanwhile.
LINES = {"site": 75, "uninstall": 60}


#: As tests/run.py has it; without, output is that of this repository's configuration.
ALL_OUTPUT = {"ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_DISPLAY_OK_HOSTS": "true", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"}


def run(playbook, folder, *options, brief=False):
    """What is printed, and {host: {word of the recap: number}}."""
    kept = {name: value for name, value in os.environ.items() if name not in ALL_OUTPUT}
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", INVENTORY, "-e", f"users_kubeconfig_dir={folder}", ROOT / f"playbooks/{playbook}.yml",
         *options],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **({} if brief else ALL_OUTPUT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    recap = {
        found[1]: {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", found[2])}
        for found in re.finditer(r"^(\S+) +: (ok=.*)$", done.stdout, re.MULTILINE)
    }
    return done.stdout, recap


def runs(recap):
    return sum(host["ok"] + host["skipped"] for host in recap.values())


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    # And what is gone already is no change.
    _screen, recap = run("uninstall", tmp_path, "-e", "uninstall_releases=all", "-e", "uninstall_delete_data=true")
    assert runs(recap) <= RUNS["uninstall"]


def told(screen):
    """Lines, without what is told of while something takes long."""
    return [line for line in screen.splitlines() if "Waiting for" not in line and "waiting until" not in line]


def test_the_demo_inventory(folder):
    screen, _recap = run("site", folder, brief=True)
    assert re.search(r"^  Cluster https://\S+, Kubernetes v\S+, as \S+$", screen, re.MULTILINE), screen
    assert "  [helloworld] helloworld in namespace helloworld: created 6 objects (" in screen
    assert "helloworld in namespace helloworld: Deployment helloworld: 3 of 3 ready\n    http://" in screen
    assert len(told(screen)) <= LINES["site"], screen
    assert screen.endswith("14 hosts: 13 changed, 0 failed\n")

    # nothing to change
    screen, recap = run("site", folder)
    assert {host: words["changed"] for host, words in recap.items() if words["changed"]} == {}, screen
    assert runs(recap) <= RUNS["site"], screen
    assert screen.count(": nothing to do") == 13

    # check mode and what is shown of it
    screen, recap = run("uninstall", folder, "-e", "uninstall_releases=all", "-e", "uninstall_delete_data=true", "--check", brief=True)
    assert "would delete" in screen and "Namespace helloworld" in screen
    screen, recap = run("site", folder, "--limit", "helloworld", "-e", "app_image=wardviaene/k8s-demo:2", "--check", "--diff")
    assert "[helloworld] helloworld in namespace helloworld: would update Deployment helloworld/helloworld" in screen
    assert re.search(r"^\+ +(- )?image: wardviaene/k8s-demo:2$", screen, re.MULTILINE), screen
    assert {host: words["changed"] for host, words in recap.items() if words["changed"]} == {"helloworld": 1}

    screen, recap = run("uninstall", folder, "-e", "uninstall_releases=all", "-e", "uninstall_delete_data=true", brief=True)
    assert len(told(screen)) <= LINES["uninstall"], screen
