# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Services that Ingresses lead to.  Pure functions over plain objects.

PRIVATE to the collection.
"""

from __future__ import annotations


class Services:
    def __init__(self, services):
        self.known = {(obj["metadata"].get("namespace"), obj["metadata"]["name"]): obj.get("spec") or {} for obj in services}

    def reference(self, namespace, service, findings):
        """What a route calls the backend of an Ingress.  A route knows ports by number alone."""
        name, port = service["name"], service.get("port") or {}
        spec = self.known.get((namespace, name))
        if spec and spec.get("type") == "ExternalName":
            findings.refuse("The Service %s is a mere name (ExternalName), which a route does not lead to." % name)
            return None
        number = port.get("number") or next(
            (entry["port"] for entry in (spec or {}).get("ports") or [] if entry.get("name") == port.get("name")), None
        )
        if number is None:
            findings.refuse(
                "The Service %s %s, so its port %s has no number."
                % (name, "has no such port" if spec else "does not exist", port.get("name"))
            )
            return None
        if spec is None:
            findings.note("The Service %s does not exist." % name)
        return {"name": name, "port": number}

    def speaks_h2c(self, namespace, reference):
        ports = self.known.get((namespace, reference["name"]), {}).get("ports") or []
        return any(entry["port"] == reference["port"] and entry.get("appProtocol") == "kubernetes.io/h2c" for entry in ports)
