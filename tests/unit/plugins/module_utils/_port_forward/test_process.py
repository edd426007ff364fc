# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwards as processes, with a WebSocket server that plays the API server's and the pod's parts."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import stat
import threading
import time

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward import process
from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward.tunnel import PROTOCOL

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NOTE = {"namespace": "shop", "pod": "web-0", "port": 3000, "address": "127.0.0.1", "local_port": 1}


class Server:
    """Answers each tunnel with its request's path, or with a status other than 101."""

    def __init__(self):
        self.status = b"101 Switching Protocols"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.requests = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            with client:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += client.recv(4096)
                self.requests.append(request.decode())
                head, *headers = request.split(b"\r\n")
                key = next(line.split(b": ")[1] for line in headers if line.startswith(b"Sec-WebSocket-Key"))
                accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
                path = head.split()[1]
                client.sendall(
                    b"HTTP/1.1 " + self.status + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n"
                    b"Sec-WebSocket-Protocol: " + PROTOCOL.encode() + b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
                )
                if self.status.startswith(b"101"):
                    client.sendall(b"\x82\x03\x00\xb8\x0b\x82\x03\x01\xb8\x0b\x82" + bytes([len(path) + 1]) + b"\0" + path)
                    client.recv(1)  # until the other side ends


@pytest.fixture(name="server")
def _server():
    server = Server()
    yield server
    server.socket.close()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(process.tempfile, "tempdir", str(tmp_path))


@pytest.fixture(name="slot")
def _slot():
    slot = process.Slot("pod-web-0-1")
    yield slot
    slot.stop()


def start(slot, server, seconds=60):
    connection = {
        "host": f"http://127.0.0.1:{server.socket.getsockname()[1]}", "headers": [("Authorization", "Bearer token")],
        "verify": True, "ca": None, "certificate": None, "key": None, "server_name": None,
        "proxy": None, "no_proxy": None, "proxy_headers": {},
    }
    with process.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        slot.start(listener, {**NOTE, "local_port": port}, "/tunnel?ports=3000", connection, int(time.time()) + seconds)
    return port


def ask(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        return client.recv(1000)


def wait_until_free(slot):
    deadline = time.monotonic() + 20
    while slot.running() and time.monotonic() < deadline:
        time.sleep(0.05)
    return slot.running() is None


def test_a_forward_is_open_until_it_is_stopped(slot, server):
    assert slot.running() is None
    port = start(slot, server)
    assert ask(port) == ask(port) == b"/tunnel?ports=3000"
    assert "Authorization: Bearer token" in server.requests[0]
    noted = slot.running()
    assert {key: noted[key] for key in NOTE} == {**NOTE, "local_port": port}
    assert slot.stop()["local_port"] == port
    assert slot.running() is None
    assert slot.stop() is None
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_the_credentials_are_not_for_others_to_see(slot, server, tmp_path):
    start(slot, server)
    pid = slot.running()["pid"]
    assert b"token" not in open(f"/proc/{pid}/cmdline", "rb").read()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 2
    assert all(b"token" not in file.read_bytes() for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert {stat.S_IMODE(file.parent.stat().st_mode) for file in files} == {0o700}


def test_a_forward_ends_by_itself(slot, server, tmp_path):
    start(slot, server, seconds=1)
    assert slot.running()
    assert wait_until_free(slot)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_forward_that_is_asked_for_again_lives_longer(slot, server):
    port = start(slot, server, seconds=1)
    slot.renew(time.time() + 60)
    time.sleep(2)
    assert ask(port) == b"/tunnel?ports=3000"


def test_a_forward_ends_with_its_pod(slot, server):
    port = start(slot, server)
    server.status = b"404 Not Found"
    assert ask(port) == b""
    assert wait_until_free(slot)


def test_a_connection_that_fails_is_told_of_once(slot, server):
    port = start(slot, server)
    server.status = b"500 Internal Server Error"
    assert ask(port) == b""
    assert slot.running()
    assert "the API server answered 500" in slot.last_words()
    assert slot.last_words() == ""


def test_a_process_that_was_killed_is_no_forward(slot, server):
    start(slot, server)
    os.kill(slot.running()["pid"], process.signal.SIGKILL)
    assert wait_until_free(slot)
    assert ask(start(slot, server)) == b"/tunnel?ports=3000"


def test_a_process_that_does_not_start_says_why(slot, server, monkeypatch):
    monkeypatch.setattr(process.inspect, "getsource", lambda module: "raise SystemExit('no, thanks')")
    with pytest.raises(TaskError, match="The process that was to forward the port ended: no, thanks."):
        start(slot, server)
    assert slot.running() is None


def test_two_tasks_do_not_open_one_forward(slot, server):
    start(slot, server)
    with pytest.raises(TaskError, match="is being opened by another task"):
        start(slot, server)


def test_a_port_in_use():
    with process.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TaskError, match=f"Port {port} of 127.0.0.1 is in use; choose another local_port, or 0 for any free one."):
            process.listen("127.0.0.1", port)


@pytest.mark.parametrize("address, words", [("192.0.2.1", "Cannot listen on port 0"), ("no such host", "is no address of this machine")])
def test_addresses_of_other_machines(address, words):
    with pytest.raises(TaskError, match=words):
        process.listen(address, 0)


@pytest.mark.parametrize("identity", ["", "../passwd", "a/b", ".hidden", "A"])
def test_what_is_no_id(identity):
    with pytest.raises(TaskError, match="is no id of a forward"):
        process.Slot(identity)


def test_a_folder_of_somebody_else(tmp_path):
    (tmp_path / f"slipway.kubernetes.port_forward.{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"slipway.kubernetes.port_forward.{os.getuid()}").chmod(0o777)
    with pytest.raises(TaskError, match="is not a folder of this user alone"):
        process.Slot("a")
