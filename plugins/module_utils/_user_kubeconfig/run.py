# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user_kubeconfig module's work, apart from the door it was called through.

The key stays in this process and in the file: it is in no result, and so in no log.
PRIVATE to the collection.
"""

from __future__ import annotations

import os
import stat
import tempfile

from .._api.cancel import current
from .._api.client import Api, Deadline
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from . import credentials
from .request import sign

#: the API server's own limit
SHORTEST = 600
LONGEST = 2**31 - 1
#: seconds by which a certificate may be shorter than asked for without a word: it begins a little in the past
SLACK = 900

OPTIONS = {
    "path": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "expiration_seconds": {"type": "int", "default": 31536000},
    "renew_before": {"type": "int", "default": 2592000},
    "context_namespace": {"type": "str", "default": ""},
    "server": {"type": "str", "default": ""},
    "wait_timeout": {"type": "int", "default": 60},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Bring the file to its state."""
    if credentials.IMPORT_ERROR:
        raise TaskError("The Python package 'cryptography' is needed where this task runs; install it with pip.")
    refuse(params)
    path = os.path.realpath(params["path"])
    text = read(path)
    held = credentials.read_kubeconfig(text, path, params["user"]) if text is not None else None
    if params["state"] == "absent":
        return remove(path, held, check_mode, want_diff, params)

    deadline = Deadline(params["wait_timeout"])
    api = Api(params["auth"], deadline, dry_run=check_mode, progress=progress)
    cluster = cluster_of(api, params["server"])
    reason = credentials.why_renew(held, cluster, params["groups"], params["renew_before"], credentials.now())
    warnings = []
    if reason:
        key, request = credentials.new_key(params["user"], sorted(set(params["groups"])))
        pem = sign(api, request, params["expiration_seconds"], deadline)
        certificate = credentials.read_certificate(pem) if pem else None
        warnings = shortened(certificate, params["expiration_seconds"])
    else:
        key, pem, certificate = held.key_pem, held.certificate_pem, held.certificate
    wanted = credentials.compose(cluster, params["user"], params["context_namespace"], pem, key)
    changed = bool(reason) or wanted != text or mode_of(path) != 0o600
    if changed and not check_mode:
        current().check()
        write(path, wanted)
    result = {
        "changed": changed,
        "path": path,
        "user": params["user"],
        "groups": sorted(set(params["groups"])),
        "issued": bool(reason),
        "reason": reason,
        "expires": credentials.timestamp(certificate.ends) if certificate else "",
        "warnings": warnings,
    }
    if want_diff:
        after = {
            "server": cluster.server,
            "groups": result["groups"],
            "namespace": params["context_namespace"],
            "expires": result["expires"] or "(a new certificate)",
            "mode": "0600",
        }
        result["diff"] = {"before_header": path, "after_header": path, "before": shown(path, held), "after": after}
    return result


def refuse(params):
    """Say what is wrong before anybody is asked."""
    for option in ("path", "user"):
        if not params[option]:
            raise TaskError(f"{option} must not be empty.")
    for name in [params["user"], *params["groups"]]:
        if not 0 < len(name) <= 64:
            raise TaskError(f"'{name}' is no name for a certificate, which takes 1 to 64 characters.")
    seconds = params["expiration_seconds"]
    if not SHORTEST <= seconds <= LONGEST:
        raise TaskError(f"expiration_seconds must be from {SHORTEST} to {LONGEST}, got: {seconds}.")
    if not 0 <= params["renew_before"] < seconds:
        raise TaskError(
            f"renew_before must be less than expiration_seconds ({seconds}) and not negative, got: {params['renew_before']}."
        )


def cluster_of(api, server):
    """The cluster of the connection, as a kubeconfig of somebody else needs it."""
    connection = api.connection()
    return credentials.Cluster(
        server or connection["host"],
        credentials.encode(connection["ca"]) if connection["verify"] and connection["ca"] else "",
        not connection["verify"],
        connection["server_name"] or "",
        connection["proxy"] or "",
    )


def shortened(certificate, asked):
    if certificate is None or certificate.seconds >= asked - SLACK:
        return []
    return [
        f"The cluster issued a certificate for {certificate.seconds:.0f} seconds, not for the {asked} that were asked for; it expires "
        f"at {credentials.timestamp(certificate.ends)}."
    ]


# -- the file ------------------------------------------------------------------------------------


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def mode_of(path):
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return None


def make_folder(folder):
    """Make a folder and those above it, each for the owner alone: os.makedirs leaves what is above to the umask."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode=0o700)
        except FileExistsError:
            # another run has been faster
            if not os.path.isdir(folder):
                raise


def write(path, text):
    """Replace the file in one step; nobody else can read it at any time."""
    folder = os.path.dirname(path)
    try:
        make_folder(folder)
        # mkstemp creates with mode 0600
        descriptor, temporary = tempfile.mkstemp(prefix=".kubeconfig-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise TaskError(f"{path} cannot be written: {error.strerror}.") from None


def remove(path, held, check_mode, want_diff, params):
    result = {"changed": held is not None, "path": path, "user": params["user"]}
    if held is not None and not check_mode:
        try:
            os.unlink(path)
        except OSError as error:
            raise TaskError(f"{path} cannot be deleted: {error.strerror}.") from None
    if want_diff:
        result["diff"] = {"before_header": path, "after_header": path, "before": shown(path, held), "after": {}}
    return result


def shown(path, held):
    """The file without its secrets."""
    if held is None:
        return {}
    return {
        "server": held.cluster.get("server", ""),
        "groups": list(held.certificate.groups),
        "namespace": held.namespace,
        "expires": credentials.timestamp(held.certificate.ends),
        "mode": f"{mode_of(path):04o}",
    }


ENGINE = Engine("user_kubeconfig", OPTIONS, run)
