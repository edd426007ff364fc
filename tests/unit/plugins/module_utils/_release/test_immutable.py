# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages are those of an API server v1.37.2."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.immutable import explain

CASES = {
    "job": (
        "Job",
        'Job.batch "x" is invalid: spec.template: Invalid value: {"metadata":{"labels":{"a":"b: c"}},"spec":{}}: field is immutable',
        "spec.template: Invalid value: ...: field is immutable. Take the change back, or delete it with "
        "`kubectl delete job x --namespace shop` and run this again; the annotation slipway.kubernetes/recreate has that done",
    ),
    "service": (
        "Service",
        'Service "x" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set',
        "spec.clusterIPs[0]: Invalid value: ...: may not change once set. Take the change back, or delete it with "
        "`kubectl delete service x --namespace shop` and run this again; the annotation slipway.kubernetes/recreate has that done",
    ),
    "claim templates": (
        "StatefulSet",
        'StatefulSet.apps "x" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \'replicas\', '
        "'ordinals', 'template' are forbidden",
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' are forbidden. "
        "Only replicas, template, updateStrategy and the like can be changed. Take the other changes back, or delete the set but "
        "not its pods and claims with `kubectl delete statefulset x --namespace shop --cascade=orphan`, and run this again",
    ),
    "immutable secret": (
        "Secret",
        'Secret "x" is invalid: data: Forbidden: field is immutable when `immutable` is set',
        "data: Forbidden: field is immutable when `immutable` is set. Give it another name, so that pods of earlier revisions "
        "keep what they have",
    ),
    "claim": (
        "PersistentVolumeClaim",
        'PersistentVolumeClaim "x" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests',
        "spec: Forbidden: spec is immutable after creation except resources.requests. Take the change back, or make a claim of "
        "another name and move the data",
    ),
    "anything else": ("Job", 'Job.batch "x" is invalid: spec.parallelism: must be positive', None),
}


@pytest.mark.parametrize(("kind", "message", "expected"), CASES.values(), ids=CASES)
def test_the_servers_words_and_what_to_do(kind, message, expected):
    obj = {"kind": kind, "metadata": {"name": "x", "namespace": "shop"}}
    assert explain(obj, message) == (expected or message)


def test_a_cluster_scoped_object():
    obj = {"kind": "StorageClass", "metadata": {"name": "fast"}}
    assert "`kubectl delete storageclass fast`" in explain(obj, "parameters: Forbidden: field is immutable")
