# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o


def obj(kind="ConfigMap", name="x", api_version="v1", **rest):
    meta = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def crd(group="example.com", kind="Widget", scope="Namespaced"):
    return obj(
        "CustomResourceDefinition",
        f"{kind.lower()}s.{group}",
        "apiextensions.k8s.io/v1",
        spec={"group": group, "names": {"kind": kind}, "scope": scope},
    )


def prepared(*documents, **kwargs):
    return o.prepare(documents, "rel", kwargs.pop("namespace", "shop"), **kwargs)


LABELS = {
    "app.kubernetes.io/managed-by": "slipway.kubernetes",
    "slipway.kubernetes/release": "rel",
    "slipway.kubernetes/release-namespace": "shop",
}


class TestPrepare:
    def test_labels_and_namespace_are_added_and_nothing_is_lost(self):
        document = obj(metadata={"labels": {"a": "b"}})
        (result,) = prepared(document)
        assert result["metadata"] == {"name": "x", "namespace": "shop", "labels": {"a": "b", **LABELS}}
        assert document["metadata"] == {"name": "x", "labels": {"a": "b"}}

    @pytest.mark.parametrize(
        "document, namespace",
        [
            (obj(), "shop"),
            (obj(metadata={"namespace": "kube-system"}), "kube-system"),
            (obj("ClusterRole", api_version="rbac.authorization.k8s.io/v1"), None),
            (obj("StorageClass", api_version="storage.k8s.io/v1"), None),
            # Whether a custom resource has a namespace is known when its definition is at hand, ...
            (obj("Widget", api_version="example.com/v1"), "shop"),
            (obj("Global", api_version="example.com/v1"), None),
            # ... and else it is left as it is.
            (obj("Foreign", api_version="foreign.com/v1"), None),
            (obj("HTTPRoute", api_version="gateway.networking.k8s.io/v1"), None),
        ],
    )
    def test_namespace(self, document, namespace):
        result = prepared(document, crd(), crd(kind="Global", scope="Cluster"))
        (found,) = [r for r in result if r["kind"] == document["kind"]]
        assert found["metadata"].get("namespace") == namespace

    def test_no_namespace_for_a_cluster_scoped_release(self):
        (result,) = prepared(obj("StorageClass", api_version="storage.k8s.io/v1"), namespace="", create_namespace=True)
        assert "namespace" not in result["metadata"]
        assert result["metadata"]["labels"]["slipway.kubernetes/release-namespace"] == ""

    def test_namespace_object(self):
        result = prepared(obj(), create_namespace=True, pod_security="baseline")
        assert result[0]["kind"] == "Namespace"
        assert result[0]["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "slipway.kubernetes",
            "pod-security.kubernetes.io/enforce": "baseline",
            "pod-security.kubernetes.io/audit": "baseline",
            "pod-security.kubernetes.io/warn": "baseline",
        }

    def test_a_namespace_that_a_template_renders_is_not_added_again(self):
        result = prepared(obj("Namespace", "shop"), create_namespace=True)
        assert [r["kind"] for r in result] == ["Namespace"]

    def test_order(self):
        kinds = [
            ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
            ("Widget", "example.com/v1"),
            ("Deployment", "apps/v1"),
            ("Secret", "v1"),
            ("Namespace", "v1"),
            ("ClusterRole", "rbac.authorization.k8s.io/v1"),
        ]
        result = prepared(*(obj(kind, api_version=version) for kind, version in kinds), crd())
        assert [r["kind"] for r in result] == [
            "Namespace",
            "CustomResourceDefinition",
            "ClusterRole",
            "Secret",
            "Deployment",
            "Widget",
            "ValidatingWebhookConfiguration",
        ]

    def test_string_data_is_encoded_and_wins(self):
        (result,) = prepared(obj("Secret", stringData={"a": "ä", "n": "1", "nothing": None}, data={"a": "b2xk", "k": "a2VlcA=="}))
        assert "stringData" not in result
        assert {k: base64.b64decode(v).decode() for k, v in result["data"].items()} == {"a": "ä", "n": "1", "k": "keep"}

    def test_claims_of_a_stateful_set_can_be_found_later(self):
        (result,) = prepared(
            obj("StatefulSet", api_version="apps/v1", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})
        )
        assert result["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"] == LABELS

    @pytest.mark.parametrize(
        "document, message",
        [
            ({"kind": "ConfigMap", "metadata": {"name": "x"}}, "it lacks apiVersion"),
            ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "x"}}, "it lacks metadata.name"),
            ({"text": "no object"}, "it lacks apiVersion and kind and metadata"),
            (["text"], "is no Kubernetes object, but a list"),
            (obj("ConfigMap", "x", data={"a": "b\0"}), "ConfigMap x: data.a holds the character NUL"),
            (obj("ConfigMap", "x", data={False: "b"}), "ConfigMap x: data has the key false"),
            (obj("ConfigMap", 1), "ConfigMap the number 1: metadata.name is the number 1, which is no text; quote it"),
            (obj("ConfigMap", False), "ConfigMap false: metadata.name is false, which is no text; quote it"),
            (obj("Secret", "x", stringData={"b": True}), "Secret x: stringData.b is true, which is no text; quote it"),
            (obj("Secret", "x", stringData={"n": 1}), "Secret x: stringData.n is the number 1, which is no text; quote it"),
        ],
    )
    def test_no_object(self, document, message):
        with pytest.raises(ValueError, match=message):
            prepared(document)

    def test_twice_the_same(self):
        with pytest.raises(ValueError, match="ConfigMap shop/x is rendered twice"):
            prepared(obj(), obj(metadata={"namespace": "shop"}))

    def test_empty_documents_are_dropped(self):
        assert prepared(None, {}, obj())[0]["kind"] == "ConfigMap"


@pytest.mark.parametrize(
    "candidate, expected",
    [
        (obj("PersistentVolumeClaim"), True),
        (crd(), True),
        (obj("Secret"), False),
        (obj("Secret", metadata={"annotations": {"slipway.kubernetes/generated": "true"}}), True),
        (obj("ConfigMap", metadata={"annotations": {"slipway.kubernetes/generated": "true"}}), False),
        (obj("ConfigMap", metadata={"annotations": {"slipway.kubernetes/data": "true"}}), True),
        (obj("ConfigMap", metadata={"annotations": {"slipway.kubernetes/data": "false"}}), False),
    ],
)
def test_is_data(candidate, expected):
    assert o.is_data(candidate) is expected


def test_deleting_starts_with_guards_and_custom_resources_and_ends_with_definitions():
    candidates = [
        crd(),
        obj("ServiceAccount"),
        obj("Deployment", api_version="apps/v1"),
        obj("Widget", api_version="example.com/v1"),
        obj("APIService", api_version="apiregistration.k8s.io/v1"),
    ]
    assert [c["kind"] for c in sorted(candidates, key=o.delete_rank)] == [
        "APIService",
        "Widget",
        "Deployment",
        "ServiceAccount",
        "CustomResourceDefinition",
    ]


def test_clean_drops_what_the_server_adds():
    live = obj(
        metadata={"uid": "1", "resourceVersion": "2", "generation": 3, "managedFields": [], "labels": {"a": "b"}},
        status={"x": 1},
        data={"k": "v"},
    )
    assert o.clean(live) == obj(metadata={"labels": {"a": "b"}}, data={"k": "v"})
    assert o.clean(None) is None


def test_a_new_number_of_replicas_is_no_rollout():
    before = obj("Deployment", spec={"replicas": 1, "template": {"a": 1}})
    assert not o.rolls(before, obj("Deployment", spec={"replicas": 2, "template": {"a": 1}}))
    assert o.rolls(before, obj("Deployment", spec={"replicas": 1, "template": {"a": 2}}))


def service(**spec):
    return obj("Service", "web", metadata={"namespace": "shop"}, spec=spec)


@pytest.mark.parametrize(
    "candidate, address, expected",
    [
        (service(type="NodePort", ports=[{"port": 80, "nodePort": 31001}]), "192.0.2.1", ["http://192.0.2.1:31001/"]),
        (service(type="NodePort", ports=[{"port": 443, "nodePort": 31443}]), "", ["https://<any node>:31443/"]),
        (service(type="NodePort", ports=[{"port": 80}]), "192.0.2.1", ["kubectl get service web --namespace shop"]),
        (service(type="LoadBalancer", ports=[{"port": 80}]), "", ["kubectl get service web --namespace shop"]),
        (
            service(ports=[{"port": 80}]),
            "192.0.2.1",
            ["kubectl port-forward service/web 8080:80 --namespace shop   # then http://localhost:8080/"],
        ),
        (service(clusterIP="None", ports=[{"port": 80}]), "", []),
        (service(type="ExternalName"), "", []),
        (
            obj("Ingress", spec={"tls": [{"hosts": ["a.example"]}], "rules": [{"host": "a.example"}, {"host": "b.example"}]}),
            "",
            ["https://a.example/", "http://b.example/"],
        ),
    ],
)
def test_access(candidate, address, expected):
    assert o.access([candidate], address) == expected


@pytest.mark.parametrize(
    "names, expected",
    [
        (["app_nmae"], ["app_nmae is not a variable of this role; did you mean app_name?"]),
        (["app_replica"], ["app_replica is not a variable of this role; did you mean app_replicas?"]),
        (["app_name", "app_replicas"], []),
        # The user's own variables may begin like the role's.
        (["app_database_password", "app_version"], []),
    ],
)
def test_misspelt(names, expected):
    assert o.misspelt(names, {"app_name": {}, "app_replicas": {}, "app_image": {}}) == expected
