# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodetool prints, as data.  PRIVATE to the collection.

Its texts are those of Cassandra 4.1 and 5.0: the classes Status, NetStats and DescribeCluster of
org.apache.cassandra.tools.nodetool.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
#: describecluster's word for nodes that did not tell their schema's version
UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True)
class Member:
    """A node as the ring knows it.  C(status) is two letters: Up or Down, and Normal, Leaving, Joining or Moving."""

    status: str
    address: str
    load: int | None
    host_id: str
    datacenter: str

    def __str__(self):
        return f"{self.address} (host ID {self.host_id}, {self.status})"


def members(text):
    """The nodes in what C(nodetool status) prints."""
    found, datacenter, columns = [], None, []
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if line.startswith("Datacenter: "):
            datacenter = line.partition(": ")[2].strip()
        elif cells[0] == "--":
            # There is a column Tokens where nodes have several, and Token at the other end where they have one.
            columns = cells
        elif re.fullmatch(r"[UD?][NLJM]", cells[0]):
            row = dict(zip(columns, cells))
            found.append(Member(cells[0], address(row["Address"]), size(row["Load"]), row["Host ID"], datacenter))
    return tuple(found)


def address(text):
    """One spelling for an address: Java and Kubernetes shorten those of IPv6 in different ways."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def size(text):
    """Bytes of a size such as C(104.35 KiB); None where nodetool does not know it."""
    match = re.fullmatch(r"([0-9.,]+) (bytes|[KMGT]iB)", text)
    return round(float(match[1].replace(",", ".")) * _UNITS[match[2]]) if match else None


def mode(text):
    """A node's mode in what C(nodetool netstats) prints, such as NORMAL or LEAVING; None without one."""
    match = re.search(r"^Mode: (\w+)", text, re.MULTILINE)
    return match[1] if match else None


def schema_versions(text):
    """The versions of the schema in what C(nodetool describecluster) prints, each with who has it."""
    section = _section(text, "\tSchema versions:")
    return {match[1]: [address(item) for item in match[2].split(", ")] for match in re.finditer(r"^\t\t(\S+): \[(.*)\]", section, re.MULTILINE)}


def replication(text):
    """{keyspace: {data centre: replicas}} in what C(nodetool describecluster) prints.

    A keyspace that is about the whole ring has None for the data centre, and those of one node alone are left out.
    """
    found = {}
    for match in re.finditer(r"^\t(\S+) -> Replication class: (\w+) \{(.*)\}", _section(text, "Keyspaces:"), re.MULTILINE):
        keyspace, strategy, options = match.groups()
        if strategy == "LocalStrategy":
            continue
        pairs = dict(option.split("=", 1) for option in options.split(", ") if option)
        # A transient replica counts as one: 3/1.
        found[keyspace] = {
            None if name == "replication_factor" else name: int(value.partition("/")[0]) for name, value in pairs.items()
        }
    return found


def _section(text, heading):
    return text.partition(f"{heading}\n")[2]


def available(text):
    """The bytes that are free in what C(df -Pk) prints of one file system."""
    return int(text.strip().splitlines()[-1].split()[3]) << 10


def complaint(text):
    """What nodetool says when it fails, without the stack trace."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if line.startswith(("nodetool: ", "error: ")):
            return line.partition(": ")[2].rstrip(".")
    return lines[-1].rstrip(".") if lines else "it says nothing"
