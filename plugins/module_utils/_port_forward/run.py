# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port_forward module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

import hashlib
import json
import time

from .._api.client import CORE, Api, ApiError, Deadline, object_path, refusal
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._rollout.objects import name_of
from . import tunnel
from .process import Slot, listen
from .target import KINDS, port_in_pod, ready, selector_of, trouble, why_none_is_ready

#: seconds for the whole call, retries included
TIMEOUT = 30
#: what the process of a forward says of credentials that are not accepted any more
EXPIRED = "the API server answered 401"

OPTIONS = {
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "kind": {"type": "str", "default": "Pod", "choices": list(KINDS)},
    "name": {"type": "str"},
    "namespace": {"type": "str", "default": "default"},
    "port": {"type": "str"},
    "local_port": {"type": "int", "default": 0},
    "address": {"type": "str", "default": "127.0.0.1"},
    "expiration_seconds": {"type": "int", "default": 3600},
    "id": {"type": "str"},
}
REQUIREMENTS = {
    "required_if": [("state", "present", ("name", "port")), ("state", "absent", ("id", "name"), True)],
    "required_by": {"name": ("port",)},
    "mutually_exclusive": [("id", "name")],
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Open or close a forward."""
    refuse(params)
    if params["state"] == "absent":
        result = close(params, check_mode)
    else:
        result = Opening(params, check_mode, progress).result()
    before, after = result.pop("before"), result.pop("after")
    if want_diff:
        result["diff"] = {"before": before, "after": after}
    return result


def refuse(params):
    """Say what is wrong before anybody is asked."""
    for option in ("name", "namespace", "port", "address"):
        if params[option] == "":
            raise TaskError(f"{option} must not be empty.")
    if not 0 <= params["local_port"] <= 65535:
        raise TaskError(f"local_port must be from 0 to 65535, got: {params['local_port']}.")
    if params["expiration_seconds"] < 1:
        raise TaskError(f"expiration_seconds must be at least 1, got: {params['expiration_seconds']}.")


def identity(params, host):
    """The forward's name: the same for the same options, apart from how long it lives, on the same API server."""
    parts = [host] + [params[option] for option in ("namespace", "kind", "name", "port", "address", "local_port")]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]
    return f"{params['kind']}-{params['name']}-{digest}".lower()


def line(noted):
    """A forward in the words of a difference."""
    return f"{noted['address']}:{noted['local_port']} -> {noted['namespace']}/{noted['pod']}:{noted['port']}\n" if noted else ""


def close(params, check_mode):
    slot = Slot(params["id"] or identity(params, Api(params["auth"], Deadline(TIMEOUT)).host))
    noted = slot.running() if check_mode else slot.stop()
    return {"changed": noted is not None, "id": slot.identity, "before": line(noted), "after": ""}


class Opening:
    """One call that has a forward open in the end."""

    def __init__(self, params, check_mode, progress):
        self.params = params
        self.check_mode = check_mode
        self.api = Api(params["auth"], Deadline(TIMEOUT), progress=progress)
        self.slot = Slot(identity(params, self.api.host))
        self.expires = int(time.time()) + params["expiration_seconds"]

    def result(self):
        noted, warnings = self.slot.running(), []
        pod, port = self._pod(noted)
        path = object_path(CORE, self.params["namespace"], "pods", name_of(pod), "portforward") + f"?ports={port}"
        # Also for a forward that is open: who opened it may have been allowed more.
        self._try(path)
        same = noted is not None and (noted["pod"], noted["port"]) == (name_of(pod), port)
        if same and not self.check_mode and (words := self.slot.last_words()):
            # Its credentials have expired: it goes on with those of this task.
            same = EXPIRED not in words
            warnings.append(f"A connection through this forward has failed: {words}")
        wanted = {
            **{key: self.params[key] for key in ("namespace", "address")},
            "pod": name_of(pod), "port": port, "local_port": noted["local_port"] if noted else self.params["local_port"],
        }
        if self.check_mode:
            if noted is None:
                listen(self.params["address"], self.params["local_port"]).close()
        elif same:
            self.slot.renew(self.expires)
        else:
            # To another pod than before: the local port stays what it was.
            self.slot.stop()
            with listen(wanted["address"], wanted["local_port"]) as listener:
                wanted["local_port"] = listener.getsockname()[1]
                self.slot.start(listener, wanted, path, self.api.connection(), self.expires)
        result = {
            "changed": not same,
            "id": self.slot.identity,
            "pod": wanted["pod"],
            "port": port,
            "address": wanted["address"],
            "local_port": wanted["local_port"],
            "expiration_timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.expires)),
            "before": line(noted),
            "after": line(wanted),
        }
        return {**result, "warnings": warnings} if warnings else result

    def _pod(self, noted):
        """The pod to lead to, and its port."""
        kind, name, namespace = self.params["kind"], self.params["name"], self.params["namespace"]
        target = self._get(kind, name)
        if kind == "Pod":
            if reason := trouble(target):
                raise TaskError(f"Pod {namespace}/{name} {reason}.")
            return target, port_in_pod(self.params["port"], target)
        pods, _version = self.api.list(
            object_path(CORE, namespace, "pods"), [("labelSelector", selector_of(kind, target))]
        )
        chosen = ready(pods)
        if not chosen:
            raise TaskError(why_none_is_ready(f"{kind} {namespace}/{name}", pods))
        # The one that an open forward leads to, if that still serves.
        pod = next((pod for pod in chosen if noted and name_of(pod) == noted["pod"]), chosen[0])
        return pod, port_in_pod(self.params["port"], pod, target if kind == "Service" else None)

    def _get(self, kind, name):
        group, resource = KINDS[kind]
        try:
            return self.api.get(object_path(group, self.params["namespace"], resource, name))
        except ApiError as error:
            if error.code != 404:
                raise
            raise TaskError(f"There is no {kind} {name} in namespace {self.params['namespace']}.") from None

    def _try(self, path):
        """Open a tunnel, and close it: the API server says no here, where there is somebody to listen."""
        try:
            self.api.websocket(path, [tunnel.PROTOCOL]).shutdown()
        except tunnel.Refused as refused:
            raise refusal(
                self.api.host, refused.code, refused.body.decode("utf-8", "replace"),
                f"No tunnel to pod {path.split('/')[-2]} can be opened: {refused}.",
            ) from None


ENGINE = Engine("port_forward", OPTIONS, run, REQUIREMENTS)
