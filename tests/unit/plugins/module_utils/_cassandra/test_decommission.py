# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing where somebody else may write as well; what is written is decided in decommission_steps.py."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra.decommission import OPTIONS, Decommission


class Server:
    """Refuses a patch, while the object has so many replicas."""

    def __init__(self, code, replicas, uid="uid"):
        self._code, self._replicas, self._uid = code, replicas, uid

    def patch(self, path, operations):
        raise ApiError("refused", self._code)

    def get(self, path):
        return {"metadata": {"uid": self._uid}, "spec": {"replicas": self._replicas}}


def patch(server):
    params = {name: option.get("default") for name, option in OPTIONS.items()}
    decommission = Decommission({**params, "namespace": "shop", "replicas": 2, "auth": {"host": "https://localhost", "api_key": "x"}}, False, print)
    decommission.api = server
    decommission._patch("/path", "uid", "/spec/replicas", 3, 2)


def test_what_another_run_has_done_is_no_failure():
    patch(Server(422, 2))


@pytest.mark.parametrize("server", [Server(422, 3), Server(403, 2)], ids=["refused", "forbidden"])
def test_a_refusal_is_one(server):
    with pytest.raises(ApiError):
        patch(server)


def test_another_one_of_its_name_is_left_alone():
    with pytest.raises(TaskError, match="/path was deleted and made anew by somebody else meanwhile"):
        patch(Server(422, 2, uid="another"))
