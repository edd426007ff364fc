# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import Resource, resources_of
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.plan import (
    Planner,
    check_version,
    parse_conflicts,
)

VERBS = frozenset(("list", "delete"))
RESOURCES = [
    Resource("v1", "Namespace", "namespaces", False, VERBS),
    Resource("v1", "ConfigMap", "configmaps", True, VERBS),
    Resource("v1", "Secret", "secrets", True, VERBS),
    Resource("v1", "Service", "services", True, VERBS),
    Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, VERBS),
    Resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False, VERBS),
    Resource("apps/v1", "Deployment", "deployments", True, VERBS),
    Resource("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, VERBS),
    Resource("example.com/v1", "Gadget", "gadgets", True, VERBS),
]


class Server:
    """Enough of an API server to plan against: it merges what is applied, and refuses what it is told to refuse."""

    def __init__(self, *stored, refuse=None, forbidden=()):
        self.stored = {self.path(obj): copy.deepcopy(obj) for obj in stored}
        self.refuse = refuse or {}
        self.forbidden = forbidden

    def path(self, obj):
        meta = obj["metadata"]
        return self.resource(obj["apiVersion"], obj["kind"]).path(meta.get("namespace", ""), meta["name"])

    def resources(self):
        return RESOURCES

    def resource(self, api_version, kind):
        return next((r for r in RESOURCES if (r.api_version, r.kind) == (api_version, kind)), None)

    def parallel(self, function, items):
        return [function(item) for item in items]

    def lookup(self, path):
        if path in self.forbidden:
            raise ApiError("no permission", 403)
        return copy.deepcopy(self.stored.get(path))

    def list(self, path):
        return [obj for key, obj in self.stored.items() if obj["kind"] == "Service"], "1"

    def dry_run_apply(self, path, obj, force):
        code, message = self.refuse.get(path, (0, ""))
        if code and not (code == 409 and force):
            raise ApiError(message, code)
        live = self.stored.get(path) or {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {}}
        after = {**copy.deepcopy(live), **copy.deepcopy(obj)}
        after["metadata"] = {**live["metadata"], **obj["metadata"]}
        after["metadata"]["labels"] = {**live["metadata"].get("labels", {}), **obj["metadata"].get("labels", {})}
        return after, []

    def find(self, selector="", namespace="", namespaced_only=False):
        wanted = dict(part.split("=") for part in selector.split(",")) if selector else {}
        return [
            obj
            for obj in self.stored.values()
            if wanted.items() <= obj["metadata"].get("labels", {}).items()
            and (not namespace or obj["metadata"].get("namespace") == namespace)
        ]


def obj(kind="ConfigMap", name="x", namespace="shop", **rest):
    version = "apps/v1" if kind == "Deployment" else "v1"
    meta = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def ours(*documents, **kwargs):
    return o.prepare(documents, "rel", "shop", **kwargs)


SHOP = obj("Namespace", "shop", "")
OWN_SHOP = obj("Namespace", "shop", "", metadata={"labels": {o.MANAGED_BY: o.MANAGER}})


def plan(server, definitions, **kwargs):
    planner = Planner(server, "rel", "shop", **kwargs)
    items = planner.present(definitions)
    return {item["title"]: item for item in items}, planner


class TestPresent:
    def test_create(self):
        items, planner = plan(Server(SHOP), ours(obj(data={"k": "v"})))
        assert items["ConfigMap shop/x"]["action"] == "create"
        assert not items["ConfigMap shop/x"]["predicted"]
        assert [entry["before"] for entry in planner.diff] == [{}]

    def test_unchanged(self):
        definitions = ours(obj(data={"k": "v"}))
        items, planner = plan(Server(SHOP, *definitions), definitions)
        assert items["ConfigMap shop/x"]["action"] == "unchanged"
        assert planner.diff == []

    def test_update(self):
        items, planner = plan(Server(SHOP, *ours(obj(data={"k": "old"}))), ours(obj(data={"k": "new"})))
        assert items["ConfigMap shop/x"]["action"] == "update"
        assert planner.diff[0]["before"]["data"] == {"k": "old"}
        assert planner.diff[0]["after"]["data"] == {"k": "new"}

    def test_rollouts_are_known(self):
        before = obj("Deployment", spec={"replicas": 1, "template": {"a": 1}})
        server = Server(SHOP, *ours(before))
        items, _planner = plan(server, ours(obj("Deployment", spec={"replicas": 1, "template": {"a": 2}})))
        assert items["Deployment shop/x"]["rolls"]
        items, _planner = plan(server, ours(obj("Deployment", spec={"replicas": 5, "template": {"a": 1}})))
        assert "rolls" not in items["Deployment shop/x"]

    def test_without_the_namespace_everything_is_predicted(self):
        items, _planner = plan(Server(), ours(obj(), create_namespace=True))
        assert items["ConfigMap shop/x"]["predicted"]
        assert not items["Namespace shop"]["predicted"]

    def test_a_namespace_that_nobody_creates(self):
        with pytest.raises(TaskError, match="Namespace shop does not exist and is not to be created"):
            plan(Server(), ours(obj()))

    def test_a_namespace_that_goes(self):
        going = obj("Namespace", "shop", "", metadata={"deletionTimestamp": "now"})
        with pytest.raises(TaskError, match="Namespace shop is being deleted"):
            plan(Server(going), ours(obj()))

    @pytest.mark.parametrize("stored, owned", [(SHOP, False), (OWN_SHOP, True)])
    def test_ownership_of_namespaces(self, stored, owned):
        items, _planner = plan(Server(stored), ours(obj(), create_namespace=True, pod_security="baseline"))
        assert items["Namespace shop"]["action"] == "update"
        assert items["Namespace shop"]["owned"] is owned

    def test_who_may_not_see_namespaces_is_given_one(self):
        server = Server(SHOP, forbidden=["/api/v1/namespaces/shop"])
        items, _planner = plan(server, ours(obj(), create_namespace=True))
        assert items["Namespace shop"]["action"] == "keep"
        assert items["ConfigMap shop/x"]["action"] == "create"

    def test_the_namespace_goes_out_with_the_first_batch(self):
        items, _planner = plan(Server(), ours(obj("Secret", "s"), create_namespace=True))
        assert items["Namespace shop"]["batch"] == "secrets"
        items, _planner = plan(Server(), ours(obj(), create_namespace=True))
        assert items["Namespace shop"]["batch"] == "main"

    def test_a_kind_that_is_not_served(self):
        route = {"apiVersion": "route.io/v1", "kind": "Route", "metadata": {"name": "r", "namespace": "shop"}}
        old = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "shop"}}
        with pytest.raises(TaskError) as error:
            plan(Server(SHOP), ours(route, old))
        assert "Route shop/r: the cluster does not serve route.io/v1" in str(error.value)
        assert "Deployment shop/d: the cluster does not serve extensions/v1beta1; it serves this kind as apps/v1" in str(
            error.value
        )

    def test_a_kind_that_the_release_defines_is_predicted(self):
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced"},
        }
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        items, _planner = plan(Server(SHOP), ours(definition, widget))
        assert items["Widget shop/w"]["predicted"]
        assert items["CustomResourceDefinition widgets.example.com"]["batch"] == "definitions"

    def test_all_refusals_are_told_at_once(self):
        server = Server(
            SHOP,
            refuse={
                "/api/v1/namespaces/shop/configmaps/a": (422, "spec.x: Invalid value"),
                "/api/v1/namespaces/shop/configmaps/b": (403, "no permission"),
            },
        )
        with pytest.raises(TaskError) as error:
            plan(server, ours(obj(name="a"), obj(name="b"), obj(name="c")))
        assert str(error.value) == "ConfigMap shop/a: spec.x: Invalid value\nConfigMap shop/b: no permission"

    IMMUTABLE = {"/api/v1/namespaces/shop/configmaps/x": (422, "data: Forbidden: field is immutable")}

    def test_what_cannot_be_changed_may_be_made_anew(self):
        server = Server(SHOP, *ours(obj(data={"k": "a"})), refuse=self.IMMUTABLE)
        anew = obj(data={"k": "b"}, metadata={"annotations": {o.RECREATE: "true"}})
        items, planner = plan(server, ours(anew))
        assert items["ConfigMap shop/x"]["action"] == "update"
        assert items["ConfigMap shop/x"]["recreate"]
        assert [entry["name"] for entry in planner.diff] == ["ConfigMap shop/x"]
        assert o.removals(items.values()) == []
        assert [r["metadata"]["name"] for r in o.removals(items.values(), "recreate")] == ["x"]

    def test_only_where_the_template_says_so(self):
        server = Server(SHOP, *ours(obj(data={"k": "a"})), refuse=self.IMMUTABLE)
        with pytest.raises(TaskError, match="ConfigMap shop/x: data: Forbidden: field is immutable"):
            plan(server, ours(obj(data={"k": "b"})))

    def test_nothing_is_deleted_that_could_not_be_made_anew(self):
        refuse = dict(self.IMMUTABLE, **{"/api/v1/namespaces/shop/configmaps/x-anew": (422, "data.k: Invalid value")})
        server = Server(SHOP, *ours(obj(data={"k": "a"})), refuse=refuse)
        with pytest.raises(TaskError, match="ConfigMap shop/x: data: Forbidden: field is immutable"):
            plan(server, ours(obj(data={"k": "b"}, metadata={"annotations": {o.RECREATE: "true"}})))

    def test_a_webhook_that_has_no_dry_run(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, refuse={path: (400, 'admission webhook "w" does not support dry run')})
        items, _planner = plan(server, ours(obj()))
        assert items["ConfigMap shop/x"]["predicted"]


class TestOthers:
    @pytest.mark.parametrize(
        "labels, message",
        [
            ({}, "ConfigMap shop/x exists and was not made by this release; set release_adopt to take it over"),
            ({o.MANAGED_BY: "Helm"}, "ConfigMap shop/x is managed by Helm"),
            (o.release_labels("other", "shop"), "ConfigMap shop/x belongs to release other in namespace shop"),
        ],
    )
    def test_somebody_elses_object(self, labels, message):
        server = Server(SHOP, obj(metadata={"labels": labels}))
        with pytest.raises(TaskError, match=message):
            plan(server, ours(obj()))
        items, _planner = plan(server, ours(obj()), adopt=True)
        assert items["ConfigMap shop/x"]["action"] == "update"

    CONFLICT = 'Apply failed with 1 conflict: conflict with "%s" using v1: .data.k'

    def test_a_field_that_this_collection_has_set(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, *ours(obj(data={"k": "a"})), refuse={path: (409, self.CONFLICT % "slipway.kubernetes")})
        items, planner = plan(server, ours(obj(data={"k": "b"})))
        assert items["ConfigMap shop/x"]["overrides"] == [{"manager": "slipway.kubernetes", "field": ".data.k"}]
        assert planner.warnings == ["ConfigMap shop/x: the release takes back what a rollout task has set: .data.k"]

    def test_a_field_that_somebody_else_has_set(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, *ours(obj(data={"k": "a"})), refuse={path: (409, self.CONFLICT % "kubectl-edit")})
        with pytest.raises(TaskError, match=r"\.data\.k \(kubectl-edit\); set release_force_conflicts"):
            plan(server, ours(obj(data={"k": "b"})))
        items, _planner = plan(server, ours(obj(data={"k": "b"})), force_conflicts=True)
        assert items["ConfigMap shop/x"]["action"] == "update"

    def test_another_409_is_an_error(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, refuse={path: (409, "the object has been modified")})
        with pytest.raises(TaskError, match="ConfigMap shop/x: the object has been modified"):
            plan(server, ours(obj()))

    def test_node_port_of_another_service(self):
        def service(name, namespace):
            return obj("Service", name, namespace, spec={"ports": [{"port": 80, "nodePort": 31001}]})

        server = Server(SHOP, service("web", "other"))
        with pytest.raises(TaskError, match="Service shop/x: node port 31001 is taken by Service other/web"):
            plan(server, ours(service("x", "shop")))
        with pytest.raises(TaskError, match="Service shop/y: node port 31001 is taken by Service shop/x"):
            plan(Server(SHOP), ours(service("x", "shop"), service("y", "shop")))
        definitions = ours(service("x", "shop"))
        items, _planner = plan(Server(SHOP, *definitions), definitions)
        assert items["Service shop/x"]["action"] == "unchanged"


class TestGeneratedSecrets:
    META = {"annotations": {"slipway.kubernetes/generated": "true"}}

    def secret(self, **data):
        return obj("Secret", "s", metadata=copy.deepcopy(self.META), stringData=data)

    def test_made_once(self):
        items, _planner = plan(Server(SHOP), ours(self.secret(a="1")))
        assert (items["Secret shop/s"]["action"], items["Secret shop/s"]["batch"]) == ("create", "secrets")

    def test_never_changed(self):
        items, planner = plan(Server(SHOP, *ours(self.secret(a="1"))), ours(self.secret(a="2")))
        assert items["Secret shop/s"]["action"] == "unchanged"
        assert planner.diff == []

    def test_missing_keys_are_added_and_not_shown(self):
        items, planner = plan(Server(SHOP, *ours(self.secret(a="1"))), ours(self.secret(a="2", b="3")))
        item = items["Secret shop/s"]
        assert (item["action"], item["batch"], item["keys"]) == ("update", "generated", ["b"])
        assert planner.diff[0]["after"]["data"] == {"a": "<hidden>", "b": "<hidden>"}


class TestPrune:
    def test_what_is_no_longer_rendered_goes_but_data_stays(self):
        old = ours(obj(name="old"), obj("PersistentVolumeClaim", "data"), obj(name="kept", metadata={
            "annotations": {"slipway.kubernetes/data": "true"}}))
        owned = ours(obj(name="owned", metadata={"ownerReferences": [{"uid": "1"}]}))
        foreign = obj(name="foreign")
        items, _planner = plan(Server(SHOP, *old, *owned, foreign), ours(obj(name="new")))
        assert {title: item["action"] for title, item in items.items()} == {
            "ConfigMap shop/new": "create",
            "ConfigMap shop/old": "delete",
        }

    def test_webhooks_go_before_what_answers_them_and_custom_resources_last(self):
        webhook = obj("ValidatingWebhookConfiguration", "w", apiVersion="admissionregistration.k8s.io/v1")
        gadget = obj("Gadget", "g", apiVersion="example.com/v1")
        items, _planner = plan(Server(SHOP, *ours(webhook, gadget, obj(name="old"))), ours(obj(name="new")))
        batches = {item["kind"]: item["batch"] for item in items.values() if item["action"] == "delete"}
        assert batches == {"ValidatingWebhookConfiguration": "first", "Gadget": "main", "ConfigMap": "main"}


class TestAbsent:
    def run(self, *stored, **kwargs):
        planner = Planner(Server(*stored), "rel", "shop")
        return {item["title"]: item["action"] for item in planner.absent(**kwargs)}

    def test_nothing(self):
        assert self.run(SHOP) == {}

    def test_all_and_the_namespace(self):
        assert self.run(OWN_SHOP, *ours(obj(), obj("Deployment"))) == {
            "Deployment shop/x": "delete",
            "ConfigMap shop/x": "delete",
            "Namespace shop": "delete",
        }

    def test_somebody_elses_namespace_stays(self):
        assert self.run(SHOP, *ours(obj())) == {"ConfigMap shop/x": "delete"}

    def test_data_and_its_namespace_stay(self):
        stored = (OWN_SHOP, *ours(obj("PersistentVolumeClaim", "data"), obj()))
        assert self.run(*stored) == {
            "ConfigMap shop/x": "delete",
            "PersistentVolumeClaim shop/data": "keep",
            "Namespace shop": "keep",
        }
        assert set(self.run(*stored, delete_data=True).values()) == {"delete"}

    def test_a_namespace_in_which_others_live_stays(self):
        other = obj(name="other", metadata={"labels": o.release_labels("other", "shop")})
        planner = Planner(Server(OWN_SHOP, other, *ours(obj())), "rel", "shop")
        items = {item["title"]: item for item in planner.absent(delete_data=True)}
        assert items["Namespace shop"]["reason"] == "it still holds ConfigMap shop/other"
        assert "ConfigMap shop/other" not in items

    def test_what_every_namespace_has_does_not_count(self):
        furniture = obj(name="kube-root-ca.crt")
        assert self.run(OWN_SHOP, furniture) == {"Namespace shop": "delete"}


@pytest.mark.parametrize(
    "message, expected",
    [
        (
            'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: '
            '.spec.template.spec.containers[name="web"].image',
            [("kubectl", '.spec.template.spec.containers[name="web"].image')],
        ),
        (
            'Apply failed with 3 conflicts: conflicts with "a" using apps/v1:\n- .spec.replicas\n'
            '- .metadata.annotations.x:y\nconflicts with "b" with subresource "scale" using apps/v1:\n- .spec.replicas',
            [("a", ".spec.replicas"), ("a", ".metadata.annotations.x:y"), ("b", ".spec.replicas")],
        ),
        ("the object has been modified", []),
    ],
)
def test_parse_conflicts(message, expected):
    assert [(c["manager"], c["field"]) for c in parse_conflicts(message)] == expected


@pytest.mark.parametrize(
    "version, minimum, good",
    [("v1.37.2", "1.34", True), ("v1.34.0+k3s1", "1.34", True), ("v1.33.9", "1.34", False), ("v1.9.0", "", True), ("v2.0.0", "1.34", True)],
)
def test_check_version(version, minimum, good):
    if good:
        check_version(version, minimum)
    else:
        with pytest.raises(TaskError, match=r"The cluster runs Kubernetes v1\.33\.9; this release needs 1\.34 or newer"):
            check_version(version, minimum)


def test_resources_of():
    discovery = {
        "items": [
            {
                "metadata": {"name": "apps"},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {
                                "resource": "deployments",
                                "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                                "scope": "Namespaced",
                                "verbs": ["list"],
                            },
                            {"resource": "broken"},
                        ],
                    }
                ],
            },
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "nodes", "responseKind": {"kind": "Node"}, "scope": "Cluster", "verbs": []}]}]},
        ]
    }
    deployments, nodes = resources_of(discovery)
    assert deployments == Resource("apps/v1", "Deployment", "deployments", True, frozenset(("list",)))
    assert deployments.path("shop", "web") == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert deployments.path() == "/apis/apps/v1/deployments"
    assert nodes.path("ignored", "a/b") == "/api/v1/nodes/a%2Fb"
