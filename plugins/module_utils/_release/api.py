# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few raw requests that planning a release takes.  The only I/O of this package.

PRIVATE to the collection.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from urllib.parse import quote

from .._api.client import FIELD_MANAGER, Api, ApiError, Fault
from .._api.errors import TaskError
from .._api.parallel import parallel
from . import values
from .objects import RELEASE_ID, group_of
from .record import RECORD

# Fewer than the connections that the client keeps; more threads would only queue.
THREADS = 12
#: metadata of so many objects in one answer
_NAMES = 2000
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
METADATA = "application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadata"
METADATA_LIST = "application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList"
_WRONG_TYPE = re.compile(r"\((failed to (?:convert new object|create typed patch object) .*)\)$", re.S)
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Resource:
    """One kind that the API server serves."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset
    #: whether the API server could ask who serves it; of one that is down, it knows only what once was
    fresh: bool = True

    def path(self, namespace="", name=""):
        parts = ["/api" if self.api_version == "v1" else "/apis", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


def resources_of(groups):
    """The resources in an APIGroupDiscoveryList, a group's preferred version first."""
    found = []
    for group in groups.get("items") or []:
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or []:
            for entry in version.get("resources") or []:
                kind = entry.get("responseKind") or {}
                # Only what is kept under its own name: a subresource has no kind of its own here.
                if not kind.get("kind"):
                    continue
                found.append(
                    Resource(
                        api_version="/".join(filter(None, (name, version["version"]))),
                        kind=kind["kind"],
                        plural=entry["resource"],
                        namespaced=entry.get("scope") == "Namespaced",
                        verbs=frozenset(entry.get("verbs") or ()),
                        fresh=version.get("freshness") != "Stale",
                    )
                )
    return found


class ReleaseApi(Api):
    """What planning needs besides single objects: discovery, metadata of anything, server-side apply's dry run."""

    def __init__(self, auth, deadline, progress=None, first_contact=None):
        super().__init__(auth, deadline, progress=progress, first_contact=first_contact)
        self._resources = None
        # Whoever looks something up while another thread still asks must not take it for not served.
        self._discovering = threading.Lock()

    def lookup(self, path):
        """An object, or None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def lookup_metadata(self, path):
        """The metadata of an object, or None where there is none."""
        try:
            return json.loads(self._retry(lambda: self._send("get", path, headers={"Accept": METADATA})).data)
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def metadata(self, path, query=()):
        """The metadata of all objects of a collection, in one request."""
        response = self._retry(lambda: self._send("get", path, query, headers={"Accept": METADATA_LIST}))
        return json.loads(response.data).get("items") or []

    def names(self, path):
        """The names of all objects of a collection."""
        found, token, limit = set(), None, [("limit", _NAMES)]
        while True:
            query = limit + ([("continue", token)] if token else [])
            try:
                page = json.loads(self._retry(lambda query=query: self._send("get", path, query, headers={"Accept": METADATA_LIST})).data)
            except ApiError as error:
                if error.code != 410 or not token:
                    raise
                # As in list(): all in one.
                found, token, limit = set(), None, []
                continue
            found.update(item["metadata"]["name"] for item in page.get("items") or [])
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return found

    def records(self, namespace):
        """Metadata of the records of all releases in a namespace."""
        return self.metadata(f"/api/v1/namespaces/{namespace}/secrets", [("labelSelector", RECORD)])

    def is_orphaned(self, release_id):
        """Has a release no record any more?  Who may not look everywhere cannot tell."""
        try:
            return not self.metadata("/api/v1/secrets", [("labelSelector", f"{RECORD},{RELEASE_ID}={release_id}"), ("limit", 1)])
        except ApiError as error:
            if error.code != 403:
                raise
            return False

    def put(self, path, obj):
        """One attempt at replacing an object, which names the uid and the resourceVersion that it has."""
        return self._decode(self._send("put", path, body=obj))

    def dry_run_apply(self, path, obj, force):
        """What server-side apply would make of the object, and the server's warnings; nothing is stored."""
        # A dry run may be repeated, whatever became of the attempt before.
        response = self._retry(lambda: self._apply(path, obj, force, [("dryRun", "All")]))
        warnings = _WARNING.findall(response.headers.get("Warning") or "")
        return json.loads(response.data), [re.sub(r"\\(.)", r"\1", text) for text in warnings]

    def apply(self, path, obj, force):
        """One attempt at server-side apply: repeating it is for the caller, who must look at the object first.

        :raises Fault: it is not known whether it was taken.
        """
        return self._decode(self._apply(path, obj, force))

    def _apply(self, path, obj, force, query=()):
        query = [*query, ("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("force", "true" if force else "false")]
        try:
            body = values.in_yaml(json.dumps(obj, ensure_ascii=False)).encode()
            return self._send("patch", path, query, body, "application/apply-patch+yaml")
        except Fault as fault:
            # A field of the wrong type is an "internal error" to server-side apply, and stays one.
            found = _WRONG_TYPE.search(str(fault))
            if found is None:
                raise
            raise ApiError(found.group(1), 400) from None

    def parallel(self, function, items):
        """function(item) for all items at once, results in the items' order."""
        return parallel(function, items, THREADS)

    def version(self):
        return self.get("/version")["gitVersion"]

    def whoami(self):
        """Who the API server takes us for, and what time it is by its clock; empty strings where it does not say."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        try:
            answer = self.post(path, review)
        except ApiError:
            return "", ""
        return answer["status"]["userInfo"].get("username", ""), (answer.get("metadata") or {}).get("creationTimestamp") or ""

    def node_address(self):
        """An address of a node, the outside one if there is one; empty for whoever may not list nodes."""
        try:
            nodes = json.loads(self._retry(lambda: self._send("get", "/api/v1/nodes", [("limit", 1)])).data)["items"]
        except ApiError:
            return ""
        addresses = {a["type"]: a["address"] for node in nodes for a in node.get("status", {}).get("addresses") or []}
        return addresses.get("ExternalIP") or addresses.get("InternalIP") or ""

    def resources(self):
        with self._discovering:
            if self._resources is None:
                found = []
                for path in ("/api", "/apis"):
                    response = self._retry(lambda path=path: self._send("get", path, headers={"Accept": DISCOVERY}))
                    found += resources_of(json.loads(response.data))
                self._resources = found
            return self._resources

    def forget_resources(self):
        """There are others now."""
        self._resources = None

    def resource(self, api_version, kind):
        for resource in self.resources():
            if resource.api_version == api_version and resource.kind == kind:
                return resource
        return None

    def any_version(self, identity):
        """A resource of that group and kind, whatever version the API server serves today; None where it serves none."""
        group, kind = identity[:2]
        return next((each for each in self.resources() if each.kind == kind and group_of(each.api_version) == group), None)

    def removable(self, namespaced_only=False):
        """One resource for every kind of object that can be listed and deleted."""
        chosen = {}
        for resource in self.resources():
            if resource.verbs >= {"list", "delete"} and (resource.namespaced or not namespaced_only):
                chosen.setdefault((group_of(resource.api_version), resource.plural), resource)
        # Events are a namespace's log, nobody's objects.
        return [resource for (_group, plural), resource in chosen.items() if plural != "events"]

    def find(self, selector="", namespace="", namespaced_only=False, strict=False):
        """Metadata of all objects of any kind that match.

        :param strict: fail where a kind may not be listed or does not answer, instead of leaving it out.
        """

        def one(resource):
            query = [("labelSelector", selector)] if selector else []
            try:
                items = self.metadata(resource.path(namespace), query)
            except ApiError as error:
                if error.code in ((404, 405) if strict else (403, 404, 405)):
                    return []
                raise
            if strict and not resource.fresh:
                raise TaskError(f"What serves {resource.api_version} does not answer, so that {resource.plural} are not seen.")
            return [
                {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": item["metadata"]}
                for item in items
            ]

        found = self.parallel(one, self.removable(namespaced_only))
        return [obj for objects in found for obj in objects]
