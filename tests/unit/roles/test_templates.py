# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles render is valid for every version of Kubernetes that the collection supports."""

from __future__ import annotations

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
