# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: follows all workloads of a call, and their pods, until each is rolled out or given up.

Whatever happens, only the workload that it is about is looked at: with a thousand of them, an event costs what it costs with one.
PRIVATE to the collection.
"""

from __future__ import annotations

import heapq
import queue
import time
from contextlib import contextmanager
from dataclasses import replace

from .change import guarded, may_pause
from .._api.client import CORE, FIELD_MANAGER, ApiError, Fault, object_path
from .diagnosis import event_finding, examine, lacks_pods, mount_finding, refusal, starting
from .._api.errors import TaskError
from .._api.shown import message
from .fail_fast import FailFast, Verdicts
from .history import template_of
from .objects import POD_TEMPLATE_HASH, age_of, condition, controller_ref, dig, generation_of, name_of, namespace_of, observed
from .objects import replica_counts, selector_string, uid_of
from .status import COMPLETE, FAILED, PAUSED, unobserved_for, waits_for_deletion
from .stuck import ordinal_of, patience, revision_of, stuck_pod, waits_for_each, wanted_revision
from .._api.watch import Watch
from .workloads import Histories, for_all, pods_path, write

#: seconds a deadline condition must stand before it is believed when the write before it was not ours
_DEADLINE_CONFIRM = 2
#: seconds without news of the workloads after which events are asked why
_SILENCE = 3
#: reasons of events that say why a workload lacks pods, and what a pod waits for before its containers
_REFUSALS = ("FailedCreate",)
_MOUNTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox")
#: seconds between two looks at what no event tells of
_LOOK = 1
_REMINDER = 30


class _Pods:
    """The pods of one workload that matter, and what is known to be wrong with them."""

    def __init__(self):
        self.by_uid = {}
        # what is final, and what is worth a word, by revision and then by pod
        self.final, self.telling = {}, {}
        # whose turn it is, and (time, uid) of those to look at then
        self._news, self.due = {}, []

    def put(self, pod):
        self.by_uid[uid_of(pod)] = pod
        self._news[uid_of(pod)] = True

    def remove(self, uid):
        pod = self.by_uid.pop(uid, None)
        if pod is not None:
            self.note(pod, None, None)

    def note(self, pod, final, telling):
        for found, finding in ((self.final, final), (self.telling, telling)):
            pods = found.setdefault(_revision_key(pod), {})
            if finding is None:
                pods.pop(uid_of(pod), None)
            else:
                pods[uid_of(pod)] = finding

    def look_again(self, pod, *times):
        for due in times:
            if due is not None:
                heapq.heappush(self.due, (due, uid_of(pod)))

    def take_turns(self):
        now = time.monotonic()
        turns, self._news = self._news, {}
        while self.due and self.due[0][0] <= now:
            turns[heapq.heappop(self.due)[1]] = True
        return [self.by_uid[uid] for uid in turns if uid in self.by_uid]


def _revision_key(pod):
    """What tells a pod's revision from others: its ReplicaSet's uid, or the revision's name or hash."""
    ref = controller_ref(pod) or {}
    return ref.get("uid") if ref.get("kind") == "ReplicaSet" else revision_of(pod)


class Follower:
    """Follows the workloads of one call.

    Opened before the first write, so that a missing right to watch is found while nothing is
    changed, and so that no event is missed.
    """

    def __init__(self, api, scope, targets, deadline, progress, fail_fast=None, replace_stuck_pods=False, quiet=0):
        """
        :param fail_fast: the options of that name; None for who does not wait for rollouts.
        :param quiet: for so many seconds nothing is told: a wait that is over by then needs no words.
        """
        self._api, self._scope, self._deadline = api, scope, deadline
        self._progress, self._fail_fast = progress, fail_fast
        self._replace = replace_stuck_pods and scope.kind.name == "StatefulSet"
        self._targets = {uid_of(t.workload): t for t in targets}
        self._events = queue.Queue()
        self._watches = []
        self._names = {name_of(t.workload): uid for uid, t in self._targets.items()}
        # the pods that matter, by their workload
        self._pods = {uid: _Pods() for uid in self._targets}
        self._owner_of = {}
        self._verdicts = Verdicts(fail_fast or FailFast(wanted=False))
        self._said = {}  # the last event of use, by the uid of what it is about
        self._repeated = {}  # the uids of those that were told just now, by the workload's
        self._news_at, self._asked = time.monotonic(), False
        self._newest = {}
        self._been_ready = set()
        self._stuck, self._looked_at, self._kept, self._going = {}, {}, {}, {}
        self._first_seen, self._pausing = {}, []
        self._told = {}
        self._quiet_until = time.monotonic() + quiet
        # The first lines are due then.
        self._told_at = time.monotonic() - (_REMINDER - quiet if quiet else 0)
        # whose turn it is: uids of targets about which there is news, and (time, uid) of those to look at then
        self._news, self._due, self._next_turn, self._judged = set(), [], {}, None
        self.warnings = []

    # ------------------------------------------------------------ lifetime --
    def open(self, version):
        self._watch("workload", self._scope.path, self._scope.query, version)
        for target in [t for t in self._targets.values() if t.pause_count is not None][:1]:
            # the right to read what a pause is decided by, before anything rolls that could not be paused
            self._replica_sets(target)
        # without fail_fast, too: what a rollout waits for is told in any case
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
                    self._see_pod("ADDED", pod, before=True)
                self._watch("pod", pods_path(self._scope.namespace), query, pods_version)
        # a refusal of a watch is in the queue by now
        self._drain()
        return self

    def _do_without_pods(self, error):
        self._forget_pods()
        self._stuck.clear()
        if self._replace or self._fail_fast.wanted:
            self.warnings.append(f"Pods are not watched, so a pod that cannot start is not noticed early: {error}")

    def _do_without_revisions(self, error):
        """Which pods are new cannot be told, so none is judged; a rollout that would succeed does not fail for that."""
        warning = f"Revisions are not read, so a pod that cannot start is not noticed early: {error}"
        if self._fail_fast.wanted and warning not in self.warnings:
            self.warnings.append(warning)

    def _forget_pods(self):
        self._owner_of.clear()
        self._pods = {uid: _Pods() for uid in self._targets}

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
        open_targets = {uid_of(t.workload): t for t in targets}
        self._news.update(open_targets)
        while True:
            with self._until_the_time_is_up():
                self._turn(targets, open_targets, done)
            if not open_targets:
                return
            if self._deadline.expired:
                for target in open_targets.values():
                    target.give_up(self._timed_out(target), failed=False)
                return
            self._ask_for_events(done)
            with self._until_the_time_is_up():
                self._next_event()
                self._drain()

    @contextmanager
    def _until_the_time_is_up(self):
        """An API server that is silent until then, for us or for a watch: what is being waited for says more."""
        try:
            yield
        except ApiError:
            raise
        except TaskError:
            if not self._deadline.expired:
                raise

    def _turn(self, targets, open_targets, done):
        """Judge those that there is news of, and tell what has changed."""
        turns = [open_targets[uid] for uid in self._take_turns() if uid in open_targets]
        # what is to be paused comes before what is
        for paused in (False, True):
            for target in [t for t in turns if dig(t.workload, "spec", "paused", default=False) is paused]:
                if self._judge(target, done) or target.failure:
                    open_targets.pop(uid_of(target.workload), None)
            self._pause_at_once()
        self._repeated.clear()
        self._tell(targets, open_targets)

    def _ask_for_events(self, done):
        """Follow the events of the namespace once nothing goes on: some reasons are told there alone."""
        if done is None and self._fail_fast and not self._asked and time.monotonic() >= self._news_at + _SILENCE:
            self._asked = True
            path = object_path(CORE, self._scope.namespace, "events")
            watch = Watch(self._api, path, [("fieldSelector", "type=Warning")], None, self._events, "event", self._deadline)
            self._watches.append(watch)
            watch.start()

    def _take_turns(self):
        """Whose turn it is: there is news, or it is time to look again."""
        now = time.monotonic()
        turns, self._news = self._news, set()
        while self._due and self._due[0][0] <= now:
            _due, uid = heapq.heappop(self._due)
            self._next_turn.pop(uid, None)
            turns.add(uid)
        return turns

    def _look_again(self, due):
        """Let the workload that is being judged have another turn then, whatever happens."""
        if due < self._next_turn.get(self._judged, due + 1):
            self._next_turn[self._judged] = due
            heapq.heappush(self._due, (due, self._judged))

    def _timed_out(self, target):
        sentence = f"timed out after {self._deadline.seconds:.0f} s: {target.verdict().message}"
        if not observed(target.workload):
            sentence += f" {unobserved_for(target.workload)}"
        stuck = self._stuck.get(uid_of(target.workload))
        return f"{sentence}; {stuck.advice(target.workload)}" if stuck else sentence

    def _next_event(self):
        now = time.monotonic()
        timeout = min(self._deadline.left(), max(0.0, self._told_at + _REMINDER - now))
        if self._fail_fast and not self._asked:
            timeout = min(timeout, max(0.0, self._news_at + _SILENCE - now))
        if self._due:
            timeout = min(timeout, max(0.0, self._due[0][0] - now))
        try:
            self._take(self._deadline.get(self._events, timeout + 0.01))
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
        elif kind == "ERROR" and tag == "event":
            pass  # what they would say is for reading only
        elif kind == "ERROR":
            raise obj
        elif kind == "SYNC":
            if tag == "workload":
                present = {uid_of(o) for o in obj}
                for uid, target in self._targets.items():
                    if uid not in present:
                        self._news.add(uid)
                        target.give_up("it has been deleted")
            elif tag == "pod":
                self._forget_pods()
                self._verdicts.keep(uid_of(o) for o in obj)
                self._news.update(self._targets)
            for item in obj:
                self._take((tag, "ADDED", item))
        elif tag == "pod":
            self._see_pod(kind, obj)
        elif tag == "event":
            self._hear(obj)
        else:
            self._see_workload(kind, obj)

    def _see_workload(self, kind, obj):
        target = self._targets.get(uid_of(obj))
        if target is None:
            return
        obj["kind"] = target.workload["kind"]
        self._news.add(uid_of(obj))
        if kind == "DELETED":
            target.give_up("it has been deleted")
        # an event from before the answer to a request of ours tells nothing new
        elif age_of(obj) >= age_of(target.workload):
            target.workload = obj
            self._news_at = time.monotonic()

    def _see_pod(self, kind, pod, before=False):
        # only pods that may matter are kept: of hundreds of workloads nearly all are fine
        uid, owner = uid_of(pod), self._owner(pod)
        if owner is None:
            return
        if kind == "DELETED":
            self._verdicts.forget(uid)
        elif self._fail_fast:
            self._verdicts.see(pod, before, self._extra(pod))
        matters = kind != "DELETED" and not dig(pod, "metadata", "deletionTimestamp")
        if not matters:
            self._gone(pod)
        if self._replace:
            ready = condition(pod, "Ready").get("status") == "True"
            if ready:
                self._been_ready.add(uid)
            matters = matters and not ready
        else:
            matters = matters and bool(examine(pod) or starting(pod))
        if matters or uid in self._pods[owner].by_uid:
            # that it matters no more is news as well
            self._news.add(owner)
        if matters:
            self._pods[owner].put(pod)
            self._owner_of[uid] = owner
        else:
            self._pods[owner].remove(uid)
            self._owner_of.pop(uid, None)

    def _hear(self, event):
        about, reason = event.get("involvedObject") or {}, event.get("reason")
        uid = about.get("uid")
        if uid in self._targets and reason in _REFUSALS:
            self._said[uid] = event
            self._news.add(uid)
        elif about.get("kind") == "Pod" and reason in _MOUNTS:
            owner = self._owner_of.get(uid)
            if owner:
                pod = self._pods[owner].by_uid[uid]
                self._said[uid] = event
                self._repeated.setdefault(owner, set()).add(uid)
                self._verdicts.see(pod, extra=self._extra(pod))
                self._pods[owner].put(pod)
                self._news.add(owner)

    def _extra(self, pod):
        """What only events tell of a pod."""
        event = self._said.get(uid_of(pod))
        return [mount_finding(pod, event)] if event and starting(pod) else []

    def _owner(self, pod):
        """The uid of the workload that a pod belongs to, as far as the pod tells; None when it is another one."""
        ref = controller_ref(pod) or {}
        if ref.get("kind") != "ReplicaSet":
            return ref.get("uid") if ref.get("uid") in self._targets else None
        if len(self._targets) == 1:
            return next(iter(self._targets))
        # a ReplicaSet is named after its Deployment; whether it is really of that one is asked when the pod is judged
        return self._names.get(ref.get("name", "").removesuffix(f"-{dig(pod, 'metadata', 'labels', POD_TEMPLATE_HASH)}"))

    # -------------------------------------------------------------- verdict --
    def _is_done(self, target, done):
        return done(target) if done else target.verdict().phase == COMPLETE or self._pause_reached(target)

    def _judge(self, target, done):
        """Give up what has failed, do what there is to do; returns whether there is no more to wait for."""
        if target.failure:
            return False
        workload = target.workload
        self._judged = uid_of(workload)
        if target.changed and generation_of(workload) > target.generation and template_of(workload) != target.template:
            manager = _last_manager(workload, target.before)
            target.give_up(f"it was changed by somebody else{manager} while this task waited for it")
            return False
        if self._is_done(target, done):
            return True
        seen = target.verdict()
        if done is not None:
            return False
        if seen.phase != FAILED:
            self._first_seen.pop(("deadline", uid_of(workload)), None)
        else:
            if target.changed or self._lasted(("deadline", uid_of(workload)), _DEADLINE_CONFIRM):
                target.give_up(seen.message)
            return False
        if waits_for_deletion(workload):
            counts = replica_counts(workload)
            if observed(workload):
                target.give_up(
                    f"its updateStrategy is OnDelete: {counts['updated']} of {counts['desired']} pods run the new "
                    f"template, the others will when somebody deletes them; use wait: false",
                    failed=False,
                )
            return False
        if target.pause_count is not None and observed(workload):
            self._pausing.append(target)
        elif seen.phase == PAUSED:
            target.give_up(f"it is paused and goes on with state=resumed: {seen.message}", failed=False)
            return False
        if self._replace:
            self._replace_stuck_pod(target)
        if self._fail_fast and self._fail_fast.wanted:
            self._look_for_broken_pods(target)
        return False

    def _lasted(self, key, seconds):
        """Has something, first seen now or before, lasted so long?  If not, wake up when it will have."""
        due = self._first_seen.setdefault(key, time.monotonic()) + seconds
        if time.monotonic() >= due:
            return True
        self._look_again(due)
        return False

    def _look_for_broken_pods(self, target):
        uid = uid_of(target.workload)
        self._look_at_pods(uid)
        found = self._first_of_new(self._pods[uid].final, target)
        for pod in (self._pods[uid].by_uid[repeated] for repeated in self._repeated.get(uid, ()) if repeated in self._pods[uid].by_uid):
            # a kubelet looks only now and then whether what it mounts is there, so only what it says now counts
            said = self._verdicts.final(pod, self._extra(pod))
            if not found and said and self._is_new(_revision_key(pod), target):
                found = said
        if found:
            target.give_up(found.sentence())

    def _look_at_pods(self, uid):
        """Look at the pods of a workload of which there is news, and at those with which something has lasted by now.

        Of a thousand pods, one event is about one.
        """
        pods = self._pods[uid]
        for pod in pods.take_turns():
            final = self._verdicts.final(pod)
            telling, told = self._verdicts.telling(pod, self._extra(pod))
            pods.note(pod, final, telling)
            pods.look_again(pod, None if final else self._verdicts.due(pod), told)
        if pods.due:
            self._look_again(pods.due[0][0])

    def _first_of_new(self, found, target):
        """Of what was found with pods, by their revisions, the first that is about the one which is rolled out."""
        return next((next(iter(pods.values())) for key, pods in found.items() if pods and self._is_new(key, target)), None)

    def _reason(self, target):
        """What keeps a rollout from going on, and has done so for a while; None if nothing is known."""
        workload = target.workload
        if not self._fail_fast or not observed(workload):
            return None
        refused = refusal(workload)
        if refused is None and uid_of(workload) in self._said and lacks_pods(workload):
            refused = event_finding(workload, self._said[uid_of(workload)])
        if refused:
            return refused
        self._judged = uid_of(workload)
        self._look_at_pods(self._judged)
        return self._first_of_new(self._pods[self._judged].telling, target)

    def _is_new(self, key, target):
        """Is this the revision that is being rolled out?  A broken pod of an old one is no matter."""
        workload = target.workload
        if not observed(workload):
            return False
        if workload["kind"] == "StatefulSet":
            return key == dig(workload, "status", "updateRevision")
        known = self._newest.setdefault(uid_of(workload), {})
        if key not in known:
            # a revision that was not there before may be the newest one now, and no other
            known.update(dict.fromkeys([*known, key], False))
            try:
                current = Histories(self._api, [target]).current(workload)
            except ApiError as e:
                if e.code != 403:
                    raise
                self._do_without_revisions(e)
                return False
            if current is not None:
                known[current.uid if workload["kind"] == "Deployment" else current.pod_label[1]] = True
        return known[key]

    # ---------------------------------------------------------------- pausing --
    def _pause_reached(self, target):
        """Paused by pause_at, and the replicas that it asked for are there."""
        if target.pause_count is None or not dig(target.workload, "spec", "paused") or not observed(target.workload):
            return False
        new, _old = self._replica_sets(target)
        if dig(new, "status", "availableReplicas", default=0) >= target.pause_count:
            return True
        self._look_again(time.monotonic() + _LOOK)
        return False

    def _pause_at_once(self):
        """Pause what is to be, all of it together: as long as one waits for another, more of it is rolled out."""
        targets, self._pausing = self._pausing, []
        for_all(self._pause, [t for t in targets if not t.failure])
        for target in targets:
            self._judged = uid_of(target.workload)
            # one that cannot be paused has failed
            self._look_again(time.monotonic() + (0 if target.failure else _LOOK))

    def _pause(self, target):
        if dig(target.workload, "spec", "paused") or replica_counts(target.workload)["updated"] < target.pause_count:
            return
        new, old = self._replica_sets(target)
        if new and may_pause(target.workload, new, old, target.pause_count):
            try:
                pause_now(self._api, target, self._deadline)
            except TaskError as e:
                # what is wrong with one is no reason to let the others roll on
                target.give_up(str(e).removeprefix(target.name).lstrip(": ").rstrip("."))

    def _replica_sets(self, target):
        histories = Histories(self._api, [target])
        current = histories.current(target.workload)
        own = histories.owned_by(target.workload)
        new = next((o for o in own if current and uid_of(o) == current.uid), {})
        return new, [o for o in own if o is not new]

    # ------------------------------------------------------- stuck StatefulSet --
    def replace_stuck_pods(self, targets):
        """Once, for whoever does not wait."""
        for target in targets:
            self._judged = uid_of(target.workload)
            self._replace_stuck_pod(target)
            stuck = self._stuck.get(self._judged)
            if stuck:
                self.warnings.append(f"{target.name}: {stuck.advice(target.workload)}.")

    def _replace_stuck_pod(self, target):
        """Remove the pod that a StatefulSet waits for in vain, if that is all it waits for (see stuck.py)."""
        uid, now = uid_of(target.workload), time.monotonic()
        if not self._may_be_stuck(target):
            self._stuck.pop(uid, None)
            return
        due = self._looked_at.get(uid, now - _LOOK) + _LOOK
        if now < due:
            self._look_again(due)
            return
        self._looked_at[uid] = now
        self._look_again(now + _LOOK)
        stuck = self._look_for_stuck_pod(target)
        if stuck and uid_of(stuck.pod) in self._kept:
            stuck = replace(stuck, kept=self._kept[uid_of(stuck.pod)])
        if stuck and not stuck.kept and self._lasted(("stuck", uid_of(stuck.pod)), patience(stuck.pod)):
            stuck = self._remove(target, stuck)
        if stuck and stuck.kept and not self._stuck.get(uid):
            self._progress(f"{target.name}: {stuck.advice(target.workload)}")
        self._stuck[uid] = stuck

    def _may_be_stuck(self, target):
        workload = target.workload
        if not waits_for_each(workload) or not observed(workload):
            return False
        pods = self._pods[uid_of(workload)].by_uid.values()
        return any(wanted_revision(workload, ordinal_of(workload, pod) or 0) not in (None, revision_of(pod)) for pod in pods)

    def _look_for_stuck_pod(self, target):
        """Events may be late: what is decided on is what is there now."""
        try:
            workload = {**self._api.get(target.path), "kind": target.workload["kind"]}
            query = [("labelSelector", selector_string(dig(workload, "spec", "selector", default={})))]
            pods, _version = self._api.list(pods_path(namespace_of(workload)), query)
        except ApiError as e:
            # that it is gone, an event tells
            if e.code not in (403, 404):
                raise
            return None
        # another one of its name is nobody's business here
        return stuck_pod(workload, pods, self._been_ready) if uid_of(workload) == uid_of(target.workload) else None

    def _remove(self, target, stuck):
        """Take the pod away as long as it is as it was looked at; what is returned is what is left to say.

        A disruption budget may forbid for ever what costs nothing, as the one of a single replica: then it is not asked.
        """
        pod = stuck.pod
        self._going[uid_of(pod)] = target
        try:
            try:
                gone = self._api.evict(pod)
            except Fault as fault:
                if not fault.budget:
                    return stuck
                gone = self._delete(pod)
            except ApiError as e:
                # whoever may delete pods needs no right to evict them; any other no is one
                if e.code != 403 or " cannot create resource " not in str(e):
                    raise
                gone = self._delete(pod)
        except ApiError as e:
            del self._going[uid_of(pod)]
            self._kept[uid_of(pod)] = str(e).rstrip(".")
            return replace(stuck, kept=self._kept[uid_of(pod)])
        if gone:
            self._gone(pod)
        # one that has changed since is looked at again
        return None

    def _gone(self, pod):
        """A pod is on its way; where the answer to our request was lost, an event tells."""
        target = self._going.pop(uid_of(pod), None)
        if target:
            target.replaced.append(name_of(pod))
            self._pods[uid_of(target.workload)].remove(uid_of(pod))
            self._progress(f"{target.name}: removed pod {name_of(pod)}, which it waited for in vain")

    def _delete(self, pod):
        path = object_path(CORE, namespace_of(pod), "pods", name_of(pod))
        return self._api.delete(path, uid_of(pod), resource_version=pod["metadata"]["resourceVersion"])

    # --------------------------------------------------------------- progress --
    def _tell(self, targets, open_targets):
        """One line per change, and a reminder when nothing changes."""
        now = time.monotonic()
        if now < self._quiet_until:
            return
        due = bool(open_targets) and now - self._told_at >= _REMINDER
        if len(targets) > 10:
            if open_targets and now - self._told_at < 1:
                return
            finished = f"{len(targets) - len(open_targets)} of {len(targets)} rollouts are finished"
            lines = {"": (finished, next(iter(open_targets.values())) if due else None)}
        else:
            lines = {uid_of(t.workload): (f"{t.name}: {t.verdict().message}", t) for t in targets if not t.failure}
        for key, (line, target) in lines.items():
            reason = self._reason(target) if target and uid_of(target.workload) in open_targets else None
            # a pull that fails shows itself in two states, which would be told again and again
            news = line, reason.key if reason and key else None
            if news != self._told.get(key) or due:
                self._told[key] = news
                self._told_at = now
                if reason:
                    line += f"{'' if key else f'; {target.name}:'} {message(reason.sentence(), target.workload)}"
                self._progress(line)


def pause_now(api, target, deadline):
    """Pause a Deployment without losing sight of what it rolls out."""
    template = target.template

    def pause(workload):
        target.paused = not dig(workload, "spec", "paused")
        if not target.paused:
            return []
        if template_of(workload) != template:
            raise TaskError(f"{target.name} was changed by somebody else while this task waited for it.")
        return guarded(workload, [{"op": "add", "path": "/spec/paused", "value": True}])

    write(api, target, pause, deadline)


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
