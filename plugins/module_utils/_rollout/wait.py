# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: follows all workloads of a call, and their pods, until each is rolled out or given up.

PRIVATE to the collection.
"""

from __future__ import annotations

import queue
import time

from .change import guarded, may_pause
from .._api.client import CORE, FIELD_MANAGER, ApiError, object_path
from .diagnosis import Finding, examine
from .._api.errors import TaskError
from .history import template_of
from .objects import CONTROLLER_REVISION_HASH, age_of, condition, controller_ref, dig, generation_of, name_of, namespace_of
from .objects import observed, replica_counts, uid_of
from .status import COMPLETE, FAILED, PAUSED, unobserved_for, waits_for_deletion
from .._api.watch import Watch
from .workloads import Histories, pods_path, write

#: seconds a deadline condition must stand before it is believed when the write before it was not ours
_DEADLINE_CONFIRM = 2
#: seconds the controller's "cannot create pods" is given (a quota may be raised, a webhook come back)
_FAILED_CREATE_GRACE = 5
_REMINDER = 30


class Follower:
    """Follows the workloads of one call.

    Opened before the first write, so that a missing right to watch is found while nothing is
    changed, and so that no event is missed.
    """

    def __init__(self, api, scope, targets, deadline, progress, fail_fast, replace_stuck_pods=False):
        self._api, self._scope, self._deadline = api, scope, deadline
        self._progress, self._fail_fast, self._replace = progress, fail_fast, replace_stuck_pods
        self._targets = {uid_of(t.workload): t for t in targets}
        self._events = queue.Queue()
        self._watches = []
        self._pods = {}
        self._first_seen = {}
        self._told = {}
        self._told_at = time.monotonic()
        self._wake_at = None
        self._owners = {}
        self.warnings = []

    # ------------------------------------------------------------ lifetime --
    def open(self, version):
        self._watch("workload", self._scope.path, self._scope.query, version)
        if self._fail_fast or self._replace:
            query = self._scope.pod_query(list(self._targets.values()))
            try:
                pods, pods_version = self._api.list(pods_path(self._scope.namespace), query)
            except ApiError as e:
                if e.code != 403:
                    raise
                self._do_without_pods(e)
            else:
                for pod in pods:
                    self._see_pod("ADDED", pod)
                self._watch("pod", pods_path(self._scope.namespace), query, pods_version)
        # a refusal of a watch is in the queue by now
        self._drain()
        return self

    def _do_without_pods(self, error):
        self._pods.clear()
        self.warnings.append(f"Pods are not watched, so a pod that cannot start is not noticed early: {error}")

    def _watch(self, tag, path, query, version):
        watch = Watch(self._api, path, query, version, self._events, tag, self._deadline)
        self._watches.append(watch)
        watch.opened()

    @property
    def is_open(self):
        return bool(self._watches)

    def close(self):
        for watch in self._watches:
            watch.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # ---------------------------------------------------------------- loop --
    def wait(self, targets, done=None):
        """Return when each target is done or has a failure.

        :param done: takes a target, tells whether there is no more to wait for; by default when it is rolled out.
        """
        open_targets = list(targets)
        while True:
            self._wake_at = None
            for target in open_targets:
                self._judge(target, done)
            finished = [t for t in open_targets if t.failure or self._is_done(t, done)]
            open_targets = [t for t in open_targets if t not in finished]
            self._tell(targets, open_targets)
            if not open_targets:
                return
            if self._deadline.expired:
                for target in open_targets:
                    sentence = f"timed out after {self._deadline.seconds:.0f} s: {target.verdict().message}"
                    if not observed(target.workload):
                        sentence += f" {unobserved_for(target.workload)}"
                    target.give_up(sentence, failed=False)
                return
            self._next_event()
            self._drain()

    def _next_event(self):
        now = time.monotonic()
        timeout = min(self._deadline.left(), max(0.0, self._told_at + _REMINDER - now))
        if self._wake_at is not None:
            timeout = min(timeout, max(0.0, self._wake_at - now))
        try:
            self._take(self._events.get(timeout=timeout + 0.01))
        except queue.Empty:
            pass

    def _drain(self):
        while True:
            try:
                self._take(self._events.get_nowait())
            except queue.Empty:
                return

    def _take(self, event):
        tag, kind, obj = event
        if kind == "ERROR" and tag == "pod" and isinstance(obj, ApiError):
            self._do_without_pods(obj)
        elif kind == "ERROR":
            raise obj
        elif kind == "SYNC":
            if tag == "workload":
                present = {uid_of(o) for o in obj}
                for uid, target in self._targets.items():
                    if uid not in present:
                        target.give_up("it has been deleted")
            else:
                self._pods.clear()
            for item in obj:
                self._take((tag, "ADDED", item))
        elif tag == "pod":
            self._see_pod(kind, obj)
        else:
            self._see_workload(kind, obj)

    def _see_workload(self, kind, obj):
        target = self._targets.get(uid_of(obj))
        if target is None:
            return
        obj["kind"] = target.workload["kind"]
        if kind == "DELETED":
            target.give_up("it has been deleted")
        # an event from before the answer to a request of ours tells nothing new
        elif age_of(obj) >= age_of(target.workload):
            target.workload = obj

    def _see_pod(self, kind, pod):
        # only pods that may matter are kept: of hundreds of workloads nearly all are fine
        matters = kind != "DELETED" and not dig(pod, "metadata", "deletionTimestamp")
        if self._replace:
            matters = matters and condition(pod, "Ready").get("status") != "True"
        else:
            matters = matters and any(f.grace is not None for f in examine(pod))
        if matters:
            self._pods[uid_of(pod)] = pod
        else:
            self._pods.pop(uid_of(pod), None)

    # -------------------------------------------------------------- verdict --
    def _is_done(self, target, done):
        return done(target) if done else target.verdict().phase == COMPLETE or self._pause_reached(target)

    def _judge(self, target, done):
        if target.failure:
            return
        workload = target.workload
        if target.changed and generation_of(workload) > target.generation and template_of(workload) != target.template:
            manager = _last_manager(workload, target.before)
            target.give_up(f"it was changed by somebody else{manager} while this task waited for it")
            return
        if self._is_done(target, done):
            return
        seen = target.verdict()
        if done is not None:
            return
        if seen.phase == FAILED:
            if target.changed or self._lasted(("deadline", uid_of(workload)), _DEADLINE_CONFIRM):
                target.give_up(seen.message)
            return
        if waits_for_deletion(workload):
            counts = replica_counts(workload)
            if observed(workload):
                target.give_up(
                    f"its updateStrategy is OnDelete: {counts['updated']} of {counts['desired']} pods run the new "
                    f"template, the others will when somebody deletes them; use wait: false",
                    failed=False,
                )
            return
        if target.pause_count is not None and observed(workload):
            self._pause(target)
        elif seen.phase == PAUSED:
            target.give_up(f"it is paused and goes on with state=resumed: {seen.message}", failed=False)
            return
        if self._replace:
            self._replace_stuck_pods(target)
        if self._fail_fast:
            self._look_for_broken_pods(target)

    def _lasted(self, key, seconds):
        """Has something, first seen now or before, lasted so long?  If not, wake up when it will have."""
        due = self._first_seen.setdefault(key, time.monotonic()) + seconds
        if time.monotonic() >= due:
            return True
        self._wake_at = due if self._wake_at is None else min(self._wake_at, due)
        return False

    def _look_for_broken_pods(self, target):
        found = [f for pod in self._pods.values() if self._is_new_pod(pod, target) for f in examine(pod)]
        refused = condition(target.workload, "ReplicaFailure")
        if refused.get("status") == "True" and observed(target.workload):
            found.append(
                Finding("", uid_of(target.workload), "", refused.get("reason") or "FailedCreate",
                        refused.get("message") or "", _FAILED_CREATE_GRACE)
            )
        for finding in found:
            if finding.grace is not None and self._lasted(finding.key, finding.grace):
                target.give_up(finding.sentence())
                return

    def _is_new_pod(self, pod, target):
        """Does the pod belong to the revision that is being rolled out?  A broken pod of an old one is no matter."""
        ref = controller_ref(pod) or {}
        workload = target.workload
        if not observed(workload):
            return False
        if workload["kind"] != "Deployment" and ref.get("uid") != uid_of(workload):
            return False
        if workload["kind"] == "StatefulSet":
            return _revision_label(pod) == dig(workload, "status", "updateRevision")
        key = ref.get("uid") if workload["kind"] == "Deployment" else _revision_label(pod)
        return self._owner_of_new(key) == uid_of(workload)

    def _owner_of_new(self, key):
        """Whose newest revision a ReplicaSet's uid or a DaemonSet's revision hash is: a workload's uid, or None."""
        if key not in self._owners:
            targets = list(self._targets.values())
            histories = Histories(self._api, targets)
            self._owners = {known: None for known in (*self._owners, key)}
            for target in targets:
                current = histories.current(target.workload)
                if current is not None:
                    pod_key = current.uid if target.workload["kind"] == "Deployment" else current.pod_label[1]
                    self._owners[pod_key] = uid_of(target.workload)
        return self._owners[key]

    # ---------------------------------------------------------------- pausing --
    def _pause_reached(self, target):
        """Paused by pause_at, and the replicas that it asked for are there."""
        if target.pause_count is None or not dig(target.workload, "spec", "paused") or not observed(target.workload):
            return False
        new, _old = self._replica_sets(target)
        return dig(new, "status", "availableReplicas", default=0) >= target.pause_count

    def _pause(self, target):
        if dig(target.workload, "spec", "paused") or replica_counts(target.workload)["updated"] < target.pause_count:
            return
        new, old = self._replica_sets(target)
        if new and may_pause(target.workload, new, old, target.pause_count):
            pause_now(self._api, target, self._deadline)

    def _replica_sets(self, target):
        histories = Histories(self._api, [target])
        current = histories.current(target.workload)
        own = {r.uid for r in histories.revisions(target.workload)}
        new = next((o for o in histories.objects if current and uid_of(o) == current.uid), {})
        return new, [o for o in histories.objects if uid_of(o) in own and o is not new]

    # ------------------------------------------------------- stuck StatefulSet --
    def replace_stuck_pods(self, targets):
        for target in targets:
            self._replace_stuck_pods(target)

    def _replace_stuck_pods(self, target):
        """Delete pods that an OrderedReady StatefulSet waits for in vain (kubernetes/kubernetes#67250).

        Only this set's own pods, of a revision that is not the one it goes to, which are not ready.
        """
        workload = target.workload
        if workload["kind"] != "StatefulSet" or not observed(workload):
            return
        partition = dig(workload, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
        for pod in list(self._pods.values()):
            ours = (controller_ref(pod) or {}).get("uid") == uid_of(workload)
            ordinal = name_of(pod).rpartition("-")[2]
            if not ours or not ordinal.isdigit() or int(ordinal) < partition:
                continue
            if _revision_label(pod) == dig(workload, "status", "updateRevision"):
                continue
            del self._pods[uid_of(pod)]
            path = object_path(CORE, namespace_of(pod), "pods", name_of(pod))
            try:
                self._api.delete(path, uid_of(pod))
            except ApiError as e:
                self.warnings.append(f"Pod {name_of(pod)} keeps {target.name} from recovering: {e}")
            else:
                self._progress(f"{target.name}: deleted pod {name_of(pod)}, which could not become ready")

    # --------------------------------------------------------------- progress --
    def _tell(self, targets, open_targets):
        """One line per change, and a reminder when nothing changes."""
        now = time.monotonic()
        if len(targets) > 10:
            lines = {"": f"{len(targets) - len(open_targets)} of {len(targets)} rollouts are finished"}
            if open_targets and now - self._told_at < 1:
                return
        else:
            lines = {uid_of(t.workload): f"{t.name}: {t.verdict().message}" for t in targets if not t.failure}
        due = now - self._told_at >= _REMINDER
        for key, line in lines.items():
            if line != self._told.get(key) or (due and open_targets):
                self._told[key] = line
                self._told_at = now
                self._progress(line)


def pause_now(api, target, deadline):
    """Pause a Deployment without losing sight of what it rolls out."""
    template = target.template

    def pause(workload):
        if dig(workload, "spec", "paused"):
            return []
        if template_of(workload) != template:
            raise TaskError(f"{target.name} was changed by somebody else while this task waited for it.")
        return guarded(workload, [{"op": "add", "path": "/spec/paused", "value": True}])

    write(api, target, pause, deadline)


def _revision_label(pod):
    return dig(pod, "metadata", "labels", CONTROLLER_REVISION_HASH)


def _last_manager(workload, before):
    """Who changed a workload after we did.

    Times are in whole seconds, so those who wrote before us are left out, and those who wrote no spec.
    """

    def entries_of(obj):
        return [e for e in dig(obj, "metadata", "managedFields", default=[]) if not e.get("subresource")]

    def key(entry):
        return entry.get("manager"), entry.get("operation"), entry.get("time")

    known = {key(e) for e in entries_of(before)}
    entries = entries_of(workload)
    others = [
        e
        for e in entries
        if key(e) not in known and e.get("manager") != FIELD_MANAGER and dig(e, "fieldsV1", "f:spec") is not None
    ]
    if not entries:
        return ""
    return f' (field manager "{max(others or entries, key=lambda e: e.get("time") or "").get("manager")}")'
