# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service_account_token module's work, apart from the door it was called through.

PRIVATE to the collection.
"""

from __future__ import annotations

from ._api.client import CORE, Api, ApiError, Deadline, object_path
from ._api.engine import Engine, silent
from ._api.errors import TaskError

#: seconds for the whole call, retries included
TIMEOUT = 30
#: the API server's own limits
SHORTEST = 600
LONGEST = 2**32


OPTIONS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "default"},
    "audiences": {"type": "list", "elements": "str", "default": []},
    "expiration_seconds": {"type": "int", "default": 3600},
    "bound_object_ref": {
        "type": "dict",
        "options": {
            "api_version": {"type": "str", "default": "v1"},
            "kind": {"type": "str", "required": True, "choices": ["Node", "Pod", "Secret"]},
            "name": {"type": "str", "required": True},
            "uid": {"type": "str"},
        },
    },
    "show": {"type": "bool", "default": False},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Ask for a token."""
    refuse(params)
    api = Api(params["auth"], Deadline(TIMEOUT), dry_run=check_mode, progress=progress)
    return outcome(request_token(api, params), params, check_mode)


def refuse(params):
    """Say what is wrong before anybody is asked: the server's own words name no option."""
    seconds = params["expiration_seconds"]
    for option in ("name", "namespace"):
        if not params[option]:
            raise TaskError(f"{option} must not be empty.")
    if seconds < SHORTEST:
        raise TaskError(f"expiration_seconds must be at least {SHORTEST}, got: {seconds}. No API server issues less.")
    if seconds > LONGEST:
        raise TaskError(f"expiration_seconds must be at most {LONGEST}, got: {seconds}.")


def body(params):
    """The TokenRequest."""
    request = {"expirationSeconds": params["expiration_seconds"]}
    if params["audiences"]:
        request["audiences"] = params["audiences"]
    if params["bound_object_ref"]:
        reference = params["bound_object_ref"]
        request["boundObjectRef"] = {
            field: reference[option]
            for field, option in (("apiVersion", "api_version"), ("kind", "kind"), ("name", "name"), ("uid", "uid"))
            if reference.get(option)
        }
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": request}


def outcome(answer, params, check_mode):
    """The module's result for the server's answer."""
    granted = answer["spec"]
    result = {
        "changed": False,
        # The server issues one even in a dry run.
        "token": "" if check_mode else answer["status"]["token"],
        "expiration_timestamp": answer["status"]["expirationTimestamp"],
        "expiration_seconds": granted["expirationSeconds"],
        "audiences": granted.get("audiences") or [],
    }
    if granted["expirationSeconds"] != params["expiration_seconds"]:
        result["warnings"] = [
            f"The API server issued a token for {granted['expirationSeconds']} seconds, "
            f"not for the {params['expiration_seconds']} that were asked for."
        ]
    return result


def request_token(api, params):
    """The API server's answer to the TokenRequest."""
    path = object_path(CORE, params["namespace"], "serviceaccounts", params["name"], "token")
    try:
        return api.post(path, body(params), [("dryRun", "All")] if api.dry_run else [])
    except ApiError as error:
        if error.code != 404:
            raise
        raise TaskError(missing(str(error), params)) from None


def missing(message, params):
    """What the server did not find, from the resource that its message begins with."""
    namespace, bound = params["namespace"], params["bound_object_ref"]
    if message.startswith("namespaces "):
        return f"Namespace {namespace} does not exist."
    if message.startswith("serviceaccounts "):
        return f"Namespace {namespace} has no ServiceAccount {params['name']}."
    if bound:
        return f"There is no {bound['kind']} {bound['name']} that the token could be bound to: {message}."
    return message


ENGINE = Engine("service_account_token", OPTIONS, run, handed_out=("token",))
