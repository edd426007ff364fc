# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pod of a StatefulSet may be removed so that its controller goes on."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import stuck

from .builders import condition, owned_by, workload

OLD, NEW = "db-1111", "db-2222"
BEGAN = "2026-01-01T10:00:{:02}Z"


def stateful_set(observed=2, current=OLD, updated=NEW, replicas=3, partition=0, strategy="RollingUpdate", **spec):
    rolling = {"rollingUpdate": {"partition": partition}} if strategy == "RollingUpdate" else {}
    status = {"currentRevision": current, "updateRevision": updated}
    obj = workload("StatefulSet", None, 2, observed, status, replicas=replicas, updateStrategy={"type": strategy, **rolling}, **spec)
    obj["metadata"]["name"] = "db"
    return obj


def pod(ordinal, revision=OLD, ready=True, made=10, began=None, changed=None, waiting=None, ended=None, phase="Running", owner=None, **metadata):
    """A pod; one that is not ready has never been so, unless changed says when that changed."""
    began = made if began is None else began
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {
        "phase": phase,
        "startTime": BEGAN.format(began),
        "conditions": [
            {**condition("Ready", "True" if ready else "False"), "lastTransitionTime": BEGAN.format(began if changed is None else changed)}
        ],
        "containerStatuses": [{"name": "db", "state": state, "lastState": {"terminated": {"exitCode": ended}} if ended else {}}],
    }
    return {
        "metadata": {
            "name": f"db-{ordinal}",
            "namespace": "shop",
            "uid": f"uid-db-{ordinal}",
            "creationTimestamp": BEGAN.format(made),
            "labels": {"controller-revision-hash": revision},
            "ownerReferences": owned_by("StatefulSet", uid=owner),
            **metadata,
        },
        "spec": {"containers": [{"name": "db"}]},
        "status": status,
    }


def broken(ordinal, **options):
    return pod(ordinal, ready=False, waiting="CrashLoopBackOff", **options)


PENDING = {**broken(2), "status": {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")]}}
UNDATED = broken(2)
del UNDATED["status"]["conditions"][0]["lastTransitionTime"]

REMOVED = {
    "the highest one crashes": ([pod(0), pod(1), broken(2)], {}),
    "the lowest one crashes, and no other was ever made": ([broken(0)], {}),
    "one in between crashes, those above were made before": ([pod(0), broken(1, made=20), pod(2, revision=NEW)], {}),
    "all of a single replica": ([broken(0)], {"replicas": 1}),
    "an undo: the revision it goes back to is an old one again": ([pod(0), pod(1), broken(2, revision=NEW)], {"current": OLD, "updated": OLD}),
    "never scheduled": ([pod(0), pod(1), PENDING], {}),
    "waits for its first probe": ([pod(0), pod(1), pod(2, ready=False)], {}),
    "at the partition": ([pod(0), pod(1), broken(2)], {"partition": 2}),
    "below the partition, of neither revision": ([pod(0), broken(1, revision="db-3333", made=20), pod(2)], {"partition": 2}),
    "numbers that begin at 5": ([pod(5), pod(6), broken(7)], {"ordinals": {"start": 5}}),
    "the times of one moment in two seconds": ([pod(0), pod(1), broken(2, changed=11)], {}),
    "beside pods of others with its labels": ([pod(0), pod(1), broken(2), broken(0, owner="another")], {}),
    "minReadySeconds": ([pod(0), pod(1), broken(2)], {"minReadySeconds": 30}),
    "two may be unavailable": ([pod(0), pod(1), broken(2)], {"maxUnavailable": 2}),
}
KEPT = {
    "another one is not ready": ([pod(0, ready=False, changed=30), pod(1), broken(2)], {}, "db-0", "db-2 is not ready either"),
    "two others are not ready": ([broken(0), broken(1), broken(2)], {}, "db-0", "db-1, db-2 are not ready either"),
    "another one is going": ([broken(0), pod(1, deletionTimestamp="T")], {}, "db-0", "db-1 is not ready either"),
    "one too many is not ready": ([pod(0), broken(1), broken(3)], {}, "db-1", "db-3 is not ready either"),
    "it is unready for a moment": ([pod(0, ready=False, changed=40), pod(1), pod(2)], {}, "db-0", "it has been ready before"),
    "it crashes after it was ready": ([pod(0), pod(1), broken(2, changed=40)], {}, "db-2", "it has been ready before"),
    "it was seen ready": ([pod(0), pod(1), broken(2)], {"been_ready": {"uid-db-2"}}, "db-2", "it has been ready before"),
    "one above it was made later": ([broken(0), pod(1, made=20)], {}, "db-0", "it has been ready before"),
    "nobody tells": ([pod(0), pod(1), UNDATED], {}, "db-2", "it has been ready before"),
}
NOTHING = {
    "all are ready": ([pod(0), pod(1), pod(2)], {}),
    "none is there": ([], {}),
    "of the revision that it goes to": ([pod(0), pod(1), broken(2, revision=NEW)], {}),
    "the first that is not ready is of that revision": ([broken(0, revision=NEW), pod(1), broken(2)], {}),
    "not observed": ([pod(0), pod(1), broken(2)], {"observed": 1}),
    "Parallel: its controller waits for none": ([pod(0), pod(1), broken(2)], {"podManagementPolicy": "Parallel"}),
    "OnDelete: that is for people": ([pod(0), pod(1), broken(2)], {"strategy": "OnDelete"}),
    "below the partition, of the old revision": ([pod(0), broken(1), pod(2, made=5)], {"partition": 2}),
    "one below it is missing": ([pod(0), broken(2)], {}),
    "it is going": ([pod(0), pod(1), broken(2, deletionTimestamp="T")], {}),
    "it has failed, and is made anew": ([pod(0), pod(1), broken(2, phase="Failed")], {}),
    "one too many": ([pod(0), pod(1), pod(2), broken(3)], {}),
    "another set's": ([pod(0), pod(1), broken(2, owner="another")], {}),
    "no member's name": ([pod(0), pod(1), pod(2), broken("x")], {}),
    "no status": ([pod(0), pod(1), broken(2)], {"updated": None}),
}


def ask(pods, options):
    options = dict(options)
    been_ready = options.pop("been_ready", ())
    return stuck.stuck_pod(stateful_set(**options), pods, been_ready)


@pytest.mark.parametrize("pods, options", REMOVED.values(), ids=REMOVED)
def test_what_is_removed(pods, options):
    found = ask(pods, options)
    assert found is not None and found.kept is None
    assert found.pod["status"] == next(p for p in pods if not stuck.is_ready(p))["status"]


@pytest.mark.parametrize("pods, options, name, reason", KEPT.values(), ids=KEPT)
def test_what_is_only_told(pods, options, name, reason):
    found = ask(pods, options)
    assert (found.pod["metadata"]["name"], found.kept) == (name, reason)
    assert found.advice(stateful_set()) == (
        f"pod {name} is of an old revision and not ready, StatefulSet shop/db goes on only without it, and is not removed by itself "
        f"because {reason}; kubectl delete pod {name} --namespace shop replaces it"
    )


@pytest.mark.parametrize("pods, options", NOTHING.values(), ids=NOTHING)
def test_what_does_not_hold_it_up(pods, options):
    assert ask(pods, options) is None


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_other_kinds_wait_for_no_pod(kind):
    assert stuck.stuck_pod(workload(kind), [broken(0)]) is None


SLOW = {"startupProbe": {"failureThreshold": 30, "periodSeconds": 10}}
PATIENCE = {
    "crashes": (broken(0), 0),
    "has crashed": (pod(0, ready=False, ended=1), 0),
    "cannot be scheduled": (PENDING, 0),
    "its image is being pulled": (pod(0, ready=False, waiting="ContainerCreating"), 20),
    "runs, not ready": (pod(0, ready=False), 20),
    "has a startup probe": ({**pod(0, ready=False), "spec": {"containers": [{"name": "db", **SLOW}]}}, 300),
    "crashes in spite of it": ({**broken(0), "spec": {"containers": [{"name": "db", **SLOW}]}}, 0),
    "has probes that begin late": (
        {**pod(0, ready=False), "spec": {"containers": [{"name": "db", "readinessProbe": {"initialDelaySeconds": 60}}]}}, 70
    ),
}


@pytest.mark.parametrize("found, seconds", PATIENCE.values(), ids=PATIENCE)
def test_how_long_it_may_take_to_become_ready(found, seconds):
    assert stuck.patience(found) == seconds
