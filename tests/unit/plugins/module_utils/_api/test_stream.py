# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace

import pytest
import websocket

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.cancel import Call, Cancelled
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.pods import encoded
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.stream import Broken, Stream, exit_code

SUCCESS = b'\x03{"metadata":{},"status":"Success"}'


def of(sock, protocol="v5.channel.k8s.io"):
    """A WebSocket at one end of a pair of sockets, as after its handshake."""
    client = websocket.WebSocket()
    client.sock, client.connected = sock, True
    client.handshake_response = SimpleNamespace(subprotocol=protocol, status=101)
    return client


class Node:
    """The other end: says its lines, and notes what it gets.  A server masks nothing, and does not mind masked messages."""

    def __init__(self, sock):
        self.peer = of(sock)
        self.peer.settimeout(20)

    def say(self, *messages):
        for message in messages:
            self.peer.send_binary(message)

    def hear(self, length):
        heard = b""
        while len(heard) < length:
            channel, *data = self.peer.recv()
            assert channel == 0
            heard += bytes(data)
        return heard


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield ours, Node(theirs)
    ours.close()
    theirs.close()


class Taken:
    """What came, and whether that is enough."""

    def __init__(self, enough=None):
        self.enough = enough
        self.data = {1: b"", 2: b""}

    def __call__(self, channel, data):
        self.data[channel] += data
        return self.enough is not None and self.enough in data


def run(sock, taken, stdin=b"", seconds=20, protocol="v5.channel.k8s.io", end=True):
    with Stream(of(sock, protocol)) as stream:
        return stream.run(stdin, taken, Deadline(seconds), end)


def test_both_channels_until_the_process_ends(ends):
    ours, node = ends
    node.say(b"", b"\x01", b"\x02", b"\x01one\n", b"\x02two\n", SUCCESS)
    taken = Taken()
    assert run(ours, taken)["status"] == "Success"
    assert taken.data == {1: b"one\n", 2: b"two\n"}


def test_until_there_is_enough(ends):
    ours, node = ends
    node.say(b"\x01one\n", b"\x01two\n")
    assert run(ours, Taken(enough=b"two")) is None


def test_what_is_enough_comes_before_the_text_is_sent_whole(ends):
    ours, node = ends
    text, heard = b"x" * (1 << 22), []

    def read():
        node.say(b"\x01two\n")
        heard.append(node.hear(len(text)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert run(ours, Taken(enough=b"two"), text) is None
    thread.join(20)
    assert heard == [text]


def test_a_text_that_is_not_read_is_not_sent_whole(ends):
    ours, _node = ends
    with Stream(of(ours)) as stream:
        assert stream.run(b"x" * (1 << 22), Taken(), Deadline(1)) is None
        assert 0 < stream.unsent < 1 << 22


def test_for_a_time(ends):
    ours, node = ends
    node.say(b"\x01one\n")
    began, taken = time.monotonic(), Taken()
    assert run(ours, taken, seconds=1) is None and taken.data[1] == b"one\n"
    assert 0.9 < time.monotonic() - began < 5


def test_not_for_a_call_that_is_over(ends):
    ours, node = ends
    call, taken = Call(), Taken()

    def work():
        try:
            run(ours, taken, b"written before\n")
        finally:
            seen.append(node.hear(15))

    seen = []
    threading.Timer(1, call._over.set).start()
    with pytest.raises(Cancelled):
        call.run(work)
    assert seen == [b"written before\n"]


@pytest.mark.parametrize(
    "protocol, end, closing", [("v5.channel.k8s.io", True, True), ("v5.channel.k8s.io", False, False), ("v4.channel.k8s.io", True, False)]
)
def test_text_is_sent_whole_while_the_container_prints_as_much(ends, protocol, end, closing):
    ours, node = ends
    text, heard = b"".join(b"%07d\n" % i for i in range(1 << 17)), []

    def echo():
        # a container that answers before it has read all
        total = 0
        while total < len(text):
            data = node.peer.recv()
            heard.append(data[1:])
            total += len(data) - 1
            node.say(b"\x01" + data[1:])
        if closing:
            heard.append(node.peer.recv())
        node.say(SUCCESS)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    taken = Taken()
    status = run(ours, taken, text, protocol=protocol, end=end)
    thread.join(20)
    assert status["status"] == "Success"
    if closing:
        assert heard.pop() == b"\xff\x00"
    assert b"".join(heard) == text
    assert taken.data[1] == text


def test_connection_that_breaks_keeps_what_was_taken(ends):
    ours, node = ends
    node.say(b"\x01one\n")
    node.peer.sock.close()
    taken = Taken()
    with pytest.raises(Broken, match="^the connection broke .*$"):
        run(ours, taken)
    assert taken.data[1] == b"one\n"


@pytest.mark.parametrize(
    "says, code, message",
    [
        (b'{"status":"Success"}', 0, None),
        (b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}', 7, None),
        (b'{"status":"Failure","message":"container not running"}', None, "container not running"),
        (b"no such container", None, "no such container"),
        (b"[]", None, "[]"),
    ],
)
def test_last_word(ends, says, code, message):
    ours, node = ends
    node.say(b"\x03" + says)
    status = run(ours, Taken())
    assert exit_code(status) == code and status.get("message") == message


def test_text_is_sent_as_utf_8():
    assert encoded("línea 🚀") == "línea 🚀".encode()
    with pytest.raises(TaskError, match=r"^stdin holds U\+D800, half of a character, which cannot be sent\.$"):
        encoded("a\ud800")
