# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import cancel, client
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

HOST = "https://cluster:6443"


def answered(code, message="", reason="", body=None, headers=None):
    """What the module makes of an HTTP error."""
    data = json.dumps({"message": message, "reason": reason}).encode() if body is None else body
    response = SimpleNamespace(status=code, reason="from the status line", data=data, headers=headers or {})
    return client._answer(response, "patch", HOST)


@pytest.mark.parametrize(
    "code, headers, delay",
    [
        (429, {"Retry-After": "3"}, 3.0),
        (429, {}, None),
        (500, {}, None),
        (502, {}, None),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (504, {"Retry-After": "0"}, 0.0),
    ],
)
def test_passing_failures(code, headers, delay):
    fault = answered(code, "busy", headers=headers)
    assert isinstance(fault, client.Fault)
    assert (str(fault), fault.answered, fault.delay) == (f"the API server {HOST} answered {code} (busy)", True, delay)


FORBIDDEN = 'deployments.apps "web" is forbidden: User "u" cannot patch resource "deployments" in API group "apps" in the namespace "shop"'


@pytest.mark.parametrize(
    "code, message, sentence",
    [
        (401, "Unauthorized", f"The API server {HOST} does not accept these credentials (401 Unauthorized)."),
        (403, FORBIDDEN, f"Permission is missing: {FORBIDDEN}. Grant this verb on this resource in a Role or ClusterRole."),
        (403, "exceeded quota: small", "exceeded quota: small"),
        (404, 'deployments.apps "web" not found', 'deployments.apps "web" not found'),
        (422, "Deployment is invalid", "Deployment is invalid"),
        (409, "", "the API server answered 409 to patch"),
    ],
    ids=["credentials", "right", "admission", "not found", "invalid", "no message"],
)
def test_refusals(code, message, sentence):
    error = answered(code, message, reason="Reason")
    assert isinstance(error, client.ApiError)
    assert (str(error), error.code, error.reason) == (sentence, code, "Reason")


@pytest.mark.parametrize("body", [b"<html>Bad\n Gateway</html>", b"[]", b"", b"\xff", b"null"])
def test_an_answer_that_is_no_status_object(body):
    assert "\n" not in str(answered(502, body=body))
    assert isinstance(answered(404, body=body), client.ApiError)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("two\n  lines.", "two lines"),
        ("<urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused", "Connection refused"),
        ("HTTPSConnectionPool(host='cluster', port=6443): Read timed out. (read timeout=3)", "Read timed out. (read timeout=3)"),
        (
            "(<HTTPSConnection(host='10.0.0.1', port=6443) at 0x7fef80>, 'Connection to 10.0.0.1 timed out. (connect timeout=5)')",
            "Connection to 10.0.0.1 timed out. (connect timeout=5)",
        ),
        ("x" * 1000, "x" * 300),
    ],
    ids=["one line", "no object addresses", "no pool", "no tuple", "not endless"],
)
def test_short(text, expected):
    assert client._short(Exception(text)) == expected


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((client.APPS, "shop", "deployments"), "/apis/apps/v1/namespaces/shop/deployments"),
        ((client.APPS, "shop", "deployments", "web"), "/apis/apps/v1/namespaces/shop/deployments/web"),
        ((client.CORE, "shop", "pods", "web-1", "log"), "/api/v1/namespaces/shop/pods/web-1/log"),
        ((client.CORE, "../kube-system", "pods", "a/b?c"), "/api/v1/namespaces/..%2Fkube-system/pods/a%2Fb%3Fc"),
    ],
)
def test_object_path(arguments, expected):
    assert client.object_path(*arguments) == expected


def test_backoff_doubles_up_to_five_seconds_and_obeys_the_server(monkeypatch):
    slept = []
    monkeypatch.setattr(cancel.Call, "sleep", lambda _call, seconds: slept.append(seconds))
    backoff = client.Backoff(client.Deadline(1000))
    for _attempt in range(8):
        backoff.wait()
    for planned, real in zip((0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5), slept):
        assert 0.8 * planned <= real <= 1.2 * planned
    backoff.wait(client.Fault("busy", answered=True, delay=30.0))
    assert slept[-1] == 30


def test_backoff_ends_with_the_deadline(monkeypatch):
    slept = []
    monkeypatch.setattr(cancel.Call, "sleep", lambda _call, seconds: slept.append(seconds))
    client.Backoff(client.Deadline(0)).wait(client.Fault("busy", answered=True, delay=600.0))
    assert slept == [0]


def test_without_the_kubernetes_package(monkeypatch):
    monkeypatch.setattr(client, "KUBERNETES_IMPORT_ERROR", "Traceback ...")
    with pytest.raises(TaskError, match="^The Python package 'kubernetes' is needed .* -m pip install kubernetes$"):
        client.Api({"host": HOST, "api_key": "x"}, client.Deadline(1))
