# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talking to the API server: plain objects in and out, with retries, time limits and clear errors.

Paths are known (apps/v1 and core/v1), so nothing is discovered.  Where to and as whom is connection.py's.
PRIVATE to the collection.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
import traceback
from urllib.parse import quote

from .._port_forward import tunnel
from . import kubeconfig
from .cancel import current
from .connection import Connection
from .errors import TaskError

try:
    from urllib3.exceptions import HTTPError, SSLError

    # The Kubernetes client brings both.
    KUBERNETES_IMPORT_ERROR = None if kubeconfig.yaml else "No module named 'yaml'"
except ImportError:
    KUBERNETES_IMPORT_ERROR = traceback.format_exc()
    HTTPError = SSLError = None

FIELD_MANAGER = "slipway.kubernetes"

APPS = "/apis/apps/v1"
CORE = "/api/v1"

#: seconds for one connection attempt, and for one answer
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
#: seconds within which an API server that has never answered must do so
FIRST_CONTACT = 30
#: seconds that a request gets even when the time is up, so that one that is answered at once is
LEAST = 0.3
#: seconds after which a fault that goes on is told again
REMIND = 15
PAGE = 500
_RETRIED = (429, 500, 502, 503, 504)
#: OpenSSL's words for a connection that ended or was garbled on its way, rather than one that is refused
_BROKEN = re.compile(r"\b(?:EOF|\w*UNEXPECTED_EOF\w*|\w*BAD_RECORD_MAC|\w*DECODE_ERROR|\w*ALERT_INTERNAL_ERROR|\w*RECORD_LAYER_FAILURE)\b")


class Deadline:
    """A point in time by the monotonic clock; the servers' clocks are never compared with ours."""

    def __init__(self, seconds):
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._call = current()

    def left(self):
        return max(0.0, self._end - time.monotonic())

    def left_with(self, overtime):
        """The seconds that are left, and so many more."""
        return max(0.0, self._end + overtime - time.monotonic())

    @property
    def expired(self):
        return self.left() <= 0

    def sleep(self, seconds):
        """Wait so long, but not longer than there is time, and not for a call that is over."""
        self._call.sleep(min(seconds, self.left()))

    def get(self, events, timeout):
        """The next item of a queue; as C(events.get(timeout)), but not for a call that is over."""
        return self._call.get(events, timeout)


class Fault(Exception):
    """A passing failure: the server was busy, broken, or not to be reached.  C(delay) is what it asked us to wait.

    C(budget) tells that it is no fault at all: a disruption budget does not let a pod go.
    """

    def __init__(self, message, answered, delay=None, budget=False):
        super().__init__(message)
        self.answered = answered
        self.delay = delay
        self.budget = budget


class ApiError(TaskError):
    """The API server's no.  C(code) is the HTTP status, C(reason) the Status reason."""

    def __init__(self, message, code, reason=""):
        super().__init__(message)
        self.code = code
        self.reason = reason


class Backoff:
    """Waits between attempts: doubling from 0.2 s to 5 s with jitter, or as long as the server asked."""

    def __init__(self, deadline):
        self._deadline = deadline
        self._next = 0.2

    def wait(self, fault=None):
        delay = self._next * random.uniform(0.8, 1.2)
        if fault is not None and fault.delay:
            delay = max(delay, fault.delay)
        self._next = min(5.0, self._next * 2)
        self._deadline.sleep(delay)


class Api:
    """One API server for one call of a module."""

    def __init__(self, auth, deadline, dry_run=False, progress=None, first_contact=None):
        """
        :param first_contact: seconds within which an API server that has never answered must do so, those for credentials left out.
        """
        self._deadline = deadline
        self._call = current()
        self._call.limit(deadline)
        self._contact = Deadline(min(FIRST_CONTACT, deadline.left()))
        self._progress = progress or (lambda line: None)
        self.dry_run = dry_run
        self.requests = 0
        self._answered = False
        self._told = None, 0
        self._connection = _connect(auth, self.time_limit())
        if first_contact is not None:
            self._contact = Deadline(min(first_contact, deadline.left()))
        self.host = self._connection.host
        #: why kubernetes.core would go elsewhere with these options, or as somebody else
        self.apart = self._connection.apart

    # ------------------------------------------------------------- requests --
    def get(self, path):
        return self._json("get", path)

    def list(self, path, query=()):
        """All items of a collection, page by page, and the resourceVersion to watch from."""
        items, token, start, limit = [], None, list(query), [("limit", PAGE)]
        while True:
            try:
                page = self._json("get", path, start + limit + ([("continue", token)] if token else []))
            except ApiError as e:
                if e.code != 410 or not token:
                    raise
                # the list became too old between two of its pages: now all in one, as client-go does
                items, token, limit = [], None, []
                continue
            items += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items, self._part(self._part(page, "metadata"), "resourceVersion")

    def text(self, path, query=()):
        response = self._retry(lambda: self._send("get", path, query, headers={"Accept": "*/*"}))
        return response.data.decode("utf-8", "replace")

    def patch(self, path, operations, dry_run=None):
        """One attempt at a JSON patch: repeating it is for the caller, who must look at the object first.

        :raises Fault: it is not known whether the patch was taken.
        """
        query = [("fieldManager", FIELD_MANAGER)]
        if self.dry_run if dry_run is None else dry_run:
            query.append(("dryRun", "All"))
        response = self._send("patch", path, query, body=operations, content_type="application/json-patch+json")
        return self._decode(response)

    def post(self, path, body, query=()):
        """Create an object, with as many attempts as it takes.

        A review or a token is not stored, and may be asked for twice. For what is stored, AlreadyExists may be the word on
        an attempt of ours whose answer was lost, so that the caller has to look.
        """
        return self._decode(self._retry(lambda: self._send("post", path, query, body=body)))

    def delete(self, path, uid, grace_period=None, resource_version=None, propagation=None):
        """Delete exactly the object with that uid; one that is gone already is fine.

        :param grace_period: seconds that a pod gets to end, instead of those that it asks for.
        :param propagation: what becomes of what it owns, by the API's propagationPolicy.
        :param resource_version: delete it only as long as it is as it was then.
        :returns: whether it is gone or on its way; otherwise it is not as it was looked at.
        """
        preconditions = {"uid": uid} if resource_version is None else {"uid": uid, "resourceVersion": resource_version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        if grace_period is not None:
            body["gracePeriodSeconds"] = grace_period
        if propagation is not None:
            body["propagationPolicy"] = propagation
        try:
            self._retry(lambda: self._send("delete", path, body=body))
        except ApiError as e:
            if e.code not in (404, 409):
                raise
            return e.code == 404
        return True

    def evict(self, pod):
        """One attempt at evicting a pod exactly as it was looked at; what it returns is what delete() does.

        :raises Fault: the server is busy, or, C(budget) being set, a disruption budget keeps the pod.
        """
        meta = pod["metadata"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            "deleteOptions": {"preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}},
        }
        try:
            self._send("post", object_path(CORE, meta["namespace"], "pods", meta["name"], "eviction"), body=body)
        except ApiError as e:
            if e.code not in (404, 409):
                raise
            return e.code == 404
        return True

    def open(self, path, query, read_timeout):
        """Open a watch; the response is read with stream()."""
        return self._send("get", path, list(query) + [("watch", "true")], read_timeout=read_timeout, stream=True)

    def connection(self):
        """What connects to the API server without this client: for a tunnel, which is no request and answer."""
        return self._connection.settings(self.time_limit())

    def websocket(self, path, protocols, writes=False):
        """Open a WebSocket, once more with other credentials if these are refused.

        :param writes: whether to open it changes something, as it does where that starts a command.
        :raises tunnel.Refused: the server said no, or cannot be reached.
        """

        def attempt():
            connection = self.connection()
            # what a command is given may be secret
            with self._call.request(f"GET {self.host}{path.partition('?')[0]}", writes):
                return tunnel.open_websocket(connection, tunnel.tls(connection), path, protocols)

        try:
            return attempt()
        except tunnel.Refused as refused:
            if refused.code != 401 or not self.renew():
                raise
        return attempt()

    def renew(self):
        """Get other credentials in place of those that C(connection()) gave and that were refused; False if there are none."""
        return self._connection.renew(self._connection.generation, self.time_limit())

    def time_limit(self):
        """How many seconds one request may take."""
        return max(LEAST, (self._deadline if self._answered else self._contact).left())

    # ------------------------------------------------------------ internals --
    def _json(self, verb, path, query=()):
        return self._decode(self._retry(lambda: self._send(verb, path, query)))

    def _decode(self, response):
        try:
            answer = json.loads(response.data)
        except ValueError:
            raise TaskError(f"{self.host} answered with something else than JSON; is it an API server?") from None
        if not isinstance(answer, dict):
            raise TaskError(f"{self.host} answered with something else than an object; is it an API server?")
        return answer

    def _part(self, answer, name):
        if not answer.get(name):
            raise TaskError(f"{self.host} answered without {name}; is it an API server?")
        return answer[name]

    def _retry(self, attempt):
        backoff = Backoff(self._deadline)
        while True:
            try:
                return attempt()
            except Fault as fault:
                self.give_up_after(fault)
                backoff.wait(fault)

    def give_up_after(self, fault):
        """Raise when a fault has lasted too long; else say that it is being ridden out."""
        if self._deadline.expired or (not self._answered and self._contact.expired):
            limit = self._deadline if self._answered else self._contact
            raise TaskError(f"{fault}; gave up after {limit.seconds - limit.left():.0f} s.")
        # told once, not with every attempt
        words, until = self._told
        if str(fault) != words or time.monotonic() > until:
            self._told = str(fault), time.monotonic() + REMIND
            self._progress(f"{fault}; trying again")

    def _send(self, verb, path, query=(), body=None, content_type=None, headers=None, read_timeout=None, stream=False):
        limit = min(read_timeout or READ_TIMEOUT, self.time_limit())
        self.requests += 1
        if body is not None and not isinstance(body, (str, bytes)):
            body, content_type = json.dumps(body), content_type or "application/json"
        headers = {"Accept": "application/json", **(headers or {}), **({"Content-Type": content_type} if content_type else {})}

        writes = verb != "get" and ("dryRun", "All") not in query

        def attempt():
            with self._call.request(f"{verb.upper()} {self.host}{path}", writes):
                return self._connection.request(
                    verb, path, query, body, headers,
                    connect=min(CONNECT_TIMEOUT, limit), read=limit, limit=self.time_limit(), stream=stream,
                    check=self._call.check,
                )

        try:
            response, generation = attempt()
            if response.status == 401 and self._connection.renew(generation, self.time_limit()):
                response, _generation = attempt()
        except SSLError as e:
            if _BROKEN.search(str(e)):
                raise Fault(f"the TLS connection to the API server {self.host} broke: {_short(e)}", answered=False) from None
            raise TaskError(f"The TLS connection to the API server {self.host} failed: {_short(e)}.") from None
        except (HTTPError, OSError) as e:
            raise Fault(f"the API server {self.host} cannot be reached: {_short(e)}", answered=False) from None
        self._answered = True
        if not 200 <= response.status < 300:
            raise _answer(response, verb, self.host)
        return response


def _connect(auth, limit):
    if KUBERNETES_IMPORT_ERROR:
        raise TaskError(
            f"The Python package 'kubernetes' is needed where this task runs, by {sys.executable}: "
            f"{sys.executable} -m pip install kubernetes"
        )
    # options alone are what a test hands over
    connection = auth if isinstance(auth, Connection) else Connection(auth)
    return connection.open(limit)


def _answer(response, verb, host):
    """The exception for an HTTP status other than success."""
    status = response.status
    body = response.data.decode("utf-8", "replace") or response.reason
    answer = refusal(host, status, body, f"the API server answered {status} to {verb}")
    if status in _RETRIED and answer.reason != "AlreadyExists":
        delay = None
        try:
            delay = float(response.headers.get("Retry-After"))
        except (TypeError, ValueError):
            pass
        return Fault(f"the API server {host} answered {status} ({answer})", answered=True, delay=delay, budget=_budget(body))
    return answer


def _budget(body):
    """Is this the answer to an eviction that a disruption budget forbids?  Two budgets for one pod forbid it for ever."""
    try:
        status = json.loads(body)
        causes = [cause.get("reason") for cause in (status.get("details") or {}).get("causes") or []]
        return "DisruptionBudget" in causes or "more than one PodDisruptionBudget" in (status.get("message") or "")
    except (TypeError, ValueError, AttributeError):
        return False


def refusal(host, code, body, otherwise):
    """The API server's no, as an exception: C(body) is what it said, C(otherwise) the sentence in case it said nothing."""
    try:
        status = json.loads(body)
        message, reason = status.get("message") or "", status.get("reason") or ""
    except (TypeError, ValueError, AttributeError):
        message, reason = _short(body or ""), ""
    if code == 401:
        message = f"The API server {host} does not accept these credentials (401 Unauthorized)."
    elif code == 403 and " cannot " in message:
        message = f"Permission is missing: {message}. Grant this verb on this resource in a Role or ClusterRole."
    return ApiError(message or otherwise, code, reason)


def _short(error):
    """An exception's text on one line, without the object addresses that urllib3 puts before it."""
    text = " ".join(str(error).split())
    # ConnectTimeoutError is shown as a tuple of the connection and the sentence
    text = re.sub(r"^\(<.*?>, '(.*)'\)$", r"\1", text)
    text = re.sub(r"^.*?>: |HTTPS?Connection(Pool)?\([^)]*\): |Failed to establish a new connection: |\[Errno -?\d+\] ", "", text)
    return text.rstrip(".")[:300]


def object_path(group, namespace, resource, name=None, subresource=None):
    parts = [group, "namespaces", quote(namespace, safe=""), resource]
    if name is not None:
        parts.append(quote(name, safe=""))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)
