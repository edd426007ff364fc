# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds every role and playbook of the collection to one shape."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.release import OPTIONS

from .rendering import ROOT, application_roles, load, options

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
APPLICATIONS = application_roles()
PLAYBOOKS = sorted(
    path.stem for path in (ROOT / "playbooks").glob("[!_]*.yml") if not path.stem.endswith(".meta")
)

#: What every application role takes, and how: uninstall.yml and inventories rely on the fallbacks.
COMMON = {
    "state": ("str", "{{ slipway_kubernetes_state | default('present') }}"),
    "pod_security": ("str", None),
    "adopt": ("bool", False),
    "force_conflicts": ("bool", False),
    "wait": ("bool", "{{ slipway_kubernetes_wait | default(true) }}"),
    "wait_timeout": ("int", "{{ slipway_kubernetes_wait_timeout | default(300) }}"),
    "fail_fast": ("bool", True),
    "fail_fast_restarts": ("int", 3),
    "fail_fast_after": ("int", 60),
    "on_failure": ("str", None),
    "delete_data": ("bool", "{{ slipway_kubernetes_delete_data | default(false) }}"),
    "delete_namespace": ("bool", "{{ slipway_kubernetes_delete_namespace | default(false) }}"),
    "prune": ("bool", True),
    "hold": ("str", None),
    "renamed_from": ("dict", {}),
    "history_limit": ("int", 10),
}
#: The same wherever a role has it.
SHARED = {
    "create_namespace": ("bool", True),
    "image_registry": ("str", "{{ slipway_kubernetes_image_registry | default('') }}"),
    "image_pull_policy": ("str", ""),
    "image_pull_secrets": ("list", "{{ slipway_kubernetes_image_pull_secrets | default([]) }}"),
    "replicas": ("int", None),
    "resources": ("dict", None),
    "node_selector": ("dict", None),
    "tolerations": ("list", []),
    "affinity": ("dict", None),
    "topology_spread_constraints": ("list", []),
    "network_policy": ("bool", True),
    "pdb": ("str", None),
}
#: No role needs a shell: what kubernetes.core lacks is a module of this collection.
FORBIDDEN = {"shell", "command", "raw", "script", "expect"}


def tasks_of(role):
    """Every task of a role, those in blocks included."""

    def walk(tasks):
        for task in tasks or []:
            yield task
            for section in ("block", "rescue", "always"):
                yield from walk(task.get(section))

    for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml")):
        yield from walk(yaml.safe_load(path.read_text(encoding="utf-8")))


def defaults(role):
    return load(f"roles/{role}/defaults/main.yml") or {}


def release_calls(role):
    calls = [task for task in tasks_of(role) if (task.get("ansible.builtin.import_role") or {}).get("name") == "slipway.kubernetes.release"]
    # What has to be worked out between the checks and the release.
    return [task for task in calls if task["ansible.builtin.import_role"].get("tasks_from") != "checks.yml"]


def owns(role, name):
    return name == role or name.startswith(role + "_")


@pytest.mark.parametrize("role", ROLES)
def test_readme_has_an_example(role):
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# slipway.kubernetes.{role}\n")
    assert "```yaml\n" in text
    assert f"name: slipway.kubernetes.{role}\n" in text
    assert "meta/argument_specs.yml" in text


@pytest.mark.parametrize("role", ROLES)
def test_meta_is_complete(role):
    meta = load(f"roles/{role}/meta/main.yml")
    assert meta["dependencies"] == []
    info = meta["galaxy_info"]
    assert info["license"] == "GPL-3.0-or-later"
    assert info["author"] and info["description"]
    floor = load("meta/runtime.yml")["requires_ansible"]
    assert floor == f">={info['min_ansible_version']}.0"


#: How the role release gets what it is not given: from the variables of the role that called it.
LOOKED_UP = re.compile(r"{{ lookup\('ansible\.builtin\.vars', __release_prefix ~ '(\w+)', default=(.+)\) }}")


def documented_default(value, kind):
    """A default as an argument spec can give it: it takes no expression for a bool or an int, so there the fallback's.

    Of what is looked up among another role's variables, what counts where that has none.
    """
    if looked_up := LOOKED_UP.fullmatch(str(value)):
        return yaml.safe_load(looked_up[2])
    fallback = re.fullmatch(r"{{ slipway_kubernetes_\w+ \| default\((\w+)\) }}", str(value))
    return yaml.safe_load(fallback[1]) if fallback and kind in ("bool", "int") else value


@pytest.mark.parametrize("role", ROLES)
def test_specs_equal_defaults(role):
    # Nothing is not the same as an empty reason, which ends a hold.
    given = {name: option for name, option in options(role).items() if name != f"{role}_hold"}
    spec = {name: option.get("default") for name, option in given.items() if not option.get("required")}
    kinds = {name: option["type"] for name, option in options(role).items()}
    assert spec == {name: documented_default(value, kinds.get(name)) for name, value in defaults(role).items()}
    assert [name for name in options(role) if name in spec] == list(defaults(role)), "in the same order"


@pytest.mark.parametrize("role", ROLES)
def test_options_are_documented(role):
    main = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]
    assert main["short_description"] and main["description"]
    for name, option in main["options"].items():
        assert option.get("description"), name
        assert option.get("type"), name
        assert option["type"] != "list" or option.get("elements"), name


@pytest.mark.parametrize("role", ROLES)
def test_variables_are_prefixed(role):
    assert [name for name in options(role) if not owns(role, name)] == []
    internal = [name for path in (ROOT / "roles" / role / "vars").rglob("*.yml") for name in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert [name for name in internal if not name.startswith(f"__{role}_")] == []
    for task in tasks_of(role):
        names = [task["register"]] if "register" in task else []
        names += task.get("ansible.builtin.set_fact") or {}
        names += [task["loop_control"]["loop_var"]] if "loop_var" in task.get("loop_control", {}) else []
        foreign = [n for n in names if n != "cacheable" and not owns(role, n) and not n.startswith(f"__{role}_")]
        assert foreign == [], task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_no_shell_and_no_secret_in_the_log(role):
    for task in tasks_of(role):
        assert not FORBIDDEN & {key.rsplit(".", 1)[-1] for key in task}, task["name"]
        keyword = task.get("no_log", False)
        assert keyword is True or "ecret" not in task["name"] or "kubernetes.core.k8s" not in task, task["name"]


def all_tasks():
    """(file, task) of every task of roles and playbooks, those that teach left out."""

    def walk(tasks):
        for task in tasks or []:
            yield task
            for section in ("block", "rescue", "always", "tasks"):
                yield from walk(task.get(section))

    for path in sorted([*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks/tasks").glob("*.yml")]):
        for task in walk(yaml.safe_load(path.read_text(encoding="utf-8"))) if not path.stem.endswith(".meta") else ():
            yield str(path.relative_to(ROOT)), task


def test_no_result_has_variables_of_containers():
    """A result is seen with -v, and in the events of AWX always."""
    workloads = {"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Secret"}
    assert [
        (path, task["name"])
        for path, task in all_tasks()
        for module in ("k8s_info", "k8s_scale")
        if (given := task.get(f"kubernetes.core.{module}")) and given["kind"] in workloads
        if task.get("no_log") is not True and not {"spec", "spec.template", "spec.template.spec.containers[0].env"} & set(given.get("hidden_fields", []))
    ] == []


def options_below(found):
    for name, option in found.items():
        yield name, option
        yield from options_below(option.get("options") or {})


@pytest.mark.parametrize("role", ROLES)
def test_what_is_secret_is_not_shown_when_arguments_are_checked(role):
    secret = re.compile(r"(password|(?<!existing)(?<!tls)(?<!token)_secret|(api|access|encrypt)_key|^key)$")
    found = [name for name, option in options_below(options(role)) if option["type"] == "str" and secret.search(name)]
    assert [name for name, option in options_below(options(role)) if name in found and "no_log" not in option] == []


@pytest.mark.parametrize("role", ROLES)
def test_scenario_exists(role):
    folder = ROOT / "molecule" / role
    assert (folder / "molecule.yml").is_file()
    inventory = load(f"molecule/{role}/inventory.yml")["all"]
    assert inventory["children"]["release"]["hosts"]
    assert inventory["children"]["refused"]["hosts"], "bad input is tried, too"
    assert (folder / "tasks" / "verify.yml").is_file()


@pytest.mark.parametrize("role", APPLICATIONS)
def test_application_roles_check_their_variables_first(role):
    first = next(task for task in load(f"roles/{role}/tasks/main.yml") if "ansible.builtin.import_role" in task)
    call = first["ansible.builtin.import_role"]
    assert call["name"] == "slipway.kubernetes.release" and call.get("tasks_from", "checks.yml") == "checks.yml"
    assert first["vars"]["release_state"] == f"{{{{ {role}_state }}}}"
    assert f"__{role}_problems" in first["vars"].get("release_problems", "") + first["vars"].get("release_cluster_problems", "")
    assert "when" not in first


@pytest.mark.parametrize("role", APPLICATIONS)
def test_application_roles_go_through_release(role):
    (call,) = release_calls(role)
    given = call["vars"]
    known = options("release")
    assert set(given) <= set(known)
    assert {"release_name", "release_templates"} <= set(given)
    assert given["release_templates"] == f"{{{{ __{role}_templates }}}}"
    # All else it looks up by itself.
    assert given["release_state"] == f"{{{{ {role}_state }}}}"
    assert [suffix for suffix in COMMON if suffix != "state" and f"release_{suffix}" in given] == []
    others = [
        task
        for task in tasks_of(role)
        # A patch is for somebody else's object, which the release must not make its own.
        if "kubernetes.core.k8s" in task and task["kubernetes.core.k8s"].get("state") != "patched"
        or "kubernetes.core.helm" in task
    ]
    assert others == [], "objects are applied by release alone"


@pytest.mark.parametrize("role", APPLICATIONS)
@pytest.mark.parametrize("suffix", [*COMMON, *SHARED])
def test_shared_variables_are_alike(role, suffix):
    option = options(role).get(f"{role}_{suffix}")
    if option is None:
        assert suffix in SHARED, f"{role}_{suffix} is missing"
        return
    kind, default = {**COMMON, **SHARED}[suffix]
    model = options("app")[f"app_{suffix}"]
    assert option["type"] == kind
    assert option.get("elements") == model.get("elements")
    if "choices" in model:
        assert option["choices"] == model["choices"]
    if default is not None:
        # What takes longer to start may wait longer.
        actual = defaults(role)[f"{role}_{suffix}"]
        assert (re.sub(r"default\(\d+\)", "default(300)", actual) if suffix == "wait_timeout" else actual) == default


@pytest.mark.parametrize("role", APPLICATIONS)
def test_every_template_is_listed_and_exists(role):
    # A template that begins with an underscore is included by others.
    present = {path.name for path in (ROOT / "roles" / role / "templates").iterdir() if path.name[0] != "_"}
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role / "vars").rglob("*.yml"))
    listed = set(re.findall(r"[\w.-]+\.yml\.j2", text))
    assert listed == present


@pytest.mark.parametrize("suffix", sorted({*COMMON, "create_namespace", "change_cause"} - {"state", "hold"}))
def test_release_looks_up_what_is_done_with_a_release_in_the_role_that_called(suffix):
    assert LOOKED_UP.fullmatch(defaults("release")[f"release_{suffix}"])[1] == suffix


def test_release_has_no_templates_but_what_others_import():
    # The lookup would find them before those of the calling role.
    assert [path.name for path in (ROOT / "roles" / "release" / "templates").iterdir()] == ["_kubernetes.j2"]


#: prints the value of a template, given as JSON after its variables
TEMPLATE = """
import json, sys
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
init_plugin_loader()
variables, text = json.loads(sys.argv[1])
print(json.dumps(Templar(DataLoader(), variables).template(trust_as_template(text))))
"""


def templated(variables, text):
    # the loader of plugins is the process's
    asked = [sys.executable, "-c", TEMPLATE, json.dumps([variables, text])]
    return json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "omitted"),
        ({"app_hold": "audit"}, "audit"),
        ({"app_hold": ""}, ""),
        ({"release_hold": "", "app_hold": "audit"}, ""),
        ({"other_hold": "audit", "app_hold_up": "audit"}, "omitted"),
    ],
)
def test_a_hold_ends_only_if_somebody_says_so(given, expected):
    """As an empty reason does, and none does not."""
    (task,) = [task["slipway.kubernetes.release"] for task in load("roles/release/tasks/apply.yml") if "slipway.kubernetes.release" in task]
    assert templated({"__release_prefix": "app_", "omit": "omitted", **given}, task["hold"]) == expected


def test_release_is_one_task_that_hands_over_all_the_module_takes():
    (given,) = [task["slipway.kubernetes.release"] for task in load("roles/release/tasks/apply.yml") if "slipway.kubernetes.release" in task]
    assert set(given) == set(OPTIONS)
    used = set(re.findall(r"\brelease_\w+", str(given)))
    # looked at and rendered first
    assert used | {"release_templates", "release_lookups", "release_problems", "release_cluster_problems"} == set(options("release"))
    assert [name for name, value in given.items() if f"release_{name}" not in value] == ["variable_prefix", "min_version"]


@pytest.mark.parametrize(
    "specs, known",
    [
        (None, {}),
        ({"main": {"short_description": "x"}}, {}),
        ({"main": {"options": {"shop_image": {"type": "str"}}}}, {"shop_image": {"type": "str"}}),
    ],
    ids=["none", "without options", "options"],
)
def test_release_takes_a_role_of_somebody_else_as_it_is(tmp_path, specs, known):
    if specs is not None:
        (tmp_path / "meta").mkdir()
        (tmp_path / "meta" / "argument_specs.yml").write_text(yaml.safe_dump({"argument_specs": specs}), encoding="utf-8")
    variables = {"__release_caller_path": str(tmp_path), "__release_for_own": False}
    assert templated(variables, load("roles/release/vars/main.yml")["__release_options"]) == known


def test_every_application_role_has_a_layer():
    layers = load("playbooks/vars/layers.yml")["__platform_layers"]
    # nodes has no templates, as a release must not own what it would delete.
    assert sorted(role for layer in layers for role in layer) == sorted([*APPLICATIONS, "nodes"])


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_inputs_of_playbooks_are_documented(playbook):
    meta = load(f"playbooks/{playbook}.meta.yml")
    spec = meta["argument_specs"][playbook]
    assert list(meta["argument_specs"]) == [playbook]
    assert spec["short_description"] and spec["description"]
    assert "make " in spec["examples"] or f"slipway.kubernetes.{playbook}" in spec["examples"]
    assert [name for name in spec["options"] if not name.startswith(playbook + "_")] == []
    for name, option in spec["options"].items():
        assert option["description"] and option["type"], name


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_run_where_the_client_is_and_check_their_inputs(playbook):
    plays = [play for play in load(f"playbooks/{playbook}.yml") if "hosts" in play]
    for play in [*plays, *load("playbooks/_layer.yml")]:
        assert play["connection"] == "local"
        assert play["gather_facts"] is False
        assert play["vars"]["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
    if load(f"playbooks/{playbook}.meta.yml")["argument_specs"][playbook]["options"]:
        first = plays[0]["tasks"][0]
        assert first["ansible.builtin.import_tasks"] == "tasks/check_inputs.yml"
        assert first["vars"] == {"__playbook": playbook}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_documented_inputs_are_those_that_are_used(playbook):
    documented = set(load(f"playbooks/{playbook}.meta.yml")["argument_specs"][playbook]["options"])
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    for path in (ROOT / "playbooks" / "tasks").glob("*.yml"):
        text += path.read_text(encoding="utf-8")
    used = set(re.findall(rf"\b({playbook}_[a-z_]+)\b", text))
    imported = {name for play in load(f"playbooks/{playbook}.yml") if "hosts" not in play for name in play.get("vars", {})}
    assert documented == used - imported
