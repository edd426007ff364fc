# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils import _pod_presets as presets
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError


def preset(selector=None, **spec):
    return {
        "metadata": {"namespace": "shop", "name": "proxy", "resourceVersion": "7"},
        "spec": {"selector": selector or {}, **spec},
    }


def pod(name="web-0", labels=None, **annotations):
    return {"metadata": {"name": name, "labels": labels or {}, "annotations": annotations}}


def term(key, operator, *values):
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    "selector, labels, selected",
    [
        ({}, {}, True),
        ({}, {"app": "web"}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "web", "tier": "front"}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "db"}, False),
        ({"matchLabels": {"app": "web"}}, {}, False),
        ({"matchLabels": {"app": ""}}, {}, False),
        ({"matchExpressions": [term("app", "In", "web", "db")]}, {"app": "db"}, True),
        ({"matchExpressions": [term("app", "In", "web")]}, {"app": "db"}, False),
        ({"matchExpressions": [term("app", "In", "web")]}, {}, False),
        ({"matchExpressions": [term("app", "NotIn", "web")]}, {"app": "db"}, True),
        ({"matchExpressions": [term("app", "NotIn", "web")]}, {"app": "web"}, False),
        ({"matchExpressions": [term("app", "NotIn", "web")]}, {}, True),
        ({"matchExpressions": [term("app", "Exists")]}, {"app": ""}, True),
        ({"matchExpressions": [term("app", "Exists")]}, {}, False),
        ({"matchExpressions": [term("app", "DoesNotExist")]}, {}, True),
        ({"matchExpressions": [term("app", "DoesNotExist")]}, {"app": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [term("b", "Exists")]}, {"a": "1"}, False),
    ],
)
def test_selectors(selector, labels, selected):
    assert presets.matches(preset(selector), labels) is selected


@pytest.mark.parametrize(
    "selector, labels",
    [
        ({}, {}),
        ({"matchLabels": {"app": "web"}}, {"app": "web"}),
        ({"matchExpressions": [term("app", "In", "web", "db"), term("tier", "Exists"), term("old", "DoesNotExist")]},
         {"app": "web", "tier": "canary"}),
        ({"matchLabels": {"app": "db"}, "matchExpressions": [term("app", "In", "web", "db"), term("app", "Exists")]}, {"app": "db"}),
    ],
)
def test_the_canary_is_a_pod_that_the_preset_selects(selector, labels):
    canary = presets.canary(preset(selector))
    assert canary["metadata"]["labels"] == labels
    assert presets.matches(preset(selector), labels)


def test_the_canary_brings_what_a_preset_mounts_and_does_not_have():
    mounts = [{"name": "own", "mountPath": "/a"}, {"name": "theirs", "mountPath": "/b"}, {"name": "theirs", "mountPath": "/c"}]
    canary = presets.canary(preset(volumes=[{"name": "own", "emptyDir": {}}], volumeMounts=mounts))
    assert canary["spec"]["volumes"] == [{"name": "theirs", "emptyDir": {}}]


@pytest.mark.parametrize(
    "annotations, outcome, words",
    [
        ({presets.INJECTED + "proxy": "7"}, "injected", "is injected."),
        ({presets.INJECTED + "proxy": "6"}, "pending", "is not injected"),
        ({presets.INJECTED + "other": "7"}, "pending", "is not injected"),
        ({}, "pending", "is not injected"),
        ({presets.CONFLICT + "proxy": "env A"}, "conflict", "chance which are injected: now none, but not proxy for env A; let"),
        ({presets.CONFLICT + "proxy": "env A", presets.INJECTED + "b": "1", presets.INJECTED + "a": "2"}, "conflict",
         "now a, b, but not proxy for env A; let"),
        # chance has chosen this one
        ({presets.CONFLICT + "rival": "env A", presets.INJECTED + "proxy": "7"}, "conflict", "now proxy, but not rival for env A; let"),
    ],
)
def test_verdicts(annotations, outcome, words):
    found, message = presets.verdict(preset(), pod(**annotations))
    assert found == outcome
    assert "PodPreset shop/proxy " in message
    assert words in message


@pytest.mark.parametrize(
    "code, text, outcome",
    [
        (422, 'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "a"', "refused"),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest": hostPath', "refused"),
        (403, 'pods "x" is forbidden: exceeded quota: compute, requested: pods=1', "untried"),
        (403, 'pods "x" is forbidden: failed quota: compute: must specify limits.cpu', "untried"),
        (403, 'pods "x" is forbidden: [minimum cpu usage per Container is 100m, but request is 1m]', "untried"),
        (400, 'admission webhook "a" does not support dry run', "untried"),
        (403, 'pods "x" is forbidden: not yet ready to handle request', "pending"),
        (403, 'pods "x" is forbidden: error looking up service account shop/default: serviceaccount "default" not found', "pending"),
        (404, 'namespaces "shop" not found', "pending"),
    ],
)
def test_refusals(code, text, outcome):
    found, message = presets.refusal(preset(), ApiError(text, code))
    assert found == outcome
    assert message.startswith("PodPreset shop/proxy ") and text in message


@pytest.mark.parametrize("code, text", [(403, "Permission is missing: ... cannot create"), (401, "no"), (400, "bad")])
def test_what_is_no_matter_of_the_preset_is_an_error(code, text):
    with pytest.raises(ApiError):
        presets.refusal(preset(), ApiError(text, code))


def test_carriers():
    mine = preset({"matchLabels": {"app": "web"}})
    web = {"app": "web"}
    pods = [
        pod("z-injected", web, **{presets.INJECTED + "proxy": "7"}),
        pod("injected", web, **{presets.INJECTED + "proxy": "7"}),
        pod("outdated", web, **{presets.INJECTED + "proxy": "6"}),
        pod("conflict", web, **{presets.CONFLICT + "proxy": "env A"}),
        pod("without", web),
        pod("without-any", web, **{presets.INJECTED + "other": "7"}),
        pod("excluded", web, **{presets.EXCLUDE: "true"}),
        pod("not-excluded", web, **{presets.EXCLUDE: "false"}),
        pod("mirror", web, **{presets.MIRROR: "x"}),
        pod("other", {"app": "db"}),
    ]
    assert presets.carriers(mine, pods) == {
        "injected": ["injected", "z-injected"],
        "outdated": ["outdated"],
        "conflicts": ["conflict"],
        "without": ["not-excluded", "without", "without-any"],
    }


class Cluster:
    """Answers as an API server whose policy needs a few pods before it is active."""

    def __init__(self, *verdicts):
        self.verdicts = list(verdicts)

    def list(self, path, query=()):
        return ([preset()] if path.endswith("/podpresets") else []), "1"

    def post(self, path, body, query=()):
        assert path == "/api/v1/namespaces/shop/pods" and query == [("dryRun", "All")]
        answer = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        if isinstance(answer, Exception):
            raise answer
        return pod(**answer)


@pytest.fixture
def run(monkeypatch):
    def run_on(cluster, **params):
        monkeypatch.setattr(presets, "Api", lambda *args, **kwargs: cluster)
        monkeypatch.setattr(presets, "PAUSE", 0)
        monkeypatch.setattr(presets, "SETTLED", 0.05)
        return presets.run({"auth": {}, "namespace": "shop", "name": None, "label_selectors": [], "wait_timeout": 5, **params})

    return run_on


def test_a_policy_takes_a_moment(run):
    result = run(Cluster({}, {presets.INJECTED + "proxy": "6"}, {presets.INJECTED + "proxy": "7"}))
    assert result["presets"][0]["outcome"] == "injected"
    assert not result["changed"] and result["warnings"] == []


def test_it_does_not_take_for_ever(run):
    with pytest.raises(TaskError, match="PodPreset shop/proxy is not injected") as error:
        run(Cluster({}), wait_timeout=0)
    assert error.value.result["presets"][0]["outcome"] == "ignored"


def test_a_conflict_is_not_waited_for(run):
    with pytest.raises(TaskError, match="contradict each other"):
        run(Cluster({presets.CONFLICT + "proxy": "env A"}), wait_timeout=600)


def test_a_canary_that_a_quota_forbids_is_a_warning(run):
    result = run(Cluster(ApiError('pods "x" is forbidden: exceeded quota: compute', 403)))
    assert result["presets"][0]["outcome"] == "untried"
    assert "exceeded quota" in result["warnings"][0]


@pytest.mark.parametrize(
    "params, words",
    [({"namespace": None, "name": "proxy"}, "name needs namespace"), ({"wait_timeout": -1}, "must not be negative")],
)
def test_bad_options(run, params, words):
    with pytest.raises(TaskError, match=words):
        run(Cluster({}), **params)


def test_a_cluster_without_presets(run):
    cluster = Cluster({})
    cluster.list = lambda path, query=(): (nothing for nothing in ()).throw(ApiError("not found", 404))
    with pytest.raises(TaskError, match="deploy the role slipway.kubernetes.pod_presets first"):
        run(cluster)
    cluster.list = lambda path, query=(): ([], "1")
    with pytest.raises(TaskError, match="Namespace shop has no PodPreset proxy."):
        run(cluster, name="proxy")
    assert run(cluster)["presets"] == []
