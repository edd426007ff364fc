# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils import _service_account_token as token
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

POD = {"api_version": "v1", "kind": "Pod", "name": "importer-0", "uid": None}


def params(**changed):
    return {
        "name": "viewer", "namespace": "shop", "audiences": [], "expiration_seconds": 3600, "bound_object_ref": None
    } | changed


@pytest.mark.parametrize("seconds", [600, 3600, 2**32])
def test_lifetimes_that_an_api_server_issues(seconds):
    token.refuse(params(expiration_seconds=seconds))


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({"expiration_seconds": 599}, "expiration_seconds must be at least 600, got: 599."),
        ({"expiration_seconds": 0}, "expiration_seconds must be at least 600, got: 0."),
        ({"expiration_seconds": -3600}, "expiration_seconds must be at least 600, got: -3600."),
        ({"expiration_seconds": 2**32 + 1}, "expiration_seconds must be at most 4294967296, got: 4294967297."),
        ({"name": ""}, "name must not be empty."),
        ({"namespace": ""}, "namespace must not be empty."),
    ],
)
def test_what_is_refused_before_the_request(changed, sentence):
    with pytest.raises(TaskError) as error:
        token.refuse(params(**changed))
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    "changed, spec",
    [
        ({}, {"expirationSeconds": 3600}),
        ({"audiences": ["vault", "api"]}, {"expirationSeconds": 3600, "audiences": ["vault", "api"]}),
        (
            {"bound_object_ref": POD},
            {"expirationSeconds": 3600, "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "importer-0"}},
        ),
        (
            {"bound_object_ref": {**POD, "uid": "42"}, "expiration_seconds": 600},
            {
                "expirationSeconds": 600,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "importer-0", "uid": "42"},
            },
        ),
    ],
)
def test_the_request_says_what_was_asked_for_and_no_more(changed, spec):
    assert token.body(params(**changed)) == {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec
    }


def answer(seconds=3600):
    return {
        "spec": {"expirationSeconds": seconds, "audiences": ["api"]},
        "status": {"token": "eyJ.x.y", "expirationTimestamp": "2026-11-24T11:35:00Z"},
    }


def test_the_result_is_what_the_server_gave():
    assert token.outcome(answer(), params(), check_mode=False) == {
        "changed": False,
        "token": "eyJ.x.y",
        "expiration_timestamp": "2026-11-24T11:35:00Z",
        "expiration_seconds": 3600,
        "audiences": ["api"],
    }


def test_a_rehearsal_hands_out_no_token():
    assert token.outcome(answer(), params(), check_mode=True)["token"] == ""


def test_another_lifetime_than_asked_for_is_a_warning():
    result = token.outcome(answer(seconds=1800), params(), check_mode=False)
    assert result["expiration_seconds"] == 1800
    assert result["warnings"] == [
        "The API server issued a token for 1800 seconds, not for the 3600 that were asked for."
    ]


@pytest.mark.parametrize(
    "message, bound, sentence",
    [
        ('namespaces "shop" not found', None, "Namespace shop does not exist."),
        ('serviceaccounts "viewer" not found', POD, "Namespace shop has no ServiceAccount viewer."),
        (
            'pods "importer-0" not found',
            POD,
            'There is no Pod importer-0 that the token could be bound to: pods "importer-0" not found.',
        ),
        ("the server could not find the requested resource", None, "the server could not find the requested resource"),
    ],
)
def test_what_is_missing_is_named(message, bound, sentence):
    assert token.missing(message, params(bound_object_ref=bound)) == sentence


class Api:
    """Answers in the place of an API server."""

    def __init__(self, error=None, dry_run=False):
        self.error = error
        self.dry_run = dry_run
        self.requests = []

    def post(self, path, body, query):
        self.requests.append((path, body, query))
        if self.error:
            raise self.error
        return answer()


@pytest.mark.parametrize("dry_run, query", [(False, []), (True, [("dryRun", "All")])])
def test_one_request_to_the_subresource(dry_run, query):
    api = Api(dry_run=dry_run)
    assert token.request_token(api, params()) == answer()
    assert api.requests == [("/api/v1/namespaces/shop/serviceaccounts/viewer/token", token.body(params()), query)]


def test_a_refusal_is_passed_on_as_it_is():
    refusal = token.ApiError("Permission is missing: …", 403, "Forbidden")
    with pytest.raises(token.ApiError) as error:
        token.request_token(Api(refusal), params())
    assert error.value is refusal
