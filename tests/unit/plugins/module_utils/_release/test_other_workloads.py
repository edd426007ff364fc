# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import other_workloads
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.other_workloads import verdict
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import fail_fast
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.fail_fast import FailFast, Verdicts


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


def pod(name="x-1", waiting="CrashLoopBackOff", message="", restarts=0, code=None, created="2026-01-01T00:00:05Z", ready=False):
    last = {"exitCode": code, "containerID": f"{name} {restarts}"} if code is not None else {}
    status = {
        "name": "app",
        "image": "app:2",
        "ready": ready,
        "restartCount": restarts,
        "state": {"waiting": {"reason": waiting, "message": message}},
        "lastState": {"terminated": last},
    }
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": created},
        "spec": {"containers": []},
        "status": {"containerStatuses": [status]},
    }


class Server:
    """Shows the pods of one look after another, the last ones for good."""

    def __init__(self, *looks):
        self.looks = list(looks)

    def list(self, path, query=()):
        if path.endswith("/events"):
            return [{"reason": "FailedCreate", "message": "exceeded quota"}], "1"
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0], "1"


def judged(workload, *looks, rules=FailFast(), seconds=60):
    """The failure of a workload, and the reason that is told, after so many looks at its pods."""
    workload.update(apiVersion="batch/v1" if workload["kind"] == "Job" else "v1")
    target, server, verdicts = other_workloads._Target(workload), Server(*looks), Verdicts(rules)
    for _look in looks:
        other_workloads._judge(server, target, Deadline(seconds), verdicts)
    return target


CRASHES = [[pod(restarts=n, code=1)] for n in range(1, 5)]


@pytest.mark.parametrize(
    ("looks", "rules", "failure"),
    [
        (CRASHES, FailFast(), "pod x-1, container app: CrashLoopBackOff (exit code 1, 4 restarts)"),
        (CRASHES[:3], FailFast(), None),
        ([[], *CRASHES[:3]], FailFast(), "pod x-1, container app: CrashLoopBackOff (exit code 1, 3 restarts)"),
        (CRASHES[2:3], FailFast(since="2026-01-01T00:00:00Z"), "pod x-1, container app: CrashLoopBackOff (exit code 1, 3 restarts)"),
        (CRASHES, FailFast(wanted=False), None),
        ([[], [pod(code=127)]], FailFast(), "pod x-1, container app: CrashLoopBackOff (exit code 127, 0 restarts)"),
        # a Job makes another pod of each that failed, and counts them itself
        ([[], *([pod(f"x-{n}", code=1)] for n in range(9))], FailFast(), None),
        ([[pod(waiting="InvalidImageName")]], FailFast(), "pod x-1, container app: InvalidImageName"),
        ([[pod(waiting="ErrImagePull", message="not found")]], FailFast(), None),
        ([[pod(waiting="ErrImagePull", message="not found")]], FailFast(after=0), "pod x-1, container app: ErrImagePull: not found"),
        ([[pod(waiting="CreateContainerError")]], FailFast(after=0), None),
    ],
)
@pytest.mark.parametrize("workload", [job, controller])
def test_the_rules_are_those_of_rollouts(workload, looks, rules, failure):
    assert judged(workload(), *looks, rules=rules).failure == failure


def test_what_it_waits_for_is_told(monkeypatch):
    monkeypatch.setattr(fail_fast, "_TOLD_AFTER", 0)
    assert judged(job(), [pod(waiting="ErrImagePull", message="503")]).reason.sentence() == "pod x-1, container app: ErrImagePull: 503"
    refused = controller(conditions=[{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}])
    assert judged(refused, []).reason.sentence() == "FailedCreate: exceeded quota"


def test_a_job_that_gets_no_pods_says_why_when_its_time_is_up():
    target = judged(job(), [], seconds=0)
    assert target.failure.startswith("timed out after 0 s: Waiting")
    assert [entry["message"] for entry in other_workloads._diagnose(Server([]), target)] == ["exceeded quota"]


class Events:
    """A watch that brings what happens to each of many Jobs, one after another."""

    def __init__(self, api, path, query, version, events, tag, deadline):
        for number in range(api.jobs):
            events.put((tag, "MODIFIED", one_of_many(number, {"active": 1})))
        for number in range(api.jobs):
            events.put((tag, "MODIFIED", one_of_many(number, ended("Complete"))))

    def opened(self):
        pass

    stop = opened


class ManyJobs:
    def __init__(self, jobs):
        self.jobs, self.looks = jobs, 0

    def list(self, path, query=()):
        if path.endswith("/jobs"):
            return [one_of_many(number) for number in range(self.jobs)], "1"
        self.looks += 1
        return [], "1"


def one_of_many(number, status=None):
    meta = {"name": f"x-{number}", "namespace": "shop", "uid": f"uid-{number}"}
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": []}}}, "status": status}


def test_what_happens_to_one_is_no_reason_to_ask_for_the_pods_of_all(monkeypatch):
    monkeypatch.setattr(other_workloads, "Watch", Events)
    monkeypatch.setattr(other_workloads, "_LOOK", 60)
    params = {"api_version": "batch/v1", "kind": "Job", "namespace": "shop", "label_selectors": ["a=b"], "wait_timeout": 60, "auth": {}}
    params.update({name: option["default"] for name, option in fail_fast.OPTIONS.items()}, since="")
    for jobs in (10, 40):
        server = ManyJobs(jobs)
        monkeypatch.setattr(other_workloads, "Api", lambda *args, server=server, **kwargs: server)
        assert len(other_workloads.run(params, lambda line: None)["rollouts"]) == jobs
        # at the beginning, and for what happens before it is complete
        assert server.looks == 2 * jobs
