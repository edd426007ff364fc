# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release costs in requests to the API server; renewals of the lock and what waiting takes are left out."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Fault
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi

from .workshop import Shop, config_map


@pytest.fixture
def counted(monkeypatch):
    """Requests by verb, dry runs apart; those without an answer, which are tried again, are left out."""
    seen, original = Counter(), ReleaseApi._send

    def send(self, verb, path, query=(), *args, **kwargs):
        what = "dry run" if ("dryRun", "All") in query else verb
        if verb == "patch" and "/secrets/slipway." in path:
            # How often the lock is renewed, the time decides.
            what = "renewal"
        seen[what] += 1
        try:
            return original(self, verb, path, query, *args, **kwargs)
        except Fault:
            seen[what] -= 1
            raise

    monkeypatch.setattr(ReleaseApi, "_send", send)
    return seen


def cost(counted, shop, *documents, **options):
    counted.clear()
    shop.run(*documents, **options)
    return {what: count for what, count in counted.items() if count and what != "renewal"}


SMALL = tuple(config_map(name, x="1") for name in "abc")
LARGE = tuple(config_map(f"c{number}", x=str(number)) for number in range(1000))


# Each run asks for the version, the namespace, two halves of discovery, the records, the newest record, a node's address (7), and for
# who we are. One that writes makes and finishes a record, and lists them once more. Only a first run has no record to read.
@pytest.mark.parametrize(
    "documents, first, second, changed, removed",
    [
        (
            SMALL,
            # each is looked at, tried and made; the namespace, which is somebody else's, is looked at
            {"get": 6 + 4 + 2, "post": 1 + 1, "dry run": 3, "patch": 3, "put": 1},
            {"get": 7 + 4, "post": 1},
            {"get": 7 + 4 + 2, "post": 1 + 1, "dry run": 1, "patch": 1, "put": 1},
            {"get": 14, "post": 2, "delete": 6, "put": 1},
        ),
        (
            LARGE,
            {"get": 6 + 2 + 2, "post": 1 + 1, "dry run": 1000, "patch": 1000, "put": 1},
            {"get": 7 + 4, "post": 1},
            None,
            None,
        ),
    ],
    ids=["3 objects", "1,000 objects"],
)
def test_requests(connect, namespace, counted, documents, first, second, changed, removed):
    shop = Shop(connect, namespace)
    assert cost(counted, shop, *documents) == first
    assert cost(counted, shop, *documents) == second
    if changed:
        assert cost(counted, shop, config_map("a", x="2"), *documents[1:]) == changed
        assert cost(counted, shop, state="absent", wait=False) == removed
