# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few raw requests that planning a release takes.  The only I/O of this package.

PRIVATE to the collection.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from .._api.client import FIELD_MANAGER, Api, ApiError, Fault
from .objects import group_of

# Fewer than the connections that the client keeps; more threads would only queue.
THREADS = 12
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
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
                    )
                )
    return found


class ReleaseApi(Api):
    """What planning needs besides single objects: discovery, metadata of anything, server-side apply's dry run."""

    def __init__(self, auth, deadline, progress=None):
        super().__init__(auth, deadline, progress=progress)
        self._resources = None

    def lookup(self, path):
        """An object, or None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def dry_run_apply(self, path, obj, force):
        """What server-side apply would make of the object, and the server's warnings; nothing is stored."""
        query = [
            ("dryRun", "All"),
            ("fieldManager", FIELD_MANAGER),
            ("fieldValidation", "Strict"),
            ("force", "true" if force else "false"),
        ]
        content_type = "application/apply-patch+yaml"

        def attempt():
            try:
                return self._send("patch", path, query, json.dumps(obj), content_type)
            except Fault as fault:
                # A field of the wrong type is an "internal error" to server-side apply, and stays one.
                found = _WRONG_TYPE.search(str(fault))
                if found is None:
                    raise
                raise ApiError(found.group(1), 400) from None

        # A dry run may be repeated, whatever became of the attempt before.
        response = self._retry(attempt)
        warnings = _WARNING.findall(response.headers.get("Warning") or "")
        return json.loads(response.data), [re.sub(r"\\(.)", r"\1", text) for text in warnings]

    def parallel(self, function, items):
        """function(item) for all items at once, results in the items' order."""
        items = list(items)
        if not items:
            return []
        with ThreadPoolExecutor(max_workers=min(THREADS, len(items))) as pool:
            return list(pool.map(function, items))

    def version(self):
        return self.get("/version")["gitVersion"]

    def user(self):
        """Who the API server takes us for, or an empty string where it does not say."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        try:
            answer = self.post(path, review)
        except ApiError:
            return ""
        return answer["status"]["userInfo"].get("username", "")

    def node_address(self):
        """An address of a node, the outside one if there is one; empty for whoever may not list nodes."""
        try:
            nodes = json.loads(self._retry(lambda: self._send("get", "/api/v1/nodes", [("limit", 1)])).data)["items"]
        except ApiError:
            return ""
        addresses = {a["type"]: a["address"] for node in nodes for a in node.get("status", {}).get("addresses") or []}
        return addresses.get("ExternalIP") or addresses.get("InternalIP") or ""

    def resources(self):
        if self._resources is None:
            self._resources = []
            for path in ("/api", "/apis"):
                response = self._retry(lambda path=path: self._send("get", path, headers={"Accept": DISCOVERY}))
                self._resources += resources_of(json.loads(response.data))
        return self._resources

    def resource(self, api_version, kind):
        for resource in self.resources():
            if resource.api_version == api_version and resource.kind == kind:
                return resource
        return None

    def removable(self, namespaced_only=False):
        """One resource for every kind of object that can be listed and deleted."""
        chosen = {}
        for resource in self.resources():
            if resource.verbs >= {"list", "delete"} and (resource.namespaced or not namespaced_only):
                chosen.setdefault((group_of(resource.api_version), resource.plural), resource)
        # Events are a namespace's log, nobody's objects.
        return [resource for (_group, plural), resource in chosen.items() if plural != "events"]

    def find(self, selector="", namespace="", namespaced_only=False):
        """Metadata of all objects of any kind that match; kinds that we may not list are left out."""

        def one(resource):
            query = [("labelSelector", selector)] if selector else []
            headers = {"Accept": METADATA_LIST}
            try:
                response = self._retry(lambda: self._send("get", resource.path(namespace), query, headers=headers))
            except ApiError as error:
                if error.code in (403, 404, 405):
                    return []
                raise
            return [
                {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": item["metadata"]}
                for item in json.loads(response.data).get("items") or []
            ]

        found = self.parallel(one, self.removable(namespaced_only))
        return [obj for objects in found for obj in objects]
