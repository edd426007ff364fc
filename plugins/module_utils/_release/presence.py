# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is brought into the cluster: plan, carry out, wait, prune, record.  PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import replace

from .._api.errors import TaskError
from .._rollout import fail_fast
from . import objects as o
from . import record as r
from . import wait
from .run import Run
from .steps import DEFINITIONS, DELETE, GONE, GUARDS_GO, KEEP, LAST, MAIN, stage_of


class Presence(Run):
    """A run that brings a release into the cluster."""

    def work(self):
        definitions = self._definitions()
        if not self.params["allow_empty"] and all(obj["kind"] == "Namespace" for obj in definitions):
            raise TaskError(f"{self._title()} has no objects, so that all it has would be deleted; set {self._of_release('allow_empty')} if that is meant.")
        absent = self._absent_namespaces(definitions)
        while True:
            heads, before = self._look()
            record = before or r.Record.first(self.which)
            planner = self._planner(record, before is None)
            planner.errors += self.unknown
            try:
                self.steps = planner.present(definitions, absent, self.params["prune"], self.params["requires"])
                if absent and not self.check_mode:
                    self._make_namespaces(planner, definitions, absent)
            except TaskError:
                if not self._moved_on(heads):
                    raise
                # What another run has made since the look is no more somebody else's.
                absent = set() if self.made else absent
                continue
            if self.made:
                absent = set()
            left = ()
            # A new release has none: nothing of what it renders is there with its labels.
            if before is None and any(step.live and o.belongs_to(step.live, self.which.name, self.which.namespace) for step in self.steps):
                left = self._left_behind(planner, definitions)
                self.steps += planner.superfluous(definitions, self.params["prune"])
            self.warnings += planner.warnings
            self.revision = r.revision_of(heads[-1]) if heads else 0
            if not heads:
                self._make_record_namespace(planner)
            writes = bool(self.made) or any(step.writes for step in self.steps)
            if self.former and heads and not self.check_mode:
                self._forget_the_former_name(record)
            if not writes or self.check_mode:
                if not self.check_mode:
                    self._wait(record, self.steps)
                return writes
            intended = [r.Entry.of(step.subject) for step in self.steps if step.writes]
            objects = tuple(planner.recorded(obj) for obj in definitions)
            pending = record.next(self.revision + 1, objects=objects, intended=tuple(intended), facts=self._facts())
            pending = replace(pending, inventory=(*pending.inventory, *left, *planner.entered))
            if self.records.take(pending):
                break
        self._locked(pending, lambda: self._carry_out(planner, pending, definitions))
        return True

    def _absent_namespaces(self, definitions):
        """The namespaces that the release needs and that are yet to be made."""
        wanted = {obj["metadata"].get("namespace") or "" for obj in definitions} | {self.params["namespace"]}
        rendered = {obj["metadata"]["name"] for obj in definitions if obj["kind"] == "Namespace"}
        absent = {name for name in sorted(wanted - {""}) if self._is_absent(name)}
        self.unknown = [f"Namespace {name} does not exist and is not to be created" for name in sorted(absent - rendered)]
        return absent

    def _make_namespaces(self, planner, definitions, absent):
        """Make namespaces without which nothing in them can be tried, nor recorded; and plan what is to be in them."""
        def is_in(step):
            meta = step.subject["metadata"]
            return (meta["name"] if step.kind == "Namespace" else meta.get("namespace")) in absent

        spaces = [step for step in self.steps if step.kind == "Namespace" and is_in(step)]
        for step in spaces:
            self._make_namespace(planner, step)
        inside = [obj for obj in definitions if obj["kind"] != "Namespace" and obj["metadata"].get("namespace") in absent]
        self.steps = [step for step in self.steps if not is_in(step)] + planner.tried(inside)

    def _moved_on(self, heads):
        """Has another run begun, or ended, since these were the heads?"""
        def newest(heads):
            return [(head["metadata"]["name"], head["metadata"]["labels"].get(r.OUTCOME)) for head in heads[-1:]]

        try:
            return newest(self.records.heads()) != newest(heads)
        except TaskError:
            return False

    def _carry_out(self, planner, pending, definitions):
        executor = self._executor(planner)
        outcome = r.FAILED
        try:
            stages = {name: [step for step in self.steps if step.writes and stage_of(step) == name] for name in (
                DEFINITIONS, GUARDS_GO, MAIN, LAST, GONE)}
            executor.delete(stages[GUARDS_GO])
            executor.apply(stages[DEFINITIONS])
            executor.until_served(stages[DEFINITIONS])
            if stages[DEFINITIONS]:
                self._plan_the_rest(planner, definitions, stages)
            executor.apply(stages[MAIN])
            self._wait(pending, [step for step in self.steps if not step.last])
            executor.apply(stages[LAST])
            if stages[LAST]:
                self._wait(pending, [step for step in self.steps if step.last])
            executor.delete(stages[GONE])
            outcome = r.DEPLOYED if self.params["wait"] else r.APPLIED
        finally:
            self.warnings += executor.warnings
            if not self.records.lost:
                live = [*executor.made, *(step.live for step in self.steps if step.live and step.action not in (DELETE, KEEP))]
                inventory = r.entered(pending.inventory, [obj for obj in live[::-1] if obj["kind"] != "Namespace"])
                if outcome == r.FAILED:
                    # What it was about to make may be there.
                    known = {entry.identity for entry in inventory}
                    inventory += tuple(entry for entry in pending.intended if entry.identity not in known and entry.kind != "Namespace")
                inventory = r.without(inventory, executor.gone)
                digests = planner.digests(self.steps, {o.identity(obj): obj for obj in executor.made})
                self.records.finish(replace(pending, outcome=outcome, inventory=inventory, intended=(), digests=digests))
        self._forget_the_former_name(pending)
        self.records.forget(self.records.heads(), self.params["history_limit"])

    def _plan_the_rest(self, planner, definitions, stages):
        """Objects of kinds that this run has just defined can be tried only now."""
        late = {step.identity for step in self.steps if step.resource is None}
        if not late:
            return
        planned = planner.planned([obj for obj in definitions if o.identity(obj) in late])
        self.steps = [step for step in self.steps if step.identity not in late] + planned
        for name in (MAIN, LAST):
            stages[name] = [step for step in self.steps if step.writes and stage_of(step) == name]

    def _wait(self, record, steps):
        """For the workloads of the release, each kind of each namespace at once."""
        if not self.params["wait"]:
            return
        found = {}
        for step in steps:
            if step.kind in o.AWAITED and step.action not in (DELETE, KEEP):
                meta = step.subject["metadata"]
                key = (step.subject["apiVersion"], step.kind, meta.get("namespace") or "")
                rolled = found.setdefault(key, [])
                if step.rolls:
                    rolled.append({"name": meta["name"], "uid": step.live["metadata"]["uid"], "revision": step.revision})
        if not found:
            return
        asked = {name: self.params[name] for name in ("auth", "on_failure", *fail_fast.OPTIONS)}
        asked.update(
            label_selectors=[f"{o.RELEASE_ID}={record.id}"],
            workloads=[{"api_version": a, "kind": k, "namespace": n, "rolled": rolled} for (a, k, n), rolled in found.items()],
            wait_timeout=max(1, min(self.params["wait_timeout"], int(self.deadline.left()))),
            since=self.began,
        )
        error = None
        try:
            outcome = wait.run(asked, progress=self.progress)
        except TaskError as failure:
            error, outcome = failure, failure.result
        self.rollouts += outcome["rollouts"]
        self.warnings += outcome["warnings"]
        if error:
            raise error

    def _forget_the_former_name(self, record):
        """Once the release is recorded under its new name; also what a run left that was killed before it could."""
        for heads in [self.former.heads()] if self.former else []:
            if heads and heads[-1]["metadata"]["labels"].get(o.RELEASE_ID) == record.id:
                self.former.drop(heads)
