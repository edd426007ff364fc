# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release needs of a cluster, checked before anything else: sentences about what is missing or taken.  Reads only.

PRIVATE to the collection.
"""

from __future__ import annotations

import re

from .._api.client import ApiError
from .._api.errors import TaskError
from . import objects as o


def not_served(api, definitions):
    """Kinds that the cluster does not serve, and that the release does not define itself."""
    defined = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"]) for obj in definitions if obj["kind"] == "CustomResourceDefinition"
    }
    return [
        "%s: the cluster does not serve %s%s" % (o.title(obj), obj["apiVersion"], _served_as(api, obj["kind"]))
        for obj in definitions
        if not api.resource(obj["apiVersion"], obj["kind"]) and (o.group_of(obj["apiVersion"]), obj["kind"]) not in defined
    ]


def not_there(api, requires, name):
    """Kinds and objects that the release uses, though they are not part of it."""
    found = []
    for need in requires:
        resource = api.resource(need["api_version"], need["kind"])
        if not resource:
            found.append(
                "The cluster does not serve %s %s, which release %s needs%s"
                % (need["api_version"], need["kind"], name, _served_as(api, need["kind"]))
            )
        elif need.get("name") and _is_missing(api, resource, need):
            where = " in namespace %s" % need["namespace"] if need.get("namespace") else ""
            found.append("There is no %(kind)s %(name)s" % need + where + ", which release %s needs" % name)
    return found


def _is_missing(api, resource, need):
    try:
        return api.lookup(resource.path(need.get("namespace") or "", need["name"])) is None
    except ApiError as error:
        if error.code != 403:
            raise
        # Whoever may not look cannot tell.
        return False


def _served_as(api, kind):
    served = [resource.api_version for resource in api.resources() if resource.kind == kind]
    return "; it serves this kind as %s" % ", ".join(served) if served else ""


def taken_node_ports(api, definitions):
    """Name the Service that holds a node port: the server only says that it is taken."""
    wanted = [(port, obj) for obj in definitions for port in o.node_ports(obj)]
    if not wanted:
        return []
    try:
        services = api.list(api.resource("v1", "Service").path())[0]
    except ApiError as error:
        if error.code != 403:
            raise
        services = []
    holders, found = {}, []
    for service in services:
        service = dict(service, apiVersion="v1", kind="Service")
        holders.update(dict.fromkeys(o.node_ports(service), service))
    for port, obj in wanted:
        holder = holders.setdefault(port, obj)
        if o.identity(holder) != o.identity(obj):
            found.append(
                "%s: node port %s is taken by %s; choose another one, or none to have one assigned"
                % (o.title(obj), port[0], o.title(holder))
            )
    return found


def version_tuple(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def check_version(version, minimum):
    if minimum and version_tuple(version) < version_tuple(minimum):
        raise TaskError("The cluster runs Kubernetes %s; this release needs %s or newer" % (version, minimum))


def refuse_another_cluster(apart):
    """What roles look up by kubernetes.core has to be of the cluster that the release goes to."""
    if apart:
        raise TaskError(
            f"The release would be looked up and applied by different connections: {apart}. Say it by one kubeconfig, or by the "
            f"options context, host and api_key (or K8S_AUTH_*)."
        )
