# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import socket
import threading

import pytest
from websocket._url import get_proxy_info

from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward import tunnel

DATA, ERROR = b"\x00", b"\x01"
GREETING = [b"\x00\xb8\x0b", b"\x01\xb8\x0b"]


def served(payload, opcode=tunnel.BINARY, final=True):
    """A frame as a server sends it: unmasked."""
    head = bytes([opcode | (0x80 if final else 0)])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    size, mark = (2, 126) if len(payload) < 1 << 16 else (8, 127)
    return head + bytes([mark]) + len(payload).to_bytes(size, "big") + payload


STREAM = [
    (served(GREETING[0]), []),
    (served(GREETING[1]), []),
    (served(DATA + b"hello"), [(0, b"hello")]),
    (served(DATA + b"x" * 200), [(0, b"x" * 200)]),
    (served(DATA + b"y" * 70000), [(0, b"y" * 70000)]),
    (served(b"are you there", tunnel.PING), [("ping", b"are you there")]),
    (served(b"again", tunnel.PONG), []),
    (served(DATA + b"one", final=False), [(0, b"one")]),
    (served(b"two", tunnel.CONTINUATION), [(0, b"two")]),
    (served(ERROR + b"refused"), [(1, b"refused")]),
    (served(b"\x03\xe8", tunnel.CLOSE), [("close", b"\x03\xe8")]),
]


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
def test_frames_in_pieces_of_any_size(step):
    stream, frames, found = b"".join(data for data, _messages in STREAM), tunnel.Frames(), []
    for start in range(0, len(stream), step):
        found += frames.feed(stream[start:start + step])
    assert found == [message for _data, messages in STREAM for message in messages]


def unmasked(data):
    """The payloads of a client's frames."""
    payloads = []
    while data:
        length, start = data[1] & 0x7F, 2
        if length > 125:
            start += 2 if length == 126 else 8
            length = int.from_bytes(data[2:start], "big")
        key, start = data[start:start + 4], start + 4
        payloads.append(bytes(byte ^ key[i % 4] for i, byte in enumerate(data[start:start + length])))
        data = data[start + length:]
    return payloads


class Carried:
    """carry() between two socket pairs, whose other ends are the client and the API server."""

    def __init__(self):
        self.client, local = socket.socketpair()
        self.server, remote = socket.socketpair()
        self.said = []
        self.thread = threading.Thread(target=self._run, args=(local, remote), daemon=True)
        self.thread.start()
        for end in (self.client, self.server):
            end.settimeout(20)
        self.server.sendall(b"".join(map(served, GREETING)))

    def _run(self, local, remote):
        # as serve() does: an end that breaks ends the connection
        with local, remote, contextlib.suppress(OSError):
            tunnel.carry(local, remote, self.said.append)

    def ended(self):
        self.thread.join(20)
        return not self.thread.is_alive()


@pytest.fixture(name="carried")
def _carried():
    carried = Carried()
    yield carried
    carried.client.close()
    carried.server.close()


def all_of(end):
    data = b""
    while chunk := end.recv(1 << 16):
        data += chunk
    return data


def test_bytes_go_both_ways(carried):
    carried.client.sendall(b"question")
    assert unmasked(carried.server.recv(1000)) == [DATA + b"question"]
    carried.server.sendall(served(DATA + b"answer"))
    assert carried.client.recv(1000) == b"answer"


@pytest.mark.parametrize("close", [served(b"", tunnel.CLOSE), b""])
def test_all_is_delivered_before_the_end(carried, close):
    body = os.urandom(3 * tunnel.HIGH_WATER)
    thread = threading.Thread(target=lambda: (
        carried.server.sendall(served(DATA + body) + close), carried.server.shutdown(socket.SHUT_WR)))
    thread.start()
    assert all_of(carried.client) == body
    assert carried.ended()


def test_a_slow_reader_is_not_sent_more_than_can_wait(carried):
    carried.server.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 * tunnel.HIGH_WATER:
            carried.server.sendall(served(DATA + bytes(tunnel.CHUNK)))
            sent += tunnel.CHUNK
    assert tunnel.HIGH_WATER <= sent < 4 * tunnel.HIGH_WATER


def test_what_went_wrong_in_the_pod_is_said_and_ends_the_connection(carried):
    carried.server.sendall(served(ERROR + b"connection refused"))
    assert all_of(carried.client) == b""
    assert carried.ended()
    assert carried.said == ["connection refused"]


def test_the_answer_comes_after_the_client_has_sent_all(carried):
    carried.client.sendall(b"question")
    carried.client.shutdown(socket.SHUT_WR)
    assert unmasked(carried.server.recv(1000)) == [DATA + b"question"]
    carried.server.sendall(served(DATA + b"answer") + served(b"", tunnel.CLOSE))
    assert all_of(carried.client) == b"answer"


def test_a_tunnel_does_not_outlive_its_client_for_long(carried, monkeypatch):
    monkeypatch.setattr(tunnel, "LINGER", 0.5)
    carried.client.close()
    assert carried.ended()
    assert all_of(carried.server) == b""


def test_a_ping_is_answered(carried):
    carried.server.sendall(served(b"are you there", tunnel.PING))
    data = carried.server.recv(1000)
    assert data[0] & 0x0F == tunnel.PONG
    assert unmasked(data) == [b"are you there"]


CONNECTION = {"proxy": None, "proxy_headers": {}}


@pytest.mark.parametrize(
    "changed, options",
    [
        ({}, {"http_no_proxy": ["*"]}),
        ({"proxy": "http://proxy:3128"}, {"http_proxy_host": "proxy", "http_proxy_port": 3128, "proxy_type": "http"}),
        ({"proxy": "http://proxy"}, {"http_proxy_host": "proxy", "http_proxy_port": 80, "proxy_type": "http"}),
        ({"proxy": "socks5h://me:a%3Ab@proxy"},
         {"http_proxy_host": "proxy", "http_proxy_port": 1080, "proxy_type": "socks5h", "http_proxy_auth": ("me", "a:b")}),
        ({"proxy": "http://proxy:1", "proxy_headers": {"proxy-authorization": "Basic bWU6YTpi"}},
         {"http_proxy_host": "proxy", "http_proxy_port": 1, "proxy_type": "http", "http_proxy_auth": ("me", "a:b")}),
    ],
)
def test_proxies(changed, options):
    found = tunnel.proxy({**CONNECTION, **changed})
    found.pop("http_proxy_timeout", None)
    assert found == {"http_no_proxy": [""], **options}


@pytest.mark.parametrize("connection, expected", [({}, (None, 0, None)), ({"proxy": "http://proxy:3128"}, ("proxy", 3128, None))])
def test_the_environment_of_the_process_names_no_proxy(monkeypatch, connection, expected):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://other:1")
    monkeypatch.setenv("no_proxy", "*")
    options = tunnel.proxy({**CONNECTION, **connection})
    assert get_proxy_info(
        "cluster", True, options.get("http_proxy_host"), options.get("http_proxy_port", 0), no_proxy=options["http_no_proxy"]
    ) == expected
