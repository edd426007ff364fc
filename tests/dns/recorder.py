# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes what a program asks of the API server, and what it is refused: not every part of external-dns logs that."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Of one connection only, so not to be passed on.
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding", "host", "accept-encoding"}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def right(method: str, url: str) -> tuple[str, str] | None:
    """The verb and resource that RBAC sees in a request; None for those that are about no resource."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    rest = path[2:] if path[0] == "api" else path[3:] if path[0] == "apis" else []
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    if not rest:
        return None
    resource = "/".join([rest[0], *rest[2:3]])
    if method != "GET":
        return VERBS[method], resource
    if parse_qs(parts.query).get("watch", ["0"])[0] in ("1", "true"):
        return "watch", resource
    return "get" if len(rest) > 1 else "list", resource


class Recorder:
    """A way to the API server for who has a token, on the loopback address and without TLS: there clients send no token."""

    def __init__(self, server: str, ca_file: str, token: str) -> None:
        self.used: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()
        target, context, recorder = urlsplit(server), ssl.create_default_context(cafile=ca_file), self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                headers["Authorization"] = f"Bearer {token}"
                upstream = http.client.HTTPSConnection(target.hostname or "", target.port, context=context)
                with contextlib.closing(upstream), contextlib.suppress(OSError):
                    upstream.request(self.command, self.path, body or None, headers)
                    response = upstream.getresponse()
                    recorder.note(self.command, self.path, response.status)
                    self.send_response_only(response.status)
                    for name, value in response.getheaders():
                        if name.lower() not in HOP_BY_HOP:
                            self.send_header(name, value)
                    self.end_headers()
                    while chunk := response.read1(65536):
                        self.wfile.write(chunk)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def note(self, method: str, url: str, status: int) -> None:
        if asked := right(method, url):
            (self.refused if status == 403 else self.used).add(asked)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
