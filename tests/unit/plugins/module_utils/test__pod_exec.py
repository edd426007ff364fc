# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils import _pod_exec as e
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

PARAMS = {"namespace": "shop", "name": "db-0", "container": None, "argv": ["sh", "-c", "cat"], "stdin": "s3cret", "wait_timeout": 5, "auth": {}}


class Pods:
    calls = []
    answer = (0, "", "")

    def __init__(self, *_arguments, **_options):
        pass

    def get(self, path):
        if path.endswith("/db-0"):
            return {"metadata": {"name": "db-0", "namespace": "shop"}, "spec": {"containers": [{"name": "db"}, {"name": "side"}]}}
        raise ApiError("pods not found", 404)

    def execute(self, *arguments, twice):
        self.calls.append(arguments)
        return self.answer


@pytest.fixture(autouse=True)
def pods(monkeypatch):
    monkeypatch.setattr(Pods, "calls", [])
    monkeypatch.setattr(e, "PodApi", Pods)
    return Pods


def test_the_command_gets_the_text(pods, monkeypatch):
    monkeypatch.setattr(Pods, "answer", (0, "one\ntwo\n", "warning\n"))
    assert e.run(PARAMS) == {
        "changed": True,
        "container": "db",
        "rc": 0,
        "stdout": "one\ntwo",
        "stdout_lines": ["one", "two"],
        "stderr": "warning",
        "stderr_lines": ["warning"],
    }
    assert pods.calls == [("shop", "db-0", "db", ["sh", "-c", "cat"], "s3cret")]


def test_nothing_is_run_in_check_mode(pods):
    assert e.run({**PARAMS, "container": "side"}, True) == {"changed": True, "container": "side"}
    assert pods.calls == []


def test_a_command_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(Pods, "answer", (3, "going\n", "it broke.\n\n"))
    with pytest.raises(TaskError) as error:
        e.run(PARAMS)
    assert str(error.value) == "sh in container db of Pod shop/db-0 has ended with exit code 3: it broke."
    assert error.value.result["rc"] == 3 and error.value.result["stdout"] == "going"


@pytest.mark.parametrize(
    "stdin, said, shown",
    [
        ("ALTER USER a IDENTIFED BY 'hunter';", "an error near 'IDENTIFED BY 'hunter'' at line 1", "an error near 'IDENTIFED BY '<hidden>'' at line 1"),
        ("user shop\npassphrase\n", "unknown: passphrase", "unknown: <hidden>"),
        ("set p4ss-w0rd", "no such user: p4ss-w0rd", "no such user: <hidden>"),
        ("SELECT something FROM shop.carts", "something in shop.carts is not there", "something in shop.carts is not there"),
    ],
)
def test_a_failure_does_not_quote_the_text(stdin, said, shown, monkeypatch):
    monkeypatch.setattr(Pods, "answer", (1, f"{said}\n", f"{said}\n"))
    with pytest.raises(TaskError) as error:
        e.run({**PARAMS, "stdin": stdin})
    result = error.value.result
    assert result["stdout"] == result["stderr"] == shown and result["stderr_lines"] == [shown]
    assert str(error.value).endswith(f"exit code 1: {shown}.")


@pytest.mark.parametrize(
    "given, message",
    [
        ({"argv": []}, "argv must name a command."),
        ({"argv": ["sh", "a\ud800"]}, "argv holds U+D800, half of a character, which cannot be sent."),
        ({"stdin": "a\ud800"}, "stdin holds U+D800, half of a character, which cannot be sent."),
        ({"name": ""}, "name must not be empty."),
        ({"name": "db-1"}, "There is no Pod db-1 in namespace shop."),
        ({"container": "x"}, "Pod shop/db-0 has no container x; it has db, side."),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second, got: 0."),
    ],
)
def test_refused(given, message, pods):
    with pytest.raises(TaskError) as error:
        e.run({**PARAMS, **given})
    assert str(error.value) == message and pods.calls == []


def test_the_text_is_no_part_of_what_is_shown():
    assert e.ENGINE.spec()["argument_spec"]["stdin"]["no_log"] is True
