# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy in front of a real API server that misbehaves as it is told.

It forwards plain HTTP from the loopback to the API server with the kubeconfig's credentials, notes
every request as a verb and a resource ("PATCH deployments", "WATCH pods", "GET namespaces"), and lets
a fault answer in the server's place. A fault is a function of one exchange.
"""

from __future__ import annotations

import fnmatch
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import kubernetes

_RESOURCE = re.compile(r"^/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/[^/]+)?/(?P<resource>[a-z]+)(?P<name>/[^/]+)?(?P<sub>/[a-z]+)?$")
_KEPT_HEADERS = ("accept", "content-type", "impersonate-user", "impersonate-group")


@dataclass(frozen=True)
class Request:
    what: str
    query: dict
    at: float = field(default_factory=time.monotonic)


@dataclass
class _Rule:
    pattern: str
    fault: object
    times: int | None
    after: int

    def claims(self, what):
        if self.times == 0 or not fnmatch.fnmatch(what, self.pattern):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Proxy:
    def __init__(self, kubeconfig):
        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(kubeconfig, client_configuration=configuration)
        self.server = configuration.host
        self.pool = kubernetes.client.ApiClient(configuration).rest_client.pool_manager
        self.seen = []
        self._rules = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._http.server_port}"

    def fault(self, pattern, fault, times=1, after=0):
        """Let a fault answer requests that match, so many times (None: always), not counting the first few."""
        self._rules.append(_Rule(pattern, fault, times, after))

    def requests(self, pattern):
        return [r for r in self.seen if fnmatch.fnmatch(r.what, pattern)]

    def count(self, pattern):
        return len(self.requests(pattern))

    def note(self, what, query):
        """Note a request, and find the fault that it meets."""
        with self._lock:
            self.seen.append(Request(what, query))
            return next((rule.fault for rule in self._rules if rule.claims(what)), forward)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def shutdown_request(self, request):
        # closed without a farewell, so that a handler can reset its connection
        self.close_request(request)

    def handle_error(self, request, client_address):
        # a client that has gone away is what these tests are about
        pass


def _handler_for(proxy):
    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def _serve(self):
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.proxy = proxy
            proxy.note(_what(self.command, url.path, query), query)(self)

        do_GET = do_PATCH = do_DELETE = do_POST = do_PUT = _serve

        def upstream(self):
            headers = {key: value for key, value in self.headers.items() if key.lower() in _KEPT_HEADERS}
            return proxy.pool.request(
                self.command, proxy.server + self.path, headers=headers, body=self.body, retries=False, preload_content=False
            )

        def answer(self, code, body, length=None, **headers):
            self.send_response(code)
            for key, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def begin_stream(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def chunk(self, data):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def end_stream(self):
            self.wfile.write(b"0\r\n\r\n")

        def reset_connection(self):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

    return Exchange


def _what(method, path, query):
    match = _RESOURCE.match(path)
    if match is None:
        return f"{method} {path}"
    resource = match["resource"] + (match["sub"] or "")
    if method == "GET":
        method = "WATCH" if "watch" in query else "GET" if match["name"] else "LIST"
    return f"{method} {resource}"


def _lines(response):
    rest = b""
    for data in response.stream(65536):
        *whole, rest = (rest + data).split(b"\n")
        yield from (line + b"\n" for line in whole)


# ------------------------------------------------------------------ faults --
def forward(exchange):
    """No fault."""
    response = exchange.upstream()
    if response.headers.get("Transfer-Encoding") != "chunked":
        exchange.answer(response.status, response.read(), Content_Type=response.headers.get("Content-Type", ""))
        return
    try:
        exchange.begin_stream()
        for line in _lines(response):
            exchange.chunk(line)
        exchange.end_stream()
    finally:
        response.close()


def status(code, reason="", message="", **headers):
    """Answer with an error as the API server does."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}
    return lambda exchange: exchange.answer(code, json.dumps(body).encode(), **headers)


def page(code):
    """Answer as a load balancer or a login page in between does."""
    return lambda exchange: exchange.answer(code, b"<html><body>It works!</body></html>", Content_Type="text/html")


def reset(exchange):
    """The connection breaks before the API server has seen the request."""
    exchange.reset_connection()


def lose_answer(exchange):
    """The API server has done what was asked, but nobody hears of it."""
    exchange.upstream().read()
    exchange.reset_connection()


def half_an_answer(exchange):
    """The connection breaks in the middle of the answer; the request was carried out."""
    body = exchange.upstream().read()
    exchange.answer(200, body[: len(body) // 2], length=len(body))
    exchange.reset_connection()


def gateway_timeout(exchange):
    """A proxy in between gives up on an API server that does carry the request out."""
    exchange.upstream().read()
    page(504)(exchange)


def hang(exchange):
    """Nothing comes back."""
    exchange.proxy.closing.wait(60)
    exchange.reset_connection()


def slow(seconds):
    def fault(exchange):
        time.sleep(seconds)
        forward(exchange)

    return fault


def stream(*events, then=None):
    """A watch that sends these events and ends, or goes on as told."""

    def fault(exchange):
        exchange.begin_stream()
        for event in events:
            exchange.chunk(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")
        (then or type(exchange).end_stream)(exchange)

    return fault


def watch_error(code, reason, message=""):
    """A watch that the API server ends with an error."""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return stream({"type": "ERROR", "object": body})


def cut_after(events):
    """A watch whose connection breaks after so many events."""

    def fault(exchange):
        response = exchange.upstream()
        exchange.begin_stream()
        for _event, line in zip(range(events), _lines(response)):
            exchange.chunk(line)
        response.close()
        exchange.reset_connection()

    return fault
