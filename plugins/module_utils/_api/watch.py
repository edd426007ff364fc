# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches: list once, then follow, whatever happens to the connection.  PRIVATE to the collection."""

from __future__ import annotations

import contextvars
import json
import socket
import threading
import time
from contextlib import suppress

from .cancel import Cancelled
from .client import ApiError, Backoff, Fault, HTTPError
from .errors import TaskError

#: seconds without a byte (the server sends a bookmark about once a minute) before the stream is opened anew
_SILENCE = 75
#: seconds that a stream lasts at least when all is well
_NORMAL = 5


class Watch(threading.Thread):
    """Follows one collection in a thread of its own and puts what happens into a queue.

    Puts C((tag, type, object)), type being ADDED, MODIFIED or DELETED; C((tag, "SYNC", items)) when the
    collection had to be listed again (410 Gone); C((tag, "ERROR", TaskError)) when it is over.
    """

    def __init__(self, api, path, query, resource_version, events, tag, deadline):
        super().__init__(daemon=True, name=f"watch-{tag}")
        self._api, self._path, self._query = api, path, list(query)
        self._version, self._events, self._tag, self._deadline = resource_version, events, tag, deadline
        self._stopping = threading.Event()
        self._answered = threading.Event()
        self._response = None
        # where the call is known
        self._context = contextvars.copy_context()

    def opened(self):
        """Start, and return when the server has accepted or refused the watch (or is not answering)."""
        self.start()
        self._answered.wait(min(5.0, self._deadline.left()))

    def stop(self):
        self._stopping.set()
        _shut(self._response)

    def run(self):
        with suppress(Cancelled):
            self._context.run(self._run)

    def _run(self):
        backoff = Backoff(self._deadline)
        while not self._stopping.is_set() and not self._deadline.expired:
            began, start, fault = time.monotonic(), None, None
            try:
                if self._version is None:
                    items, self._version = self._api.list(self._path, self._query)
                    self._put("SYNC", items)
                start = self._version
                self._follow()
            except (HTTPError, OSError, ValueError):
                pass
            except Fault as e:
                fault = e
            except TaskError as e:
                if getattr(e, "code", None) != 410:
                    self._put("ERROR", e)
                    self._answered.set()
                    return
                self._version = None
            finally:
                _shut(self._response)
                self._response = None
            if self._stopping.is_set():
                return
            # a stream that ends at once and brings nothing is not asked for again and again
            if time.monotonic() - began > _NORMAL or self._version not in (None, start):
                backoff = Backoff(self._deadline)
            backoff.wait(fault)

    def _follow(self):
        query = self._query + [("resourceVersion", self._version), ("allowWatchBookmarks", "true")]
        self._response = self._api.open(self._path, query, read_timeout=_SILENCE)
        self._answered.set()
        for line in _lines(self._response):
            if self._stopping.is_set():
                return
            event = json.loads(line)
            if not isinstance(event, dict) or not isinstance(obj := event.get("object"), dict):
                raise ValueError("what came is no event")
            if event.get("type") == "ERROR":
                if obj.get("code") == 410:
                    raise ApiError(obj.get("message") or "the watch is too old", 410)
                raise Fault(f"the watch failed: {obj.get('message')}", answered=True)
            if not event.get("type") or not (version := (obj.get("metadata") or {}).get("resourceVersion")):
                raise ValueError("what came is no object")
            self._version = version
            if event["type"] != "BOOKMARK":
                self._put(event["type"], obj)

    def _put(self, kind, obj):
        self._events.put((self._tag, kind, obj))


def _lines(response):
    rest = b""
    for chunk in response.stream(65536, decode_content=True):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())


def _shut(response):
    """End a response that another thread may be reading: close() alone would wait for that read."""
    connection = getattr(response, "_connection", None) or getattr(response, "connection", None)
    sock = getattr(connection, "sock", None)
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
