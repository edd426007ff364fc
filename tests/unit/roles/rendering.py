# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the templates of roles as Ansible does, without a cluster.

Every role has variants/ROLE.yml: a name for each set of variables to render with.  All of them are rendered by one
run of ansible-playbook, in which each is a host.  A variant whose objects not all versions of Kubernetes know has the
list of those that do, kubernetes_versions.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import jinja2
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = (
    "{{ query('ansible.builtin.template', *rendered_templates) | map('from_yaml_all') | map('list') | flatten"
    " | select }}"
)

NOTHING_FOUND = "{{{{ {{'found': {} | map('combine', {{'served': true, 'seen': true, 'resources': []}})}} }}}}"


def collections_path():
    """Where the collection itself is found under its name, with the filters of its templates."""
    in_place = ROOT.parts[-3:] == ("ansible_collections", "slipway", "kubernetes")
    return ROOT.parents[2] if in_place else ROOT / ".collections"


@functools.cache
def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def role_variables(role, loader):
    """The defaults and variables of a role, and what it would find in an empty cluster."""
    folder, found = ROOT / "roles" / role, {}
    for path in (folder / "defaults/main.yml", *sorted([*folder.glob("vars/main.yml"), *folder.glob("vars/main/*.yml")])):
        found.update(loader.load_from_file(str(path), trusted_as_template=True))
    found["role_path"] = str(folder)
    found["ansible_search_path"] = search_path(role)
    found["__release_lookups"] = trust_as_template(NOTHING_FOUND.format(f"__{role}_lookups" if f"__{role}_lookups" in found else "[]"))
    return found


def application_roles():
    # Those of `release` are parts that others import.
    return sorted({path.parent.name for path in (ROOT / "roles").glob("*/templates")} - {"release"})


def search_path(role):
    """Where the lookup finds templates, and templates what they import: the role release renders those of the role that calls it."""
    return [str(ROOT / "roles" / name) for name in ("release", role)]


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


def compile_once():
    """Ansible compiles the text of a variable each time it is used, which is most of the work where many are rendered."""
    jinja2.Environment.compile = functools.cache(jinja2.Environment.compile)


def render(role):
    """{(variant, "typed" or "text"): documents}

    In a process of its own, because Ansible takes over its imports.
    """
    run = subprocess.run(
        [sys.executable, "-m", __name__, role],
        cwd=Path(__file__).parents[__name__.count(".")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-6000:]
    return {tuple(name.split("|")): documents for name, documents in json.loads(run.stdout).items()}


def _render_here(role):
    init_plugin_loader([str(collections_path())])
    loader = DataLoader()
    own = role_variables(role, loader)
    own["rendered_templates"] = trust_as_template(
        f"{{{{ __{role}_templates | map('regex_replace', '^', role_path ~ '/templates/') }}}}"
    )
    found = {}
    for variant, variables in variants(role).items():
        for form, given in (("typed", variables), ("text", as_text(role, variables))):
            found[f"{variant}|{form}"] = Templar(loader, {**own, **given}).template(trust_as_template(DOCUMENTS))
    return found


if __name__ == "__main__":
    print(json.dumps(_render_here(sys.argv[1])))
