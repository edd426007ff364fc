# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of one release in the cluster, of which the newest, while it is pending, is the release's lock.

A lock is taken by the creation of the record after the newest one that was looked at, which the API server grants to one run
only, and only if nothing has happened since the look.  Its holder renews a counter.  Who waits for it goes by the counter and by
its own monotonic clock: clocks of different machines are never compared.
PRIVATE to the collection.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from contextlib import contextmanager

from .._api.cancel import Cancelled, current
from .._api.client import CORE, ApiError, Fault, object_path
from .._api.errors import TaskError
from . import record as r

#: seconds between two renewals, after which a holder that could not renew sends nothing more, and after which a counter that
#: has not moved means that its holder is gone
RENEW, SILENT, GONE = 10, 15, 30
#: seconds between two looks at somebody else's lock
_LOOK = 1
#: how many failed ones are kept
_FAILED_KEPT = 3


class Lost(TaskError):
    """Another run has taken the lock: nothing more may be sent."""


class Records:
    """The records of one release, as one run of it sees them.

    :param run: a text that no other run has; part of names, so lower case letters and digits.
    """

    def __init__(self, api, which, namespace, run, clock=time.monotonic):
        self._api, self.which, self.namespace, self.run, self._clock = api, which, namespace, run, clock
        self._head = None  # of the lock that this run holds
        self._renewed = None  # when it was last known to be ours
        self._renewals = 0
        self._lost = ""

    # -------------------------------------------------------------------- hold --
    @staticmethod
    def hold(heads):
        """Who has put the release on hold, since when and why, as C(user), C(since) and C(reason); None if nobody has."""
        text = _annotation(heads[-1], r.HOLD) if heads else None
        try:
            return json.loads(text) if text else None
        except ValueError:
            return {"user": "somebody", "since": "", "reason": text}

    def put_on_hold(self, head, held):
        """Note on the newest head that the release is on hold, or with None that it is not any more."""
        change = {"op": "add", "path": f"/metadata/annotations/{_pointer(r.HOLD)}", "value": json.dumps(held)}
        if held is None:
            change = {"op": "remove", "path": change["path"]}
        meta = head["metadata"]
        operations = [{"op": "test", "path": "/metadata/uid", "value": meta["uid"]}, change]
        while True:
            try:
                self._api.patch(self._path(meta["name"]), operations)
                return
            except Fault as fault:
                self._api.give_up_after(fault)
            except ApiError as error:
                if held is not None or error.code != 422:
                    raise
                # It is gone already.
                return

    # ----------------------------------------------------------------- reading --
    def heads(self):
        """Metadata of all heads, oldest first, in one request."""
        items = self._api.metadata(self._path(), [("labelSelector", f"{r.RECORD}={self.which.digest}")])
        return sorted((item for item in items if r.is_head(item, self.which)), key=r.revision_of)

    def read(self, head):
        """The record of a head that is known by its metadata; None if it is gone."""
        whole = self._api.lookup(self._path(head["metadata"]["name"]))
        if whole is None:
            return None
        parts = self._api.parallel(lambda name: self._api.lookup(self._path(name)), r.parts_of(whole)) if r.parts_of(whole) else []
        if None in parts:
            raise TaskError(f"A part of Secret {self.namespace}/{whole['metadata']['name']}, a record of {self.which}, is gone.")
        try:
            return r.record_of(whole, parts)
        except r.RecordProblem as problem:
            raise TaskError(f"{problem}.") from None

    # ------------------------------------------------------------------- lock --
    def take(self, record):
        """Create a pending record, and with it the lock; False if somebody else was first, so that all is to be looked at anew."""
        *parts, head = self._secrets(record)
        for part in parts:
            self._create(part)
        self._head = self._create(head)
        if self._head is None:
            self._delete_all(parts)
            return False
        self._renewed = self._clock()
        return True

    def wait(self, head, deadline, tell):
        """Return once a pending record of another run is pending no more, or its holder is gone and the lock with it.

        :raises TaskError: it is still held when the time is up.
        """
        path, seen, since, said = self._path(head["metadata"]["name"]), None, self._clock(), False
        while True:
            now = self._api.lookup_metadata(path)
            if now is None or _label(now, r.OUTCOME) != r.PENDING:
                return
            counter = (_annotation(now, r.HOLDER), _annotation(now, r.RENEWALS))
            if counter != seen:
                seen, since = counter, self._clock()
            elif self._clock() - since >= GONE:
                if self._take_away(now):
                    return
                seen = None
            if not said:
                tell(f"{self.which} is being worked on by {self.holder(now)}; waiting for it")
                said = True
            if deadline.expired:
                raise TaskError(f"{self.which} is still being worked on by {self.holder(now)}; run this again when that has ended.")
            deadline.sleep(_LOOK)

    @staticmethod
    def holder(head):
        """Who holds a lock, and since when, in words."""
        who = _annotation(head, r.SUMMARY)
        try:
            facts = json.loads(who) if who else {}
        except ValueError:
            facts = {}
        since = head["metadata"].get("creationTimestamp") or ""
        return " ".join(filter(None, (facts.get("user") or "another run", facts.get("origin") and f"({facts['origin']})", f"since {since}")))

    def _take_away(self, head):
        """Its holder is gone: what it has begun failed.  False if it was not, after all."""
        meta = head["metadata"]
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
            {"op": "replace", "path": f"/metadata/labels/{_pointer(r.OUTCOME)}", "value": r.FAILED},
        ]
        try:
            self._api.patch(self._path(meta["name"]), operations)
        except Fault as fault:
            self._api.give_up_after(fault)
            return False
        except ApiError as error:
            if error.code not in (404, 409, 422):
                raise
            return False
        return True

    @contextmanager
    def held(self):
        """While the lock is held, renew it."""
        ended = threading.Event()

        def renew():
            try:
                while not ended.wait(RENEW) and not self._lost:
                    self._renew()
            except Cancelled:
                # who waits for this thread knows
                pass

        thread = threading.Thread(target=contextvars.copy_context().run, args=(renew,), daemon=True, name="lock")
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            # what finishes the record must not meet a renewal
            current().join(thread)

    def check(self):
        """Before each request that writes.

        :raises Lost: the lock is another run's, or may be by now.
        """
        if not self._lost and self._clock() - self._renewed > SILENT:
            # A process that was suspended may ask before it is too late for everybody.
            self._renew()
        if not self._lost and self._clock() - self._renewed > SILENT:
            self._lost = f"its lock could not be renewed for {SILENT} s"
        if self._lost:
            raise Lost(f"This run of {self.which} was stopped, because {self._lost}. What it has done is recorded; run it again.")

    def _renew(self):
        asked, meta = self._clock(), self._head["metadata"]
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "test", "path": f"/metadata/annotations/{_pointer(r.HOLDER)}", "value": self.run},
            {"op": "test", "path": f"/metadata/labels/{_pointer(r.OUTCOME)}", "value": r.PENDING},
            {"op": "replace", "path": f"/metadata/annotations/{_pointer(r.RENEWALS)}", "value": str(self._renewals + 1)},
        ]
        try:
            self._api.patch(self._path(meta["name"]), operations)
        except Fault:
            # The next one may come through; until then check() goes by the clock.
            return
        except ApiError as error:
            if error.code in (404, 422):
                self._lost = "another run has taken it over"
            return
        self._renewals += 1
        self._renewed = asked

    def finish(self, record):
        """Write what became of this run in place of the pending record, which gives the lock back."""
        *parts, head = self._secrets(record, end=True)
        before = r.parts_of(self._head)
        for part in parts:
            self._create(part)
        path = self._path(head["metadata"]["name"])
        while True:
            live = self._api.lookup(path)
            if live is None or _annotation(live, r.HOLDER) != self.run or _label(live, r.OUTCOME) != r.PENDING:
                if live is not None and _label(live, r.OUTCOME) == record.outcome and live["data"] == head["data"]:
                    # the answer to the attempt before was lost
                    break
                self._delete_all(parts)
                self._lost = "another run has taken it over"
                self.check()
            head["metadata"].update(uid=live["metadata"]["uid"], resourceVersion=live["metadata"]["resourceVersion"])
            try:
                self._api.put(path, head)
                break
            except Fault as fault:
                self._api.give_up_after(fault)
            except ApiError as error:
                if error.code != 409:
                    raise
        self._api.parallel(self._remove, before)

    @property
    def lost(self):
        """Why this run has the lock no more; empty while it has."""
        return self._lost

    # ---------------------------------------------------------------- history --
    def drop(self, heads):
        """Delete records, the newest last, so that one that is left is a whole one that can be gone on from."""
        for head in heads:
            self._forget(head)

    def forget(self, heads, limit):
        """Delete the oldest records: C(limit) deployed ones stay, the newest among them always, and the last failed ones."""
        deployed = [head for head in heads if _label(head, r.OUTCOME) in (r.DEPLOYED, r.APPLIED, r.SUPERSEDED, r.UNDONE)]
        failed = [head for head in heads if _label(head, r.OUTCOME) == r.FAILED]
        old = deployed[: -max(1, limit)] + failed[:-_FAILED_KEPT]
        newest = max((r.revision_of(head) for head in heads), default=0)
        self._api.parallel(self._forget, [head for head in old if r.revision_of(head) != newest])

    def _forget(self, head):
        """Its head goes first: a part without one is removed, a head without its parts could not be read."""
        whole = self._api.lookup(self._path(head["metadata"]["name"]))
        if whole is None or whole["metadata"]["uid"] != head["metadata"]["uid"]:
            return
        self._api.delete(self._path(head["metadata"]["name"]), head["metadata"]["uid"])
        for name in r.parts_of(whole):
            self._remove(name)

    # -------------------------------------------------------------- internals --
    def _secrets(self, record, end=False):
        try:
            return r.secrets_of(record, self.namespace, self.run + ("e" if end else ""))
        except r.RecordProblem as problem:
            raise TaskError(f"{problem}.") from None

    def _path(self, name=None):
        return object_path(CORE, self.namespace, "secrets", name)

    def _create(self, secret):
        """The object as it was made, by this run; None if it is somebody else's."""
        try:
            return self._api.post(self._path(), secret)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        live = self._api.lookup(self._path(secret["metadata"]["name"]))
        ours = live is not None and live.get("data") == secret["data"] and _annotation(live, r.HOLDER) == _annotation(secret, r.HOLDER)
        return live if ours else None

    def _delete_all(self, secrets):
        for secret in secrets:
            self._remove(secret["metadata"]["name"])

    def _remove(self, name):
        live = self._api.lookup_metadata(self._path(name))
        if live is not None:
            self._api.delete(self._path(name), live["metadata"]["uid"])


def _label(obj, key):
    return (obj["metadata"].get("labels") or {}).get(key)


def _annotation(obj, key):
    return (obj["metadata"].get("annotations") or {}).get(key)


def _pointer(key):
    """A key in a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
