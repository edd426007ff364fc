# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One stream to a process in a pod: a WebSocket that carries numbered channels.  PRIVATE to the collection.

The protocol is that of k8s.io/apimachinery v0.37.2, pkg/util/remotecommand/constants.go. All is done in one thread, since a
TLS connection may not be read and written at the same time; so what the process prints while it has not yet read all of its
input must be taken in between.
"""

from __future__ import annotations

import json
import select
import ssl

from .cancel import LOOK, current
from .errors import TaskError

try:
    import websocket
except ImportError:
    # the Kubernetes client is missing, and says so
    websocket = None

#: only the newer one can close stdin and leave the rest open
PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
STDIN, STDOUT, STDERR, ERROR = range(4)
CLOSE = 255
#: bytes sent at a time: what a writable socket takes without blocking
_CHUNK = 1 << 13
#: seconds for such a piece, which a socket that says it is writable takes at once
_PATIENCE = 2


class Broken(TaskError):
    """The connection ended without a word."""


class Stream:
    """Open for as long as C(with) lasts."""

    def __init__(self, client):
        self._client = client
        self._call = current()
        self._waiting = b""
        self._closing = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # at once, without waiting for the server to agree
        self._client.shutdown()

    def run(self, stdin, take, deadline, end=True):
        """Send C(stdin), and hand what comes to C(take(channel, data)) until that returns true, the time is over or the stream ends.

        What is enough comes to an end no sooner than the text has been sent.

        :param end: whether the process is to come to the end of its input.
        :returns: the Status that the server sends last, None while the stream has not ended.
        :raises Broken: the connection broke.
        """
        self._waiting = stdin
        self._closing = end and bool(stdin) and self._client.getsubprotocol() == PROTOCOLS[0]
        enough = False
        while not (deadline.expired or enough and not self._waiting):
            self._call.check()
            try:
                if not self._is_readable(min(LOOK, deadline.left())):
                    continue
                self._client.settimeout(LOOK)
                opcode, data = self._client.recv_data()
            except websocket.WebSocketTimeoutException:
                # what has come of a message is kept
                continue
            except (websocket.WebSocketException, OSError) as e:
                raise Broken(f"the connection broke ({str(e).strip('.') or type(e).__name__})") from None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise Broken("the connection was closed")
            channel, data = data[0] if data else None, data[1:]
            if channel == ERROR:
                return _status(data)
            if channel in (STDOUT, STDERR) and take(channel, data):
                enough = True
        return None

    @property
    def unsent(self):
        """The bytes of the text that the other side has not taken."""
        return len(self._waiting)

    def _is_readable(self, seconds):
        """Send what can be sent; is there something to read?"""
        sock = self._client.sock
        # what TLS has decrypted already makes no socket readable
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending()
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._waiting or self._closing else 0))
        events = dict(poll.poll(0 if pending else seconds * 1000)).get(sock.fileno(), 0)
        if events & select.POLLOUT:
            self._send()
        return bool(pending or events & (select.POLLIN | select.POLLHUP | select.POLLERR))

    def _send(self):
        self._client.settimeout(_PATIENCE)
        if self._waiting:
            chunk, self._waiting = self._waiting[:_CHUNK], self._waiting[_CHUNK:]
            self._client.send_binary(bytes([STDIN]) + chunk)
        elif self._closing:
            self._closing = False
            self._client.send_binary(bytes([CLOSE, STDIN]))


def _status(data):
    try:
        status = json.loads(data)
    except ValueError:
        status = None
    return status if isinstance(status, dict) else {"status": "Failure", "message": data.decode("utf-8", "replace")}


def message_of(status):
    """What a Status says in words, on one line."""
    return " ".join(str(status.get("message") or status).split()).rstrip(".")


def exit_code(status):
    """With what a command has ended, from the Status that the server sends last; None if that says nothing of it."""
    try:
        return 0 if status["status"] == "Success" else int(status["details"]["causes"][0]["message"])
    except (KeyError, TypeError, ValueError, IndexError):
        return None
