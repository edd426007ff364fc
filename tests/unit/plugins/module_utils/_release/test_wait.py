# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import record as r
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import release, wait
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import run as base
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.presence import Presence
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.steps import Step

WEB = {"kind": "Deployment", "namespace": "shop", "api_version": "apps/v1", "rolled": [{"name": "web", "uid": "u", "revision": "web-1"}]}
DB = {"kind": "StatefulSet", "namespace": "data", "api_version": "apps/v1", "rolled": []}
FAIL_FAST = {"fail_fast": False, "fail_fast_restarts": 5, "fail_fast_after": 7}


def call(monkeypatch, rollout, *workloads, on_failure="fail"):
    monkeypatch.setattr(wait, "_ROLLOUT", replace(wait._ROLLOUT, run=rollout))
    params = {
        "label_selectors": ["app=shop"],
        "workloads": list(workloads),
        "wait_timeout": 5,
        "on_failure": on_failure,
        "since": "2026-01-01T00:00:00Z",
        **FAIL_FAST,
    }
    return wait.run({**params, "auth": None})


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


@pytest.mark.parametrize("kind, expected", [("Deployment", "pause"), ("StatefulSet", "fail"), ("DaemonSet", "fail")])
def test_only_a_deployment_is_paused(monkeypatch, kind, expected):
    asked = []

    def rollout(params, *_rest):
        asked.append(params["on_failure"])
        return {"changed": False, "rollouts": []}

    call(monkeypatch, rollout, {**WEB, "kind": kind}, on_failure="pause")
    assert asked == [expected]


def test_the_rollout_module_is_asked_to_wait_and_nothing_else(monkeypatch):
    asked = {}

    def rollout(params, *_rest):
        asked.update(params)
        return {"changed": False, "rollouts": []}

    call(monkeypatch, rollout, WEB)
    assert {key: asked[key] for key in ("state", "images", "wait", "since", *FAIL_FAST, "label_selectors", "wait_timeout")} == {
        "state": "complete",
        "images": None,
        "wait": True,
        "since": "2026-01-01T00:00:00Z",
        **FAIL_FAST,
        "label_selectors": ["app=shop"],
        "wait_timeout": 5,
    }


@pytest.mark.parametrize(("workloads", "expected"), [(WEB, ("undo", {"web": WEB["rolled"][0]})), (DB, ("fail", {}))], ids=["rolls", "does not roll"])
def test_only_what_the_release_rolls_is_undone(monkeypatch, workloads, expected):
    asked = []

    def rollout(params, *_rest):
        asked.append((params["on_failure"], params["rolled"]))
        return {"changed": False, "rollouts": []}

    call(monkeypatch, rollout, workloads, on_failure="undo")
    assert asked == [expected]


def test_every_failure_is_told_and_no_success_is_lost(monkeypatch):
    def rollout(params, *_rest):
        if params["kind"] == "Deployment":
            return {"changed": True, "rollouts": [{"name": "web"}]}
        raise TaskError("StatefulSet data/db: it broke.", {"changed": False, "rollouts": [{"name": "db"}]})

    with pytest.raises(TaskError) as error:
        call(monkeypatch, rollout, WEB, DB)
    assert str(error.value) == "StatefulSet data/db: it broke."
    assert error.value.result["changed"] and [r["name"] for r in error.value.result["rollouts"]] == ["web", "db"]


# ------------------------------------------------- which workloads a run waits for --
def step(action, name="web", kind="Deployment", namespace="shop", api_version="apps/v1", before=None, **rest):
    """Of a workload; C(before) is the template that is live."""
    definition = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": {"template": 1}}
    live = before and {**definition, "metadata": {**definition["metadata"], "uid": f"u-{name}"}, "spec": {"template": before}}
    if action in ("delete", "keep"):
        return Step(action, name, live=definition, **rest)
    return Step(action, name, definition=definition, live=live, after=live and definition, **rest)


class Server:
    """Nothing is asked of it but who and what it is."""

    apart = None

    def __init__(self, *_args, **_kwargs):
        pass

    def version(self):
        return "v1.37.2"

    def whoami(self):
        return "tester", "2026-01-01T00:00:00Z"

    def parallel(self, function, items):
        return [function(item) for item in items]


def run_of(monkeypatch, **options):
    monkeypatch.setattr(base, "ReleaseApi", Server)
    params = {name: option.get("default") for name, option in release.OPTIONS.items()}
    run = Presence({**params, "name": "rel", "namespace": "shop", "auth": None, **options}, False, False, print)
    run.began = "2026-01-01T00:00:00Z"
    return run


def waited_for(monkeypatch, *steps, **options):
    asked = []
    monkeypatch.setattr(wait, "run", lambda params, progress: asked.append(params) or {"rollouts": [], "warnings": []})
    run = run_of(monkeypatch, **options)
    run._wait(r.Record.first(run.which), steps)
    return [(each["kind"], each["namespace"], each["rolled"]) for params in asked for each in params["workloads"]]


def test_a_run_waits_for_each_kind_of_each_namespace_and_knows_what_it_has_rolled(monkeypatch):
    steps = [
        step("unchanged", "calm", before=1),
        step("update", "web", before=2, revision="web-1"),
        step("update", "scaled", before=1),
        step("create", "new", namespace="data"),
        step("create", "setup", kind="Job", api_version="batch/v1"),
        step("delete", "old", namespace="other"),
        step("keep", "theirs", namespace="other"),
        step("create", "settings", kind="ConfigMap", api_version="v1"),
    ]
    rolled = [{"name": "web", "uid": "u-web", "revision": "web-1"}]
    assert waited_for(monkeypatch, *steps) == [("Deployment", "shop", rolled), ("Deployment", "data", []), ("Job", "shop", [])]
    assert waited_for(monkeypatch, step("create", kind="ConfigMap", api_version="v1")) == []
    assert waited_for(monkeypatch, *steps, wait=False) == []


class Nobody:
    """The lock, and the objects that a run makes, of nobody."""

    lost, made, gone, warnings = "", (), (), ()

    def __getattr__(self, _name):
        return lambda *_args, **_kwargs: []

    def held(self):
        return nullcontext()


def test_a_failure_of_the_last_workloads_tells_of_the_first_ones_too(monkeypatch):
    """As does one that has nothing to do with workloads, and what was warned of before."""
    def rollouts(params, progress):
        name = params["workloads"][0]["kind"]
        if name == "Job":
            raise TaskError("It broke.", {"changed": False, "rollouts": [{"name": name}], "warnings": ["of the second"]})
        return {"rollouts": [{"name": name}], "warnings": ["of the first"]}

    monkeypatch.setattr(wait, "run", rollouts)
    run = run_of(monkeypatch)
    run.records, run._executor = Nobody(), lambda _planner: Nobody()
    run.warnings, run.steps = ["of the plan"], [step("create", "web"), step("create", "setup", "Job", last=True)]
    pending = r.Record.first(run.which).next(1)
    run.work = lambda: run._locked(pending, lambda: run._carry_out(Nobody(), pending, []))
    with pytest.raises(TaskError) as error:
        run.result()
    result = error.value.result
    assert [each["name"] for each in result["rollouts"]] == ["Deployment", "Job"] and result["changed"] and len(result["objects"]) == 2
    assert result["warnings"] == ["of the first", "of the plan", "of the second"]
