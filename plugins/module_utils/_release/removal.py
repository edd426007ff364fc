# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is taken out of the cluster, but for its data unless that is asked for.  PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import replace

from .._api.client import ApiError
from .._api.errors import TaskError
from . import objects as o
from . import record as r
from .run import Run
from .steps import DELETE, KEEP, UNCHANGED, Step


class Removal(Run):
    """A run that takes a release out of the cluster."""

    def work(self):
        if self.params["namespace"] and self._namespace_goes():
            return self._remove_what_is_outside()
        while True:
            heads, before = self._look()
            record = before or r.Record.first(self.which)
            planner = self._planner(record, before is None)
            if before is None:
                self._left_behind(planner, ())
            self.steps = planner.absent(self.params["delete_data"])
            self.space = self._space({step.identity for step in self.steps if step.action == DELETE})
            self.revision = r.revision_of(heads[-1]) if heads else 0
            writes = any(step.writes for step in self._all_steps())
            if self.check_mode:
                return writes
            if not writes:
                return self._close(planner, heads)
            self._make_record_namespace(planner)
            entries = tuple(planner.claim.inventory.values())
            pending = record.next(self.revision + 1, objects=(), intended=(), facts=self._facts())
            pending = replace(pending, inventory=entries)
            if self.records.take(pending):
                break
        self._locked(pending, lambda: self._remove(planner, pending))
        return True

    def _namespace_goes(self):
        """Is the release's namespace gone, or being deleted, and the records with it?"""
        try:
            live = self.api.lookup(f"/api/v1/namespaces/{self.params['namespace']}")
        except ApiError as error:
            if error.code != 403:
                raise
            return False
        return self.records.namespace == self.params["namespace"] and (live is None or "deletionTimestamp" in live["metadata"])

    def _remove_what_is_outside(self):
        """Of what is not in the namespace nothing goes with it. There is nothing to lock by, and nothing to note it in."""
        heads = self.records.heads()
        if heads:
            self._check_hold(heads)
        before = self.records.read(heads[-1]) if heads else None
        planner = self._planner(before or r.Record.first(self.which), before is None)
        if before is None:
            self._left_behind(planner, ())
        self.steps = planner.absent(self.params["delete_data"])
        writes = any(step.writes for step in self.steps)
        if writes and not self.check_mode:
            self._delete(self._executor(planner, lambda: None))
        return writes

    def _space(self, gone):
        """The step of the namespace, if it is to be deleted: it is if this collection has made it, and all in it was the release's.

        :param gone: identities of what is deleted before.
        """
        name = self.params["namespace"]
        live = self.api.lookup(f"/api/v1/namespaces/{name}") if self.params["delete_namespace"] and name else None
        if live is None or live["metadata"].get("deletionTimestamp"):
            return None
        live = {**live, "apiVersion": "v1", "kind": "Namespace"}
        step = Step(DELETE, o.title(live), self.api.resource("v1", "Namespace"), live=live)
        if o.label(live, o.MANAGED_BY) != o.MANAGER:
            step.action, step.reason = KEEP, "it was not made by this collection"
            return step
        others = [
            obj
            for obj in self.api.find(namespace=name, namespaced_only=True, strict=True)
            if not o.is_controlled(obj) and not o.is_furniture(obj) and o.identity(obj) not in gone and not self._is_own_record(obj)
        ]
        if others:
            more = f", and {len(others) - 3} more" if len(others) > 3 else ""
            step.action, step.reason = KEEP, f"it still holds {', '.join(o.title(obj) for obj in others[:3])}{more}"
        return step

    def _is_own_record(self, obj):
        return r.is_record(obj) and o.label(obj, r.RECORD) == self.which.digest

    def _delete(self, executor):
        going = [step for step in self.steps if step.writes]
        # Webhooks would refuse requests, and finalizers would wait for ever, once the workloads are gone.
        first = [step for step in going if o.delete_rank(step.live) < 0]
        executor.delete(first, wait=self.params["wait"])
        # An owner goes after what it owns, so that nothing is left running once it is gone.
        rest = [step for step in going if step not in first]
        executor.delete(rest, propagation="Foreground")
        if self.params["wait"]:
            self.api.parallel(executor.until_gone, rest + self._going())

    def _remove(self, planner, pending):
        executor = self._executor(planner)
        try:
            self._delete(executor)
            # Somebody may have come to live there.
            self.space = self._space(executor.gone)
        except TaskError:
            if not self.records.lost:
                self.records.finish(replace(pending, outcome=r.FAILED, inventory=r.without(pending.inventory, executor.gone)))
            raise
        if self.space and self.space.writes:
            # The records go with it.
            executor.delete([self.space], wait=self.params["wait"])
            return
        left = r.without(pending.inventory, executor.gone)
        kept = {step.identity for step in self.steps if step.action == KEEP}
        left = tuple(entry for entry in left if entry.identity in kept)
        self.records.finish(replace(pending, outcome=r.REMOVED, inventory=left))
        if left:
            # What is kept, the next deployment or removal goes on from.
            self.records.drop(self.records.heads()[:-1])
        else:
            self.records.drop(self.records.heads())

    def _going(self):
        """What was being deleted when it was looked at."""
        return [step for step in self.steps if step.action == UNCHANGED and step.reason]

    def _close(self, planner, heads):
        """Nothing is left to delete: once nothing is left at all, neither are its records."""
        if self._going():
            if not self.params["wait"]:
                return False
            self.api.parallel(self._executor(planner).until_gone, self._going())
        if any(step.action == KEEP for step in self.steps):
            return False
        self.records.drop(heads)
        return bool(heads)
