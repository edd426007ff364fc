# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the templates of roles as Ansible does, without a cluster.

Every role has variants/ROLE.yml: a name for each set of variables to render with.  All of them are rendered by one
run of ansible-playbook, in which each is a host.  A variant whose objects not all versions of Kubernetes know has the
list of those that do, kubernetes_versions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Write the rendered objects",
                "ansible.builtin.copy":
                    {"dest": "{{ rendered_to }}", "mode": "0600", "content": "{{ rendered_objects | to_json }}"},
            }
        ],
    }
]
DOCUMENTS = (
    "{{ query('ansible.builtin.template', *rendered_templates) | map('from_yaml_all') | map('list') | flatten"
    " | select }}"
)


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def application_roles():
    return sorted(path.parent.name for path in (ROOT / "roles").glob("*/templates"))


def roles_with_variants():
    return sorted(path.stem for path in (ROOT / "tests/unit/roles/variants").glob("*.yml"))


def options(role):
    return load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def variants(role):
    return load(f"tests/unit/roles/variants/{role}.yml")


def as_text(role, variables):
    """The same variables as -e, an inventory in INI form or a survey would give them: numbers and booleans as text."""
    defaults = load(f"roles/{role}/defaults/main.yml")
    texts = {}
    for name, value in {**defaults, **variables}.items():
        if options(role).get(name, {}).get("type") in ("bool", "int") and not isinstance(value, str):
            texts[name] = str(value)
    return {**variables, **texts}


def render(directory, roles):
    """{(role, variant, "typed" or "text"): documents}"""
    directory = Path(directory)
    hosts = {}
    for role in roles:
        for variant, variables in variants(role).items():
            for form, given in (("typed", variables), ("text", as_text(role, variables))):
                hosts[f"{role}|{variant}|{form}"] = {
                    **load(f"roles/{role}/defaults/main.yml"),
                    **load(f"roles/{role}/vars/main.yml"),
                    **given,
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "role_path": str(ROOT / "roles" / role),
                    "rendered_templates":
                        f"{{{{ __{role}_templates | map('regex_replace', '^', role_path ~ '/templates/') }}}}",
                    "rendered_objects": DOCUMENTS,
                    "rendered_to": str(directory / f"{role}|{variant}|{form}.json"),
                }
    (directory / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}, sort_keys=False))
    (directory / "play.yml").write_text(yaml.safe_dump(PLAY, sort_keys=False))
    run = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.yml", "play.yml"],
        cwd=directory,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_FORKS": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise AssertionError(run.stdout[-6000:] + run.stderr[-2000:])
    return {
        tuple(name.split("|")): json.loads((directory / f"{name}.json").read_text(encoding="utf-8")) for name in hosts
    }
