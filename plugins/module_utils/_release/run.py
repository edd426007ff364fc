# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every run of a release does: look, take the lock, tell.  PRIVATE to the collection."""

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
from .._api.errors import TaskError
from .._api.shown import both
from . import objects as o
from . import record as r
from . import summary
from .api import ReleaseApi
from .checks import check_version, refuse_another_cluster
from .carry_out import Executor
from .documents import documents
from .planner import Planner
from .records import Records
from .steps import CREATE, RECREATE, UPDATE, Step

#: seconds for looking, planning and applying, beside those for waiting
_WORK = 120


class Run:
    """One run of a release; what it brings the release to is its subclasses' C(work)."""

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
            return self.work()
        except TaskError as error:
            # What had gone well, and what there was to say by then.
            told = {"rollouts": self.rollouts, "warnings": sorted(set(self.warnings))}
            text = str(error)
            if self.made and "objects" not in error.result:
                told.update(changed=True, objects=[self._told(step) for step in self.made])
                text = f"{text.rstrip('.')}. {', '.join(step.title for step in self.made)} was made before, and stays."
            raise TaskError(text, {**error.result, **told}) from None

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

    def _executor(self, planner, check=None):
        return Executor(self.api, planner.claim, self.deadline, self.params["wait_timeout"], check or self.records.check, self.progress)

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
