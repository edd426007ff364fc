# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire, and what becomes of the answers, with whichever Kubernetes client is installed.

Clients differ in what they serialise, and in the exceptions that they make of an answer; tests/versions runs this file
with each version that is promised.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from urllib3.exceptions import HTTPError

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import client
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.watch import Watch, _shut
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.pods import PodApi
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"text": "Grüße, 🚢", "yes": "no"}}
OPERATIONS = [{"op": "replace", "path": "/data/text", "value": "ü"}]


class Server(ThreadingHTTPServer):
    """Remembers each request; answers with what is next in C(answers), or else with an empty object."""

    daemon_threads = True

    def __init__(self):
        self.seen, self.answers = [], []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, self.headers, body))
        code, headers, answer = self.server.answers.pop(0) if self.server.answers else (200, {}, b"{}")
        self.send_response(code)
        for name, value in {"Content-Length": str(len(answer)), "Content-Type": "application/json", **headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def connect(server, kind=client.Api, seconds=10):
    auth = {"host": f"http://127.0.0.1:{server.server_port}", "api_key": "a-token"}
    return kind(auth, client.Deadline(seconds))


@pytest.mark.parametrize(
    "call, verb, content_type, body",
    [
        (lambda api: api.post("/path", OBJECT), "POST", "application/json", OBJECT),
        (lambda api: api.patch("/path", OPERATIONS), "PATCH", "application/json-patch+json", OPERATIONS),
        (lambda api: api.dry_run_apply("/path", OBJECT, True), "PATCH", "application/apply-patch+yaml", OBJECT),
        (
            lambda api: api.delete("/path", "a-uid", 3),
            "DELETE",
            "application/json",
            {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "a-uid"}, "gracePeriodSeconds": 3},
        ),
    ],
    ids=["post", "JSON patch", "server-side apply", "delete"],
)
def test_an_object_is_serialised_once(server, call, verb, content_type, body):
    call(connect(server, ReleaseApi))
    [(seen_verb, _path, headers, seen)] = server.seen
    assert (seen_verb, headers["Content-Type"], json.loads(seen)) == (verb, content_type, body)
    assert headers["Authorization"] == "Bearer a-token"


def test_the_query_of_a_server_side_apply(server):
    connect(server, ReleaseApi).dry_run_apply("/path", OBJECT, False)
    assert server.seen[0][1] == "/path?dryRun=All&fieldManager=slipway.kubernetes&fieldValidation=Strict&force=false"


def test_a_name_is_quoted_once(server):
    connect(server).get(client.object_path(client.CORE, "a", "secrets", "b c/%41"))
    assert server.seen[0][1] == "/api/v1/namespaces/a/secrets/b%20c%2F%2541"


def test_what_is_asked_for_is_text_or_json(server):
    server.answers = [(200, {}, b"{}"), (200, {"Content-Type": "text/plain"}, "Grüße\n".encode())]
    api = connect(server)
    api.get("/object")
    assert api.text("/log", [("tailLines", 3)]) == "Grüße\n"
    (_verb, _path, json_headers, _body), (_verb, path, text_headers, _body) = server.seen
    assert "application/json" in json_headers["Accept"] and text_headers["Accept"] == "*/*"
    assert path == "/log?tailLines=3"


def test_an_answer_that_says_no(server):
    status = {"kind": "Status", "message": 'configmaps "x" is invalid', "reason": "Invalid", "code": 422}
    server.answers = [(422, {}, json.dumps(status).encode())]
    with pytest.raises(client.ApiError) as caught:
        connect(server).post("/path", OBJECT)
    assert (str(caught.value), caught.value.code, caught.value.reason) == ('configmaps "x" is invalid', 422, "Invalid")


def test_an_answer_that_says_no_in_no_known_encoding(server):
    server.answers = [(404, {}, b"\xff\xfe")]
    with pytest.raises(client.ApiError) as caught:
        connect(server).post("/path", OBJECT)
    assert caught.value.code == 404


@pytest.mark.parametrize("answer, what", [
    (b"<html>", "something else than JSON"), (b"[]", "something else than an object"), (b'"ok"', "something else than an object"),
    (b'{"status": "ok"}', "without metadata"), (b'{"metadata": {"x": 1}}', "without resourceVersion"),
])
def test_who_answers_is_no_api_server(server, answer, what):
    server.answers = [(200, {}, answer)]
    with pytest.raises(TaskError, match=f"answered {'with ' if what.startswith('some') else ''}{what}; is it an API server?"):
        connect(server).list("/path")


def test_an_error_in_this_code_stays_one(server, monkeypatch):
    def broken(*args, **kwargs):
        return None.request

    api = connect(server)
    monkeypatch.setattr(api._connection, "request", broken)
    with pytest.raises(AttributeError):
        api.get("/path")


def test_an_answer_that_asks_to_wait(server):
    server.answers = [(429, {"Retry-After": "7"}, b'{"message": "busy"}')]
    with pytest.raises(client.Fault) as caught:
        connect(server).patch("/path", OPERATIONS)
    assert (caught.value.answered, caught.value.delay, len(server.seen)) == (True, 7.0, 1)


def test_a_busy_server_is_asked_again(server, monkeypatch):
    slept = []
    monkeypatch.setattr(client.Backoff, "wait", lambda self, fault=None: slept.append(fault.delay))
    server.answers = [(503, {"Retry-After": "2"}, b"{}"), (500, {}, b"<html>"), (200, {}, b'{"kind": "Status"}')]
    assert connect(server).get("/path") == {"kind": "Status"}
    assert slept == [2.0, None]


def test_an_answer_that_breaks_off(server):
    server.answers = [(200, {"Content-Length": "100"}, b'{"kind"')]
    api = connect(server, seconds=10)
    # The rest never comes: the time limit of one answer ends it.
    with pytest.raises(client.Fault) as caught:
        api._send("get", "/path", read_timeout=0.3)
    assert not caught.value.answered


def test_nobody_listens(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(client.Fault, match="cannot be reached: .*Connection refused"):
        client.Api({"host": host, "api_key": "x"}, client.Deadline(5))._send("get", "/path")


def test_no_tls_where_it_is_wanted(server):
    api = client.Api({"host": f"https://127.0.0.1:{server.server_port}", "api_key": "x"}, client.Deadline(5))
    with pytest.raises(TaskError, match="^(The TLS connection to|Cannot talk to) the API server"):
        api._send("get", "/path")


def tls_answered_by(last_words, hangs_up):
    """A client of a server whose whole answer to the first words of TLS these are."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            connection, _peer = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(last_words)
            if hangs_up:
                connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)

    threading.Thread(target=serve, daemon=True).start()
    host = f"https://127.0.0.1:{listener.getsockname()[1]}"
    return client.Api({"host": host, "api_key": "x", "validate_certs": False}, client.Deadline(5))


ALERT = b"\x15\x03\x03\x00\x02\x02"


@pytest.mark.parametrize("last_words", [b"", ALERT + b"\x32", ALERT + b"\x50"], ids=["none", "decode error", "internal error"])
def test_a_tls_connection_that_breaks_is_a_fault(last_words):
    """As when a load balancer is restarted."""
    with pytest.raises(client.Fault, match="broke|cannot be reached"):
        tls_answered_by(last_words, hangs_up=True)._send("get", "/path")


@pytest.mark.parametrize("alert", [b"\x28", b"\x30", b"\x2a"], ids=["handshake failure", "unknown CA", "bad certificate"])
def test_a_tls_connection_that_is_refused_is_not_tried_again(alert):
    with pytest.raises(TaskError, match="^The TLS connection to the API server .* failed: "):
        tls_answered_by(ALERT + alert, hangs_up=False)._send("get", "/path")


def test_a_watch_reads_what_comes_and_can_be_ended(server):
    events = b"".join(
        json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": str(number)}}}).encode() + b"\n"
        for number, kind in enumerate(("ADDED", "BOOKMARK", "DELETED"), 1)
    )
    # A chunk, and not the last one: the stream stays open, as the API server's does.
    server.answers = [(200, {"Content-Length": None, "Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(events), events))]
    came = queue.Queue()
    watch = Watch(connect(server), "/watched", [("labelSelector", "a=b")], "0", came, "tag", client.Deadline(10))
    watch.opened()
    assert [came.get(timeout=5)[1] for _each in range(2)] == ["ADDED", "DELETED"]
    assert server.seen[0][1] == "/watched?labelSelector=a%3Db&resourceVersion=0&allowWatchBookmarks=true&watch=true"
    watch.stop()
    watch.join(timeout=3)
    assert not watch.is_alive()


@pytest.mark.parametrize("line", [
    b"5", b"<html>", b'{"kind": "Status"}', b'{"type": "ADDED", "object": {}}', b'{"object": {"metadata": {"resourceVersion": "7"}}}',
])
def test_a_watch_is_opened_again_after_what_is_no_event(server, line):
    event = b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "2"}}}'
    server.answers = [(200, {}, line + b"\n"), (200, {}, event + b"\n")]
    came = queue.Queue()
    watch = Watch(connect(server), "/watched", [], "1", came, "tag", client.Deadline(10))
    watch.opened()
    assert came.get(timeout=5)[1] == "ADDED"
    watch.stop()


def test_a_stream_that_another_thread_reads_can_be_ended(server):
    server.answers = [(200, {"Content-Length": "100000"}, b"x")]
    response = connect(server).open("/watched", [], read_timeout=60)
    began = time.monotonic()
    threading.Timer(0.2, _shut, [response]).start()
    with pytest.raises(HTTPError):
        response.read()
    assert time.monotonic() - began < 5


def test_exec_asks_for_a_websocket(server):
    server.answers = [(403, {}, b'{"message": "pods \\"x\\" is forbidden: User cannot create", "reason": "Forbidden"}')]
    with pytest.raises(TaskError) as caught:
        connect(server, PodApi, seconds=1).execute("ns", "pod-1", "main", ["sh", "-c", "a b"])
    assert "forbidden" in str(caught.value)
    [(verb, path, headers, _body)] = server.seen
    assert (verb, headers["Upgrade"].lower()) == ("GET", "websocket")
    assert path.startswith("/api/v1/namespaces/ns/pods/pod-1/exec?")
    assert "command=sh&command=-c&command=a" in path and "container=main" in path
