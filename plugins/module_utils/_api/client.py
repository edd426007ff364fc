# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talking to the API server: plain objects in and out, with retries, time limits and clear errors.

Paths are known (apps/v1 and core/v1), so nothing is discovered; credentials are read by kubernetes.core.
PRIVATE to the collection.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import traceback
from urllib.parse import quote

from .errors import TaskError

try:
    import kubernetes
    import urllib3
    import yaml
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic import DynamicClient
    from urllib3.exceptions import HTTPError, SSLError

    KUBERNETES_IMPORT_ERROR = None
except ImportError:
    KUBERNETES_IMPORT_ERROR = traceback.format_exc()
    ApiException = HTTPError = SSLError = DynamicClient = None

from ansible_collections.kubernetes.core.plugins.module_utils.k8s import client as core_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException

FIELD_MANAGER = "slipway.kubernetes"

APPS = "/apis/apps/v1"
CORE = "/api/v1"

#: seconds for one connection attempt, and for one answer
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
#: seconds within which an API server that has never answered must do so
FIRST_CONTACT = 30
PAGE = 500
_RETRIED = (429, 500, 502, 503, 504)


class Deadline:
    """A point in time by the monotonic clock; the servers' clocks are never compared with ours."""

    def __init__(self, seconds):
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self):
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self):
        return self.left() <= 0


class Fault(Exception):
    """A passing failure: the server was busy, broken, or not to be reached.  C(delay) is what it asked us to wait."""

    def __init__(self, message, answered, delay=None):
        super().__init__(message)
        self.answered = answered
        self.delay = delay


class ApiError(TaskError):
    """The API server's no.  C(code) is the HTTP status, C(reason) the Status reason."""

    def __init__(self, message, code, reason=""):
        super().__init__(message)
        self.code = code
        self.reason = reason


class _NoDiscovery:
    """Stands in for the dynamic client's discovery, which has no time limit and is not needed here."""

    def __init__(self, client, cache_file):
        pass


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
        time.sleep(min(delay, self._deadline.left()))


class Api:
    """One API server for one call of a module."""

    def __init__(self, auth, deadline, dry_run=False, progress=None):
        self._deadline = deadline
        self._contact = Deadline(min(FIRST_CONTACT, deadline.left()))
        self._progress = progress or (lambda line: None)
        self.dry_run = dry_run
        self.requests = 0
        self._answered = False
        self._client = _connect(auth)
        self.host = self._client.configuration.host

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
                return items, page["metadata"]["resourceVersion"]

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
        """Create something that is not stored, such as a review or a token, so that it may be asked for twice."""
        return self._decode(self._retry(lambda: self._send("post", path, query, body=body)))

    def delete(self, path, uid, grace_period=None):
        """Delete exactly the object with that uid; one that is gone already is fine.

        :param grace_period: seconds that a pod gets to end, instead of those that it asks for.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        if grace_period is not None:
            body["gracePeriodSeconds"] = grace_period
        try:
            self._retry(lambda: self._send("delete", path, body=body))
        except ApiError as e:
            if e.code not in (404, 409):
                raise

    def open(self, path, query, read_timeout):
        """Open a watch; the response is read with stream()."""
        return self._send("get", path, list(query) + [("watch", "true")], read_timeout=read_timeout, stream=True)

    def connection(self):
        """What connects to the API server without this client: for a tunnel, which is no request and answer."""
        configuration = self._client.configuration
        headers = []
        # Of a header with several values, the client has as many equal names.
        for name, value in self._client.client.default_headers.items():
            if str(name) not in ("Accept", "User-Agent"):
                headers.append((str(name), value))
        for setting in configuration.auth_settings().values():
            headers.append((setting["key"], setting["value"]))
        return {
            "host": self.host,
            "headers": headers,
            "verify": bool(configuration.verify_ssl),
            # Files that the client itself has written are gone when it is.
            "ca": _content(configuration.ssl_ca_cert),
            "certificate": _content(configuration.cert_file),
            "key": _content(configuration.key_file),
            "server_name": configuration.tls_server_name,
            "proxy": configuration.proxy,
            "no_proxy": configuration.no_proxy,
            "proxy_headers": dict(configuration.proxy_headers or {}),
        }

    def time_limit(self):
        """How many seconds one request may take."""
        return max(1.0, (self._deadline if self._answered else self._contact).left())

    # ------------------------------------------------------------ internals --
    def _json(self, verb, path, query=()):
        return self._decode(self._retry(lambda: self._send(verb, path, query)))

    def _decode(self, response):
        try:
            return json.loads(response.data)
        except ValueError:
            raise TaskError(f"{self.host} answered with something else than JSON; is it an API server?") from None

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
            raise TaskError(f"{fault}; gave up after {self._deadline.seconds - self._deadline.left():.0f} s.")
        self._progress(f"{fault}; trying again")

    def _send(self, verb, path, query=(), body=None, content_type=None, headers=None, read_timeout=None, stream=False):
        limit = min(read_timeout or READ_TIMEOUT, self.time_limit())
        self.requests += 1
        try:
            response = self._client.request(
                verb,
                path,
                body=body,
                query_params=list(query),
                header_params=dict(headers or {}),
                content_type=content_type,
                serialize=False,
                _request_timeout=(min(CONNECT_TIMEOUT, limit), limit),
            )
            if not stream:
                # read while here: a connection that breaks within an answer is a fault like any other
                response.read(cache_content=True)
        except ApiException as e:
            if not e.status:
                raise TaskError(f"Cannot talk to the API server {self.host}: {_short(e.reason)}.") from None
            self._answered = True
            raise _answer(e, verb, self.host) from None
        except SSLError as e:
            raise TaskError(f"The TLS connection to the API server {self.host} failed: {_short(e)}.") from None
        except (HTTPError, OSError) as e:
            raise Fault(f"the API server {self.host} cannot be reached: {_short(e)}", answered=False) from None
        self._answered = True
        return response


def _connect(auth):
    if KUBERNETES_IMPORT_ERROR:
        raise TaskError("The Python package 'kubernetes' is needed where this task runs; install it with pip.")
    urllib3.disable_warnings()
    kubeconfig = auth.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG")
    # several files may be named, as in KUBECONFIG
    if isinstance(kubeconfig, str) and not any(
        os.path.exists(os.path.expanduser(path)) for path in kubeconfig.split(os.pathsep)
    ):
        raise TaskError(f"The kubeconfig {kubeconfig} does not exist.")
    # kubernetes.core's own way to read its options and K8S_AUTH_*; its get_api_client would discover
    # the API as well, with no time limit
    try:
        configuration = core_client._create_configuration(core_client._create_auth_spec(None, **auth))
        headers = core_client._create_headers(None, **auth)
    except (CoreException, kubernetes.config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, LookupError, AttributeError) as e:
        raise TaskError(f"No usable Kubernetes credentials: {_short(e)}.") from None
    # we retry ourselves: urllib3 would obey any Retry-After, and never retries a PATCH
    configuration.retries = False
    configuration.connection_pool_maxsize = 16
    client = kubernetes.client.ApiClient(configuration)
    for name, value in headers.items():
        core_client._set_header(client, name, value)
    return DynamicClient(client, discoverer=_NoDiscovery)


def _content(file):
    if not file:
        return None
    with open(file, encoding="utf-8") as stream:
        return stream.read()


def _answer(error, verb, host):
    """The exception for an HTTP status other than success."""
    answer = refusal(host, error.status, error.body or error.reason, f"the API server answered {error.status} to {verb}")
    if error.status in _RETRIED and answer.reason != "AlreadyExists":
        delay = None
        try:
            delay = float((error.headers or {}).get("Retry-After"))
        except (TypeError, ValueError):
            pass
        return Fault(f"the API server {host} answered {error.status} ({answer})", answered=True, delay=delay)
    return answer


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
    text = re.sub(r"^.*?>: |HTTPS?Connection(Pool)?\([^)]*\): |Failed to establish a new connection: |\[Errno -?\d+\] ", "", text)
    return text.rstrip(".")[:300]


def object_path(group, namespace, resource, name=None, subresource=None):
    parts = [group, "namespaces", quote(namespace, safe=""), resource]
    if name is not None:
        parts.append(quote(name, safe=""))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)
