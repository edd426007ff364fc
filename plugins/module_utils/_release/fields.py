# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owns which field, and what goes when one manager's fields become another's.  Pure functions over managedFields.

What a rollout task has written is owned by an entry of its own, and so is what C(kubectl apply) wrote before an adoption.  Left
there, such a field stays for ever, whatever the release says.  Merged into the release's entry, it goes with the next apply that
does not name it, which no dry run shows, since nothing is merged in a dry run.  So what goes is worked out here.
A field is named as in fieldsV1 (sigs.k8s.io/structured-merge-diff/v6/fieldpath/serialize-pe.go): C(f:) a key of a mapping,
C(k:) an item of a list by its keys, C(v:) an item of a set by its value.
PRIVATE to the collection.
"""

from __future__ import annotations

import json
import re

from .objects import MANAGER

# The API server's words for server-side apply's conflicts: one on a line, several as a list per manager.
_CONFLICT = re.compile(r'conflicts? with "([^"]+)"[^:\n]*:\s*')

APPLY = "Apply"
#: managers whose fields become the release's when it adopts an object
ADOPTED = frozenset(("kubectl-client-side-apply", "kubectl-create", "kubectl-edit", "kubectl-set", "OpenAPI-Generator", "helm"))
REPLICAS = ("f:spec", "f:replicas")
PAUSED = ("f:spec", "f:paused")
#: what a rollout is about that somebody has paused, or stopped half way, or started anew: it stays whoever's it is
KEPT = frozenset((
    PAUSED,
    ("f:spec", "f:updateStrategy", "f:rollingUpdate", "f:partition"),
    ("f:spec", "f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"),
))


def others_have(managed, path):
    """Is the field one of other managers than the release and its tasks?"""
    return any(entry.get("manager") != MANAGER and path in members(entry.get("fieldsV1")) for entry in managed)


def members(fields, path=()):
    """The paths of all fields in a fieldsV1."""
    found = set()
    for key, below in (fields or {}).items():
        if key == ".":
            found.add(path)
        elif below:
            found |= members(below, (*path, key))
        else:
            found.add((*path, key))
    return found


def fields_of(paths):
    """The fieldsV1 of paths."""
    fields = {}
    for path in sorted(paths):
        at = fields
        for key in path:
            at = at.setdefault(key, {})
    # What is a field itself and has fields below says so.
    for path in paths:
        at = fields
        for key in path:
            at = at[key]
        if at and path:
            at["."] = {}
    return fields


def is_own(entry):
    """Is this the entry that server-side apply keeps for the release?"""
    return entry.get("manager") == MANAGER and entry.get("operation") == APPLY and not entry.get("subresource")


def second_owners(managed, managers=()):
    """The entries that are to become the release's: what its own tasks have written otherwise, and those of the managers.

    One that has nothing but what stays is none of them.
    """
    return [
        entry
        for entry in managed
        if not entry.get("subresource")
        and not is_own(entry)
        and (entry.get("manager") == MANAGER or entry.get("manager") in managers)
        and not _merging(entry) <= _around(KEPT)
    ]


def _merging(entry):
    return members(entry.get("fieldsV1")) - KEPT


def _around(paths):
    """What fields are in."""
    return {path[:end] for path in paths for end in range(1, len(path))}


def merged(managed, managers=()):
    """The managedFields in which the release has the fields of its second owners as well; None if there are none."""
    second = second_owners(managed, managers)
    if not second:
        return None
    own = next((entry for entry in managed if is_own(entry)), None)
    paths = set().union(*map(_merging, second), members(own.get("fieldsV1")) if own else ())
    # An entry is of the version of the API that it was written in; the release's own is written anew with its next apply.
    base = own or {**second[0], "manager": MANAGER, "operation": APPLY}
    others = [entry for entry in managed if entry is not own and entry not in second]
    for entry in second:
        stays = members(entry.get("fieldsV1")) & KEPT
        if stays:
            others.append({**entry, "fieldsV1": fields_of(stays)})
    return [*others, {**base, "fieldsV1": fields_of(paths)}]


def lost(before, after, managers=()):
    """The paths that go once the second owners of an object are merged into the release's entry.

    :param before: managedFields of the live object.
    :param after: those that an apply leaves, in which the release's entry has what it names.
    """
    second = second_owners(before, managers)
    if not second:
        return set()
    merging = set().union(*map(_merging, second))
    kept = set()
    for entry in after:
        fields = members(entry.get("fieldsV1"))
        kept |= fields & KEPT if entry in second_owners(after, managers) else fields
    # Who has a field has what it is in.
    return merging - kept - _around(kept)


def without(obj, paths):
    """An object without these fields."""
    obj = json.loads(json.dumps(obj))
    # An item of a list is found by what is in it, so it goes before that.
    for path in sorted(paths, key=len):
        _remove(obj, path)
    return obj


def parse_conflicts(message):
    """The managers and fields in the API server's refusal of a server-side apply."""
    parts = _CONFLICT.split(message)
    conflicts = []
    for manager, fields in zip(parts[1::2], parts[2::2]):
        for line in fields.splitlines():
            if line.strip():
                conflicts.append({"manager": manager, "field": line.strip().removeprefix("- ")})
    return conflicts


# ------------------------------------------------------------------- internals --
def _remove(at, path):
    """Remove a field with all that is in it, of which nobody else has anything."""
    key, rest = path[0], path[1:]
    if key.startswith("f:"):
        name = key[2:]
        if isinstance(at, dict) and name in at:
            if rest:
                _remove(at[name], rest)
            else:
                del at[name]
    elif isinstance(at, list):
        index = _index(at, key)
        if index is not None:
            if rest:
                _remove(at[index], rest)
            else:
                del at[index]


def _index(items, key):
    kind, wanted = key[0], json.loads(key[2:])
    for index, item in enumerate(items):
        if kind == "v" and item == wanted:
            return index
        if kind == "k" and isinstance(item, dict) and all(item.get(name) == value for name, value in wanted.items()):
            return index
    return wanted if kind == "i" and wanted < len(items) else None
