# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import wait

WEB = {"kind": "Deployment", "namespace": "shop", "api_version": "apps/v1", "rolls": True}
DB = {"kind": "StatefulSet", "namespace": "data", "api_version": "apps/v1", "rolls": False}


def call(monkeypatch, rollout, *workloads, on_failure="fail"):
    monkeypatch.setattr(wait, "_ROLLOUT", replace(wait._ROLLOUT, run=rollout))
    params = {
        "label_selectors": ["app=shop"],
        "workloads": list(workloads),
        "wait_timeout": 5,
        "on_failure": on_failure,
    }
    return wait.ENGINE.call(params)


def test_all_are_waited_for_at_the_same_time(monkeypatch):
    # each of the two calls returns only when the other one has begun as well
    both = threading.Barrier(2, timeout=10)

    def rollout(params, *_rest):
        both.wait()
        return {"changed": False, "rollouts": [{"name": params["kind"]}], "warnings": [params["namespace"]]}

    assert call(monkeypatch, rollout, WEB, DB) == {
        "changed": False,
        "rollouts": [{"name": "Deployment"}, {"name": "StatefulSet"}],
        "warnings": ["shop", "data"],
    }


def test_the_rollout_module_is_asked_to_wait_and_nothing_else(monkeypatch):
    asked = {}

    def rollout(params, *_rest):
        asked.update(params)
        return {"changed": False, "rollouts": []}

    call(monkeypatch, rollout, WEB)
    assert {key: asked[key] for key in ("state", "images", "wait", "fail_fast", "label_selectors", "wait_timeout")} == {
        "state": "complete",
        "images": None,
        "wait": True,
        "fail_fast": True,
        "label_selectors": ["app=shop"],
        "wait_timeout": 5,
    }


@pytest.mark.parametrize(("workloads", "expected"), [(WEB, "undo"), (DB, "fail")], ids=["rolls", "does not roll"])
def test_only_what_the_release_rolls_is_undone(monkeypatch, workloads, expected):
    asked = []

    def rollout(params, *_rest):
        asked.append(params["on_failure"])
        return {"changed": False, "rollouts": []}

    call(monkeypatch, rollout, workloads, on_failure="undo")
    assert asked == [expected]


def test_every_failure_is_told_and_no_success_is_lost(monkeypatch):
    def rollout(params, *_rest):
        if params["kind"] == "Deployment":
            return {"changed": True, "rollouts": [{"name": "web"}]}
        raise TaskError("StatefulSet data/db: it broke.", {"changed": False, "rollouts": [{"name": "db"}]})

    result = call(monkeypatch, rollout, WEB, DB)
    assert result["failed"] and result["msg"] == "StatefulSet data/db: it broke."
    assert result["changed"] and [r["name"] for r in result["rollouts"]] == ["web", "db"]
