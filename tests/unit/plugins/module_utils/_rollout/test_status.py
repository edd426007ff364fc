# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import status

from .builders import condition, workload

UNOBSERVED = "Waiting for deployment spec update to be observed..."
DEADLINE = 'deployment "web" exceeded its progress deadline'
DONE = 'deployment "web" successfully rolled out'
ON_DELETE = "rollout status is only available for RollingUpdate strategy type"


def waiting(noun, sentence):
    return f'Waiting for {noun} "web" rollout to finish: {sentence}...'


def deployment(replicas, updated, total, available, **more):
    counts = {"updatedReplicas": updated, "replicas": total, "availableReplicas": available}
    return workload(replicas=replicas, status={**counts, **more.pop("status", {})}, **more)


def exceeded(updated="2026-01-01T00:00:00Z"):
    return {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded", updated=updated)]}


# the rows of one block are in the order of the tests, so that each row would also fail the ones below it
@pytest.mark.parametrize(
    "obj, phase, message",
    [
        (deployment(3, 1, 4, 1, generation=2, observed=1, status=exceeded()), "progressing", UNOBSERVED),
        (deployment(3, 1, 4, 1, status=exceeded()), "failed", DEADLINE),
        (
            deployment(3, 1, 4, 0),
            "progressing",
            waiting("deployment", "1 out of 3 new replicas have been updated"),
        ),
        (deployment(3, 3, 5, 1), "progressing", waiting("deployment", "2 old replicas are pending termination")),
        (deployment(3, 3, 3, 2), "progressing", waiting("deployment", "2 of 3 updated replicas are available")),
        (deployment(3, 3, 3, 3), "complete", DONE),
        # scaled down in the middle: more updated ones than asked for, all available
        (deployment(2, 3, 3, 3), "complete", DONE),
        (deployment(0, 0, 0, 0), "complete", DONE),
        (deployment(0, 0, 2, 2), "progressing", waiting("deployment", "2 old replicas are pending termination")),
    ],
    ids=[
        "unobserved",
        "deadline",
        "not all updated",
        "old ones left",
        "not all available",
        "complete",
        "more than desired",
        "zero replicas",
        "scaling to zero",
    ],
)
def test_deployment(obj, phase, message):
    assert status.verdict(obj) == status.Verdict(phase, message)


@pytest.mark.parametrize(
    "counts",
    [(3, 0, 3, 3), (3, 0, 0, 0), (3, 1, 3, 3), (3, 2, 3, 3)],
    ids=["Recreate before", "Recreate between", "maxSurge 0 first", "maxSurge 0 second"],
)
def test_states_in_the_middle_of_a_rollout_that_kubernetes_core_takes_for_its_end(counts):
    assert status.verdict(deployment(*counts)).phase == "progressing"


@pytest.mark.parametrize(
    "obj, phase, message",
    [
        (deployment(3, 1, 3, 3, paused=True), "paused", waiting("deployment", "1 out of 3 new replicas have been updated")),
        (deployment(3, 3, 4, 3, paused=True), "paused", waiting("deployment", "1 old replicas are pending termination")),
        (deployment(3, 3, 3, 1, paused=True), "paused", waiting("deployment", "1 of 3 updated replicas are available")),
        (deployment(3, 3, 3, 3, paused=True), "complete", DONE),
        (deployment(3, 1, 3, 3, paused=True, generation=2, observed=1), "progressing", UNOBSERVED),
    ],
    ids=["not all updated", "old ones left", "not all available", "nothing pending", "not yet seen by the controller"],
)
def test_paused_deployment(obj, phase, message):
    assert status.verdict(obj) == status.Verdict(phase, message)


@pytest.mark.parametrize(
    "conditions, stale, phase",
    [
        (exceeded("T1"), None, "failed"),
        (exceeded("T1"), "T1", "progressing"),
        (exceeded("T2"), "T1", "failed"),
        ({"conditions": [condition("Progressing", "True", "ReplicaSetUpdated", updated="T1")]}, None, "progressing"),
        ({"conditions": [condition("Available", "False", "ProgressDeadlineExceeded", updated="T1")]}, None, "progressing"),
    ],
    ids=["ours", "left from the rollout before", "newer than the one before", "progressing", "another condition"],
)
def test_deadline_is_believed_unless_it_is_stale(conditions, stale, phase):
    obj = deployment(3, 1, 4, 3, status=conditions)
    assert status.verdict(obj, stale_deadline=stale).phase == phase


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"lastUpdateTime": "T2", "lastTransitionTime": "T1"}, "T2"),
        ({"lastTransitionTime": "T1"}, "T1"),
        ({}, ""),
    ],
)
def test_deadline_time(fields, expected):
    obj = workload(status={"conditions": [{**condition("Progressing", "False", "ProgressDeadlineExceeded"), **fields}]})
    assert status.deadline_time(obj) == expected


def test_deadline_time_without_one():
    assert status.deadline_time(workload()) is None


def daemon_set(desired, updated, available, **more):
    counts = {"desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": available}
    return workload("DaemonSet", status={**counts, "numberReady": desired}, **more)


@pytest.mark.parametrize(
    "obj, phase, message",
    [
        (
            daemon_set(3, 1, 1, generation=2, observed=1),
            "progressing",
            "Waiting for daemon set spec update to be observed...",
        ),
        (daemon_set(3, 1, 1), "progressing", waiting("daemon set", "1 out of 3 new pods have been updated")),
        # ready, but for less than minReadySeconds
        (daemon_set(3, 3, 1), "progressing", waiting("daemon set", "1 of 3 updated pods are available")),
        (daemon_set(3, 3, 3), "complete", 'daemon set "web" successfully rolled out'),
        (daemon_set(0, 0, 0), "complete", 'daemon set "web" successfully rolled out'),
        (daemon_set(3, 1, 3, updateStrategy={"type": "OnDelete"}), "progressing", ON_DELETE),
        (daemon_set(3, 3, 3, updateStrategy={"type": "OnDelete"}), "complete", ON_DELETE),
    ],
    ids=["unobserved", "not all updated", "not all available", "complete", "no node", "OnDelete pending", "OnDelete done"],
)
def test_daemon_set(obj, phase, message):
    assert status.verdict(obj) == status.Verdict(phase, message)


def stateful_set(replicas, ready, updated, partition=0, **more):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    return workload(
        "StatefulSet",
        replicas=replicas,
        status={"readyReplicas": ready, "updatedReplicas": updated, "availableReplicas": ready},
        **{"updateStrategy": strategy, **more},
    )


@pytest.mark.parametrize(
    "obj, phase, message",
    [
        (
            stateful_set(3, 1, 1, generation=2, observed=1),
            "progressing",
            "Waiting for statefulset spec update to be observed...",
        ),
        (stateful_set(3, 1, 1, observed=0), "progressing", "Waiting for statefulset spec update to be observed..."),
        (stateful_set(3, 1, 1), "progressing", "Waiting for 2 pods to be ready..."),
        (
            stateful_set(3, 3, 1),
            "progressing",
            "Waiting for partitioned roll out to finish: 1 out of 3 new pods have been updated...",
        ),
        (
            stateful_set(3, 3, 0, partition=2),
            "progressing",
            "Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...",
        ),
        (stateful_set(3, 3, 1, partition=2), "complete", "partitioned roll out complete: 1 new pods have been updated..."),
        (stateful_set(3, 3, 0, partition=5), "complete", "partitioned roll out complete: 0 new pods have been updated..."),
        (stateful_set(3, 3, 3), "complete", "partitioned roll out complete: 3 new pods have been updated..."),
        (stateful_set(3, 3, 0, updateStrategy={"type": "OnDelete"}), "progressing", ON_DELETE),
        (stateful_set(3, 3, 3, updateStrategy={"type": "OnDelete"}), "complete", ON_DELETE),
        (stateful_set(3, 3, 3, updateStrategy={"type": "Recreate"}), "complete", ON_DELETE),
    ],
    ids=[
        "unobserved",
        "never observed",
        "not all ready",
        "not all updated",
        "partition pending",
        "partition done",
        "partition beyond replicas",
        "complete",
        "OnDelete pending",
        "OnDelete done",
        "Recreate",
    ],
)
def test_stateful_set(obj, phase, message):
    assert status.verdict(obj) == status.Verdict(phase, message)


def test_an_unobserved_spec_names_both_generations():
    sentence = status.unobserved_for(workload(generation=7, observed=5))
    assert "generation 7" in sentence and "last saw 5" in sentence
