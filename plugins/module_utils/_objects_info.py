# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects_info module's work: several looks at a cluster at once.  Reads only.  PRIVATE to the collection."""

from __future__ import annotations

from urllib.parse import quote

from ._api.client import ApiError, Deadline
from ._api.engine import Engine, silent
from ._api.errors import TaskError
from ._api.shown import shown
from ._release.api import ReleaseApi, Resource
from ._release.checks import refuse_another_cluster

#: seconds for the whole call, retries included
TIMEOUT = 30

OPTIONS = {
    "objects": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "api_version": {"type": "str", "default": "v1"},
            "kind": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": ""},
            "name": {"type": "str", "default": ""},
            "label_selectors": {"type": "list", "elements": "str", "default": []},
            "optional": {"type": "bool", "default": False},
        },
    },
    "sensitive": {"type": "bool", "default": False},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Look for everything at once."""
    wanted = params["objects"]
    if not wanted:
        return {"changed": False, "found": []}
    api = ReleaseApi(params["auth"], Deadline(TIMEOUT), progress=progress)
    # What roles decide by has to be of the cluster that the rest of their tasks go to.
    refuse_another_cluster(api.apart)
    versions = sorted({each["api_version"] for each in wanted})
    served = dict(zip(versions, api.parallel(lambda version: kinds(api, version), versions)))
    found = api.parallel(lambda each: look(api, each, served[each["api_version"]].get(each["kind"])), wanted)
    if params["sensitive"]:
        return {"changed": False, "found": found, "sensitive": True}
    return {"changed": False, "found": [{**each, "resources": list(map(shown, each["resources"]))} for each in found]}


def kinds(api, version):
    """What the API server serves in a version of a group, by kind; nothing where it has no such version."""
    answer = api.lookup(f"{'/api' if version == 'v1' else '/apis'}/{quote(version)}") or {}
    # What has a slash is a part of another resource.
    return {
        each["kind"]: Resource(version, each["kind"], each["name"], each["namespaced"], frozenset(each.get("verbs") or ()))
        for each in answer.get("resources") or [] if "/" not in each["name"]
    }


def look(api, wanted, resource):
    """What is found for one entry."""
    told = {name: wanted[name] for name in ("api_version", "kind", "namespace", "name")}
    if resource is None:
        return {**told, "served": False, "seen": True, "resources": []}
    if resource.namespaced and wanted["name"] and not wanted["namespace"]:
        raise TaskError(f"{wanted['kind']} {wanted['name']}: a name needs a namespace.")
    path = resource.path(wanted["namespace"], wanted["name"])
    try:
        if wanted["name"]:
            objects = list(filter(None, [api.lookup(path)]))
        else:
            selector = ",".join(wanted["label_selectors"])
            objects = api.list(path, [("labelSelector", selector)] if selector else [])[0]
    except ApiError as error:
        if error.code == 404:
            objects = []
        elif error.code == 403 and wanted["optional"]:
            return {**told, "served": True, "seen": False, "resources": []}
        else:
            raise
    return {**told, "served": True, "seen": True, "resources": [plain(obj, wanted) for obj in objects]}


def plain(obj, wanted):
    """An object as it would be written: with its kind, which lists leave out, and without who owns which field."""
    meta = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "apiVersion": wanted["api_version"], "kind": wanted["kind"], "metadata": meta}


# What is sensitive is asked for, and hidden by the action plugin.
ENGINE = Engine("objects_info", OPTIONS, run, failed={"changed": False, "found": []}, handed_out=("found",))
