# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a release: one record for each run that changed something, kept as Secrets.

A record is a Secret, its head.  One that is too large for a Secret has parts as well, which are made before the head and
named in it, so that a head never lacks one.  What lists show stands in labels and annotations: a history is read as metadata.
Pure functions.  PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass, field, replace

from .objects import MANAGED_BY, MANAGER, RELEASE_ID, group_of, identity

SECRET_TYPE = "slipway.kubernetes/release.v1"
PREFIX = "slipway.kubernetes/"
#: of a record: the digest of the identity that it is of, its number, and what became of it
RECORD, REVISION, OUTCOME = PREFIX + "record", PREFIX + "revision", PREFIX + "outcome"
#: of a part: the run that has made it
PART_OF = PREFIX + "part-of"
#: annotations of a head
OWNER, NAME, NAMESPACE = PREFIX + "release-owner", PREFIX + "release-name", PREFIX + "release-namespace"
#: annotation of the newest head: who has put the release on hold, and why
HOLD = PREFIX + "hold"
HOLDER, RENEWALS, SUMMARY = PREFIX + "holder", PREFIX + "renewals", PREFIX + "summary"

PENDING, DEPLOYED, APPLIED, FAILED = "pending", "deployed", "applied", "failed"
SUPERSEDED, UNDONE, REMOVED = "superseded", "undone", "removed"

#: where the records of a release without a namespace are
SYSTEM_NAMESPACE = "slipway-system"
#: decoded bytes of one Secret, of the 1 MiB that the API server takes (MaxSecretSize in pkg/apis/core/types.go)
PART_BYTES = 1_000_000
#: more than this is refused: etcd has room for what runs, not for archives
MAX_PARTS = 16
_KEY = "release"
_HEAD = re.compile(r"\.v([1-9][0-9]*)$")


class RecordProblem(ValueError):
    """A record cannot be written, or is none; the text is a sentence without a full stop."""


@dataclass(frozen=True)
class Identity:
    """Which release: another owner's of the same name is another one."""

    owner: str
    name: str
    namespace: str = ""

    @property
    def digest(self):
        return hashlib.sha256("/".join((self.owner, self.name, self.namespace)).encode()).hexdigest()[:8]

    def head(self, revision):
        return f"slipway.{self.name}.{self.digest}.v{revision}"

    def __str__(self):
        return f"release {self.name}" + (f" in namespace {self.namespace}" if self.namespace else "")


@dataclass(frozen=True)
class Entry:
    """One object of an inventory; C(uid) is empty until it is known."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    @classmethod
    def of(cls, obj):
        meta = obj["metadata"]
        return cls(obj["apiVersion"], obj["kind"], meta.get("namespace") or "", meta["name"], meta.get("uid") or "")

    @property
    def identity(self):
        """As objects.identity(): the same whatever version of its API names it."""
        return (group_of(self.api_version), self.kind, self.namespace, self.name)


@dataclass(frozen=True)
class Record:
    """One run of a release that changed something, or is about to.

    :param id: random, made with the first record, constant for life.
    :param objects: as they were applied.
    :param inventory: all that was made and not yet deleted.
    :param intended: of a pending one, what the run may create, change or delete, by inventory entries.
    :param digests: by an object's title and API group, those of what was wanted and of what was there in the end; see digest().
    :param key: random, for digests of what is secret.
    :param facts: who, when, from where, with which versions, as text.
    """

    identity: Identity
    id: str
    revision: int
    outcome: str = PENDING
    objects: tuple = ()
    inventory: tuple = ()
    intended: tuple = ()
    digests: dict = field(default_factory=dict)
    key: str = ""
    facts: dict = field(default_factory=dict)

    @classmethod
    def first(cls, which):
        return cls(which, id=secrets.token_hex(16), revision=0, key=secrets.token_hex(32))

    def next(self, revision, **changes):
        """The pending record of the run after this one, which goes on from what this one knows."""
        known = {entry.identity: entry for entry in (*self.intended, *self.inventory)}
        return replace(self, revision=revision, outcome=PENDING, inventory=tuple(known.values()), **changes)


def digest(key, value):
    """What tells that a value is the same, and to who has not the key nothing else."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def entered(inventory, objects):
    """An inventory with the uids of live objects; those that it does not have are added."""
    entries = {entry.identity: entry for entry in inventory}
    for obj in objects:
        entries[identity(obj)] = Entry.of(obj)
    return tuple(entries.values())


def without(inventory, identities):
    """An inventory without what is gone."""
    return tuple(entry for entry in inventory if entry.identity not in identities)


# ---------------------------------------------------------------- as Secrets --
def secrets_of(record, namespace, run, part_bytes=PART_BYTES):
    """The Secrets of a record, its parts first and its head last.

    :param namespace: where they go.
    :param run: what tells this run from all others, so that two that write the same revision do not share parts.
    :raises RecordProblem: it is too large.
    """
    content = {
        "objects": [_recorded(obj, namespace) for obj in record.objects],
        "inventory": [_entry(entry) for entry in record.inventory],
        "intended": [_entry(entry) for entry in record.intended],
        "digests": record.digests,
        "key": record.key,
        "facts": record.facts,
    }
    # the same content is the same text, whenever it is written
    data = gzip.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), mtime=0)
    pieces = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
    if len(pieces) > MAX_PARTS:
        raise RecordProblem(
            f"The record of {record.identity} would take {len(data) // 1_000_000} MB; make several releases of it, "
            f"of which each has at most {MAX_PARTS * part_bytes // 1_000_000} MB"
        )
    head = record.identity.head(record.revision)
    labels = {MANAGED_BY: MANAGER, RELEASE_ID: record.id, RECORD: record.identity.digest}
    parts = [
        _secret(f"{head}.{run}.{number}", namespace, {**labels, PART_OF: run}, {}, {_KEY: piece})
        for number, piece in enumerate(pieces[1:], 1)
    ]
    annotations = {OWNER: record.identity.owner, NAME: record.identity.name, NAMESPACE: record.identity.namespace}
    annotations[SUMMARY] = json.dumps(record.facts, sort_keys=True)
    if record.outcome == PENDING:
        annotations.update({HOLDER: run, RENEWALS: "0"})
    body = {_KEY: pieces[0]}
    if parts:
        body["parts"] = json.dumps([part["metadata"]["name"] for part in parts]).encode()
    labels = {**labels, REVISION: str(record.revision), OUTCOME: record.outcome}
    return [*parts, _secret(head, namespace, labels, annotations, body)]


def parts_of(head):
    """The names of the parts that a head, read as a whole, has."""
    parts = (head.get("data") or {}).get("parts")
    try:
        return json.loads(base64.b64decode(parts)) if parts else []
    except ValueError:
        raise _unreadable(head) from None


def record_of(head, parts=()):
    """The record that a head and its parts, in their order, hold.

    :raises RecordProblem: it is none.
    """
    meta = head["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    try:
        pieces = [base64.b64decode(secret["data"][_KEY]) for secret in (head, *parts)]
        content = json.loads(gzip.decompress(b"".join(pieces)))
        return Record(
            Identity(annotations[OWNER], annotations[NAME], annotations[NAMESPACE]),
            id=labels[RELEASE_ID],
            revision=revision_of(head),
            outcome=labels[OUTCOME],
            objects=tuple(content["objects"]),
            inventory=tuple(Entry(*entry) for entry in content["inventory"]),
            intended=tuple(Entry(*entry) for entry in content["intended"]),
            digests=content["digests"],
            key=content["key"],
            facts=content["facts"],
        )
    except (KeyError, TypeError, ValueError, EOFError, OSError):
        raise _unreadable(head) from None


def revision_of(head):
    """A head's number by its name, which nobody can change; 0 for what is no head."""
    found = _HEAD.search(head["metadata"]["name"])
    return int(found[1]) if found else 0


def is_head(secret, which):
    """Is this, as metadata, the head of a record of the release?"""
    return revision_of(secret) > 0 and secret["metadata"]["name"] == which.head(revision_of(secret))


def others(heads, which):
    """Other releases that have records among these and are deployed, or were meant to be, by their names."""
    return sorted({
        f"release {head['metadata'].get('annotations', {}).get(NAME)}"
        for head in heads
        if head["metadata"]["labels"].get(OUTCOME) not in (None, REMOVED) and head["metadata"]["labels"].get(RECORD) != which.digest
    })


def is_record(obj):
    """Is this one of the collection's own records, which are no objects of a release?"""
    return obj["kind"] == "Secret" and RECORD in ((obj["metadata"].get("labels")) or {})


def _unreadable(head):
    meta = head["metadata"]
    return RecordProblem(f"Secret {meta.get('namespace')}/{meta['name']} is no record that can be read; it was changed or damaged")


def _recorded(obj, namespace):
    """A Secret's data is never kept where others than those of its own namespace may read it."""
    if obj["kind"] != "Secret" or (obj["metadata"].get("namespace") or "") == namespace:
        return obj
    return {key: value for key, value in obj.items() if key not in ("data", "stringData")} | {"withheld": True}


def _entry(entry):
    return [entry.api_version, entry.kind, entry.namespace, entry.name, entry.uid]


def _secret(name, namespace, labels, annotations, body):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": SECRET_TYPE,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
        "data": {key: base64.b64encode(value).decode() for key, value in body.items()},
    }
