# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The in-process door, with real tasks and connections and a module that only looks around."""

from __future__ import annotations

import os

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import Engine
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.plugin_utils import _in_process


def look_around(params, check_mode, want_diff, progress):
    progress(f"the key is {params['api_key']}")
    for text in (params["say"],) if params["say"] else ():
        progress(text)
    if params["fail"]:
        os.environ["LEFT_BEHIND"] = "by a failure"
        raise TaskError(f"no, {params['api_key']}")
    return {
        "where": "here",
        "changed": False,
        "check_mode": check_mode,
        "diff_mode": want_diff,
        "host": params["auth"]["host"],
        "echo": params["say"],
        "environment": dict(os.environ),
    }


class Probe(_in_process.InProcessAction):
    engine = Engine("probe", {"say": {"type": "str"}, "fail": {"type": "bool", "default": False}}, look_around)

    def _run_module(self, task_vars):
        return {"where": "module"}


def run(args=None, transport="local", become=None, variables=None, **task_attributes):
    task = Task()
    task.args = args or {}
    for name, value in task_attributes.items():
        setattr(task, name, value)
    loader = DataLoader()
    connection = connection_loader.get("local", PlayContext())
    connection.transport, connection.become = transport, become
    templar = Templar(loader=loader, variables=variables or {})
    return Probe(task, connection, PlayContext(), loader, templar).run(task_vars={"inventory_hostname": "web-1"})


# ------------------------------------------------------------ here or there --
@pytest.mark.parametrize(
    "options, where",
    [
        ({}, "here"),
        ({"check_mode": True}, "here"),
        ({"transport": "ssh"}, "module"),
        ({"transport": "docker"}, "module"),
        ({"become": object()}, "module"),
        ({"async_val": 60}, "module"),
    ],
    ids=["local", "check mode", "ssh", "container", "become", "async"],
)
def test_where_it_runs(options, where):
    assert run(**options)["where"] == where


def test_without_the_kubernetes_package_the_module_may_find_another_python(monkeypatch):
    monkeypatch.setattr(_in_process, "KUBERNETES_IMPORT_ERROR", "Traceback ...")
    assert run()["where"] == "module"


# ---------------------------------------------------------------- arguments --
@pytest.mark.parametrize("check_mode, diff", [(False, False), (True, False), (False, True)])
def test_check_and_diff_mode_are_handed_on(check_mode, diff):
    result = run(check_mode=check_mode, diff=diff)
    assert (result["check_mode"], result["diff_mode"]) == (check_mode, diff)


@pytest.mark.parametrize("args", [{"sey": "typo"}, {"fail": "perhaps"}], ids=["unknown option", "no boolean"])
def test_invalid_arguments_fail_as_for_a_module(args):
    with pytest.raises(AnsibleActionFail, match=next(iter(args))):
        run(args)


# -------------------------------------------------------------- environment --
@pytest.mark.parametrize(
    "environment, expected",
    [
        ([{"PROBE": "task"}], "task"),
        ([{"PROBE": "play"}, {"PROBE": "task"}], "task"),
        ([{"PROBE": 7}], "7"),
        ([], None),
    ],
    ids=["set", "the inner one wins", "number", "none"],
)
def test_environment_of_the_task_holds_for_the_task(monkeypatch, environment, expected):
    monkeypatch.delenv("PROBE", raising=False)
    assert run(environment=environment)["environment"].get("PROBE") == expected
    assert "PROBE" not in os.environ


def test_environment_hides_and_restores_that_of_the_process(monkeypatch):
    monkeypatch.setenv("PROBE", "process")
    assert run(environment=[{"PROBE": "task"}])["environment"]["PROBE"] == "task"
    assert os.environ["PROBE"] == "process"


def test_environment_is_restored_after_a_failure():
    before = dict(os.environ)
    assert run({"fail": True}, environment=[{"PROBE": "task"}])["failed"]
    assert dict(os.environ) == before


# ------------------------------------------------------------------ secrets --
def test_a_secret_option_is_hidden_wherever_it_turns_up():
    result = run({"api_key": "s3cr3t", "say": "my s3cr3t words"})
    assert "s3cr3t" not in str({**result, "environment": None})
    assert result["echo"] == "my ******** words"


def test_a_secret_is_hidden_in_a_failure():
    result = run({"api_key": "s3cr3t", "fail": True})
    assert (result["failed"], result["msg"]) == (True, "no, ********")


def test_the_secrets_in_a_kubeconfig_given_as_a_dictionary_are_hidden():
    users = [{"name": "me", "user": {"token": "t0ken"}}]
    result = run({"kubeconfig": {"users": users}, "say": "t0ken"})
    assert "t0ken" not in str(result["echo"])


# ----------------------------------------------------------------- progress --
@pytest.fixture
def callback(monkeypatch):
    return lambda name: monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", name)


@pytest.mark.parametrize("name", ["default", "yaml", "ansible.builtin.default", "ansible.posix.debug"])
def test_progress_is_shown_with_the_host_and_without_secrets(callback, capsys, name):
    callback(name)
    run({"api_key": "s3cr3t", "say": "1 of 3"})
    assert capsys.readouterr().out.splitlines() == ["  [web-1] the key is ********", "  [web-1] 1 of 3"]


@pytest.mark.parametrize("name", ["json", "ansible.posix.json", "ansible.posix.jsonl", "null", "oneline", "dense"])
def test_progress_is_silent_for_callbacks_that_programs_read(callback, capsys, name):
    callback(name)
    assert run({"say": "1 of 3"})["echo"] == "1 of 3"
    assert capsys.readouterr().out == ""


def test_progress_is_silent_with_no_log(callback, capsys):
    callback("default")
    run({"say": "1 of 3"}, no_log=True)
    assert capsys.readouterr().out == ""
