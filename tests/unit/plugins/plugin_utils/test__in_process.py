# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The in-process door, with real tasks and connections and a module that only looks around."""

from __future__ import annotations

import os

import pytest
import yaml
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
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
        raise TaskError(f"no, {params['api_key']}")
    return {
        "where": "here",
        "changed": False,
        "check_mode": check_mode,
        "diff_mode": want_diff,
        "host": params["auth"].given["host"],
        "kubeconfig": params["kubeconfig"],
        "ca_cert": params["ca_cert"],
        "echo": params["say"],
        "environment": params["auth"].environ,
        "of_the_process": dict(os.environ),
    }


class Probe(_in_process.InProcessAction):
    engine = Engine("probe", {"say": {"type": "str"}, "fail": {"type": "bool", "default": False}}, look_around)

    def _run_module(self, task_vars, args):
        return {"where": "module", "args": args}


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


def test_environment_of_the_task_hides_that_of_the_process_which_stays(monkeypatch):
    monkeypatch.setenv("PROBE", "process")
    result = run(environment=[{"PROBE": "task"}])
    assert (result["environment"]["PROBE"], result["of_the_process"]["PROBE"]) == ("task", "process")


def test_paths_are_those_of_the_environment_of_the_task():
    result = run({"ca_cert": "~/$WHERE/ca.crt"}, environment=[{"HOME": "/home/other", "WHERE": "there"}])
    assert result["ca_cert"] == "/home/other/there/ca.crt"


# --------------------------------------------------------------- kubeconfig --
CONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://k", "certificate-authority": "ca.crt"}}],
    "users": [{"name": "u", "user": {"token": "t0ken"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}


@pytest.fixture
def playbook(tmp_path, monkeypatch):
    """A folder with files/, one of them encrypted, and a loader that knows the password."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/plain").write_text(yaml.safe_dump(CONFIG))
    secret = [("default", VaultSecret(b"password"))]
    (tmp_path / "files/vaulted").write_bytes(VaultLib(secret).encrypt(yaml.safe_dump(CONFIG), secret[0][1]))
    (tmp_path / "files/foreign").write_bytes(VaultLib().encrypt(b"{}", VaultSecret(b"another")))
    make = DataLoader.__init__

    def known(self):
        make(self)
        self.set_basedir(str(tmp_path))
        self.set_vault_secrets(secret)

    monkeypatch.setattr(DataLoader, "__init__", known)
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
    yield tmp_path
    assert list(folder.iterdir()) == []


def kubeconfig_of(where, path):
    """What becomes of the option kubeconfig, with either door."""
    if where == "here":
        return run({"kubeconfig": path}).get("kubeconfig")
    return run({"kubeconfig": path}, async_val=60)["args"]["kubeconfig"]


@pytest.mark.parametrize("where", ["here", "module"])
def test_a_kubeconfig_is_looked_for_in_files_and_decrypted(playbook, where):
    plain, vaulted = str(playbook / "files/plain"), kubeconfig_of(where, "vaulted")
    token = {"here": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "module": "t0ken"}[where]
    assert kubeconfig_of(where, "plain") == kubeconfig_of(where, plain) == kubeconfig_of(where, "files/plain") == plain
    assert kubeconfig_of(where, f"plain:{plain}") == f"{plain}:{plain}"
    assert vaulted["clusters"][0]["cluster"]["certificate-authority"] == str(playbook / "files/ca.crt")
    assert (vaulted["current-context"], vaulted["users"][0]["user"]) == ("x", {"token": token})
    assert kubeconfig_of(where, "plain:vaulted") == vaulted


def test_what_is_decrypted_is_hidden(playbook):
    assert "t0ken" not in str(run({"kubeconfig": "vaulted", "say": "t0ken"}))


def test_a_kubeconfig_on_another_machine_is_that_machine_s(playbook):
    assert run({"kubeconfig": "plain"}, transport="ssh")["args"] == {"kubeconfig": "plain"}


@pytest.mark.parametrize(
    "path, sentence",
    [
        ("gone", "The kubeconfig gone of the option kubeconfig does not exist, neither beside the playbook or the role nor in files/ there."),
        ("/gone", "The kubeconfig /gone of the option kubeconfig does not exist."),
        ("plain:gone", "The kubeconfig gone of the option kubeconfig does not exist, neither beside the playbook or the role nor in files/ there."),
    ],
)
@pytest.mark.parametrize("door", [{}, {"async_val": 60}], ids=["here", "module"])
def test_a_kubeconfig_that_is_nowhere(playbook, path, sentence, door):
    result = run({"kubeconfig": path}, **door)
    assert (result["failed"], result["msg"]) == (True, sentence)


def test_a_kubeconfig_that_is_encrypted_with_another_password(playbook):
    result = run({"kubeconfig": "foreign"})
    assert result["failed"] and result["msg"].startswith(f"The kubeconfig {playbook}/files/foreign cannot be decrypted: ")


# ------------------------------------------------------------------ secrets --
def test_a_secret_option_is_hidden_wherever_it_turns_up():
    result = run({"api_key": "s3cr3t", "say": "my s3cr3t words"})
    assert "s3cr3t" not in str(result)
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
