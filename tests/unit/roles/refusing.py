# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles say to bad input, without a cluster: they are followed up to where they would change something.

refusals/ROLE.yml has the variables that all entries share, and a name for each bad input, with the message, `refusal`, that it has
to be refused with.  The cluster that the roles look at is an empty one.  That a role really stops there is seen in its Molecule
scenario, which has two such inputs and those that depend on what is in the cluster.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

from .rendering import ROOT, collections_path, compile_once, load, role_variables

#: keywords of a task that it may have beside its module
KEYWORDS = {"name", "when", "loop", "loop_control", "register", "no_log", "vars", "rescue", "failed_when"}


def roles_with_refusals():
    return sorted(path.stem for path in (ROOT / "tests/unit/roles/refusals").glob("*.yml"))


def refusals(role):
    return load(f"tests/unit/roles/refusals/{role}.yml")["refused"]


@functools.cache
def messages():
    """{role: {name: message}}, of all roles at once.

    In a process of its own, because Ansible takes over its imports.
    """
    # Filters of the collection are found as for ansible-playbook typed in the checkout.
    collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".collections"))
    run = subprocess.run(
        [sys.executable, "-m", __name__],
        cwd=Path(__file__).parents[__name__.count(".")],
        env=os.environ | {"ANSIBLE_COLLECTIONS_PATH": collections},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-6000:]
    return json.loads(run.stdout)


class Refused(Exception):
    """What a role says to its input."""


class Reached(Exception):
    """The role has come to where it would change something."""


class Files:
    """The files of a role, each read once."""

    def __init__(self, loader, role):
        self.loader, self.path, self._read = loader, ROOT / "roles" / role, {}

    def load(self, path):
        if path not in self._read:
            self._read[path] = self.loader.load_from_file(str(self.path / path), trusted_as_template=True) or {}
        return self._read[path]


class Role:
    """A role as it is run for one set of variables, up to where it would change something."""

    def __init__(self, templar, name, files, release, given):
        self.templar, self.name, self.files, self.release = templar, name, files, release
        # What is `omit` counts as not given.
        given = {key: value for key, value in given.items() if value != "{{ omit }}"}
        own = role_variables(name, files.loader)
        self.variables = {**own, **given, **{key: own[key] for key in own if key not in files.load("defaults/main.yml")}}

    def value(self, expression, **variables):
        self.templar.available_variables = {**self.variables, **variables}
        return self.templar.template(trust_as_template(expression))

    def holds(self, condition, **variables):
        conditions = condition if isinstance(condition, list) else [condition]
        return all(self.value(f"{{{{ {one} }}}}", **variables) for one in conditions)

    def message(self):
        """What the role refuses its input with; nothing when it doesn't."""
        try:
            self.check_arguments()
            self.run(self.files.load("tasks/main.yml"))
        except Refused as refused:
            return str(refused)
        except Reached:
            pass
        return ""

    def check_arguments(self):
        """As Ansible does before the first task."""
        spec = self.files.load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        given = {name: self.value(f"{{{{ {name} }}}}") for name in spec if name in self.variables}
        if problems := ArgumentSpecValidator(spec).validate(given).error_messages:
            raise Refused("\n".join(problems))

    def run(self, tasks):
        for task in tasks:
            (module,) = [key for key in task if key not in KEYWORDS]
            variables = task.get("vars", {})
            if "when" in task and not self.holds(task["when"], **variables):
                continue
            step = getattr(self, module.rpartition(".")[2], None)
            if step is None:
                raise Reached
            step(task, task[module], variables)

    # ------------------------------------------------------------- modules --
    def objects_info(self, task, arguments, variables):
        wanted = self.value(arguments["objects"], **variables)
        self.variables[task["register"]] = {
            "found": [{**each, "served": "beta" not in each.get("api_version", ""), "seen": True, "resources": []} for each in wanted]
        }

    def set_fact(self, task, arguments, variables):
        self.variables.update({key: self.value(value, **variables) for key, value in arguments.items()})

    def include_tasks(self, task, arguments, variables):
        self.run(self.files.load(f"tasks/{arguments}"))

    def assert_(self, task, arguments, variables):
        if not self.holds(arguments["that"], **variables):
            raise Refused(self.value(arguments["fail_msg"], **variables))

    def import_role(self, task, arguments, variables):
        """Of the release, its checks: it refuses variables that the role doesn't know, values that fit nowhere, and the role's own problems."""
        own = self.variables
        self.variables = {**self.release.load("defaults/main.yml"), **own, **self.release.load("vars/main.yml"), **variables}
        self.variables.update(ansible_parent_role_names=[f"slipway.kubernetes.{self.name}"], ansible_parent_role_paths=[str(self.files.path)])
        # Without extra variables.
        self.variables["__release_foreign"] = []
        if arguments.get("tasks_from") != "apply.yml":
            self.run(self.release.load("tasks/checks.yml"))
        if arguments.get("tasks_from") != "checks.yml":
            raise Reached
        self.variables = {**own, "__release_lookups": self.variables["__release_lookups"]}

    def block(self, task, tasks, variables):
        self.run(tasks)


setattr(Role, "assert", Role.assert_)


def _messages():
    compile_once()
    init_plugin_loader([str(collections_path())])
    loader, found = DataLoader(), {}
    templar, release = Templar(loader), Files(loader, "release")
    for name in roles_with_refusals():
        files, inputs = Files(loader, name), Files(loader, "").load(f"../tests/unit/roles/refusals/{name}.yml")
        found[name] = {
            host: Role(templar, name, files, release, {**inputs["variables"], "inventory_hostname": host, **given}).message()
            for host, given in inputs["refused"].items()
        }
        # Every text null at once, and each alone that a default looks at. Of other types Ansible refuses null by itself.
        spec = files.load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        texts = [key for key, option in spec.items() if option["type"] == "str" and not {"choices", "required"} & option.keys()]
        defaults = str(files.load("defaults/main.yml").values())
        for nulls in [texts, *([key] for key in texts if key in defaults)]:
            given = {**inputs["variables"], "inventory_hostname": "null", **dict.fromkeys(nulls)}
            found[name][" ".join(["null", *nulls])] = Role(templar, name, files, release, given).message()
    return found


if __name__ == "__main__":
    print(json.dumps(_messages()))
