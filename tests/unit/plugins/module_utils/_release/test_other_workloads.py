# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.other_workloads import hopeless, verdict


def job(status=None, **spec):
    return {"kind": "Job", "metadata": {"name": "x", "namespace": "shop"}, "spec": spec, "status": status}


def controller(generation=1, replicas=2, **status):
    return {
        "kind": "ReplicationController",
        "metadata": {"name": "x", "namespace": "shop", "generation": generation},
        "spec": {"replicas": replicas},
        "status": status,
    }


def ended(condition, **more):
    return {"conditions": [{"type": condition, "status": "True", **more}]}


VERDICTS = {
    "a new job": (job(completions=2), "progressing", "0 of 2 pods have succeeded"),
    "half a job": (job({"succeeded": 1}, completions=2), "progressing", "1 of 2 pods have succeeded"),
    "a work queue": (job({"succeeded": 1}, parallelism=3), "progressing", "1 of 3 pods have succeeded"),
    "about to be complete": (job(ended("SuccessCriteriaMet")), "progressing", "Waiting"),
    "complete": (job(ended("Complete")), "complete", 'job "x" is complete'),
    "failed": (
        job(ended("Failed", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")),
        "failed",
        "it failed: BackoffLimitExceeded: Job has reached the specified backoff limit",
    ),
    "suspended": (job(suspend=True), "paused", "suspended"),
    "a new controller": (controller(), "progressing", "observed"),
    "not seen yet": (controller(generation=2, observedGeneration=1, replicas=0), "progressing", "observed"),
    "one pod of two": (controller(observedGeneration=1, readyReplicas=1), "progressing", "1 of 2 pods are ready"),
    "scaled to none": (controller(observedGeneration=1, replicas=0), "complete", "0 ready pods"),
}
VERDICTS["both"] = ({**controller(), "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2}}, "complete", "2 ready pods")
VERDICTS["one too many"] = (
    {**controller(), "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3}}, "progressing", "3 of 2 pods are ready"
)


@pytest.mark.parametrize(("workload", "phase", "words"), VERDICTS.values(), ids=VERDICTS)
def test_verdict(workload, phase, words):
    found, sentence = verdict(workload)
    assert found == phase
    assert words in sentence


def pod(waiting, last=None):
    status = {"name": "app", "state": {"waiting": {"reason": waiting, "message": "no"}}, "lastState": {"terminated": last or {}}}
    return {"metadata": {"name": "x-1", "uid": "1"}, "spec": {"containers": []}, "status": {"containerStatuses": [status]}}


@pytest.mark.parametrize(
    ("workload", "state", "expected"),
    [
        (job(), pod("CreateContainerConfigError"), ["CreateContainerConfigError"]),
        (job(), pod("CrashLoopBackOff", {"exitCode": 1}), []),
        (controller(), pod("CrashLoopBackOff", {"exitCode": 1}), ["CrashLoopBackOff"]),
        (job(), pod("ContainerCreating"), []),
    ],
    ids=["never starts", "a job counts crashes", "a controller does not", "starts"],
)
def test_hopeless(workload, state, expected):
    assert [finding.reason for finding in hopeless(workload, state)] == expected
