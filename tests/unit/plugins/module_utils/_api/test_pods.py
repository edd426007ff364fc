# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import socket

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError, Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.pods import PodApi
from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward.tunnel import Refused

from .test_stream import SUCCESS, Node, of


@pytest.fixture
def pod():
    """Our end of a connection, and what is at the other one."""
    ours, theirs = socket.socketpair()
    yield ours, Node(theirs)
    ours.close()
    theirs.close()


def api_of(answers, seconds=10):
    """One that opens what is next in C(answers), or raises it."""
    api = PodApi({"host": "http://127.0.0.1:1", "api_key": "a-token"}, Deadline(seconds))

    def websocket(_path, _protocols, _writes):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return of(answer)

    api.websocket = websocket
    return api


def execute(answers, **options):
    return api_of(answers, **options).execute("shop", "web-0", "web", ["no-such-program", "x", "y"])


def test_a_command_that_cannot_be_started_is_not_said_to_have_lost_its_connection(pod):
    ours, node = pod
    cause = 'OCI runtime exec failed: exec: "no-such-program": executable file not found in $PATH: unknown'
    node.say(b"\x03" + json.dumps({"status": "Failure", "message": cause, "details": {"causes": [{"message": cause}]}}).encode())
    with pytest.raises(TaskError, match=f"^no-such-program x in Pod web-0 has ended without an exit code: {re.escape(cause)}.$"):
        execute([ours])


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_is_asked_again(pod, code):
    ours, node = pod
    node.say(b"\x01one\n", SUCCESS)
    assert execute([Refused("no", code), Refused("no", code), ours]) == (0, "one\n", "")


def test_a_server_that_stays_busy():
    with pytest.raises(TaskError, match="answered 429 to a request for Pod shop/web-0; gave up after 1 s.$"):
        execute([Refused("no", 429)] * 50, seconds=1)


@pytest.mark.parametrize("code", [400, 403, 404, 500, 502])
def test_what_may_have_begun_or_will_not_is_not_asked_for_again(code):
    with pytest.raises(ApiError):
        execute([Refused("no", code)])
