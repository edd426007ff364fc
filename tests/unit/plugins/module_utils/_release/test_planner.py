# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import record as r
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import release, removal
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import run as base
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import Resource, resources_of
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.checks import check_version
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.fields import parse_conflicts
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.planner import Planner
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.steps import ranks, stage_of

VERBS = frozenset(("list", "delete"))
RESOURCES = [
    Resource("v1", "Namespace", "namespaces", False, VERBS),
    Resource("v1", "ConfigMap", "configmaps", True, VERBS),
    Resource("v1", "Secret", "secrets", True, VERBS),
    Resource("v1", "Service", "services", True, VERBS),
    Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, VERBS),
    Resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False, VERBS),
    Resource("apps/v1", "Deployment", "deployments", True, VERBS),
    Resource("apps/v1", "ReplicaSet", "replicasets", True, VERBS),
    Resource("apps/v1", "StatefulSet", "statefulsets", True, VERBS),
    Resource("apps/v1", "ControllerRevision", "controllerrevisions", True, VERBS),
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True, VERBS),
    Resource("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, VERBS),
    Resource("example.com/v1", "Gadget", "gadgets", True, VERBS),
    Resource("stale.example.com/v1", "Relic", "relics", True, VERBS, fresh=False),
]


class Server:
    """Enough of an API server to plan against: it merges what is applied, and refuses what it is told to refuse.

    :param moving: how many dry runs of an object that is there find that it has moved since the look.
    """

    apart, host = None, "https://192.0.2.7:6443"

    def __init__(self, *stored, refuse=None, forbidden=(), moving=0):
        self.stored, self.asked = {}, []
        for number, obj in enumerate(stored):
            meta = {"uid": f"u{number}", "resourceVersion": "7", **obj["metadata"]}
            self.stored[self.path(obj)] = {**copy.deepcopy(obj), "metadata": meta}
        self.refuse, self.forbidden, self.moving = refuse or {}, forbidden, moving

    def path(self, obj):
        meta = obj["metadata"]
        return self.resource(obj["apiVersion"], obj["kind"]).path(meta.get("namespace", ""), meta["name"])

    def resources(self):
        return RESOURCES

    def resource(self, api_version, kind):
        return next((each for each in RESOURCES if (each.api_version, each.kind) == (api_version, kind)), None)

    def any_version(self, identity):
        return next((each for each in RESOURCES if (o.group_of(each.api_version), each.kind) == identity[:2]), None)

    def parallel(self, function, items):
        return [function(item) for item in items]

    def _ask(self, path):
        self.asked.append(path)
        if path in self.forbidden:
            raise ApiError("no permission", 403)

    def lookup(self, path):
        self._ask(path)
        return copy.deepcopy(self.stored.get(path))

    def list(self, path, query=()):
        """Of all namespaces, for one of them too: no test has a kind in two that a list tells apart."""
        self._ask(path)
        kind = next(each.kind for each in RESOURCES if each.plural == path.rpartition("/")[2])
        labels = dict(text.split("=") for name, text in query if name == "labelSelector" and text.startswith(o.RELEASE_ID))
        found = [obj for obj in self.stored.values() if obj["kind"] == kind and labels.items() <= obj["metadata"].get("labels", {}).items()]
        return copy.deepcopy(found), "1"

    def names(self, path):
        return {obj["metadata"]["name"] for obj in self.list(path)[0]}

    def metadata(self, path, query=()):
        """There are no records."""
        return []

    def find(self, selector="", namespace="", namespaced_only=False, strict=False):
        wanted = dict(part.split("=") for part in selector.split(",")) if selector else {}
        return [
            obj
            for obj in self.stored.values()
            if wanted.items() <= obj["metadata"].get("labels", {}).items()
            and (not namespace or obj["metadata"].get("namespace") == namespace)
        ]

    def is_orphaned(self, release_id):
        return release_id == "orphaned"

    def version(self):
        return "v1.37.2"

    def whoami(self):
        return "tester", "2026-01-01T00:00:00Z"

    def node_address(self):
        return ""

    def records(self, namespace):
        return []

    def dry_run_apply(self, path, obj, force):
        code, message = self.refuse.get(path, (0, ""))
        if code and not (code == 409 and force):
            raise ApiError(message, code)
        live = self.stored.get(path)
        if live and self.moving:
            self.moving -= 1
            live["metadata"]["resourceVersion"] += "0"
        if live and obj["metadata"].get("resourceVersion") != live["metadata"]["resourceVersion"]:
            raise ApiError("the object has been modified", 409)
        live = live or {"metadata": {}}
        after = {**copy.deepcopy(live), **copy.deepcopy(obj)}
        after["metadata"] = {**live["metadata"], **obj["metadata"]}
        after["metadata"]["labels"] = {**live["metadata"].get("labels", {}), **obj["metadata"].get("labels", {})}
        return after, []


def obj(kind="ConfigMap", name="x", namespace="shop", **rest):
    version = "apps/v1" if kind in ("Deployment", "StatefulSet") else "v1"
    meta = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def ours(*documents, **kwargs):
    return o.prepare(documents, "rel", "shop", **kwargs)


SHOP = obj("Namespace", "shop", "")
OWN_SHOP = obj("Namespace", "shop", "", metadata={"labels": {o.MANAGED_BY: o.MANAGER}})
#: in the metadata of what carries the release's id, though no run has made it
COPY = {"copy": True}
RECORD = replace(r.Record.first(r.Identity("release", "rel", "shop")), id="our-id")


def made(*definitions):
    """As a run has made them: with the release's id."""
    found = copy.deepcopy(list(definitions))
    for each in found:
        each["metadata"]["labels"] = {**each["metadata"].get("labels", {}), o.RELEASE_ID: RECORD.id}
    return found


def planner_of(server, *entered, **kwargs):
    """With what carries the release's id in the record, but for COPY, and with what else is given."""
    own = [each for each in server.stored.values() if o.label(each, o.RELEASE_ID) == RECORD.id and "copy" not in each["metadata"]]
    inventory = tuple(r.Entry.of(each) for each in (*own, *entered))
    return Planner(server, replace(RECORD, inventory=inventory), **kwargs)


def plan(server, definitions, absent=(), **kwargs):
    planner = planner_of(server, **kwargs)
    return {step.title: step for step in planner.present(definitions, absent)}, planner


def diff(step):
    return base.Run._diff(step)


def run(monkeypatch, server, *documents, want_diff=False, **options):
    """The whole module, in check mode."""
    monkeypatch.setattr(base, "ReleaseApi", lambda *_args, **_kwargs: server)
    params = {name: option.get("default") for name, option in release.OPTIONS.items()}
    params.update(name="rel", namespace="shop", pod_security="", definitions=json.dumps(documents), auth=None, wait_timeout=1, **options)
    return release.run(params, True, want_diff)


class TestPresent:
    def test_create(self):
        steps, _planner = plan(Server(SHOP), ours(obj(data={"k": "v"})))
        step = steps["ConfigMap shop/x"]
        assert (step.action, step.predicted, step.live) == ("create", False, None)
        assert diff(step)["before"] == "" and "k: v" in diff(step)["after"]
        assert o.label(step.definition, o.RELEASE_ID) == RECORD.id

    def test_no_secret_is_in_the_difference(self):
        """Adopting a Secret that kubectl apply has made; a literal in the variables of a workload."""
        applied = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"kind":"Secret","stringData":{"p":"C4nary"}}'}}
        container = {"name": "web", "image": "web:1", "env": [{"name": "DB_PASSWORD", "value": "C4nary"}]}
        spec = {"selector": {}, "template": {"spec": {"containers": [container]}}}
        live = obj("Secret", "s", metadata=applied, data={"p": "QzRuYXJ5"})
        definitions = ours(obj("Secret", "s", data={"p": "QzRuYXJ5LTI="}), obj("Deployment", "web", spec=spec))
        steps, _planner = plan(Server(SHOP, live), definitions, adopt=True)
        shown = str([diff(step) for step in steps.values()])
        assert "C4nary" not in shown and "QzRuYXJ5" not in shown
        assert "<hidden, a new value>" in shown and "DB_PASSWORD" in shown

    @pytest.mark.parametrize("want_diff", [False, True])
    def test_no_difference_is_worked_out_that_nobody_asks_for(self, monkeypatch, want_diff):
        worked_out = []
        monkeypatch.setattr(base.Run, "_diff", staticmethod(worked_out.append))
        result = run(monkeypatch, Server(SHOP), obj(data={"k": "v"}), want_diff=want_diff, create_namespace=False)
        assert [entry["action"] for entry in result["objects"]] == ["create"]
        assert len(worked_out) == want_diff and ("diff" in result) is want_diff

    def test_unchanged(self):
        definitions = ours(obj(data={"k": "v"}))
        steps, _planner = plan(Server(SHOP, *made(*definitions)), definitions)
        assert steps["ConfigMap shop/x"].action == "unchanged" and not steps["ConfigMap shop/x"].writes

    def test_update(self):
        steps, _planner = plan(Server(SHOP, *made(*ours(obj(data={"k": "old"})))), ours(obj(data={"k": "new"})))
        step = steps["ConfigMap shop/x"]
        assert step.action == "update"
        assert "k: old" in diff(step)["before"] and "k: new" in diff(step)["after"]

    def test_rollouts_are_known(self):
        (before,) = made(*ours(obj("Deployment", spec={"replicas": 1, "selector": {}, "template": {"a": 1}})))
        before["metadata"]["uid"] = "u"
        owners = [{"controller": True, "kind": "Deployment", "uid": "u"}]
        history = [
            {**obj("ReplicaSet", f"x-{a}", metadata={"ownerReferences": owners}, spec={"template": {"a": a}}), "apiVersion": "apps/v1"}
            for a in (0, 1)
        ]
        after = ours(obj("Deployment", spec={"replicas": 1, "selector": {}, "template": {"a": 2}}))
        step = plan(Server(SHOP, before, *history), after)[0]["Deployment shop/x"]
        assert (step.rolls, step.live["metadata"]["uid"], step.revision) == (True, "u", "x-1")
        server = Server(SHOP, before, *history, forbidden=["/apis/apps/v1/namespaces/shop/replicasets"])
        step = plan(server, after)[0]["Deployment shop/x"]
        assert (step.rolls, step.revision) == (True, None)
        more = ours(obj("Deployment", spec={"replicas": 5, "selector": {}, "template": {"a": 1}}))
        step = plan(Server(SHOP, before, *history), more)[0]["Deployment shop/x"]
        assert (step.action, step.rolls, step.revision) == ("update", False, None)

    @pytest.mark.parametrize("length, refused", [(52, False), (53, True)])
    @pytest.mark.parametrize("live", [False, True], ids=["new", "live"])
    def test_a_stateful_set_whose_pods_could_not_be_named(self, length, refused, live):
        (definition,) = ours(obj("StatefulSet", "n" * length, spec={"selector": {}, "template": {"spec": 2}}))
        stored = made({**definition, "spec": {"selector": {}, "template": {"spec": 1}}}) if live else []
        if not refused:
            assert len(plan(Server(SHOP, *stored), [definition])[0]) == 1
            return
        with pytest.raises(TaskError, match=f"StatefulSet shop/n+: its name has {length} characters, but more than 52 leave no room"):
            plan(Server(SHOP, *stored), [definition])
        # one that runs all the same, with a short hash, is left alone
        assert plan(Server(SHOP, *made(definition)), [definition])[0].popitem()[1].action == "unchanged"

    def test_without_the_namespace_everything_is_predicted(self):
        steps, _planner = plan(Server(), ours(obj(), create_namespace=True), {"shop"})
        assert steps["ConfigMap shop/x"].predicted
        assert not steps["Namespace shop"].predicted

    def test_check_mode_makes_no_namespace(self, monkeypatch):
        """The fake server could not."""
        result = run(monkeypatch, Server(), obj())
        assert {entry["title"]: (entry["action"], entry["predicted"]) for entry in result["objects"]} == {
            "Namespace shop": ("create", False),
            "ConfigMap shop/x": ("create", True),
        }

    def test_a_namespace_that_nobody_creates(self, monkeypatch):
        with pytest.raises(TaskError, match="Namespace shop does not exist and is not to be created"):
            run(monkeypatch, Server(), obj(), create_namespace=False)

    @pytest.mark.parametrize("create", [True, False])
    def test_a_namespace_that_goes(self, monkeypatch, create):
        going = obj("Namespace", "shop", "", metadata={"deletionTimestamp": "now"})
        with pytest.raises(TaskError, match="Namespace shop is being deleted"):
            run(monkeypatch, Server(going), obj(), create_namespace=create)

    @pytest.mark.parametrize("stored, action", [(SHOP, "unchanged"), (OWN_SHOP, "update")])
    def test_ownership_of_namespaces(self, stored, action):
        """Somebody else's is left as it is, and in no case is it the release's alone."""
        steps, _planner = plan(Server(stored), ours(obj(), create_namespace=True, pod_security="baseline"))
        step = steps["Namespace shop"]
        assert step.action == action
        if action == "update":
            assert o.label(step.definition, o.RELEASE_ID) is None and step.managers is None

    def test_who_may_not_see_namespaces_is_given_one(self, monkeypatch):
        server = Server(SHOP, forbidden=["/api/v1/namespaces/shop"])
        result = run(monkeypatch, server, obj())
        assert {entry["title"]: entry["action"] for entry in result["objects"]} == {"Namespace shop": "keep", "ConfigMap shop/x": "create"}

    def test_the_namespace_goes_out_first(self):
        definitions = ours(obj("Secret", "s"), obj("Deployment", spec={"selector": {}, "template": {}}), create_namespace=True)
        steps, _planner = plan(Server(), definitions, {"shop"})
        assert {stage_of(step) for step in steps.values()} == {"main"}
        assert [[step.kind for step in group] for group in ranks(steps.values())] == [["Namespace"], ["Secret"], ["Deployment"]]

    def test_what_comes_last_is_a_stage_of_its_own(self):
        annotations = {o.PHASE: "last", "keep": "me"}
        step = plan(Server(SHOP), ours(obj(metadata={"annotations": annotations})))[0]["ConfigMap shop/x"]
        assert stage_of(step) == "last" and step.definition["metadata"]["annotations"] == {"keep": "me"}

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
        steps, _planner = plan(Server(SHOP), ours(definition, widget))
        assert steps["Widget shop/w"].predicted and steps["Widget shop/w"].resource is None
        assert stage_of(steps["CustomResourceDefinition widgets.example.com"]) == "definitions"
        assert stage_of(steps["Widget shop/w"]) == "main"

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
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), refuse=self.IMMUTABLE)
        steps, _planner = plan(server, ours(obj(data={"k": "b"}, metadata={"annotations": {o.RECREATE: "true"}})))
        step = steps["ConfigMap shop/x"]
        assert step.action == "recreate" and step.writes and stage_of(step) == "main"
        assert "k: a" in diff(step)["before"] and "k: b" in diff(step)["after"]
        # What the new object is called, and that it may be made anew, is nothing to send.
        assert step.definition["metadata"]["name"] == "x" and step.definition["metadata"]["annotations"] == {}

    def test_only_where_the_template_says_so(self):
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), refuse=self.IMMUTABLE)
        with pytest.raises(TaskError, match="ConfigMap shop/x: data: Forbidden: field is immutable"):
            plan(server, ours(obj(data={"k": "b"})))

    def test_nothing_is_deleted_that_could_not_be_made_anew(self):
        refuse = dict(self.IMMUTABLE, **{"/api/v1/namespaces/shop/configmaps/x-anew": (422, "data.k: Invalid value")})
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), refuse=refuse)
        with pytest.raises(TaskError, match="ConfigMap shop/x: data: Forbidden: field is immutable"):
            plan(server, ours(obj(data={"k": "b"}, metadata={"annotations": {o.RECREATE: "true"}})))

    @pytest.mark.parametrize("live, action", [(False, "create"), (True, "update")], ids=["new", "live"])
    def test_a_webhook_that_has_no_dry_run(self, live, action):
        path = "/api/v1/namespaces/shop/configmaps/x"
        stored = made(*ours(obj(data={"k": "a"}))) if live else []
        server = Server(SHOP, *stored, refuse={path: (400, 'admission webhook "w" does not support dry run')})
        step = plan(server, ours(obj(data={"k": "b"})))[0]["ConfigMap shop/x"]
        assert (step.action, step.after, step.predicted) == (action, None, not live)
        assert "k: b" in diff(step)["after"]

    @pytest.mark.parametrize("number", [1, 7, 8, 20])
    @pytest.mark.parametrize("takeover", [False, True])
    def test_many_objects_of_a_kind_are_listed(self, number, takeover):
        """Whatever is there of them is found in either way."""
        definitions = ours(*(obj(name=f"x{each}", data={"k": "v"}) for each in range(number)))
        server = Server(SHOP, *made(*definitions[1:]))
        steps, _planner = plan(server, definitions, takeover=takeover)
        assert [step.action for step in steps.values()] == ["create"] + ["unchanged"] * (number - 1)
        listed = "/api/v1/namespaces/shop/configmaps"
        assert (listed in server.asked) is (number >= 8)
        # who may not list may get
        server = Server(SHOP, *made(*definitions[1:]), forbidden=[listed])
        steps, _planner = plan(server, definitions, takeover=takeover)
        assert [step.action for step in steps.values()] == ["create"] + ["unchanged"] * (number - 1)


class TestOthers:
    @pytest.mark.parametrize(
        "labels, message",
        [
            ({}, "ConfigMap shop/x exists and was not made by this release; set adopt to take it over"),
            ({o.MANAGED_BY: "Helm"}, "ConfigMap shop/x is managed by Helm"),
            (o.release_labels("other", "shop"), "ConfigMap shop/x belongs to release other in namespace shop"),
            (o.release_labels("other", ""), "ConfigMap shop/x belongs to release other; set"),
            ({**o.release_labels("rel", "shop"), o.RELEASE_ID: "other"}, "ConfigMap shop/x belongs to another owner's release rel in namespace shop"),
            ({o.RELEASE_ID: "other"}, "ConfigMap shop/x belongs to another release"),
            ({o.RELEASE_ID: RECORD.id}, "ConfigMap shop/x carries this release's id, but was not made by it"),
        ],
    )
    def test_somebody_elses_object(self, labels, message):
        server = Server(SHOP, obj(metadata={"labels": labels, **COPY}))
        with pytest.raises(TaskError, match=message):
            plan(server, ours(obj(data={"k": "v"})))
        steps, _planner = plan(server, ours(obj(data={"k": "v"})), adopt=True)
        assert (steps["ConfigMap shop/x"].action, steps["ConfigMap shop/x"].reason) == ("update", "adopted")

    @pytest.mark.parametrize("takeover, carried, own", [(True, "orphaned", True), (True, "other", False), (False, "orphaned", False)])
    def test_what_no_record_tells_of_any_more(self, takeover, carried, own):
        """As when the records went with their namespace; it carries this release's labels."""
        (live,) = ours(obj(metadata={"labels": {o.RELEASE_ID: carried}}))
        server = Server(SHOP, live)
        if own:
            assert plan(server, ours(obj()), takeover=takeover)[0]["ConfigMap shop/x"].action == "update"
        else:
            with pytest.raises(TaskError, match="ConfigMap shop/x belongs to another owner's release rel in namespace shop"):
                plan(server, ours(obj()), takeover=takeover)

    CONFLICT = 'Apply failed with 1 conflict: conflict with "%s" using v1: .data.k'

    def test_a_field_that_this_collection_has_set(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), refuse={path: (409, self.CONFLICT % "slipway.kubernetes")})
        steps, planner = plan(server, ours(obj(data={"k": "b"})))
        step = steps["ConfigMap shop/x"]
        assert (step.action, step.force) == ("update", True)
        assert step.overrides == [{"manager": "slipway.kubernetes", "field": ".data.k"}]
        assert planner.warnings == ["ConfigMap shop/x: the release takes back what a rollout task has set: .data.k"]

    def test_a_field_that_somebody_else_has_set(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), refuse={path: (409, self.CONFLICT % "kubectl-edit")})
        with pytest.raises(TaskError, match=r"\.data\.k \(kubectl-edit\); set force_conflicts"):
            plan(server, ours(obj(data={"k": "b"})))
        steps, planner = plan(server, ours(obj(data={"k": "b"})), force_conflicts=True)
        step = steps["ConfigMap shop/x"]
        assert (step.action, step.force, step.overrides) == ("update", True, [{"manager": "kubectl-edit", "field": ".data.k"}])
        assert planner.warnings == []

    def test_one_that_has_moved_since_the_look_is_looked_at_again(self):
        path = "/api/v1/namespaces/shop/configmaps/x"
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), moving=2)
        step = plan(server, ours(obj(data={"k": "b"})))[0]["ConfigMap shop/x"]
        assert step.action == "update" and step.live["metadata"]["resourceVersion"] == "700"
        assert server.asked.count(path) == 3

    def test_one_that_never_stands_still_is_an_error(self):
        server = Server(SHOP, *made(*ours(obj(data={"k": "a"}))), moving=99)
        with pytest.raises(TaskError, match="ConfigMap shop/x: it is changed by somebody else again and again"):
            plan(server, ours(obj(data={"k": "b"})))

    def test_node_port_of_another_service(self):
        def service(name, namespace):
            return obj("Service", name, namespace, spec={"ports": [{"port": 80, "nodePort": 31001}]})

        server = Server(SHOP, service("web", "other"))
        with pytest.raises(TaskError, match="Service shop/x: node port 31001 is taken by Service other/web"):
            plan(server, ours(service("x", "shop")))
        with pytest.raises(TaskError, match="Service shop/y: node port 31001 is taken by Service shop/x"):
            plan(Server(SHOP), ours(service("x", "shop"), service("y", "shop")))
        definitions = ours(service("x", "shop"))
        steps, _planner = plan(Server(SHOP, *made(*definitions)), definitions)
        assert steps["Service shop/x"].action == "unchanged"


class TestGeneratedSecrets:
    META = {"annotations": {"slipway.kubernetes/generated": "true"}}

    def secret(self, **data):
        return obj("Secret", "s", metadata=copy.deepcopy(self.META), stringData=data)

    def test_made_once_before_what_reads_it(self):
        workload = obj("Deployment", spec={"selector": {}, "template": {}})
        steps, _planner = plan(Server(SHOP), ours(workload, self.secret(a="1")))
        assert steps["Secret shop/s"].action == "create"
        assert [group[0].kind for group in ranks(steps.values())] == ["Secret", "Deployment"]

    def test_never_changed(self):
        steps, _planner = plan(Server(SHOP, *made(*ours(self.secret(a="1")))), ours(self.secret(a="2")))
        assert steps["Secret shop/s"].action == "unchanged"

    def test_missing_keys_are_added_and_not_shown(self):
        steps, _planner = plan(Server(SHOP, *made(*ours(self.secret(a="1")))), ours(self.secret(a="2", b="3")))
        step = steps["Secret shop/s"]
        assert (step.action, step.definition["data"]) == ("update", {"a": "MQ==", "b": "Mw=="})
        assert "MQ==" not in str(diff(step)) and "Mw==" not in str(diff(step))
        assert diff(step)["after"].count("<hidden>") == 2


class TestPrune:
    def test_what_is_no_longer_rendered_goes_but_data_stays(self):
        old = ours(obj(name="old"), obj("PersistentVolumeClaim", "data"), obj(name="kept", metadata={
            "annotations": {"slipway.kubernetes/data": "true"}}))
        owned = ours(obj(name="owned", metadata={"ownerReferences": [{"uid": "1"}]}))
        foreign, copied = obj(name="foreign"), made(obj(name="copied", metadata=COPY))
        steps, _planner = plan(Server(SHOP, *made(*old, *owned), foreign, *copied), ours(obj(name="new")))
        assert {title: step.action for title, step in steps.items()} == {
            "ConfigMap shop/new": "create",
            "ConfigMap shop/old": "delete",
        }
        assert diff(steps["ConfigMap shop/old"])["after"] == ""

    def test_webhooks_go_before_what_answers_them_and_custom_resources_last(self):
        webhook = obj("ValidatingWebhookConfiguration", "w", "", apiVersion="admissionregistration.k8s.io/v1")
        scaler = obj("HorizontalPodAutoscaler", "h", apiVersion="autoscaling/v2")
        gadget = obj("Gadget", "g", apiVersion="example.com/v1")
        steps, _planner = plan(Server(SHOP, *made(*ours(webhook, scaler, gadget, obj(name="old")))), ours(obj(name="new")))
        going = [step for step in steps.values() if step.action == "delete"]
        assert {step.kind: stage_of(step) for step in going} == {
            "ValidatingWebhookConfiguration": "guards go",
            "HorizontalPodAutoscaler": "guards go",
            "Gadget": "gone",
            "ConfigMap": "gone",
        }
        assert [[step.kind for step in group] for group in ranks([step for step in going if stage_of(step) == "gone"])] == [["Gadget"], ["ConfigMap"]]

    def test_what_is_kept_is_named(self):
        server = Server(SHOP, *made(*ours(obj(name="old"))))
        planner = planner_of(server)
        (step,) = planner.superfluous(ours(obj(name="new")), False)
        assert (step.title, step.action, step.reason) == ("ConfigMap shop/old", "keep", "prune is false")
        server.stored[server.path(obj(name="old"))]["metadata"]["uid"] = "restored"
        (step,) = planner.superfluous(ours(obj(name="new")), True)
        assert (step.action, step.reason) == ("keep", "it is another one than the release has made")
        server.stored[server.path(obj(name="old"))]["metadata"]["labels"] = o.release_labels("other", "shop")
        (step,) = planner.superfluous(ours(obj(name="new")), True)
        assert (step.action, step.reason) == ("keep", "belongs to release other in namespace shop")

    def test_the_version_of_the_api_may_differ(self):
        """An object is the same one whatever version names it; it is looked for under one that is served."""
        entered = obj("Deployment", apiVersion="apps/v1beta9")
        server = Server(SHOP, *made(*ours(obj("Deployment", spec={"selector": {}, "template": {}}))))
        planner = planner_of(server)
        planner.claim.inventory.clear()
        planner.claim.inventory[o.identity(entered)] = r.Entry.of({**entered, "metadata": {**entered["metadata"], "uid": "u1"}})
        assert planner.superfluous(ours(obj("Deployment")), True) == []
        (step,) = planner.superfluous([], True)
        assert (step.title, step.action, step.path) == ("Deployment shop/x", "delete", "/apis/apps/v1/namespaces/shop/deployments/x")

    def test_a_kind_that_is_served_no_more_or_whose_server_is_down(self):
        server = Server(SHOP)
        gone = obj("Route", "r", apiVersion="route.io/v1")
        assert planner_of(server, gone).superfluous([], True) == []
        relic = obj("Relic", "r", apiVersion="stale.example.com/v1")
        with pytest.raises(TaskError, match="Relic shop/r cannot be looked at, because what serves stale.example.com/v1 does not answer"):
            planner_of(server, relic).superfluous([], True)

    def test_one_that_may_not_be_looked_at_is_an_error_and_not_gone(self):
        server = Server(SHOP, *made(*ours(obj(name="old"))), forbidden=["/api/v1/namespaces/shop/configmaps/old"])
        with pytest.raises(TaskError, match="ConfigMap shop/old: no permission"):
            planner_of(server).superfluous([], True)


class TestAbsent:
    def absent(self, *stored, **kwargs):
        return {step.title: step.action for step in planner_of(Server(*stored)).absent(**kwargs)}

    def test_nothing(self):
        assert self.absent(SHOP) == {}

    def test_all_in_the_order_to_delete_it(self):
        stored = made(*ours(obj(), obj("Deployment"), obj("Gadget", "g", apiVersion="example.com/v1")))
        found = self.absent(OWN_SHOP, *stored)
        assert list(found) == ["Gadget shop/g", "Deployment shop/x", "ConfigMap shop/x"] and set(found.values()) == {"delete"}

    def test_somebody_elses_stays_whatever_labels_it_has(self):
        labelled = obj(name="labelled", metadata={"labels": o.release_labels("rel", "shop")})
        copied = made(obj(name="copied", metadata=COPY))
        assert self.absent(SHOP, labelled, *copied, *made(*ours(obj()))) == {"ConfigMap shop/x": "delete"}

    def test_data_stay(self):
        stored = (OWN_SHOP, *made(*ours(obj("PersistentVolumeClaim", "data"), obj())))
        assert self.absent(*stored) == {"ConfigMap shop/x": "delete", "PersistentVolumeClaim shop/data": "keep"}
        assert set(self.absent(*stored, delete_data=True).values()) == {"delete"}


class TestTheNamespaceOfWhatIsGone:
    def space(self, monkeypatch, *stored, gone=(), **options):
        """What becomes of it, and why."""
        server = Server(*stored)
        monkeypatch.setattr(base, "ReleaseApi", lambda *_args, **_kwargs: server)
        params = {name: option.get("default") for name, option in release.OPTIONS.items()}
        params = {**params, "name": "rel", "namespace": "shop", "auth": None, "delete_namespace": True, **options}
        step = removal.Removal(params, False, False, print)._space({o.identity(each) for each in gone})
        return step and (step.title, step.action, step.reason)

    DELETED = ("Namespace shop", "delete", "")

    def test_it_goes(self, monkeypatch):
        # what every namespace has does not count
        assert self.space(monkeypatch, OWN_SHOP, obj(), obj(name="kube-root-ca.crt"), gone=[obj()]) == self.DELETED

    def test_it_is_not_asked_for(self, monkeypatch):
        assert self.space(monkeypatch, OWN_SHOP, delete_namespace=False) is None

    def test_it_goes_already(self, monkeypatch):
        going = {**OWN_SHOP, "metadata": {**OWN_SHOP["metadata"], "deletionTimestamp": "now"}}
        assert self.space(monkeypatch, going) is None is self.space(monkeypatch)

    def test_somebody_elses_stays(self, monkeypatch):
        assert self.space(monkeypatch, SHOP) == ("Namespace shop", "keep", "it was not made by this collection")

    def test_what_is_kept_and_what_is_somebody_elses_keep_it(self, monkeypatch):
        kept = made(*ours(obj("PersistentVolumeClaim", "data")))
        found = self.space(monkeypatch, OWN_SHOP, *kept, obj(), gone=[obj()])
        assert found == ("Namespace shop", "keep", "it still holds PersistentVolumeClaim shop/data")
        found = self.space(monkeypatch, OWN_SHOP, *(obj(name=name) for name in "abcde"))
        assert found == ("Namespace shop", "keep", "it still holds ConfigMap shop/a, ConfigMap shop/b, ConfigMap shop/c, and 2 more")

    def test_the_records_of_another_release_keep_it(self, monkeypatch):
        def record(name):
            (head,) = r.secrets_of(r.Record.first(r.Identity("release", name, "shop")).next(1), "shop", "run")
            return head

        assert self.space(monkeypatch, OWN_SHOP, record("rel")) == self.DELETED
        _title, action, reason = self.space(monkeypatch, OWN_SHOP, record("other"))
        assert action == "keep" and reason.startswith("it still holds Secret shop/slipway.other.")


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
