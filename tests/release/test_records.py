# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records and locks on a real API server; the clocks of the runs are the test's."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import record as r
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import records
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.records import Lost, Records

ID = "0123456789abcdef"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Run:
    """One run of a release."""

    def __init__(self, connect, namespace, name):
        self.clock, self.api = Clock(), connect()
        self.which = r.Identity("slipway.kubernetes.app", "shop", namespace)
        self.records = Records(self.api, self.which, namespace, name, self.clock)

    def take(self, revision=None, **changes):
        heads = self.records.heads()
        newest = r.revision_of(heads[-1]) if heads else 0
        facts = {"user": "me", "origin": self.records.run}
        self.record = r.Record(self.which, ID, revision or newest + 1, facts=facts, **changes)
        return self.records.take(self.record)

    def finish(self, outcome=r.DEPLOYED, **changes):
        self.records.finish(replace(self.record, outcome=outcome, **changes))

    def outcomes(self):
        return [head["metadata"]["labels"][r.OUTCOME] for head in self.records.heads()]

    def secrets(self):
        return {item["metadata"]["name"] for item in self.api.metadata(f"/api/v1/namespaces/{self.which.namespace}/secrets")}


@pytest.fixture
def run(connect, namespace):
    return lambda name: Run(connect, namespace, name)


def large(count=30, size=60_000):
    return tuple(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"}, "data": {"x": os.urandom(size).hex()}}
        for number in range(count)
    )


def test_a_record_is_taken_finished_and_read(run):
    one = run("one")
    assert one.records.heads() == [] and one.take()
    assert one.outcomes() == ["pending"]
    one.finish(objects=large(1, 10))
    assert one.outcomes() == ["deployed"]
    read = one.records.read(one.records.heads()[0])
    assert (read.id, read.revision, read.outcome, len(read.objects)) == (ID, 1, "deployed", 1)


def test_one_that_is_larger_than_a_secret(run):
    one, objects = run("one"), large()
    assert one.take(objects=objects) and len(one.secrets()) > 2
    assert one.records.read(one.records.heads()[0]).objects == objects
    one.finish(objects=objects[:-1])
    assert one.records.read(one.records.heads()[0]).objects == objects[:-1]
    # the parts of the pending one are gone
    head = one.api.get(one.records._path(one.records.heads()[0]["metadata"]["name"]))
    assert one.secrets() == {head["metadata"]["name"], *r.parts_of(head)}


def test_of_many_runs_one_has_the_lock(run):
    runs = [run(f"run{number}") for number in range(8)]
    barrier = threading.Barrier(8)

    def take(each):
        barrier.wait()
        return each.take(revision=1, objects=large(20))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, runs))
    assert taken.count(True) == 1
    winner = runs[taken.index(True)]
    assert winner.records.read(winner.records.heads()[0]).facts["origin"] == winner.records.run
    # the others have left nothing behind
    head = winner.api.get(winner.records._path(winner.records.heads()[0]["metadata"]["name"]))
    assert winner.secrets() == {head["metadata"]["name"], *r.parts_of(head)}


def test_the_lock_is_of_what_was_looked_at(run):
    """Whoever comes with what it has seen before another run is to look again."""
    slow, fast = run("slow"), run("fast")
    assert fast.take()
    fast.finish()
    assert not slow.take(revision=1)
    assert slow.take(revision=2)


def test_another_run_waits_and_says_for_whom(run):
    holder, other, lines = run("holder"), run("other"), []
    assert holder.take()
    head = other.records.heads()[0]
    with pytest.raises(TaskError, match=r"release shop in namespace \S+ is still being worked on by me \(holder\) since 20\S+Z; run this again"):
        other.records.wait(head, Deadline(1.5), lines.append)
    assert len(lines) == 1
    waiting = threading.Thread(target=lambda: other.records.wait(head, Deadline(30), lines.append))
    waiting.start()
    holder.finish()
    waiting.join(10)
    assert not waiting.is_alive() and other.outcomes() == ["deployed"]


class Hurried(Clock):
    """A minute a second."""

    def __call__(self):
        self.now += 4
        return self.now


def test_a_lock_whose_holder_is_gone_is_taken_over_and_a_holder_that_wakes_sends_nothing(run):
    holder, other = run("holder"), run("other")
    assert holder.take(intended=(r.Entry("v1", "ConfigMap", "web", "a"),))
    other.records._clock = Hurried()
    head = other.records.heads()[0]
    other.records.wait(head, Deadline(60), print)
    assert other.outcomes() == ["failed"]
    # what it was about to make is known
    assert [entry.name for entry in other.records.read(head).next(2).inventory] == ["a"]
    assert other.take()
    holder.clock.now = 14
    holder.records.check()
    holder.clock.now = 16
    with pytest.raises(Lost, match="another run has taken it over"):
        holder.records.check()
    with pytest.raises(Lost):
        holder.finish()
    other.finish()
    assert other.outcomes() == ["failed", "deployed"]


def test_a_holder_that_renews_keeps_it(run):
    holder, other = run("holder"), run("other")
    assert holder.take()
    other.records._clock = Hurried()
    head, stop = other.records.heads()[0], threading.Event()

    def renew():
        while not stop.wait(0.5):
            holder.records._renew()

    renewing = threading.Thread(target=renew)
    renewing.start()
    with pytest.raises(TaskError, match="still being worked on"):
        other.records.wait(head, Deadline(8), print)
    stop.set()
    renewing.join()
    assert other.outcomes() == ["pending"]


def test_a_holder_that_cannot_renew_stops(run, monkeypatch):
    holder = run("holder")
    assert holder.take()
    holder.clock.now = 16

    def unreachable(*args):
        raise records.Fault("the API server cannot be reached", answered=False)

    monkeypatch.setattr(holder.api, "patch", unreachable)
    with pytest.raises(Lost, match="could not be renewed for 15 s"):
        holder.records.check()


def test_it_is_renewed_while_it_is_held(run, monkeypatch):
    monkeypatch.setattr(records, "RENEW", 0.2)
    holder = run("holder")
    assert holder.take()
    with holder.records.held():
        threading.Event().wait(1)
    renewals = int(holder.records.heads()[0]["metadata"]["annotations"][r.RENEWALS])
    assert renewals >= 3
    holder.finish()


def test_history_is_pruned_but_for_what_is_needed(run):
    one = run("one")
    for outcome in ["failed"] * 5 + ["deployed"] * 4 + ["failed"] * 2:
        assert one.take(objects=large(20) if outcome == "failed" else ())
        one.finish(outcome, objects=one.record.objects)
    one.records.forget(one.records.heads(), 2)
    assert one.outcomes() == ["failed", "deployed", "deployed", "failed", "failed"]
    kept = one.secrets()
    for head in one.records.heads():
        whole = one.api.get(one.records._path(head["metadata"]["name"]))
        kept -= {whole["metadata"]["name"], *r.parts_of(whole)}
    assert kept == set()
    # the newest deployed one stays, whatever the limit
    one.records.forget(one.records.heads(), 0)
    assert "deployed" in one.outcomes()


def test_another_owner_and_foreign_secrets_are_not_seen(run):
    one, other = run("one"), run("other")
    other.which = other.records.which = r.Identity("elsewhere.app", "shop", one.which.namespace)
    assert one.take() and other.take()
    assert len(one.records.heads()) == len(other.records.heads()) == 1
    stranger = {"metadata": {"name": "stranger", "labels": {r.RECORD: one.which.digest}}}
    one.api.post(one.records._path(), stranger)
    assert len(one.records.heads()) == 1
