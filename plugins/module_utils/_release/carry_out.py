# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a plan: each object is sent once, as it was planned, and only if it still is as it was looked at.

An answer that was lost and an object that has moved since are looked at again.  What was planned is sent again only if the plan
still holds: the object is the same one, and what would change in it now is what was planned, to the value.
PRIVATE to the collection.
"""

from __future__ import annotations

from dataclasses import replace

from .._api.client import ApiError, Backoff, Deadline, Fault
from .._api.errors import TaskError
from .._api.shown import message
from . import objects as o
from .fields import merged, parse_conflicts
from .immutable import explain
from .planner import moved, predicted
from .steps import CREATE, RECREATE, ranks

#: a resourceVersion that no object has: an apply that names it can only create
NO_OBJECT = "1"
#: seconds between two looks at whether a definition is served, or an object gone
_LOOK = 0.2


class Executor:
    """Carries out the steps of one run.

    :param wait_timeout: seconds that an object may take to go.
    :param check: called before each request that writes; raises if this run may write no more.
    """

    def __init__(self, api, claim, deadline, wait_timeout, check, progress):
        self._api, self._claim, self._deadline, self._wait_timeout = api, claim, deadline, wait_timeout
        self._check, self._progress = check, progress
        #: live objects as they were answered, and identities of those that are gone
        self.made, self.gone, self.warnings = [], set(), []

    def apply(self, steps):
        """Create and update, what others refer to first."""
        for group in ranks([step for step in steps if step.writes]):
            self._api.parallel(self._apply, group)

    def delete(self, steps, wait=False, propagation="Background"):
        for group in ranks(steps):
            self._api.parallel(lambda step: self._delete(step, propagation), group)
            if wait:
                self._api.parallel(self.until_gone, group)

    # ------------------------------------------------------------------- apply --
    def _apply(self, step):
        if step.action == RECREATE:
            self._delete(step, "Background")
            self.until_gone(step)
            # What is told of it stays what was planned.
            step = replace(step, action=CREATE, live=None)
        backoff = Backoff(self._deadline)
        while True:
            self._check()
            try:
                self._take_fields(step)
                live = self._api.apply(step.path, step.at(step.live), step.force) if step.live else self._create(step)
                break
            except Fault as fault:
                self._api.give_up_after(fault)
                backoff.wait(fault)
            except ApiError as error:
                conflicts = parse_conflicts(str(error)) if error.code == 409 else []
                if conflicts:
                    fields = ", ".join(f"{conflict['field']} ({conflict['manager']})" for conflict in conflicts)
                    raise self._in_between(step, f"was changed by somebody else in {fields}") from None
                if not moved(error):
                    raise TaskError(f"{step.title}: {explain(step.definition, message(error, step.definition))}") from None
            live = self._as_planned(step)
            if live:
                break
        self.gone.discard(step.identity)
        self.made.append({**live, "apiVersion": step.definition["apiVersion"], "kind": step.kind})

    def _create(self, step):
        definition = step.at(None)
        definition["metadata"]["resourceVersion"] = NO_OBJECT
        return self._api.apply(step.path, definition, False)

    def _take_fields(self, step):
        """Make what other tasks, or other managers before an adoption, have written the release's own, so that it goes with it."""
        managed = step.live and step.managers is not None and merged(step.live["metadata"].get("managedFields") or [], step.managers)
        if not managed:
            return
        meta = step.live["metadata"]
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
            {"op": "replace", "path": "/metadata/managedFields", "value": managed},
        ]
        live = self._api.patch(step.path, operations)
        step.live = {**live, "apiVersion": step.definition["apiVersion"], "kind": step.kind}

    def _as_planned(self, step):
        """Look again: the object if it is as planned already; None if the plan still holds, so that it can be sent again.

        :raises TaskError: somebody else has made, changed or removed it in between.
        """
        live = self._look(step)
        if live and live["metadata"].get("deletionTimestamp"):
            raise self._in_between(step, "is being deleted by somebody else")
        if step.live is None:
            if live is None:
                return None
            # Of an attempt whose answer was lost; or another release has made the namespace that both want.
            if (o.label(live, o.RELEASE_ID) == self._claim.id or o.is_shared(live)) and o.holds(live, step.definition):
                return live
            raise self._in_between(step, "was made by somebody else")
        if live is None or live["metadata"]["uid"] != step.live["metadata"]["uid"]:
            raise self._in_between(step, "was deleted by somebody else" + (" and made anew" if live else ""))
        if step.after is not None and o.clean(live) == o.clean(step.after):
            return live
        try:
            after, _warnings = predicted(self._api, step, live)
        except ApiError as error:
            if moved(error):
                # It does not stand still: once more, from the same plan.
                return None
            raise self._in_between(step, "was changed by somebody else") from None
        if o.delta(o.clean(step.live), o.clean(step.after)) != o.delta(o.clean(live), o.clean(after)):
            raise self._in_between(step, "was changed by somebody else")
        if o.delta(o.clean(step.live), o.clean(live)):
            self.warnings.append(f"{step.title} was changed by somebody else while this run was at work; that change was kept")
        step.live, step.after = live, after
        return None

    def _look(self, step):
        live = self._api.lookup(step.path)
        return live and {**live, "apiVersion": step.subject["apiVersion"], "kind": step.kind}

    def _in_between(self, step, what):
        return TaskError(f"{step.title} {what} while this run was at work, and was left as it is; run this again.")

    # ------------------------------------------------------------------ delete --
    def _delete(self, step, propagation):
        live = step.live
        while True:
            self._check()
            meta = live["metadata"]
            if self._api.delete(step.path, meta["uid"], resource_version=meta["resourceVersion"], propagation=propagation):
                break
            now = self._look(step)
            if now is None or now["metadata"]["uid"] != meta["uid"]:
                # What has come in its place is somebody else's.
                break
            if now["metadata"].get("deletionTimestamp"):
                break
            if o.clean(now) != o.clean(live) and not self._claim.owns(now):
                raise self._in_between(step, "was changed by somebody else")
            live = now
        self.gone.add(step.identity)

    def until_gone(self, step):
        """Return when the object that was deleted is gone, or another one is in its place."""
        uid, said, deadline = step.live["metadata"]["uid"], False, Deadline(self._wait_timeout)
        while True:
            live = self._api.lookup(step.path)
            if live is None or live["metadata"]["uid"] != uid:
                return
            if deadline.expired or self._deadline.expired:
                finalizers = ", ".join(live["metadata"].get("finalizers") or [])
                waits = f"; it waits for {finalizers}" if finalizers else ""
                raise TaskError(f"{step.title} is being deleted, but is not gone after {deadline.seconds:.0f} s{waits}.")
            if not said and deadline.left() < deadline.seconds - 3:
                self._progress(f"{step.title}: waiting until it is gone")
                said = True
            deadline.sleep(_LOOK)

    # ------------------------------------------------------------- definitions --
    def until_served(self, steps):
        """Return when the kinds of custom resource definitions are served, so that their objects can be planned.

        Discovery tells of them some moments after the definition says that it is established.
        """
        for step in steps:
            while not self._established(step):
                self._deadline.sleep(_LOOK)
        while steps:
            self._api.forget_resources()
            unknown = [step for step in steps if not self._is_discovered(step.definition["spec"])]
            if not unknown:
                return
            self._in_time(unknown[0])
            self._deadline.sleep(_LOOK)

    def _established(self, step):
        live = self._api.lookup(step.path) or {}
        conditions = {c["type"]: c for c in (live.get("status") or {}).get("conditions") or []}
        if conditions.get("Established", {}).get("status") == "True":
            return True
        refused = conditions.get("NamesAccepted", {})
        self._in_time(step, refused.get("message"), refused.get("status") == "False")
        return False

    def _is_discovered(self, spec):
        versions = [version["name"] for version in spec["versions"] if version.get("served")]
        return all(self._api.resource(f"{spec['group']}/{version}", spec["names"]["kind"]) for version in versions)

    def _in_time(self, step, why="", never=False):
        if self._deadline.expired or never:
            raise TaskError(f"{step.title} is not served after {self._deadline.seconds:.0f} s{': ' if why else ''}{why or ''}.")
