# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi


@pytest.fixture
def api(monkeypatch):
    api = ReleaseApi.__new__(ReleaseApi)
    monkeypatch.setattr(api, "_retry", lambda attempt: attempt(), raising=False)
    return api


def answer(api, monkeypatch, result):
    def send(*args, **kwargs):
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(api, "_send", send, raising=False)


def test_warnings_of_the_server_are_returned(api, monkeypatch):
    header = '299 - "would violate PodSecurity \\"restricted:latest\\"", 299 - "v1 Endpoints is deprecated"'
    answer(api, monkeypatch, SimpleNamespace(data=b'{"kind": "Pod"}', headers={"Warning": header}))
    assert api.dry_run_apply("/path", {}, False) == (
        {"kind": "Pod"},
        ['would violate PodSecurity "restricted:latest"', "v1 Endpoints is deprecated"],
    )


@pytest.mark.parametrize(
    "text, sentence",
    [
        (
            "the API server https://h answered 500 (failed to convert new object (ns/app; apps/v1, Kind=Deployment) to "
            "proper version: unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match)",
            "quantities must match",
        ),
        (
            "the API server https://h answered 500 (failed to create typed patch object (ns/app; apps/v1, "
            'Kind=Deployment): .spec.replicas: expected numeric (int or float), got string)',
            ".spec.replicas: expected numeric (int or float), got string",
        ),
    ],
)
def test_a_wrong_type_is_not_tried_again(api, monkeypatch, text, sentence):
    answer(api, monkeypatch, Fault(text, answered=True))
    with pytest.raises(ApiError) as error:
        api.dry_run_apply("/path", {}, False)
    assert sentence in str(error.value)


def test_a_busy_server_is(api, monkeypatch):
    answer(api, monkeypatch, Fault("the API server https://h answered 500 (etcdserver: leader changed)", answered=True))
    with pytest.raises(Fault):
        api.dry_run_apply("/path", {}, False)


@pytest.mark.parametrize(
    "answer, expected",
    [
        ({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "status": {"userInfo": {"username": "me"}}}, ("me", "2026-01-01T00:00:00Z")),
        ({"metadata": {"creationTimestamp": None}, "status": {"userInfo": {}}}, ("", "")),
        ({"status": {"userInfo": {"username": "me"}}}, ("me", "")),
        (ApiError("the server could not find the requested resource", 404), ("", "")),
    ],
)
def test_who_asks_and_when(monkeypatch, answer, expected):
    def post(_self, _path, _body):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ReleaseApi, "post", post)
    assert ReleaseApi.__new__(ReleaseApi).whoami() == expected
