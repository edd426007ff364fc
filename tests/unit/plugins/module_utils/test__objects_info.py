# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several looks at a cluster at once, and which cluster it is: against answers of an API server."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils import _cluster_info as cluster_info
from ansible_collections.slipway.kubernetes.plugins.module_utils import _objects_info as objects_info
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi

CORE = {
    "resources": [
        {"name": "secrets", "kind": "Secret", "namespaced": True},
        {"name": "nodes", "kind": "Node", "namespaced": False},
        {"name": "nodes/status", "kind": "Node", "namespaced": False},
    ]
}
SECRET = {"metadata": {"name": "x", "namespace": "shop", "managedFields": [{}]}, "data": {"password": "c2VjcmV0"}}


class Server(ReleaseApi):
    """Answers by path; a number is a refusal."""

    host, apart = "https://192.0.2.1:6443", ""

    def __init__(self, answers):
        self.answers, self.asked = {"/api/v1": CORE, **answers}, []

    def get(self, path):
        self.asked.append(path)
        answer = self.answers.get(path, 404)
        if isinstance(answer, int):
            raise ApiError(f"refused with {answer}", answer)
        return answer

    def list(self, path, query=()):
        self.asked.append((path, *query))
        answer = self.answers.get(path, 404)
        if isinstance(answer, int):
            raise ApiError(f"refused with {answer}", answer)
        return answer, "1"


@pytest.fixture
def look(monkeypatch):
    """Look for entries at a server with these answers."""

    def call(objects, answers, sensitive=False):
        server = Server(answers)
        monkeypatch.setattr(objects_info, "ReleaseApi", lambda *args, **options: server)
        defaults = {"api_version": "v1", "namespace": "", "name": "", "label_selectors": [], "optional": False}
        params = {"auth": None, "objects": [{**defaults, **each} for each in objects], "sensitive": sensitive}
        return objects_info.run(params), server

    return call


def test_nothing_is_asked_for_nothing(look):
    result, server = look([], {})
    assert result == {"changed": False, "found": []} and server.asked == []


def test_entries_are_answered_in_their_order(look):
    result, server = look(
        [{"kind": "Secret", "namespace": "shop", "name": "x"}, {"kind": "Node", "label_selectors": ["a=b", "!c"]}, {"kind": "Ship"}],
        {"/api/v1/namespaces/shop/secrets/x": SECRET, "/api/v1/nodes": [{"metadata": {"name": "n"}}]},
        sensitive=True,
    )
    secret, node, ship = result["found"]
    assert secret["resources"] == [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "shop"}, "data": {"password": "c2VjcmV0"}}
    ]
    assert node["resources"] == [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}]
    assert ("/api/v1/nodes", ("labelSelector", "a=b,!c")) in server.asked
    assert ship == {"api_version": "v1", "kind": "Ship", "namespace": "", "name": "", "served": False, "seen": True, "resources": []}
    # what the version serves is asked for once
    assert server.asked.count("/api/v1") == 1


def test_values_of_secrets_are_left_out(look):
    result, _server = look([{"kind": "Secret", "namespace": "shop", "name": "x"}], {"/api/v1/namespaces/shop/secrets/x": SECRET})
    assert "c2VjcmV0" not in str(result)
    assert "sensitive" not in result


def test_what_is_sensitive_says_so(look):
    result, _server = look([{"kind": "Node"}], {"/api/v1/nodes": []}, sensitive=True)
    assert result["sensitive"] is True


@pytest.mark.parametrize("entry", [{"kind": "Secret", "namespace": "shop", "name": "y"}, {"kind": "Secret", "namespace": "shop"}])
def test_what_is_not_there_is_seen_not_to_be(look, entry):
    result, _server = look([entry], {})
    assert [(each["served"], each["seen"], each["resources"]) for each in result["found"]] == [(True, True, [])]


def test_a_version_that_is_not_served(look):
    result, _server = look([{"api_version": "metallb.io/v1beta1", "kind": "IPAddressPool", "namespace": "x"}], {})
    assert [(each["served"], each["resources"]) for each in result["found"]] == [(False, [])]


def test_who_may_not_look_is_told_unless_it_is_optional(look):
    with pytest.raises(ApiError, match="403"):
        look([{"kind": "Node"}], {"/api/v1/nodes": 403})
    result, _server = look([{"kind": "Node", "optional": True}], {"/api/v1/nodes": 403})
    assert [each["seen"] for each in result["found"]] == [False]


def test_an_error_is_no_answer(look):
    with pytest.raises(ApiError, match="500"):
        look([{"kind": "Node", "optional": True}], {"/api/v1/nodes": 500})


def test_a_name_needs_a_namespace(look):
    with pytest.raises(TaskError, match="Secret x: a name needs a namespace."):
        look([{"kind": "Secret", "name": "x"}], {})


@pytest.mark.parametrize("name", ["a/b", "..", "x?y"])
def test_a_name_is_one_part_of_the_path(look, name):
    _result, server = look([{"kind": "Secret", "namespace": "shop", "name": name}], {})
    assert all(path.count("/") == 6 for path in server.asked if "secrets" in path)


UID = "6a1b8a0a-6b0c-4e0e-9d9c-1f6f0c1e7f4e"


@pytest.mark.parametrize(
    "expected",
    [UID, "https://192.0.2.1:6443", "https://192.0.2.1:6443/", "192.0.2.1:6443", "HTTPS://192.0.2.1:6443"],
)
def test_the_cluster_that_is_expected(expected):
    cluster_info.refuse_unless(expected, "https://192.0.2.1:6443", UID)


@pytest.mark.parametrize("host, expected", [("https://k8s.example.com", "k8s.example.com:443"), ("https://k8s.example.com:443", "k8s.example.com")])
def test_the_port_of_https_need_not_be_said(host, expected):
    cluster_info.refuse_unless(expected, host, UID)


@pytest.mark.parametrize(
    "expected",
    [UID[:-1], "https://192.0.2.1:6444", "192.0.2.1", "https://192.0.2.10:6443", "http://192.0.2.1:6443/other", "x:y:z", "https://["],
)
def test_any_other_cluster_is_refused(expected):
    with pytest.raises(TaskError, match="This is not the cluster that is expected.*Nothing was changed."):
        cluster_info.refuse_unless(expected, "https://192.0.2.1:6443", UID)


def test_a_uid_that_may_not_be_read_is_no_match():
    with pytest.raises(TaskError, match="may not read namespace kube-system"):
        cluster_info.refuse_unless(UID, "https://192.0.2.1:6443", "")


class Cluster:
    def __init__(self, answer):
        self._answer = answer

    def lookup_metadata(self, path):
        assert path == "/api/v1/namespaces/kube-system"
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_the_uid_of_a_cluster():
    assert cluster_info.uid_of(Cluster({"metadata": {"uid": UID}})) == UID
    assert cluster_info.uid_of(Cluster(None)) == ""
    assert cluster_info.uid_of(Cluster(ApiError("no", 403))) == ""
    with pytest.raises(ApiError):
        cluster_info.uid_of(Cluster(ApiError("no", 401)))
