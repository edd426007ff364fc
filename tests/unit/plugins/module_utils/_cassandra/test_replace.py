# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written to the cluster and run in pods; when that is done is decided in replace_steps.py."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra import replace
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.replace_steps import Goal, Note, Step
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.ring import Claim

NOTE = Note("db-1", "10.0.0.1", "host-1", ("old", "older"))
MAP = "/api/v1/namespaces/shop/configmaps/db-replacement"
POD = "/api/v1/namespaces/shop/pods/db-1"
CLAIM = "/api/v1/namespaces/shop/persistentvolumeclaims/data-db-1"


class Server:
    """Objects by their path, and what a command prints: (exit status, stdout, stderr)."""

    host = "https://localhost"

    def __init__(self, objects=None, prints=()):
        self.objects, self._prints = dict(objects or {}), dict(prints)
        self.ran, self.deleted = [], []

    def get(self, path):
        if path not in self.objects:
            raise ApiError(f"{path} not found", 404)
        return self.objects[path]

    def post(self, path, body, query=()):
        path = f"{path}/{body['metadata']['name']}"
        if path in self.objects:
            raise ApiError(f"{path} exists", 409)
        self.objects[path] = body
        return body

    def patch(self, path, operations):
        self.objects[path] = operations

    def delete(self, path, uid, grace_period=None):
        assert self.get(path)["metadata"]["uid"] == uid
        self.deleted.append((path.rpartition("/")[2], grace_period))
        if path not in self.stuck:
            del self.objects[path]

    stuck = ()

    def execute(self, namespace, pod, container, command, stdin=""):
        self.ran.append((pod, command[-1]))
        return next(answer for text, answer in self._prints.items() if text in command[-1])


def replacement(server, **params):
    given = {name: option.get("default") for name, option in replace.OPTIONS.items()}
    auth = {"host": "https://localhost", "api_key": "x"}
    done = replace.Replacement({**given, "namespace": "shop", "name": "db", "pod": "db-1", "auth": auth, **params}, False, lambda line: None)
    done.api = server
    done.owner = {"metadata": {"name": "db", "uid": "set"}}
    return done


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(replace, "INTERVAL", 0)
    monkeypatch.setattr(replace, "ABANDONED", 0)


def pod(container="c1", uid="p1"):
    return {
        "metadata": {"name": "db-1", "uid": uid},
        "spec": {"nodeName": "worker-2"},
        "status": {"containerStatuses": [{"containerID": container}]},
    }


def test_a_note_is_read_as_it_was_written():
    server = Server()
    done = replacement(server)
    assert done._noted() is None
    for _attempt in range(2):
        # The answer to the first one may have been lost.
        done._note(Step("note", "", NOTE), None)
    assert done._noted() == NOTE
    assert server.objects[MAP]["data"] == {"db-1": "10.0.0.1"}
    assert server.objects[MAP]["metadata"]["ownerReferences"][0]["uid"] == "set"


@pytest.mark.parametrize(
    "found", [{"metadata": {}, "data": {"db-1": "10.0.0.1"}}, {"metadata": {}}, {"metadata": {}, "data": {"a": "", "b": ""}}]
)
def test_somebody_elses_config_map(found):
    with pytest.raises(TaskError, match="ConfigMap db-replacement in namespace shop is not what this module notes"):
        replacement(Server({MAP: found}))._noted()


def test_a_stateful_set_that_does_not_look_for_the_note():
    volumes = [{"name": "data", "configMap": {"name": "other"}}, {"name": "tmp", "emptyDir": {}}]
    done = replacement(Server())
    assert not done._is_looked_for({"spec": {"template": {"spec": {"volumes": volumes}}}})
    assert not done._is_looked_for({"spec": {"template": {"spec": {}}}})
    volumes.append({"name": "replacement", "configMap": {"name": "db-replacement"}})
    assert done._is_looked_for({"spec": {"template": {"spec": {"volumes": volumes}}}})


def claim(uid="old"):
    return {"metadata": {"name": "data-db-1", "uid": uid}, "spec": {"volumeName": "pv-1"}}


@pytest.mark.parametrize("keep, kept", [(True, ["pv-1"]), (False, [])])
def test_pod_and_claim_go_and_the_volume_stays_unless_told_otherwise(keep, kept):
    server = Server({POD: pod(), CLAIM: claim()})
    done = replacement(server, keep_volumes=keep)
    done._release(Step("release", "", (Claim("data-db-1", 1, "old"),)), None)
    assert server.deleted == [("data-db-1", None), ("db-1", replace.GRACE)]
    assert done.volumes == kept
    assert ("/api/v1/persistentvolumes/pv-1" in server.objects) is keep


def test_a_claim_of_the_next_node_is_left_alone():
    server = Server({POD: pod(), CLAIM: claim("new")})
    replacement(server)._release(Step("release", "", (Claim("data-db-1", 1, "old"),)), None)
    assert server.deleted == [("db-1", replace.GRACE)]


def test_a_pod_that_nobody_ends():
    server = Server({POD: pod(), CLAIM: claim()})
    server.stuck = (POD, CLAIM)
    with pytest.raises(TaskError, match="Pod db-1 is still there .* If its machine is lost, delete Node worker-2, and run it again"):
        replacement(server)._release(Step("release", "", (Claim("data-db-1", 1, "old"),)), None)


MAPPED = {MAP: {"metadata": {"name": "db-replacement", "uid": "note"}}}


def test_the_note_goes_when_the_repair_has_ended():
    server = Server({POD: pod(), **MAPPED}, {"nodetool": (0, "", ""), "slipway-repair.log": (0, "Repaired\nexit 0\n", "")})
    replacement(server)._finish(Step("finish", "", True), None)
    assert server.deleted == [("db-replacement", None)]
    assert [command for _pod, command in server.ran if "nodetool repair --full" in command]


def test_without_repair():
    server = Server({POD: pod(), **MAPPED})
    replacement(server)._finish(Step("finish", "", False), None)
    assert server.deleted == [("db-replacement", None)] and server.ran == []


@pytest.mark.parametrize(
    "log, sentence",
    [
        ((0, "error: Repair job has failed\n-- StackTrace --\nexit 2\n", ""), "could not be repaired: Repair job has failed. Run it again."),
        ((1, "", "cat: no such file"), "could not be repaired: it was started again. Run it again."),
    ],
)
def test_a_repair_that_fails_leaves_the_note(log, sentence):
    server = Server({POD: pod(), **MAPPED}, {"nodetool": (0, "", ""), "slipway-repair.log": log})
    with pytest.raises(TaskError, match=sentence):
        replacement(server)._finish(Step("finish", "", True), None)
    assert server.deleted == []


def test_a_container_that_is_started_again_repairs_no_more():
    server = Server({POD: pod(), **MAPPED}, {"nodetool": (0, "", ""), "slipway-repair.log": (0, "Repairing\n", "")})
    done = replacement(server)
    containers = iter(["c1", "c1", "c2"])
    done._container = lambda: next(containers)
    with pytest.raises(TaskError, match="it was started again"):
        done._finish(Step("finish", "", True), None)


def test_goal():
    assert replacement(Server(), accept_loss_of=["shop"], repair=False).goal == Goal("db-1", None, ("shop",), False)
