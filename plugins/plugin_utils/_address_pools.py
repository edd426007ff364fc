# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with pools of addresses for Services.  Pure functions.  PRIVATE to the collection."""

from __future__ import annotations

import ipaddress
import itertools
import re

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Span:
    """The addresses of one entry of a pool: a network in CIDR notation, or the first and the last one."""

    def __init__(self, text):
        self.text = text
        if "-" in text:
            first, last = (ipaddress.ip_address(part.strip()) for part in text.split("-", 1))
        elif "/" in text:
            # As MetalLB does, which takes 192.0.2.7/24 for the whole network.
            network = ipaddress.ip_network(text, strict=False)
            first, last = network[0], network[-1]
        else:
            raise ValueError(text)
        if first.version != last.version or first > last:
            raise ValueError(text)
        self.first, self.last = first, last

    def __contains__(self, address):
        return address.version == self.first.version and self.first <= address <= self.last

    def overlaps(self, other):
        return self.first in other or other.first in self


def problems(pools, node_addresses=None, live_pools=(), services=(), force=False):
    """One sentence for each thing that is wrong.

    C(node_addresses) are texts by the names of nodes; C(live_pools) and C(services) are objects of the cluster.
    """
    found, spans = _read(pools)
    names = [pool["name"] for pool in pools]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"There are {names.count(name)} address pools {name}: each needs a name of its own.")
    for (pool, span), (other, other_span) in itertools.combinations(spans, 2):
        if span.overlaps(other_span):
            where = f"of pool {other}" if other != pool else "of the same pool"
            found.append(f"Address pool {pool}: {span.text} overlaps {other_span.text} {where}; an address can be in one only.")
    for node, addresses in sorted((node_addresses or {}).items()):
        for address in map(ipaddress.ip_address, addresses):
            for pool, span in spans:
                if address in span:
                    found.append(f"Address pool {pool}: {span.text} has {address}, the address of node {node}; leave it out.")
    if not found and not force:
        found += _taken_away([span for _pool, span in spans], live_pools, services)
    return found


def _read(pools):
    found, spans = [], []
    for pool in pools:
        name = pool["name"]
        if not _NAME.fullmatch(name):
            found.append(f"Address pool {name}: the name must be of lower case letters, digits, dashes and dots.")
        if not pool["addresses"]:
            found.append(f"Address pool {name} has no addresses.")
        for text in map(str, pool["addresses"]):
            try:
                spans.append((name, Span(text)))
            except ValueError:
                found.append(
                    f"Address pool {name}: {text} is neither a network such as 192.0.2.0/28 nor a range such as "
                    "192.0.2.10-192.0.2.20."
                )
    return found, spans


def _taken_away(wanted, live_pools, services):
    """MetalLB keeps such an address as it is, and all later changes wait, until the Service is gone."""
    _found, live = _read([{"name": pool["metadata"]["name"], "addresses": pool["spec"]["addresses"]} for pool in live_pools])
    found = []
    for service in services:
        for entry in ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []:
            if not entry.get("ip"):
                continue
            address = ipaddress.ip_address(entry["ip"])
            if any(address in span for _pool, span in live) and not any(address in span for span in wanted):
                meta = service["metadata"]
                found.append(
                    f"Service {meta['namespace']}/{meta['name']} has the address {address}, which no address pool would have any "
                    "more: keep it in a pool, delete the Service, or set metallb_force_pool_change."
                )
    return found
