# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import engine as module
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import Engine, secrets_of, trimmed
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError


def engine(run, **options):
    return Engine("probe", {"text": {"type": "str"}}, run, **options)


def test_a_spec_has_the_connection_options_and_is_nobody_else_s():
    probe = engine(None, requirements={"required_one_of": [("text", "host")]})
    spec = probe.spec()
    assert spec["required_one_of"] == [("text", "host")]
    assert spec["argument_spec"]["api_key"]["no_log"] is True
    spec["argument_spec"]["text"]["type"] = spec["argument_spec"]["api_key"]["no_log"] = "changed"
    assert probe.spec()["argument_spec"]["text"]["type"] == "str"
    assert probe.spec()["argument_spec"]["api_key"]["no_log"] is True


def test_the_work_gets_everything_it_was_called_with():
    def run(*arguments):
        arguments[3]("a line, password=p4ss")
        return {"changed": True, "arguments": arguments[:3]}

    lines = []
    result = engine(run).call({"text": "x", "host": "h"}, True, False, lines.append)
    params, check_mode, want_diff = result["arguments"]
    given = params["auth"].given
    assert (params["text"], given["host"], given["api_key"]) == ("x", "h", None)
    assert "text" not in given
    assert (check_mode, want_diff, lines) == (True, False, ["a line, password=<hidden>"])


@pytest.mark.parametrize("want_diff", [True, False])
def test_a_difference_is_there_for_whoever_wants_one(want_diff):
    result = engine(lambda *_arguments: {"changed": True, "diff": []}).call({}, want_diff=want_diff)
    assert ("diff" in result) == want_diff


def test_what_others_say_is_shown_without_secrets():
    def run(*_arguments):
        raise TaskError("It said: password=p4ss.", {"logs": ["Authorization: Bearer abcdef123456"], "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi.x"})

    result = engine(run, handed_out=("token",)).call({})
    assert result["msg"] == "It said: password=<hidden>" and "abcdef123456" not in str(result)
    assert result["token"].startswith("eyJ")


@pytest.mark.parametrize(
    "known, expected",
    [
        ({}, {"changed": False, "things": []}),
        ({"changed": True, "things": [1]}, {"changed": True, "things": [1]}),
    ],
    ids=["nothing known", "what is known"],
)
def test_a_failure_is_a_result(known, expected):
    def run(*_arguments):
        raise TaskError("It did not work.", known)

    probe = engine(run, failed={"changed": False, "things": []})
    assert probe.call({}) == {**expected, "failed": True, "msg": "It did not work."}


@pytest.mark.parametrize("fails", [True, False])
def test_what_a_module_warns_of_is_no_part_of_its_result(monkeypatch, fails):
    """Of which ansible-core warns, and which it will take for an error."""
    said = []

    class Module:
        check_mode, _diff = False, False

        def __init__(self, **_spec):
            self.params, self.no_log_values = {}, set()

        def warn(self, text):
            said.append(text)

        def fail_json(self, **result):
            said.append(("failed", result))

        def exit_json(self, **result):
            said.append(("ended", result))

    def run(*_arguments):
        if fails:
            raise TaskError("It did not work.", {"warnings": ["a", "b"]})
        return {"changed": True, "warnings": ["a", "b"]}

    monkeypatch.setattr(module, "AnsibleModule", Module)
    engine(run).main()
    assert said[:3] == ["a", "b", ("failed", {"changed": False, "msg": "It did not work."}) if fails else ("ended", {"changed": True})]


def test_a_bug_is_no_failure_of_the_task():
    def run(*_arguments):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine(run).call({})


KUBECONFIG = {
    "clusters": [{"cluster": {"server": "https://cluster", "certificate-authority-data": "CADATA"}}],
    "users": [{"name": "me", "user": {"token": "t0ken", "password": "p4ss", "client-key-data": "KEYDATA"}}],
}


@pytest.mark.parametrize(
    "kubeconfig, hidden, shown",
    [(KUBECONFIG, {"t0ken", "p4ss", "KEYDATA"}, {"me", "https://cluster"}), ("/home/me/.kube/config", set(), set()), (None, set(), set())],
    ids=["dictionary", "path", "none"],
)
def test_secrets_of(kubeconfig, hidden, shown):
    found = secrets_of({"kubeconfig": kubeconfig})
    assert hidden <= found and not shown & found


def test_a_secret_without_the_end_of_its_line_is_one():
    assert trimmed({"open sesame\n", "sesame", "y\n", 5}) == {"open sesame"}
