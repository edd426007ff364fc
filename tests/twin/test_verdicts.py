# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules say about a rollout, beside kubectl rollout status."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from .workbench import stopped, wait_for, workload

BROKEN = "registry.test/app:never-ready"
ON_DELETE = "rollout status is only available for RollingUpdate strategy type"
#: states per kind whose status is written by the test
WRITTEN = 40


def kubectl_says(bench, kind, name):
    """The line of kubectl rollout status for the state as it is."""
    ran = bench.kubectl("rollout", "status", f"{kind.lower()}/{name}", "--watch=false")
    if ran.code:
        return ran.err.removeprefix("error: ")
    assert len(ran.out.splitlines()) == 1, ran
    return ran.out


def we_say(bench, kind, name):
    [info] = bench.ours("rollout_info", kind, name)["rollouts"]
    return info


@dataclass(frozen=True)
class State:
    """A state of rest that the controllers bring about, and how waiting for its rollout ends for kubectl and for us."""

    name: str
    kind: str
    line: str
    kubectl: bool
    ours: bool
    spec: dict = field(default_factory=dict)
    template: dict = field(default_factory=dict)
    replicas: int = 2
    #: patches, each applied when the state before it has come to rest
    then: tuple = ()


def rolling(**limits):
    return {"type": "RollingUpdate", "rollingUpdate": limits}


_BREAK = ("break",)
_UPDATE = ("update",)
_PAUSE = {"spec": {"paused": True}}
_NOWHERE = {"nodeSelector": {"example.com/no": "such-node"}}
STATES = [
    State("complete", "Deployment", 'deployment "{}" successfully rolled out', True, True),
    State("no-replicas", "Deployment", 'deployment "{}" successfully rolled out', True, True, replicas=0),
    State(
        "no-replicas-broken", "Deployment", 'deployment "{}" successfully rolled out', True, True, replicas=0, then=_BREAK
    ),
    State(
        "rolling",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 1 out of 2 new replicas have been updated...',
        False,
        False,
        spec={"strategy": rolling(maxSurge=1, maxUnavailable=0)},
        then=_BREAK,
    ),
    State(
        "no-surge",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 1 out of 3 new replicas have been updated...',
        False,
        False,
        spec={"strategy": rolling(maxSurge=0, maxUnavailable=1)},
        replicas=3,
        then=_BREAK,
    ),
    State(
        "surging",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 2 old replicas are pending termination...',
        False,
        False,
        spec={"strategy": rolling(maxSurge="100%", maxUnavailable=0)},
        then=_BREAK,
    ),
    State(
        "recreating",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 0 of 2 updated replicas are available...',
        False,
        False,
        spec={"strategy": {"type": "Recreate"}},
        then=_BREAK,
    ),
    # on purpose: kubectl waits for a paused rollout until its time is up, ours says at once that it is paused
    State(
        "paused",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 0 out of 2 new replicas have been updated...',
        False,
        False,
        then=(_PAUSE, "update"),
    ),
    State("paused-complete", "Deployment", 'deployment "{}" successfully rolled out', True, True, then=(_PAUSE,)),
    State(
        "unschedulable",
        "Deployment",
        'Waiting for deployment "{}" rollout to finish: 0 of 2 updated replicas are available...',
        False,
        False,
        template=_NOWHERE,
    ),
    State("complete", "DaemonSet", 'daemon set "{}" successfully rolled out', True, True),
    State("no-nodes", "DaemonSet", 'daemon set "{}" successfully rolled out', True, True, template=_NOWHERE),
    State(
        "rolling",
        "DaemonSet",
        'Waiting for daemon set "{}" rollout to finish: 1 out of 3 new pods have been updated...',
        False,
        False,
        then=_BREAK,
    ),
    State(
        "all-at-once",
        "DaemonSet",
        'Waiting for daemon set "{}" rollout to finish: 0 of 3 updated pods are available...',
        False,
        False,
        spec={"updateStrategy": rolling(maxUnavailable="100%")},
        then=_BREAK,
    ),
    # on purpose: kubectl refuses OnDelete; ours looks whether the pods have all been replaced
    State("on-delete", "DaemonSet", ON_DELETE, False, False, spec={"updateStrategy": {"type": "OnDelete"}}, then=_UPDATE),
    State("on-delete-complete", "DaemonSet", ON_DELETE, False, True, spec={"updateStrategy": {"type": "OnDelete"}}),
    State("complete", "StatefulSet", "partitioned roll out complete: 2 new pods have been updated...", True, True),
    State("no-replicas", "StatefulSet", "partitioned roll out complete: 0 new pods have been updated...", True, True, replicas=0),
    State("rolling", "StatefulSet", "Waiting for 1 pods to be ready...", False, False, then=_BREAK),
    State(
        "parallel",
        "StatefulSet",
        "Waiting for 2 pods to be ready...",
        False,
        False,
        spec={"podManagementPolicy": "Parallel"},
        template={"containers": [{"name": "app", "image": BROKEN}]},
    ),
    State(
        "partition",
        "StatefulSet",
        "partitioned roll out complete: 1 new pods have been updated...",
        True,
        True,
        spec={"updateStrategy": rolling(partition=1)},
        then=_UPDATE,
    ),
    State(
        "partition-rolling",
        "StatefulSet",
        "Waiting for 1 pods to be ready...",
        False,
        False,
        spec={"updateStrategy": rolling(partition=1)},
        then=_BREAK,
    ),
    State(
        "partition-above",
        "StatefulSet",
        "partitioned roll out complete: 0 new pods have been updated...",
        True,
        True,
        spec={"updateStrategy": rolling(partition=5)},
        then=_BREAK,
    ),
    State("on-delete", "StatefulSet", ON_DELETE, False, False, spec={"updateStrategy": {"type": "OnDelete"}}, then=_UPDATE),
    State("on-delete-complete", "StatefulSet", ON_DELETE, False, True, spec={"updateStrategy": {"type": "OnDelete"}}),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{state.kind}-{state.name}")
def test_a_state_of_rest(bench, state):
    name = f"{state.kind.lower()}-{state.name}"
    bench.create(workload(state.kind, name, state.replicas, spec=state.spec, template_spec=state.template))
    for change in state.then:
        bench.view(state.kind, name)
        if isinstance(change, dict):
            bench.patch(state.kind, name, change)
        else:
            bench.set_image(state.kind, name, BROKEN if change == "break" else "registry.test/app:2")
    line = state.line.format(name)
    # pods that cannot be scheduled never come to rest
    wait_for(lambda: kubectl_says(bench, state.kind, name) == line, line)
    # of an OnDelete workload kubectl says the same before its pods are there
    wait_for(lambda: (we_say(bench, state.kind, name)["phase"] == "complete") == state.ours, f"complete: {state.ours}")
    info = we_say(bench, state.kind, name)
    assert info["message"] == line
    waited = bench.kubectl("rollout", "status", f"{state.kind.lower()}/{name}", "--timeout=1s")
    assert (waited.code == 0) == state.kubectl, waited
    waited = bench.ours("rollout", state.kind, name, wait_timeout=1)
    assert not waited["changed"] and waited.get("failed", False) != state.ours, waited
    if info["paused"] and not state.ours:
        assert info["phase"] == "paused" and "it is paused" in waited["msg"] and "timed out" not in waited["msg"]


def test_a_deadline_that_has_passed(bench):
    spec = {"progressDeadlineSeconds": 1}
    bench.create(workload("Deployment", "late", template_spec={"containers": [{"name": "app", "image": BROKEN}]}, spec=spec))
    line = 'deployment "late" exceeded its progress deadline'
    wait_for(lambda: kubectl_says(bench, "Deployment", "late") == line, line)
    info = we_say(bench, "Deployment", "late")
    assert (info["phase"], info["message"]) == ("failed", line)
    assert bench.kubectl("rollout", "status", "deployment/late").code == 1
    waited = bench.ours("rollout", "Deployment", "late", fail_fast=False)
    assert waited["failed"] and "exceeded its progress deadline" in waited["msg"], waited


# ------------------------------------------------------- states that a test writes --
def _pick_deployment(pick):
    replicas = pick.randint(0, 4)
    ready = pick.randint(0, replicas)
    reason = pick.choice(["ProgressDeadlineExceeded", "ReplicaSetUpdated", "NewReplicaSetAvailable", "DeploymentPaused", None])
    conditions = [] if reason is None else [{"type": "Progressing", "status": "False", "reason": reason}]
    return (
        {"replicas": pick.randint(0, 3), "paused": pick.random() < 0.3},
        {
            "replicas": replicas,
            "updatedReplicas": pick.randint(0, replicas),
            "readyReplicas": ready,
            "availableReplicas": pick.randint(0, ready),
            "conditions": conditions,
        },
    )


def _pick_daemon_set(pick):
    desired = pick.randint(0, 3)
    keys = ("updatedNumberScheduled", "numberAvailable", "numberReady", "currentNumberScheduled", "numberMisscheduled")
    strategy = pick.choice([rolling(maxUnavailable=1), rolling(maxUnavailable=1), {"type": "OnDelete", "rollingUpdate": None}])
    return {"updateStrategy": strategy}, {"desiredNumberScheduled": desired, **{k: pick.randint(0, desired) for k in keys}}


def _pick_stateful_set(pick):
    replicas = pick.randint(0, 4)
    ready = pick.randint(0, replicas)
    strategy = pick.choice([*(rolling(partition=p) for p in range(4)), {"type": "OnDelete", "rollingUpdate": None}])
    return (
        {"replicas": pick.randint(0, 3), "updateStrategy": strategy},
        {
            "replicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": pick.randint(0, ready),
            "updatedReplicas": pick.randint(0, replicas),
            "currentReplicas": pick.randint(0, replicas),
            "currentRevision": "a",
            "updateRevision": pick.choice("ab"),
        },
    )


def _all_replaced(obj):
    status, wanted = obj["status"], obj["spec"].get("replicas")
    keys = ("updatedReplicas", "availableReplicas")
    if wanted is None:
        wanted, keys = status["desiredNumberScheduled"], ("updatedNumberScheduled", "numberAvailable")
    observed = status.get("observedGeneration", 0) == obj["metadata"]["generation"]
    return observed and all(status.get(key, 0) >= wanted for key in keys)


@pytest.mark.parametrize(
    "kind, pick_state",
    [("Deployment", _pick_deployment), ("DaemonSet", _pick_daemon_set), ("StatefulSet", _pick_stateful_set)],
    ids=["Deployment", "DaemonSet", "StatefulSet"],
)
def test_any_status(bench, pid_of, kind, pick_state):
    """With no controller to contradict, every combination of numbers can be shown to both."""
    pick, name, lines = random.Random(0), f"written-{kind.lower()}", set()
    with stopped(pid_of("kube-controller-manager")):
        bench.create(workload(kind, name))
        for _number in range(WRITTEN):
            spec, status = pick_state(pick)
            generation = bench.patch(kind, name, {"spec": spec})["metadata"]["generation"]
            status["observedGeneration"] = max(0, generation - (pick.random() < 0.15))
            written = bench.patch(kind, f"{name}/status", {"status": status})
            line, info = kubectl_says(bench, kind, name), we_say(bench, kind, name)
            lines.add(line.rstrip("0123456789"))
            assert info["message"] == line, written
            if line == ON_DELETE:
                # on purpose: see STATES
                assert (info["phase"] == "complete") == _all_replaced(written), written
                continue
            if line.endswith("exceeded its progress deadline"):
                phase = "failed"
            elif not line.startswith("Waiting for"):
                phase = "complete"
            elif spec.get("paused") and "observed" not in line:
                phase = "paused"
            else:
                phase = "progressing"
            assert info["phase"] == phase, written
    assert len(lines) > 5  # the states were not all of a kind
