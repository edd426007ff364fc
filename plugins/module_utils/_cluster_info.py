# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster_info module's work: which cluster this is, and who the task is there.  Reads only.  PRIVATE to the collection."""

from __future__ import annotations

from urllib.parse import urlsplit

from ._api.client import ApiError, Deadline
from ._api.engine import Engine, silent
from ._api.errors import TaskError
from ._release.api import ReleaseApi
from ._release.checks import refuse_another_cluster

#: seconds for the whole call
TIMEOUT = 30

OPTIONS = {
    "expected": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 7},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Ask the API server for its version, its oldest namespace, and who it takes us for."""
    api = ReleaseApi(params["auth"], Deadline(TIMEOUT), progress=progress, first_contact=params["timeout"])
    refuse_another_cluster(api.apart)
    version, (user, _now), uid = api.parallel(lambda ask: ask(), [api.version, api.whoami, lambda: uid_of(api)])
    if params["expected"]:
        refuse_unless(params["expected"], api.host, uid)
    summary = f"Cluster {api.host}, Kubernetes {version}{f', as {user}' if user else ''}"
    return {"changed": False, "summary": summary, "host": api.host, "version": version, "user": user, "uid": uid}


def uid_of(api):
    """The uid of namespace kube-system, which no two clusters share; empty for whoever may not read it."""
    try:
        namespace = api.lookup_metadata("/api/v1/namespaces/kube-system")
    except ApiError as error:
        if error.code != 403:
            raise
        return ""
    return namespace["metadata"]["uid"] if namespace else ""


def refuse_unless(expected, host, uid):
    """Refuse any cluster but one."""
    if expected in (uid, host) or address(expected) == address(host):
        return
    known = f"namespace kube-system has the uid {uid}" if uid else "who may not read namespace kube-system has no uid to compare"
    raise TaskError(f"This is not the cluster that is expected, {expected}: the API server is {host}, and {known}. Nothing was changed.")


def address(text):
    """Host and port of an address that may be a URL."""
    try:
        parts = urlsplit(text if "//" in text else f"https://{text}")
        return (parts.hostname or "").lower(), parts.port or (80 if parts.scheme == "http" else 443), parts.path.rstrip("/")
    except ValueError:
        return text


ENGINE = Engine("cluster_info", OPTIONS, run)
