# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer every GET with the greeting, and log it."""

from __future__ import annotations

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = os.environ["GREETING"].encode()


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)


server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "3000"))), Hello)
# The first process of a container is not ended by a signal that it does not handle; shutdown() waits for the loop below.
signal.signal(signal.SIGTERM, lambda *_args: threading.Thread(target=server.shutdown).start())
print("Example app listening on port", server.server_port)
server.serve_forever()
server.server_close()
