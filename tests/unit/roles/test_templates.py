# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles render is valid for every version of Kubernetes that the collection supports."""

from __future__ import annotations

import re

import kubernetes_validate
import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o
from kubernetes_validate.utils import SchemaNotFoundError

from .rendering import application_roles, render, roles_with_variants, variants

VERSIONS = ["1.34", "1.35", "1.36", "1.37"]
# All tests of a role go to one process, which renders it once.
CASES = [
    pytest.param(role, variant, marks=pytest.mark.xdist_group(role))
    for role in roles_with_variants() for variant in variants(role)
]


class Rendered(dict):
    """What the roles render, once it is asked for."""

    def __missing__(self, key):
        self.update({(key[0], *form): documents for form, documents in render(key[0]).items()})
        return self[key]


@pytest.fixture(scope="module")
def rendered():
    return Rendered()


def test_every_role_has_variants():
    assert roles_with_variants() == application_roles()


@pytest.mark.parametrize("role, variant", CASES)
def test_objects_are_valid(rendered, role, variant):
    documents = rendered[role, variant, "typed"]
    assert documents
    versions = variants(role)[variant].get("kubernetes_versions", VERSIONS)
    for obj in o.prepare(documents, "release", "somewhere"):
        for version in versions:
            if not o.is_builtin(obj["apiVersion"]):
                continue
            try:
                kubernetes_validate.validate(obj, version, strict=True)
            except SchemaNotFoundError:
                pytest.fail(f"Kubernetes {version} has no {obj['apiVersion']} {obj['kind']}")
            except kubernetes_validate.ValidationError as error:
                path = ".".join(map(str, error.path))
                pytest.fail(f"{o.title(obj)} for Kubernetes {version}: {path}: {error.message}")


def without_random_values(documents):
    """Generated Secrets hold something else each time."""
    return [dict(obj, stringData=sorted(obj["stringData"])) if o.is_generated(obj) else obj for obj in documents]


@pytest.mark.parametrize("role, variant", CASES)
def test_variables_may_be_texts(rendered, role, variant):
    assert without_random_values(rendered[role, variant, "text"]) == without_random_values(rendered[role, variant, "typed"])


@pytest.mark.parametrize("role, variant", CASES)
def test_workloads_select_what_cannot_change(rendered, role, variant):
    for obj in rendered[role, variant, "typed"]:
        if obj["kind"] not in o.WORKLOADS:
            continue
        selector = obj["spec"]["selector"]["matchLabels"]
        assert selector.items() <= obj["spec"]["template"]["metadata"]["labels"].items()
        assert not [key for key in selector if "version" in key]


def containers(value):
    """Every container in an object, those of pods within texts left out."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from containers(item)
    if isinstance(value, dict) and isinstance(value.get("image"), str) and "name" in value:
        yield value


@pytest.mark.parametrize("role, variant", CASES)
def test_images_are_pulled_as_asked(rendered, role, variant):
    """Without a word about it, Kubernetes decides by the tag."""
    asked = variants(role)[variant].get(f"{role}_image_pull_policy")
    found = {container.get("imagePullPolicy") for obj in rendered[role, variant, "typed"] for container in containers(obj)}
    assert found <= {asked}


@pytest.mark.xdist_group("wordpress")
def test_settings_of_php_are_what_was_given(rendered):
    # As PHP 8.2's own parse_ini_string reads them. A file with a second = in a line it does not read at all.
    data = next(obj["data"] for obj in rendered["wordpress", "difficult_texts", "typed"] if obj["kind"] == "ConfigMap")
    assert data["php.ini"] == (
        "memory_limit = 256M\n"
        "display_errors = false\n"
        "disable_functions = exec, passthru\n"
        "error_reporting = E_ALL & ~E_DEPRECATED\n"
        "session.save_path = 'tcp://redis:6379?auth=a&timeout=2'\n"
        "mail.log = 'it'\"'\"'s; \"here\"'\n"
        "user_agent = 'quoted; already'\n"
        "sendmail_path = '${HOME}'\n"
        "auto_prepend_file = 'a\nb = 3'\n"
    )


def expanded(text, variables):
    """As Kubernetes reads the value of a variable: k8s.io/kubernetes v1.37.2, third_party/forked/golang/expansion."""
    return re.sub(
        r"\$(\$|\(([^)]*)\)|(.)|\Z)",
        lambda match: "$" if match[1] == "$" else variables.get(match[2], match[0]) if match[2] else match[0],
        text,
        flags=re.S,
    )


@pytest.mark.xdist_group("wordpress")
def test_code_of_wordpress_is_what_was_given(rendered):
    deployment = next(obj for obj in rendered["wordpress", "difficult_texts", "typed"] if obj["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    for container in pod["containers"] + pod["initContainers"]:
        value = next(entry["value"] for entry in container["env"] if entry["name"] == "WORDPRESS_CONFIG_EXTRA")
        given = variants("wordpress")["difficult_texts"]["wordpress_config_extra"].strip()
        assert expanded(value, {"HOME": "/root"}).endswith(f"\n{given}")


@pytest.mark.xdist_group("cassandra")
def test_names_in_cql_are_what_was_given(rendered):
    job = next(obj for obj in rendered["cassandra", "difficult_texts", "typed"] if obj["kind"] == "Job")
    env = {entry["name"]: entry.get("value") for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["CASSANDRA_SYSTEM_REPLICATION"] == "{'class': 'NetworkTopologyStrategy', 'o''hare': 3}"
    assert (
        "CREATE KEYSPACE IF NOT EXISTS \"shop\" WITH replication = "
        "{'class': 'NetworkTopologyStrategy', 'o''hare': '3', '2024': 1};\n" in env["CASSANDRA_SETUP"]
    )
