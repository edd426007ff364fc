# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a live object is.  Pure.  PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import objects as o


@dataclass(frozen=True)
class Claim:
    """What one release may call its own.

    :param takeover: whether it has no record yet, so that what carries the labels from before there were records is its own.
    :param orphaned: tells whether there is no record with an id, as when a namespace was deleted and the records of a release
        with it; what carries the release's labels and such an id is its own as well.
    """

    name: str
    namespace: str
    id: str
    inventory: dict  # entries by identity
    takeover: bool = False
    orphaned: Callable = lambda id: False

    @classmethod
    def of(cls, record, takeover, orphaned):
        entries = {entry.identity: entry for entry in (*record.intended, *record.inventory)}
        return cls(record.identity.name, record.identity.namespace, record.id, entries, takeover, orphaned)

    def owns(self, live):
        """Is the object the release's own?

        It is when it carries the release's id and the inventory or the pending record names it; a copy that somebody has made
        of it, labels included, is not.  Nor does it stop to be when somebody has taken the label away.
        """
        entry = self.inventory.get(o.identity(live))
        carried = o.label(live, o.RELEASE_ID)
        if carried == self.id:
            return entry is not None
        if carried is not None:
            return self.takeover and o.belongs_to(live, self.name, self.namespace) and self.orphaned(carried)
        if entry is not None and entry.uid:
            return entry.uid == live["metadata"].get("uid")
        return self.takeover and o.belongs_to(live, self.name, self.namespace)

    def replaced(self, live):
        """Is it ours, but another one than that which was entered, as after a restore from a backup?"""
        entry = self.inventory.get(o.identity(live))
        return bool(entry and entry.uid and entry.uid != live["metadata"].get("uid"))


def whose(live, claim):
    """Whose an object is that is not the release's own, as the end of a sentence that begins with its title."""
    carried, release = o.label(live, o.RELEASE_ID), o.label(live, o.RELEASE)
    if carried == claim.id:
        return "carries this release's id, but was not made by it"
    if release and o.label(live, o.MANAGED_BY) == o.MANAGER:
        where = o.label(live, o.RELEASE_NAMESPACE)
        other = "release" if (release, where or "") != (claim.name, claim.namespace) else "another owner's release"
        return f"belongs to {other} {release}" + (f" in namespace {where}" if where else "")
    if carried:
        return "belongs to another release"
    if o.label(live, o.MANAGED_BY):
        return f"is managed by {o.label(live, o.MANAGED_BY)}"
    return "exists and was not made by this release"
