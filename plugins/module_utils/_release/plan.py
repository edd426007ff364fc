# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release would change, worked out before anything is changed.

Every object goes through the API server's own dry run, so that whatever the server would refuse -
a taken node port, an immutable field, a missing permission - is known while the cluster is untouched.
PRIVATE to the collection.
"""

from __future__ import annotations

import re

from .._api.client import FIELD_MANAGER, ApiError
from .._api.errors import TaskError
from . import objects as o
from .immutable import explain

# The API server's words for server-side apply's conflicts: one on a line, several as a list per manager.
_CONFLICT = re.compile(r'conflicts? with "([^"]+)"[^:\n]*:\s*')
# Objects that appear in every namespace, or that controllers leave behind there.
_NAMESPACE_FURNITURE = frozenset((("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")))


def version_tuple(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def check_version(version, minimum):
    if minimum and version_tuple(version) < version_tuple(minimum):
        raise TaskError("The cluster runs Kubernetes %s; this release needs %s or newer" % (version, minimum))


class Planner:
    """Plans one release.  Reads and dry runs only."""

    def __init__(self, api, name, namespace="", adopt=False, force_conflicts=False):
        self.api = api
        self.name = name
        self.namespace = namespace
        self.adopt = adopt
        self.force_conflicts = force_conflicts
        self.errors = []
        self.warnings = []
        self.diff = []

    # -- present -----------------------------------------------------------------------------

    def present(self, definitions, requires=()):
        """Plan items for all definitions and for the objects that are no longer among them."""
        self._check_served(definitions)
        self._check_required(requires)
        self._raise_errors()
        absent_namespaces = self._absent_namespaces(definitions)
        self._check_node_ports(definitions)
        self._raise_errors()
        items = self.api.parallel(lambda obj: self._examine(obj, absent_namespaces), definitions)
        self._raise_errors()
        items += self._superfluous(definitions)
        pending_secret = any(i["batch"] == "secrets" and i["action"] in ("create", "update") for i in items)
        for item in items:
            # A namespace goes out with whatever is sent first.
            if item["kind"] == "Namespace" and item["batch"] == "main" and pending_secret:
                item["batch"] = "secrets"
        return items

    def _raise_errors(self):
        if self.errors:
            raise TaskError("\n".join(sorted(self.errors)))

    def _check_served(self, definitions):
        defined = {
            (obj["spec"]["group"], obj["spec"]["names"]["kind"])
            for obj in definitions
            if obj["kind"] == "CustomResourceDefinition"
        }
        for obj in definitions:
            group = o.group_of(obj["apiVersion"])
            if self.api.resource(obj["apiVersion"], obj["kind"]) or (group, obj["kind"]) in defined:
                continue
            self.errors.append(
                "%s: the cluster does not serve %s%s"
                % (o.title(obj), obj["apiVersion"], self._served_as(obj["kind"]))
            )

    def _check_required(self, requires):
        """Kinds and objects that the release uses, though they are not part of it."""
        for need in requires:
            resource = self.api.resource(need["api_version"], need["kind"])
            if not resource:
                self.errors.append(
                    "The cluster does not serve %s %s, which release %s needs%s"
                    % (need["api_version"], need["kind"], self.name, self._served_as(need["kind"]))
                )
            elif need.get("name") and self._is_missing(resource, need):
                where = " in namespace %s" % need["namespace"] if need.get("namespace") else ""
                self.errors.append("There is no %(kind)s %(name)s" % need + where + ", which release %s needs" % self.name)

    def _is_missing(self, resource, need):
        try:
            return self.api.lookup(resource.path(need.get("namespace") or "", need["name"])) is None
        except ApiError as error:
            if error.code != 403:
                raise
            # Whoever may not look cannot tell.
            return False

    def _served_as(self, kind):
        served = [resource.api_version for resource in self.api.resources() if resource.kind == kind]
        return "; it serves this kind as %s" % ", ".join(served) if served else ""

    def _absent_namespaces(self, definitions):
        """The namespaces that the definitions want and the cluster lacks."""
        wanted = {(obj["metadata"].get("namespace") or "") for obj in definitions} - {""}
        created = {obj["metadata"]["name"] for obj in definitions if obj["kind"] == "Namespace"}
        absent = set()
        for namespace in sorted(wanted):
            try:
                live = self._namespace(namespace)
            except ApiError as error:
                if error.code != 403:
                    raise
                # Whoever may not look at namespaces is told by the requests inside the namespace.
                continue
            if live is None:
                absent.add(namespace)
            elif live["metadata"].get("deletionTimestamp"):
                self.errors.append("Namespace %s is being deleted; try again when it is gone" % namespace)
        for namespace in sorted(absent - created):
            self.errors.append("Namespace %s does not exist and is not to be created" % namespace)
        return absent

    def _namespace(self, name):
        return self.api.lookup(self.api.resource("v1", "Namespace").path(name=name))

    def _check_node_ports(self, definitions):
        """Name the Service that holds a node port: the server only says that it is taken."""
        wanted = [(port, obj) for obj in definitions for port in o.node_ports(obj)]
        if not wanted:
            return
        try:
            services = self.api.list(self.api.resource("v1", "Service").path())[0]
        except ApiError as error:
            if error.code != 403:
                raise
            services = []
        holders = {}
        for service in services:
            service = dict(service, apiVersion="v1", kind="Service")
            holders.update(dict.fromkeys(o.node_ports(service), service))
        for port, obj in wanted:
            holder = holders.setdefault(port, obj)
            if o.identity(holder) != o.identity(obj):
                self.errors.append(
                    "%s: node port %s is taken by %s; choose another one, or none to have one assigned"
                    % (o.title(obj), port[0], o.title(holder))
                )

    def _examine(self, obj, absent_namespaces):
        """The plan item of one definition."""
        item = dict(o.reference(obj), batch=o.batch_of(obj), action="unchanged", predicted=False, overrides=[])
        resource = self.api.resource(obj["apiVersion"], obj["kind"])
        if resource is None or obj["metadata"].get("namespace") in absent_namespaces:
            return self._change(item, None, obj, predicted=True)
        try:
            return self._compare(item, resource, obj)
        except ApiError as error:
            if obj["kind"] == "Namespace" and error.code == 403:
                # Whoever may only work inside a namespace is given one by somebody else.
                return dict(item, action="keep")
            self.errors.append("%s: %s" % (o.title(obj), explain(obj, str(error))))
            return item

    def _compare(self, item, resource, obj):
        path = resource.path(item["namespace"], item["name"])
        live = self.api.lookup(path)
        if live:
            live.update(apiVersion=obj["apiVersion"], kind=obj["kind"])
            if obj["kind"] == "Namespace" and o.label(obj, o.RELEASE) is None:
                item["owned"] = o.label(live, o.MANAGED_BY) == o.MANAGER
            elif not self.adopt and not o.belongs_to(live, self.name, self.namespace):
                self.errors.append(_foreign(live))
                return item
        if live and o.is_generated(obj):
            return self._complete(item, live, obj)

        definition = o.select([obj], [dict(item, action="update")], item["batch"])[0]
        try:
            after, warnings = self.api.dry_run_apply(path, definition, self.force_conflicts)
        except ApiError as error:
            conflicts = parse_conflicts(str(error)) if error.code == 409 else []
            if "does not support dry run" in str(error):
                return self._change(item, live, definition, predicted=True)
            if error.code == 422 and live and o.is_true(o.annotation(obj, o.RECREATE)):
                return self._recreate(item, resource, live, definition, error)
            if not conflicts:
                raise
            foreign = [c for c in conflicts if c["manager"] != FIELD_MANAGER]
            if foreign:
                self.errors.append(
                    "%s: other field managers hold values unlike this release's: %s; set release_force_conflicts to "
                    "take these fields over"
                    % (o.title(obj), ", ".join("%(field)s (%(manager)s)" % conflict for conflict in foreign))
                )
                return item
            item["overrides"] = conflicts
            self.warnings.append(
                "%s: the release takes back what a rollout task has set: %s"
                % (o.title(obj), ", ".join(conflict["field"] for conflict in conflicts))
            )
            after, warnings = self.api.dry_run_apply(path, definition, True)
        self.warnings += ["%s: %s" % (o.title(obj), text) for text in warnings]
        after.update(apiVersion=obj["apiVersion"], kind=obj["kind"])
        if live and o.clean(live) == o.clean(after):
            return item
        if live and o.rolls(live, after):
            item["rolls"] = True
        # Of a new object, what was asked for says more than the server's defaults.
        return self._change(item, live, after if live else definition, predicted=False)

    def _complete(self, item, live, obj):
        """A generated Secret that exists: its values stay, only missing keys are added."""
        old = live.get("data") or {}
        keys = sorted(set(obj.get("data") or {}) - set(old))
        if not keys:
            return item
        item.update(batch="generated", keys=keys)
        return self._change(item, live, dict(live, data=dict(old, **{k: obj["data"][k] for k in keys})), False)

    def _recreate(self, item, resource, live, definition, error):
        """An object that cannot become what it should be, and may be made anew - if that is possible.

        The server is asked about a new object, which needs another name for as long as this one exists.
        """
        name = item["name"][:200] + "-anew"
        stand_in = dict(definition, metadata=dict(definition["metadata"], name=name))
        try:
            self.api.dry_run_apply(resource.path(item["namespace"], name), stand_in, False)
        except ApiError:
            raise error from None
        return dict(self._change(item, live, definition, predicted=False), recreate=True)

    def _change(self, item, before, after, predicted):
        self._show(item, before, after)
        return dict(item, action="update" if before else "create", predicted=predicted)

    def _superfluous(self, definitions):
        """Deletion items for objects that the release once had and no longer renders."""
        wanted = {o.identity(obj) for obj in definitions}
        items = []
        for obj in self._owned():
            if o.identity(obj) in wanted or o.is_data(obj) or obj["kind"] == "Namespace":
                continue
            self._show(o.reference(obj), obj, None)
            item = _removal(obj)
            if not o.is_builtin(obj["apiVersion"]):
                # It is of use until what takes its place is there. Webhooks are in the way once nobody answers.
                item["batch"] = "main"
            items.append(item)
        return items

    # -- absent ------------------------------------------------------------------------------

    def absent(self, delete_data=False):
        """Plan items for everything that carries the release's labels, in the order to delete it."""
        owned = self._owned()
        items = []
        for obj in owned:
            if o.is_data(obj) and not delete_data:
                items.append(dict(_removal(obj), action="keep", reason="it holds data"))
            else:
                items.append(_removal(obj))
        items += self._namespace_item(items, delete_data)
        for item in items:
            if item["action"] == "delete":
                self._show(item, {"apiVersion": item["api_version"], "kind": item["kind"], "metadata": {}}, None)
        return items

    def _owned(self):
        found = self.api.find(o.release_selector(self.name, self.namespace))
        return sorted((obj for obj in found if not o.is_controlled(obj)), key=o.delete_rank)

    def _namespace_item(self, items, delete_data):
        """The namespace goes when this collection made it and nothing else lives there."""
        if not self.namespace:
            return []
        try:
            namespace = self._namespace(self.namespace)
        except ApiError as error:
            if error.code != 403:
                raise
            return []
        if namespace is None or o.label(namespace, o.MANAGED_BY) != o.MANAGER:
            return []
        namespace.update(apiVersion="v1", kind="Namespace")
        if namespace["metadata"].get("deletionTimestamp"):
            return []
        going = {
            (o.group_of(i["api_version"]), i["kind"], i["namespace"], i["name"])
            for i in items
            if i["action"] == "delete"
        }
        others = [
            obj
            for obj in self.api.find(namespace=self.namespace, namespaced_only=True)
            if o.identity(obj) not in going and not o.is_controlled(obj) and not _is_furniture(obj)
        ]
        if delete_data:
            others = [obj for obj in others if o.label(obj, o.RELEASE)]
        if others:
            more = ", and %d more" % (len(others) - 3) if len(others) > 3 else ""
            reason = "it still holds %s%s" % (", ".join(o.title(obj) for obj in others[:3]), more)
            return [dict(_removal(namespace), action="keep", reason=reason)]
        return [_removal(namespace)]

    # -- what people see ---------------------------------------------------------------------

    def _show(self, item, before, after):
        before, after = o.clean(before), o.clean(after)
        self.diff.append(
            {
                "name": item["title"],
                "before": o.hide_secret(before, after, "<hidden, the old value>") or {},
                "after": o.hide_secret(after, before, "<hidden, a new value>") or {},
            }
        )


def parse_conflicts(message):
    """The managers and fields in the API server's refusal of a server-side apply."""
    parts = _CONFLICT.split(message)
    conflicts = []
    for manager, fields in zip(parts[1::2], parts[2::2]):
        for line in fields.splitlines():
            if line.strip():
                conflicts.append({"manager": manager, "field": line.strip().removeprefix("- ")})
    return conflicts


def _foreign(live):
    owner = o.label(live, o.RELEASE)
    if owner:
        where = o.label(live, o.RELEASE_NAMESPACE)
        belongs = "belongs to release %s%s" % (owner, " in namespace %s" % where if where else "")
    elif o.label(live, o.MANAGED_BY):
        belongs = "is managed by %s" % o.label(live, o.MANAGED_BY)
    else:
        belongs = "exists and was not made by this release"
    return "%s %s; set release_adopt to take it over" % (o.title(live), belongs)


def _is_furniture(obj):
    return (obj["kind"], obj["metadata"]["name"]) in _NAMESPACE_FURNITURE or obj["kind"] == "Lease"


def _removal(obj):
    batch = "last" if obj["kind"] == "Namespace" else "first" if o.delete_rank(obj) < 0 else "main"
    if obj["kind"] == "CustomResourceDefinition":
        batch = "main"
    return dict(o.reference(obj), batch=batch, action="delete")
