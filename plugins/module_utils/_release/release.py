# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release module's work: look, plan, take the lock, carry out, wait, prune, record, report.  PRIVATE to the collection."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from dataclasses import replace

try:
    import yaml
except ImportError:
    # The kubernetes client, which is missed first, depends on it.
    yaml = None

from .._api.client import ApiError, Deadline
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._api.shown import both
from .._rollout import fail_fast
from . import objects as o
from . import record as r
from . import summary, wait
from .api import ReleaseApi
from .checks import check_version, refuse_another_cluster
from .carry_out import Executor
from .documents import documents
from .planner import Planner
from .records import Records
from .steps import CREATE, DEFINITIONS, DELETE, GONE, GUARDS_GO, KEEP, LAST, MAIN, RECREATE, UNCHANGED, UPDATE, Step, stage_of

OPTIONS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": "release"},
    "record_namespace": {"type": "str", "default": ""},
    "variable_prefix": {"type": "str", "default": ""},
    "renamed_from": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "namespace": {"type": "str"},
            "owner": {"type": "str"},
        },
    },
    "hold": {"type": "str"},
    "labels": {"type": "dict", "default": {}},
    "annotations": {"type": "dict", "default": {}},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    # One opaque text: of a list, every word would be cut out of the result.
    "definitions": {"type": "str", "default": "[]", "no_log": True},
    "create_namespace": {"type": "bool", "default": True},
    "pod_security": {"type": "str", "default": "restricted", "choices": ["", "privileged", "baseline", "restricted"]},
    "adopt": {"type": "bool", "default": False},
    "adopt_managers": {"type": "list", "elements": "str", "default": []},
    "force_conflicts": {"type": "bool", "default": False},
    "resume": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": True},
    "allow_empty": {"type": "bool", "default": False},
    "delete_data": {"type": "bool", "default": False},
    "delete_namespace": {"type": "bool", "default": False},
    "history_limit": {"type": "int", "default": 10},
    "change_cause": {"type": "str", "default": ""},
    "min_version": {"type": "str", "default": ""},
    "requires": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "api_version": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": ""},
            "name": {"type": "str", "default": ""},
        },
    },
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    "on_failure": {"type": "str", "default": "fail", "choices": ["fail", "undo", "pause"]},
    **fail_fast.OPTIONS,
}
#: seconds for looking, planning and applying, beside those for waiting
_WORK = 120


def run(params, check_mode=False, want_diff=False, progress=silent):
    return Run(params, check_mode, want_diff, progress).result()


class Run:
    """One run of a release."""

    def __init__(self, params, check_mode, want_diff, progress):
        self.params, self.check_mode, self.want_diff, self.progress = params, check_mode, want_diff, progress
        self.deadline = Deadline(_WORK + params["wait_timeout"])
        self.api = ReleaseApi(params["auth"], self.deadline, progress=progress)
        refuse_another_cluster(self.api.apart)
        self.which = r.Identity(params["owner"], params["name"], params["namespace"])
        self.prefix = params["variable_prefix"]
        self.run_id = secrets.token_hex(5)
        self.records = self._records(self.which)
        self.former = None
        if params["renamed_from"]:
            given = {name: value for name, value in params["renamed_from"].items() if value is not None}
            self.former = self._records(replace(self.which, **given))
        self.warnings, self.steps, self.rollouts = [], [], []
        #: the steps of the namespaces that had to be there before the rest could be tried
        self.made = []
        #: the step of the namespace that a removal takes along
        self.space = None
        #: sentences about namespaces that nobody makes
        self.unknown = []
        self.revision = 0

    def _of_release(self, option):
        """What the role release alone has a variable for."""
        return f"release_{option}" if self.prefix else option

    def _records(self, which):
        namespace = self.params["record_namespace"] or which.namespace or r.SYSTEM_NAMESPACE
        return Records(self.api, which, namespace, self.run_id)

    def result(self):
        self.version, (self.user, self.began) = self.api.parallel(lambda ask: ask(), [self.api.version, self.api.whoami])
        check_version(self.version, self.params["min_version"])
        if self.params["hold"]:
            changed = self.put_on_hold(self.params["hold"])
        else:
            changed = self._brought()
        objects = [self._told(step) for step in self._all_steps()]
        result = {
            "changed": changed,
            "summary": self._summary(objects, changed),
            "workloads": list(map(summary.ready, self.rollouts)),
            "revision": self.revision,
            "hold": self.params["hold"] or "",
            # ansible_check_mode does not know of a task that sets check_mode by itself.
            "check_mode": self.check_mode,
            "objects": objects,
            "rollouts": self.rollouts,
            "access": o.access(self._definitions(), self.api.node_address()) if self.params["state"] == "present" else [],
            "cluster": {"host": self.api.host, "version": self.version, "user": self.user},
            "warnings": sorted(set(self.warnings)),
        }
        if self.want_diff:
            result["diff"] = [self._diff(step) for step in sorted(self._all_steps(), key=lambda step: step.title) if step.writes]
        return result

    def _all_steps(self):
        return [*self.made, *self.steps, *([self.space] if self.space else [])]

    def _brought(self):
        """Bring the release to its state; whether anything was or would be changed."""
        try:
            return self.present() if self.params["state"] == "present" else self.absent()
        except TaskError as error:
            # What had gone well, and what there was to say by then.
            told = {"rollouts": self.rollouts, "warnings": sorted(set(self.warnings))}
            text = str(error)
            if self.made and "objects" not in error.result:
                told.update(changed=True, objects=[self._told(step) for step in self.made])
                text = f"{text.rstrip('.')}. {', '.join(step.title for step in self.made)} was made before, and stays."
            raise TaskError(text, {**error.result, **told}) from None

    # ----------------------------------------------------------------- present --
    def present(self):
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

    def _locked(self, pending, work):
        """Work as the holder of the lock; a failure tells what had been done by then."""
        self.revision = pending.revision
        try:
            with self.records.held():
                work()
        except TaskError as error:
            told = [self._told(step) for step in self._all_steps()]
            error.result = {**error.result, "changed": True, "revision": self.revision, "objects": told}
            raise

    def _definitions(self):
        if not hasattr(self, "_prepared"):
            try:
                given = [self.params[name] for name in ("name", "namespace", "create_namespace", "pod_security")]
                self._prepared = o.prepare(documents(self.params["definitions"]), *given)
            except ValueError as error:
                raise TaskError(f"{self._title()}: {error}.") from None
            for obj in self._prepared:
                for name in ("labels", "annotations"):
                    if self.params[name]:
                        # What a template says goes before what is said of all.
                        obj["metadata"][name] = {**{k: str(v) for k, v in self.params[name].items()}, **(obj["metadata"].get(name) or {})}
        return self._prepared

    def _title(self):
        return str(self.which)[0].upper() + str(self.which)[1:]

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

    def _make_namespace(self, planner, step):
        """Before there is a lock; only where there is none: one that somebody has made meanwhile is not marked as made here."""
        self._executor(planner, lambda: None).apply([step])
        self.made.append(step)

    def _make_record_namespace(self, planner):
        """Make the namespace for records of releases that have none of their own."""
        name = self.records.namespace
        if name != r.SYSTEM_NAMESPACE or self.which.namespace == name or not self._is_absent(name):
            return
        space = o.namespace_object(name, "restricted")
        step = Step(CREATE, o.title(space), self.api.resource("v1", "Namespace"), space)
        if self.check_mode:
            self.made.append(step)
            return
        step.after = space
        try:
            self._make_namespace(planner, step)
        except TaskError as error:
            raise TaskError(
                f"{self._title()} has no namespace, and one for its record cannot be made: {error} "
                f"Another one can be named by {self._of_release('record_namespace')}."
            ) from None

    def _is_absent(self, name):
        try:
            live = self.api.lookup(f"/api/v1/namespaces/{name}")
        except ApiError as error:
            if error.code != 403:
                raise
            # Whoever may not look at namespaces is told by the requests inside the namespace.
            return False
        if live and live["metadata"].get("deletionTimestamp"):
            raise TaskError(f"Namespace {name} is being deleted; run this again when it is gone.")
        return live is None

    def _moved_on(self, heads):
        """Has another run begun, or ended, since these were the heads?"""
        def newest(heads):
            return [(head["metadata"]["name"], head["metadata"]["labels"].get(r.OUTCOME)) for head in heads[-1:]]

        try:
            return newest(self.records.heads()) != newest(heads)
        except TaskError:
            return False

    def _look(self):
        """Heads, and the newest record; waits while another run is at work."""
        while True:
            heads = self.records.heads()
            if not heads:
                return heads, self._before_it_was_renamed()
            newest = heads[-1]
            if newest["metadata"]["labels"].get(r.OUTCOME) == r.PENDING:
                if not self.check_mode:
                    self.records.wait(newest, self.deadline, self.progress)
                    continue
                self.warnings.append(f"{self._title()} is being worked on by {self.records.holder(newest)}; what it changes may not be seen here.")
            self._check_hold(heads)
            found = self.records.read(newest)
            if found is not None:
                return heads, found

    def _before_it_was_renamed(self):
        """The newest record under the name from before, which this one goes on from; None if there is none."""
        heads = self.former.heads() if self.former else []
        if not heads:
            return None
        if heads[-1]["metadata"]["labels"].get(r.OUTCOME) == r.PENDING and not self.check_mode:
            self.former.wait(heads[-1], self.deadline, self.progress)
            return self._before_it_was_renamed()
        found = self.former.read(heads[-1])
        return found and replace(found, identity=self.which)

    def _forget_the_former_name(self, record):
        """Once the release is recorded under its new name; also what a run left that was killed before it could."""
        for heads in [self.former.heads()] if self.former else []:
            if heads and heads[-1]["metadata"]["labels"].get(o.RELEASE_ID) == record.id:
                self.former.drop(heads)

    # -------------------------------------------------------------------- hold --
    def put_on_hold(self, reason):
        """Note that the release is on hold; nothing else is done."""
        heads = self.records.heads()
        if not heads:
            raise TaskError(f"{self._title()} cannot be put on hold, because there is none.")
        held = self.records.hold(heads)
        self.revision = r.revision_of(heads[-1])
        if held and held["reason"] == reason:
            return False
        if not self.check_mode:
            self.records.put_on_hold(heads[-1], {"user": self.user, "since": self.began, "reason": reason})
        return True

    def _check_hold(self, heads):
        held = self.records.hold(heads)
        if not held:
            return
        if self.params["hold"] is None:
            raise TaskError(
                f"{self._title()} is on hold by {held['user'] or 'somebody'} since {held['since']}: {held['reason']}. "
                f'{self.prefix}hold: "" goes on.'
            )
        # An empty reason ends it.
        if not self.check_mode:
            self.records.put_on_hold(heads[-1], None)

    def _planner(self, record, takeover):
        given = self.params
        return Planner(self.api, record, given["adopt"], given["force_conflicts"], takeover, given["resume"], given["adopt_managers"], self.prefix)

    def _left_behind(self, planner, definitions):
        """Entries for objects from before there were records that this run does not render; they are searched for once."""
        wanted = {o.identity(obj) for obj in definitions}
        selector = o.release_selector(self.which.name, self.which.namespace)
        found = [
            obj for obj in self.api.find(selector)
            if o.identity(obj) not in wanted and not o.is_controlled(obj) and obj["kind"] != "Namespace"
            and (o.label(obj, o.RELEASE_ID) is None or planner.claim.owns(obj))
        ]
        entries = tuple(r.Entry.of(obj) for obj in found)
        if self.params["adopt"] or self.params["state"] == "absent":
            planner.claim.inventory.update({entry.identity: entry for entry in entries})
            return entries
        titles = ", ".join(o.title(obj) for obj in found if not o.is_data(obj))
        if titles:
            self.warnings.append(f"{self._title()} may have had {titles}; with {self.prefix}adopt this run removes them, else they are left.")
        return ()

    def _facts(self):
        facts = {"user": self.user, "began": self.began, "origin": _origin(), "change_cause": self.params["change_cause"]}
        return {name: text for name, text in facts.items() if text}

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

    def _executor(self, planner, check=None):
        return Executor(self.api, planner.claim, self.deadline, self.params["wait_timeout"], check or self.records.check, self.progress)

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

    # ------------------------------------------------------------------ absent --
    def absent(self):
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

    # ------------------------------------------------------------ what is told --
    def _summary(self, objects, changed):
        text = f"on hold: {self.params['hold']}" if self.params["hold"] else summary.done(objects, changed, self.check_mode)
        return summary.line(self.which.name, self.which.namespace, "; ".join([text, *map(summary.ready, self.rollouts)]))

    @staticmethod
    def _told(step):
        meta = step.subject["metadata"]
        told = {
            "api_version": step.subject["apiVersion"],
            "kind": step.kind,
            "namespace": meta.get("namespace") or "",
            "name": meta["name"],
            "title": step.title,
            "action": step.action,
            "predicted": step.predicted,
            "overrides": step.overrides,
        }
        return told | ({"reason": step.reason} if step.reason else {})

    @staticmethod
    def _diff(step):
        before, after = step.live, None
        if step.action in (CREATE, RECREATE):
            # Of a new object, what was asked for says more than the server's defaults.
            before, after = (step.live if step.action == RECREATE else None), step.definition
        elif step.action == UPDATE:
            after = step.after or step.definition
        before, after = both(o.clean(before), o.clean(after))
        return {"before_header": step.title, "after_header": step.title, "before": as_yaml(before), "after": as_yaml(after)}


def as_yaml(obj):
    return yaml.safe_dump(obj, default_flow_style=False, allow_unicode=True, width=1000) if obj else ""


def _origin():
    """From where: the AWX job, or the user and the host."""
    job = os.environ.get("JOB_ID") or os.environ.get("AWX_JOB_ID")
    if job:
        return f"AWX job {job}"
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return socket.gethostname()


ENGINE = Engine("release", OPTIONS, run, failed={"changed": False, "objects": [], "rollouts": []})
