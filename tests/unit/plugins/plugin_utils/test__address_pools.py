# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._address_pools import problems


def pool(name, *addresses):
    return {"name": name, "addresses": list(addresses)}


def live(name, *addresses):
    return {"metadata": {"name": name}, "spec": {"addresses": list(addresses)}}


def service(address):
    return {"metadata": {"namespace": "shop", "name": "web"}, "status": {"loadBalancer": {"ingress": [{"ip": address}]}}}


GOOD = [
    [],
    [pool("a", "192.0.2.0/28")],
    [pool("a", "192.0.2.10-192.0.2.20", "192.0.2.21 - 192.0.2.30")],
    [pool("a", "192.0.2.0/28"), pool("b", "192.0.2.16/28")],
    [pool("a", "192.0.2.7/32", "2001:db8::/124")],
    [pool("a", "0.0.0.1-0.0.0.2"), pool("b", "::1-::2")],
]
BAD = [
    ([pool("A", "192.0.2.0/28")], "Address pool A: the name must be"),
    ([pool("a")], "Address pool a has no addresses."),
    ([pool("a", "192.0.2.1")], "Address pool a: 192.0.2.1 is neither a network"),
    ([pool("a", "192.0.2.0/33")], "Address pool a: 192.0.2.0/33 is neither"),
    ([pool("a", "192.0.2.20-192.0.2.10")], "Address pool a: 192.0.2.20-192.0.2.10 is neither"),
    ([pool("a", "192.0.2.20-2001:db8::1")], "Address pool a: 192.0.2.20-2001:db8::1 is neither"),
    ([pool("a", "192.0.2.x-192.0.2.y")], "Address pool a: 192.0.2.x-192.0.2.y is neither"),
    ([pool("a", "192.0.2.0/28"), pool("a", "192.0.2.16/28")], "There are 2 address pools a"),
    ([pool("a", "192.0.2.0/28"), pool("b", "192.0.2.15-192.0.2.20")], "192.0.2.0/28 overlaps 192.0.2.15-192.0.2.20 of pool b"),
    ([pool("a", "192.0.2.8/29", "192.0.2.0/24")], "192.0.2.8/29 overlaps 192.0.2.0/24 of the same pool"),
    ([pool("a", "2001:db8::/64"), pool("b", "2001:db8::5-2001:db8::6")], "2001:db8::/64 overlaps"),
]


@pytest.mark.parametrize("pools", GOOD)
def test_what_is_right(pools):
    assert problems(pools) == []


@pytest.mark.parametrize("pools, sentence", BAD)
def test_what_is_wrong(pools, sentence):
    (found,) = problems(pools)
    assert sentence in found


def test_addresses_of_nodes_are_left_out():
    nodes = {"one": ["192.0.2.5"], "two": ["192.0.2.50", "2001:db8::5"]}
    assert problems([pool("a", "192.0.2.6-192.0.2.49")], nodes) == []
    (found,) = problems([pool("a", "2001:db8::/64")], nodes)
    assert found == "Address pool a: 2001:db8::/64 has 2001:db8::5, the address of node two; leave it out."


def test_services_keep_their_addresses():
    before = [live("a", "192.0.2.0/28"), live("b", "192.0.2.16/28")]
    assert problems([pool("all", "192.0.2.0/27")], {}, before, [service("192.0.2.20")]) == []
    (found,) = problems([pool("a", "192.0.2.0/28")], {}, before, [service("192.0.2.20"), service("192.0.2.1")])
    assert found.startswith("Service shop/web has the address 192.0.2.20, which no address pool would have any more")
    assert problems([pool("a", "192.0.2.0/28")], {}, before, [service("192.0.2.20")], force=True) == []


def test_other_load_balancers_are_nobodys_business():
    others = [service("198.51.100.1"), {"metadata": {"namespace": "x", "name": "y"}}]
    named = {"metadata": {"namespace": "x", "name": "z"}, "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}}
    assert problems([], {}, [live("a", "192.0.2.0/28")], [*others, named]) == []
