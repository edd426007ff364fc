# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workloads of one call: finding them, writing to them, reading their histories.

PRIVATE to the collection.
"""

from __future__ import annotations

from .._api.client import APPS, CORE, ApiError, Backoff, Fault, object_path
from .._api.errors import TaskError
from .._api.parallel import parallel
from .._api.shown import message
from .change import jsonpatch, predict
from .history import current_revision, revisions_of, template_of
from .objects import CHANGE_CAUSE, KINDS, annotations_of, controller_ref, describe, dig, generation_of, name_of, namespace_of
from .objects import selector_string, uid_of
from .status import FAILED, Verdict, deadline_time, verdict

_WORKERS = 8


class Target:
    """One workload while a call works on it."""

    def __init__(self, workload):
        self.before = workload  # as it was right before our first write
        self.workload = workload  # as last seen
        self.changed = False
        self.stale_deadline = None
        self.template = template_of(workload)  # what we expect to be rolled out
        self.generation = generation_of(workload)
        self.pause_count = None
        self.paused = False  # by this task, with pause_at
        self.failure = None  # why the rollout is given up, one sentence
        self.failed = False  # the rollout itself failed, rather than our patience
        self.diagnosis = []
        self.undone = None  # the outcome of on_failure, one sentence
        self.replaced = []  # names of the pods that were removed because the controller waited for them in vain
        self.warnings = []
        self.extra = {}  # further keys of this rollout's result

    @property
    def name(self):
        return describe(self.workload)

    @property
    def path(self):
        return workload_path(self.workload)

    def verdict(self):
        return verdict(self.workload, self.stale_deadline)

    def final_verdict(self):
        """The verdict as reported: a rollout that was given up has failed, whatever its last sentence."""
        seen = self.verdict()
        return Verdict(FAILED, seen.message) if self.failed else seen

    def give_up(self, sentence, failed=True):
        """Stop waiting, because of this; failed=False when only our patience has ended."""
        self.failure, self.failed = sentence, failed

    def written(self, workload):
        """Take over the answer to a write of ours."""
        self.changed = self.changed or differs(self.workload, workload)
        if generation_of(workload) != generation_of(self.workload):
            self.stale_deadline = deadline_time(self.workload)
        self.workload = workload
        self.template = template_of(workload)
        self.generation = generation_of(workload)


def differs(old, new):
    """Did a write change something?  A dry run answers with the next generation, a write that changes nothing does not."""
    return generation_of(old) != generation_of(new) or (
        annotations_of(old).get(CHANGE_CAUSE) != annotations_of(new).get(CHANGE_CAUSE)
    )


def workload_path(workload):
    kind = KINDS[workload["kind"]]
    return object_path(APPS, namespace_of(workload), kind.resource, name_of(workload))


def pods_path(namespace):
    return object_path(CORE, namespace, "pods")


class Scope:
    """Which workloads a call is about, and the queries that find and watch them."""

    def __init__(self, params):
        self.kind = KINDS[params["kind"]]
        self.namespace = params["namespace"]
        self.name = params.get("name")
        self.selectors = params.get("label_selectors")
        self.path = object_path(APPS, self.namespace, self.kind.resource)
        if self.name:
            self.query = [("fieldSelector", f"metadata.name={self.name}")]
        else:
            self.query = [("labelSelector", ",".join(self.selectors))]

    def find(self, api, must_exist=True):
        """The workloads and the resourceVersion to watch from."""
        try:
            items, version = api.list(self.path, self.query)
        except ApiError as e:
            if e.code == 400 and self.selectors:
                raise TaskError(f"label_selectors {', '.join(self.selectors)}: {e}.") from None
            raise
        if not items and must_exist:
            raise TaskError(self._missing(api))
        for item in items:
            # items of a list come without them
            item["kind"], item["apiVersion"] = self.kind.name, "apps/v1"
        return [Target(item) for item in sorted(items, key=name_of)], version

    def _missing(self, api):
        try:
            api.get(f"{CORE}/namespaces/{self.namespace}")
        except ApiError as e:
            if e.code == 404:
                return f'Namespace "{self.namespace}" does not exist.'
        if self.name:
            return f"{self.kind.name} {self.namespace}/{self.name} does not exist."
        return (
            f'No {self.kind.name} in namespace "{self.namespace}" matches label_selectors {", ".join(self.selectors)}.'
        )

    def pod_query(self, targets):
        """Pods of one workload by its selector; of several all pods of the namespace, in one watch."""
        if len(targets) == 1:
            return [("labelSelector", selector_string(targets[0].workload["spec"]["selector"]))]
        return []


class Histories:
    """The revisions of workloads, from one list of ReplicaSets or ControllerRevisions for all of them."""

    def __init__(self, api, targets):
        self.objects = []
        if targets:
            workload = targets[0].workload
            path = object_path(APPS, namespace_of(workload), KINDS[workload["kind"]].history_resource)
            query = []
            if len(targets) == 1:
                query = [("labelSelector", selector_string(workload["spec"]["selector"]))]
            self.objects, _version = api.list(path, query)

        self._owned = {}
        for obj in self.objects:
            self._owned.setdefault((controller_ref(obj) or {}).get("uid"), []).append(obj)
        self._revisions = {}

    def revisions(self, workload):
        uid = uid_of(workload)
        if uid not in self._revisions:
            self._revisions[uid] = revisions_of(workload, self._owned.get(uid, []))
        return self._revisions[uid]

    def owned_by(self, workload):
        """The history objects themselves."""
        return self._owned.get(uid_of(workload), [])

    def current(self, workload):
        return current_revision(workload, self.revisions(workload))


def write(api, target, build, deadline):
    """Write to one workload until it is as build() wants it.

    :param build: takes the fresh workload, returns the JSON patch; an empty one when there is nothing to do.
    :raises TaskError: the server refused, or could not be reached until the deadline.
    """
    backoff = Backoff(deadline)
    while True:
        operations = build(target.workload)
        if not operations:
            return
        if not target.changed:
            # what the first write of ours is made on top of, whoever has changed it since it was found
            target.before = target.workload
        try:
            answer = api.patch(target.path, operations)
        except Fault as fault:
            # the patch may have been taken all the same: look before asking again
            try:
                api.give_up_after(fault)
            except TaskError as e:
                raise TaskError(f"{target.name}: {e} It is not known whether the change was made.") from None
            backoff.wait(fault)
        except ApiError as e:
            if e.code == 403 and api.dry_run and " cannot patch " in str(e) and jsonpatch:
                target.written(predict(target.workload, operations))
                target.warnings.append(f"{target.name}: the change is predicted without the API server's dry run. {e}")
                return
            if e.code not in (409, 422):
                raise TaskError(f"{target.name}: {message(e, target.workload)}") from None
            fresh = _look_again(api, target)
            if e.code == 422 and generation_of(fresh) == generation_of(target.workload):
                raise TaskError(f"{target.name}: {message(e, target.workload)}") from None
            if deadline.expired:
                raise TaskError(f"{target.name} keeps being changed by others; run this again.") from None
            target.workload = fresh
            continue
        else:
            target.written(answer)
            return
        fresh = _look_again(api, target)
        if build(fresh):
            # it was not taken, or not for long: what is there now is what the next attempt goes out from
            target.workload = fresh
        else:
            target.written(fresh)


def _look_again(api, target):
    fresh = api.get(target.path)
    if uid_of(fresh) != uid_of(target.workload):
        raise made_anew(target)
    return fresh


def made_anew(target):
    return TaskError(f"{target.name} was deleted and made anew by somebody else meanwhile, so it is left as it is; run this again.")


def for_all(function, targets):
    """Run function(target) for all targets at once; the first error is raised after all have ended."""
    parallel(function, targets, _WORKERS)


def lost_managers(before, after):
    """The server-side-apply managers that a write took pod template fields from.

    Their next apply meets a conflict.  Returns C({manager: [field, ...]}).
    """
    lost = {}
    for manager, fields in _applied(before).items():
        gone = fields - _applied(after).get(manager, set())
        if gone:
            lost[manager] = sorted(gone)
    return lost


def _applied(workload):
    owned = {}
    for entry in dig(workload, "metadata", "managedFields", default=[]):
        if entry.get("operation") == "Apply" and not entry.get("subresource"):
            template = dig(entry, "fieldsV1", "f:spec", "f:template", default={})
            owned.setdefault(entry.get("manager"), set()).update(_leaves(template, "spec.template"))
    return owned


def _leaves(fields, prefix):
    for key, value in fields.items():
        if key == ".":
            continue
        name = key[2:] if key.startswith("f:") else f"[{key[2:]}]"
        path = prefix + (name if name.startswith("[") else "." + name)
        if value and any(k != "." for k in value):
            yield from _leaves(value, path)
        else:
            yield path
