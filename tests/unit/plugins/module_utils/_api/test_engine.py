# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import Engine, secrets_of
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
        return {"changed": True, "arguments": arguments}

    result = engine(run).call({"text": "x", "host": "h"}, True, False, print)
    params, check_mode, want_diff, progress = result["arguments"]
    assert (params["text"], params["auth"]["host"], params["auth"]["api_key"]) == ("x", "h", None)
    assert "text" not in params["auth"]
    assert (check_mode, want_diff, progress) == (True, False, print)


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
