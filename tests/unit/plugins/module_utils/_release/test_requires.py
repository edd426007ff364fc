# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import Resource
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.checks import not_there

SECRET = Resource("v1", "Secret", "secrets", True, frozenset())
ROUTE = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", True, frozenset())


class Api:
    """A cluster that serves two kinds and holds one Secret."""

    def __init__(self, forbidden=False):
        self.forbidden = forbidden

    def resources(self):
        return [SECRET, ROUTE]

    def resource(self, api_version, kind):
        return next((r for r in self.resources() if (r.api_version, r.kind) == (api_version, kind)), None)

    def lookup(self, path):
        if self.forbidden:
            raise ApiError("Permission is missing", 403, "Forbidden")
        return {"metadata": {}} if path == "/api/v1/namespaces/shop/secrets/tls" else None


def errors(*needs, **cluster):
    return not_there(Api(**cluster), needs, "web")


@pytest.mark.parametrize(
    "need, said",
    [
        ({"api_version": "v1", "kind": "Secret"}, []),
        ({"api_version": "v1", "kind": "Secret", "namespace": "", "name": ""}, []),
        ({"api_version": "v1", "kind": "Secret", "namespace": "shop", "name": "tls"}, []),
        (
            {"api_version": "v1", "kind": "Secret", "namespace": "shop", "name": "oidc"},
            ["There is no Secret oidc in namespace shop, which release web needs"],
        ),
        (
            {"api_version": "v1", "kind": "Issuer", "name": "letsencrypt"},
            ["The cluster does not serve v1 Issuer, which release web needs"],
        ),
        (
            {"api_version": "gateway.networking.k8s.io/v1beta1", "kind": "HTTPRoute"},
            [
                "The cluster does not serve gateway.networking.k8s.io/v1beta1 HTTPRoute, which release web needs; "
                "it serves this kind as gateway.networking.k8s.io/v1"
            ],
        ),
    ],
)
def test_what_is_missing_is_said(need, said):
    assert errors(need) == said


def test_whoever_may_not_look_is_not_held_up():
    assert errors({"api_version": "v1", "kind": "Secret", "namespace": "shop", "name": "oidc"}, forbidden=True) == []
