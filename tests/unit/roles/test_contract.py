# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds every role and playbook of the collection to one shape."""

from __future__ import annotations

import re

import pytest
import yaml

from .rendering import ROOT, application_roles, load, options

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
APPLICATIONS = application_roles()
PLAYBOOKS = sorted(
    path.stem for path in (ROOT / "playbooks").glob("*.yml") if not path.stem.endswith(".meta")
)

#: What every application role takes, and how: uninstall.yml and inventories rely on the fallbacks.
COMMON = {
    "state": ("str", "{{ slipway_kubernetes_state | default('present') }}"),
    "pod_security": ("str", None),
    "adopt": ("bool", False),
    "force_conflicts": ("bool", False),
    "wait": ("bool", "{{ slipway_kubernetes_wait | default(true) }}"),
    "wait_timeout": ("int", "{{ slipway_kubernetes_wait_timeout | default(300) }}"),
    "on_failure": ("str", None),
    "delete_data": ("bool", "{{ slipway_kubernetes_delete_data | default(false) }}"),
}
#: The same wherever a role has it.
SHARED = {
    "create_namespace": ("bool", True),
    "image_registry": ("str", "{{ slipway_kubernetes_image_registry | default('') }}"),
    "image_pull_policy": ("str", None),
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
    return [
        task
        for task in tasks_of(role)
        if (task.get("ansible.builtin.include_role") or {}).get("name") == "slipway.kubernetes.release"
    ]


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


def documented_default(value, kind):
    """A default as an argument spec can give it: it takes no expression for a bool or an int, so there the fallback's."""
    fallback = re.fullmatch(r"{{ slipway_kubernetes_\w+ \| default\((\w+)\) }}", str(value))
    return yaml.safe_load(fallback[1]) if fallback and kind in ("bool", "int") else value


@pytest.mark.parametrize("role", ROLES)
def test_specs_equal_defaults(role):
    spec = {name: option.get("default") for name, option in options(role).items() if not option.get("required")}
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
    path = ROOT / "roles" / role / "vars" / "main.yml"
    internal = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
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


@pytest.mark.parametrize("role", ROLES)
def test_scenario_exists(role):
    folder = ROOT / "molecule" / role
    assert (folder / "molecule.yml").is_file()
    inventory = load(f"molecule/{role}/inventory.yml")["all"]
    assert inventory["children"]["release"]["hosts"]
    assert inventory["children"]["refused"]["hosts"], "bad input is tried, too"
    assert (folder / "tasks" / "verify.yml").is_file()


@pytest.mark.parametrize("role", APPLICATIONS)
def test_application_roles_go_through_release(role):
    (call,) = release_calls(role)
    given = call["vars"]
    known = options("release")
    assert set(given) <= set(known)
    assert {"release_name", "release_templates"} <= set(given)
    assert given["release_templates"] == f"{{{{ __{role}_templates }}}}"
    for suffix in COMMON:
        assert given[f"release_{suffix}"] == f"{{{{ {role}_{suffix} }}}}", suffix
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
    text = (ROOT / "roles" / role / "vars" / "main.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w.-]+\.yml\.j2", text))
    assert listed == present


def test_release_has_no_templates():
    # The lookup would find them before those of the calling role.
    assert not (ROOT / "roles" / "release" / "templates").exists()


def test_every_application_role_has_a_layer():
    layers = load("playbooks/vars/layers.yml")["platform_layers"]
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
    for play in plays:
        assert play["connection"] == "local"
        assert play["gather_facts"] is False
        assert play["vars"]["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
    if load(f"playbooks/{playbook}.meta.yml")["argument_specs"][playbook]["options"]:
        first = plays[0]["tasks"][0]
        assert first["ansible.builtin.include_tasks"] == "tasks/check_inputs.yml"
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
