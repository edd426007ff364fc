
# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the definition of PodPreset: roles/pod_presets/templates/definition.yml.j2.

Its fields are those of a pod in the oldest Kubernetes that the role works on.  What a preset may hold and a pod may
not would make the API server refuse each pod that the preset is for.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import yaml

VERSION = "1.34"
TARGET = Path(__file__).resolve().parents[2] / "roles/pod_presets/templates/definition.yml.j2"
HEADER = f"""\
{{# SPDX-License-Identifier: Apache-2.0 #}}
{{# Written by tests/tools/podpreset_crd.py; the schemas are those of Kubernetes {VERSION}'s OpenAPI definitions. #}}
"""
#: What the API server fills in in a pod.  It has to be filled in here as well, for the two to be alike.
DEFAULTS = {
    ("ObjectFieldSelector", "apiVersion"): "v1",
    ("ResourceFieldSelector", "divisor"): "0",
    ("ConfigMapVolumeSource", "defaultMode"): 0o644,
    ("DownwardAPIVolumeSource", "defaultMode"): 0o644,
    ("ProjectedVolumeSource", "defaultMode"): 0o644,
    ("SecretVolumeSource", "defaultMode"): 0o644,
    ("ServiceAccountTokenProjection", "expirationSeconds"): 3600,
    ("HostPathVolumeSource", "type"): "",
    ("ISCSIVolumeSource", "iscsiInterface"): "default",
    ("RBDVolumeSource", "keyring"): "/etc/ceph/keyring",
    ("RBDVolumeSource", "pool"): "rbd",
    ("RBDVolumeSource", "user"): "admin",
    ("ScaleIOVolumeSource", "fsType"): "xfs",
    ("ScaleIOVolumeSource", "storageMode"): "ThinProvisioned",
    ("AzureDiskVolumeSource", "cachingMode"): "ReadWrite",
    ("AzureDiskVolumeSource", "fsType"): "ext4",
    ("AzureDiskVolumeSource", "kind"): "Shared",
    ("AzureDiskVolumeSource", "readOnly"): False,
    ("PersistentVolumeClaimSpec", "volumeMode"): "Filesystem",
}


class Flow(dict):
    """A mapping that is written on one line."""


def definitions():
    path = f"kubernetes-json-schema/v{VERSION}.0-local/_definitions.json"
    return json.loads((resources.files("kubernetes_validate") / path).read_text(encoding="utf-8"))["$defs"]


def structural(known, name):
    """A definition as a CustomResourceDefinition takes it: without references and without prose."""
    definition = known[name]
    short = name.rpartition(".")[2]
    if short == "Quantity":
        return Flow({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True})
    if short == "ObjectMeta":
        # in a pod, the metadata of a claim's template
        texts = Flow(type="object", additionalProperties=Flow(type="string"))
        return Flow(type="object", properties=Flow(annotations=texts, labels=texts))
    if "properties" not in definition:
        return Flow({key: definition[key] for key in ("type", "format") if key in definition})
    properties = {}
    for field, schema in sorted(definition["properties"].items()):
        properties[field] = value(known, schema)
        if (short, field) in DEFAULTS:
            properties[field] = Flow(properties[field], default=DEFAULTS[short, field])
    result = {"type": "object", "properties": properties}
    if definition.get("required"):
        result["required"] = sorted(definition["required"])
    return result


def value(known, schema):
    if "$ref" in schema:
        return structural(known, schema["$ref"].rpartition("/")[2])
    kind = schema["type"] if isinstance(schema["type"], str) else next(item for item in schema["type"] if item != "null")
    result = Flow(type=kind)
    if "format" in schema:
        result["format"] = schema["format"]
    if kind == "array":
        result = {"type": kind, "items": value(known, schema["items"])}
    elif kind == "object" and "additionalProperties" in schema:
        result = {"type": kind, "additionalProperties": value(known, schema["additionalProperties"])}
    return Flow(result) if all(not isinstance(item, dict) or isinstance(item, Flow) for item in result.values()) else result


def spec(known):
    core, meta = "io.k8s.api.core.v1.", "io.k8s.apimachinery.pkg.apis.meta.v1."

    def items(kind, *keys):
        result = {"type": "array", "items": structural(known, core + kind)}
        if keys:
            result.update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})
        return result

    selector = structural(known, meta + "LabelSelector")
    expression = selector["properties"]["matchExpressions"]["items"]
    expression["properties"]["operator"]["enum"] = ["In", "NotIn", "Exists", "DoesNotExist"]
    expression["x-kubernetes-validations"] = [
        {
            "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            "message": "values belong to the operators In and NotIn, which need some",
        }
    ]
    return {
        "type": "object",
        "properties": {
            "selector": selector,
            "env": items("EnvVar", "name"),
            "envFrom": items("EnvFromSource"),
            "volumes": items("Volume", "name"),
            "volumeMounts": items("VolumeMount", "mountPath"),
        },
    }


def definition():
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "podpresets.settings.k8s.io",
            "annotations": {
                "api-approved.kubernetes.io":
                    "unapproved, stands in for the PodPreset API that Kubernetes served until 1.19",
            },
        },
        "spec": {
            "group": "settings.k8s.io",
            "scope": "Namespaced",
            "names": {
                "kind": "PodPreset",
                "listKind": "PodPresetList",
                "plural": "podpresets",
                "singular": "podpreset",
            },
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {"name": "Selector", "type": "string", "jsonPath": ".spec.selector"},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "apiVersion": Flow(type="string"),
                                "kind": Flow(type="string"),
                                "metadata": Flow(type="object"),
                                "spec": spec(definitions()),
                            },
                            "x-kubernetes-validations": [
                                {
                                    # The name is part of an annotation's, which the pod would be refused for.
                                    "rule": "size(self.metadata.name) <= 53",
                                    "message": "the name must not be longer than 53 characters",
                                }
                            ],
                        }
                    },
                }
            ],
        },
    }


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


Dumper.add_representer(Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True))


def text():
    return HEADER + yaml.dump(definition(), Dumper=Dumper, sort_keys=False, default_flow_style=False, width=160)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
