# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Gateways that routes attach to: one for each namespace, so that certificates need no leave to be used.  No I/O.

PRIVATE to the collection.
"""

from __future__ import annotations

API = "gateway.networking.k8s.io/v1"
MOST_LISTENERS = 64
_HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}


class Gateways:
    def __init__(self, class_name, name):
        self.class_name = class_name
        self.name = name
        # {namespace: [Gateway's {listener name: listener}]}
        self.listeners = {}
        self.annotations = {}

    def http(self, namespace):
        """The reference to the listener for plain HTTP, for all hosts."""
        gateways = self.listeners.setdefault(namespace, [{}])
        gateways[0].setdefault("http", _HTTP)
        return {"name": self.name, "sectionName": "http"}

    def https(self, namespace, host, secret):
        """The reference to the listener that presents the certificate for a host.  The first certificate stays, as in nginx."""
        name = "https-" + host.replace("*", "wildcard")
        return self._reference(
            namespace,
            {
                "name": name,
                "port": 443,
                "protocol": "HTTPS",
                "hostname": host,
                "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "group": "", "name": secret}]},
            },
        )

    def tls(self, namespace, host):
        """The reference to the listener that passes TLS through."""
        name = "tls-" + host.replace("*", "wildcard")
        return self._reference(
            namespace, {"name": name, "port": 443, "protocol": "TLS", "hostname": host, "tls": {"mode": "Passthrough"}}
        )

    def _reference(self, namespace, listener):
        gateways = self.listeners.setdefault(namespace, [{}])
        for number, found in enumerate(gateways):
            if listener["name"] in found:
                return self._section(number, listener)
        # The first keeps a place for plain HTTP.
        kept = 1 if len(gateways) == 1 and "http" not in gateways[0] else 0
        if len(gateways[-1]) >= MOST_LISTENERS - kept:
            gateways.append({})
        gateways[-1][listener["name"]] = listener
        return self._section(len(gateways) - 1, listener)

    def _section(self, number, listener):
        return {"name": self._gateway(number), "sectionName": listener["name"]}

    def _gateway(self, number):
        return self.name if not number else "%s-%d" % (self.name, number + 1)

    def annotate(self, namespace, key, value, findings):
        """cert-manager reads of a Gateway what it read of the Ingress."""
        known = self.annotations.setdefault(namespace, {})
        if known.setdefault(key, value) != value:
            findings.need("certificate of another issuer than the Gateway's", "annotation %s: %s of a Gateway" % (key, value), key)

    def objects(self, labels):
        return [
            {
                "apiVersion": API,
                "kind": "Gateway",
                "metadata": {
                    "name": self._gateway(number),
                    "namespace": namespace,
                    "labels": dict(labels),
                    **({"annotations": self.annotations[namespace]} if namespace in self.annotations else {}),
                },
                "spec": {"gatewayClassName": self.class_name, "listeners": list(listeners.values())},
            }
            for namespace, gateways in sorted(self.listeners.items())
            for number, listeners in enumerate(gateways)
        ]
