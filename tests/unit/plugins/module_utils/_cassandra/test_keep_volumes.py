# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the claims of nodes that have left, and of the volumes behind them."""

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.cancel import Call
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.decommission import OPTIONS, Decommission
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.ring import Claim, Step

CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims/"
VOLUMES = "/api/v1/persistentvolumes/"


def retain(claim):
    """The volume is kept only as long as it is that claim's."""
    mine = {"op": "test", "path": "/spec/claimRef/uid", "value": f"uid of {claim}"}
    return [mine, {"op": "add", "path": "/spec/persistentVolumeReclaimPolicy", "value": "Retain"}]


class Server:
    """Has claims, by name, and notes what is changed. One of C(held) goes when it has been looked at so often."""

    def __init__(self, claims, held=(), refuses=()):
        self.claims = {CLAIMS + name: claim(name, volume) for name, volume in claims.items()}
        self.held = {CLAIMS + name: looks for name, looks in dict(held).items()}
        self.refuses = refuses
        self.changes = []

    def get(self, path):
        if path in self.claims and "deletionTimestamp" in self.claims[path]["metadata"]:
            self.held[path] -= 1
            if not self.held[path]:
                del self.claims[path]
        if path not in self.claims:
            raise ApiError("not found", 404)
        return self.claims[path]

    def patch(self, path, operations):
        if "patch" in self.refuses:
            raise ApiError("no permission", 403)
        self.changes.append(("patch", path, operations))

    def delete(self, path, uid):
        self.changes.append(("delete", path, uid))
        if path in self.held:
            self.claims[path]["metadata"]["deletionTimestamp"] = "now"
        else:
            del self.claims[path]


def claim(name, volume):
    return {"metadata": {"name": name, "uid": f"uid of {name}"}, "spec": {"volumeName": volume} if volume else {}}


def release(server, *names, keep_volumes=True, wait_timeout=60, uid="uid of {}"):
    """Let go of claims, the way a step does; returns the volumes that were kept."""
    params = {name: option.get("default") for name, option in OPTIONS.items()}
    params.update(namespace="shop", replicas=1, keep_volumes=keep_volumes, wait_timeout=wait_timeout)
    operation = Decommission({**params, "auth": {"host": "https://localhost", "api_key": "x"}}, False, print)
    operation.api = server
    claims = tuple(Claim(name, int(name.rpartition("-")[2]), uid.format(name)) for name in names)
    operation._release_claims(Step("release_claims", "", claims), None)
    return operation.volumes


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(Call, "sleep", lambda _call, _seconds: None)


def test_volumes_go_with_their_claims():
    server = Server({"data-cassandra-1": "pv-1"})
    assert release(server, "data-cassandra-1", keep_volumes=False) == []
    assert server.changes == [("delete", CLAIMS + "data-cassandra-1", "uid of data-cassandra-1")]


def test_a_volume_is_retained_before_its_claim_goes():
    server = Server({"data-cassandra-2": "pv-2", "data-cassandra-1": "pv-1"})
    assert release(server, "data-cassandra-2", "data-cassandra-1") == ["pv-2", "pv-1"]
    assert server.changes == [
        ("patch", VOLUMES + "pv-2", retain("data-cassandra-2")),
        ("delete", CLAIMS + "data-cassandra-2", "uid of data-cassandra-2"),
        ("patch", VOLUMES + "pv-1", retain("data-cassandra-1")),
        ("delete", CLAIMS + "data-cassandra-1", "uid of data-cassandra-1"),
    ]


def test_a_claim_without_a_volume_has_none_to_keep():
    server = Server({"data-cassandra-1": None})
    assert release(server, "data-cassandra-1") == []
    assert server.changes == [("delete", CLAIMS + "data-cassandra-1", "uid of data-cassandra-1")]


def test_a_claim_that_is_gone_is_passed_over():
    server = Server({"data-cassandra-1": "pv-1"})
    assert release(server, "data-cassandra-2", "data-cassandra-1") == ["pv-1"]
    assert [path for _verb, path, _what in server.changes] == [VOLUMES + "pv-1", CLAIMS + "data-cassandra-1"]


def test_a_claim_that_has_come_instead_is_left_alone():
    server = Server({"data-cassandra-1": "pv-1"})
    assert release(server, "data-cassandra-1", uid="uid of one before") == []
    assert server.changes == []


def test_whoever_may_not_keep_a_volume_deletes_no_claim():
    server = Server({"data-cassandra-1": "pv-1"}, refuses=["patch"])
    with pytest.raises(ApiError, match="no permission"):
        release(server, "data-cassandra-1")
    assert server.changes == []
    assert CLAIMS + "data-cassandra-1" in server.claims


def test_claims_are_waited_for():
    """The next node to be called like this must not get the volume of the one that has left."""
    server = Server({"data-cassandra-1": "pv-1"}, held={"data-cassandra-1": 3})
    release(server, "data-cassandra-1")
    assert server.claims == {}


def test_a_claim_that_does_not_go_is_named():
    server = Server({"data-cassandra-1": "pv-1"}, held={"data-cassandra-1": -1})
    with pytest.raises(TaskError, match="^data-cassandra-1 of persistentvolumeclaims is still there after 0 s; run it again"):
        release(server, "data-cassandra-1", wait_timeout=0)
