# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that tell a broken pod from one that needs time; the statuses are written as a kubelet writes them."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.diagnosis import Finding, examine

from .builders import condition

NOT_FOUND = 'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/app:2": not found'
AT_ONCE, PULL_GRACE, SCHEDULING_GRACE, NEVER = 0, 30, 15, None


def pod(status=None, phase="Pending", scheduled=True, ready=False, init=(), spec=None, **metadata):
    """A pod of one container, whose status is given; init are the statuses of init containers."""
    conditions = [condition("PodScheduled", "True" if scheduled else "False"), condition("Ready", "True" if ready else "False")]
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "uid-1", **metadata},
        "spec": spec or {"containers": [{"name": "web", "image": "app:2"}]},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [status] if status else [],
            "initContainerStatuses": list(init),
        },
    }


def waiting(reason, message="", name="web", restarts=0, last=None, image="app:2"):
    status = {"name": name, "image": image, "ready": False, "restartCount": restarts, "lastState": {}}
    status["state"] = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    if last:
        status["lastState"] = {"terminated": last}
    return status


def terminated(exit_code, reason="Error", name="web", restarts=0, **more):
    state = {"terminated": {"exitCode": exit_code, "reason": reason, **more}}
    return {"name": name, "image": "app:2", "ready": False, "restartCount": restarts, "state": state, "lastState": {}}


def running(ready=False, name="web", restarts=0, last=None):
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    last_state = {"terminated": last} if last else {}
    return {"name": name, "image": "app:2", "ready": ready, "restartCount": restarts, "state": state, "lastState": last_state}


@pytest.mark.parametrize(
    "status, grace, reason",
    [
        (waiting("InvalidImageName", "couldn't parse image name"), AT_ONCE, "InvalidImageName"),
        (waiting("ErrImageNeverPull", 'image "app:2" is not present with pull policy of Never'), AT_ONCE, "ErrImageNeverPull"),
        (waiting("ErrImagePull", NOT_FOUND), AT_ONCE, "ErrImagePull"),
        (waiting("ImagePullBackOff", f'Back-off pulling image "app:2": ErrImagePull: {NOT_FOUND}'), AT_ONCE, "ImagePullBackOff"),
        (waiting("ErrImagePull", "pull access denied, repository does not exist or may require authorization"), AT_ONCE, "ErrImagePull"),
        (waiting("ErrImagePull", "toomanyrequests: You have reached your pull rate limit"), PULL_GRACE, "ErrImagePull"),
        (waiting("ErrImagePull", "unexpected status code 503 Service Unavailable"), PULL_GRACE, "ErrImagePull"),
        (waiting("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"), PULL_GRACE, "ErrImagePull"),
        (waiting("ErrImagePull", "dial tcp 10.0.0.1:443: connect: connection refused"), PULL_GRACE, "ErrImagePull"),
        (waiting("ErrImagePull", "context deadline exceeded"), PULL_GRACE, "ErrImagePull"),
        # a kubelet before 1.32 no longer says why; the pull before may have met a busy registry
        (waiting("ImagePullBackOff", 'Back-off pulling image "app:2"'), PULL_GRACE, "ImagePullBackOff"),
        (waiting("RegistryUnavailable", "connection refused"), PULL_GRACE, "RegistryUnavailable"),
        (waiting("CreateContainerConfigError", 'configmap "web" not found'), AT_ONCE, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out"), PULL_GRACE, "CreateContainerConfigError"),
        (waiting("CreateContainerError", "failed to generate container spec"), PULL_GRACE, "CreateContainerError"),
        (waiting("RunContainerError", "failed to start shim"), PULL_GRACE, "RunContainerError"),
        (waiting("ContainerCannotRun", "exit status 128"), PULL_GRACE, "ContainerCannotRun"),
        (waiting("CrashLoopBackOff", "back-off 10s", restarts=1, last={"exitCode": 1, "reason": "Error"}), AT_ONCE, "CrashLoopBackOff"),
        (terminated(1), NEVER, "Error"),
        (terminated(137, "OOMKilled"), NEVER, "OOMKilled"),
        (running(), NEVER, "NotReady"),
        (waiting("SomethingNew", "?"), NEVER, "SomethingNew"),
    ],
    ids=lambda value: value["state"].get("waiting", {}).get("message", "")[:30] if isinstance(value, dict) else None,
)
def test_a_container_that_keeps_its_pod_from_running(status, grace, reason):
    (finding,) = examine(pod(status))
    assert (finding.container, finding.reason, finding.grace) == ("web", reason, grace)


@pytest.mark.parametrize(
    "image",
    ["app:503", "registry.example.com/ui/os-base:1", "example.com/timeout:1", "example.com/429/app:1"],
)
def test_an_image_name_does_not_look_like_a_busy_registry(image):
    message = f'failed to pull image "{image}": failed to resolve reference "docker.io/{image}": docker.io/{image}: not found'
    (finding,) = examine(pod(waiting("ErrImagePull", message, image=image)))
    assert finding.grace == AT_ONCE


@pytest.mark.parametrize(
    "obj",
    [
        pod(running(ready=True), phase="Running", ready=True),
        pod(waiting("ContainerCreating")),
        pod(waiting("PodInitializing"), init=[terminated(0, "Completed", name="setup")]),
        pod(),
        pod(waiting("CrashLoopBackOff"), deletionTimestamp="2026-01-01T00:00:00Z"),
        pod(phase="Succeeded"),
        {"metadata": {"name": "web-1", "uid": "uid-1"}, "spec": {}},
    ],
    ids=["ready", "creating", "initialised", "no status of containers yet", "going away", "succeeded", "no status"],
)
def test_a_pod_without_a_finding(obj):
    assert [f for f in examine(obj) if f.grace is not None] == []
    if obj["spec"] and obj["status"]["containerStatuses"] != [waiting("ContainerCreating")]:
        assert examine(obj) == []


@pytest.mark.parametrize(
    "reason, grace",
    [("Unschedulable", SCHEDULING_GRACE), ("SchedulingGated", NEVER), ("", NEVER)],
)
def test_a_pod_that_is_not_scheduled(reason, grace):
    obj = pod()
    obj["status"]["conditions"] = [condition("PodScheduled", "False", reason, "0/3 nodes are available: 3 Insufficient cpu.")]
    (finding,) = examine(obj)
    assert finding == Finding("web-1", "uid-1", "", reason or "NotScheduled", "0/3 nodes are available: 3 Insufficient cpu.", grace)


def test_an_evicted_pod_is_told_but_is_no_reason_to_give_up():
    obj = pod(phase="Failed")
    obj["status"].update(reason="Evicted", message="The node was low on resource: memory.", containerStatuses=[])
    (finding,) = examine(obj)
    assert (finding.reason, finding.message, finding.grace) == ("Evicted", "The node was low on resource: memory.", NEVER)


@pytest.mark.parametrize(
    "status, message, exit_code, restarts",
    [
        (waiting("CrashLoopBackOff", "back-off 10s restarting", restarts=3, last={"exitCode": 1, "reason": "Error"}), "", 1, 3),
        (waiting("CrashLoopBackOff", "back-off 10s restarting", restarts=3, last={"exitCode": 137, "reason": "OOMKilled"}), "OOMKilled", 137, 3),
        (
            waiting("CrashLoopBackOff", "back-off", restarts=1, last={"exitCode": 128, "reason": "StartError", "message": "no such file"}),
            "StartError: no such file",
            128,
            1,
        ),
        (waiting("CrashLoopBackOff", "back-off 10s", restarts=2), "", None, 2),
        (terminated(2, message="bad\n  flag", restarts=0), "bad flag", 2, 0),
        (running(restarts=4, last={"exitCode": 3, "reason": "Error"}), "it is running but not ready", 3, 4),
        (running(), "it is running but not ready", None, 0),
    ],
    ids=["crash loop", "out of memory", "did not start", "crash loop of unknown cause", "message on one line", "runs again", "runs"],
)
def test_what_is_told_of_a_container_that_ended(status, message, exit_code, restarts):
    (finding,) = examine(pod(status))
    assert (finding.message, finding.exit_code, finding.restart_count) == (message, exit_code, restarts)


@pytest.mark.parametrize(
    "probes, sentence",
    [
        (
            {"readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}},
            "its readinessProbe has not succeeded (GET /healthz on port 8080)",
        ),
        ({"readinessProbe": {"httpGet": {"port": "http"}}}, "its readinessProbe has not succeeded (GET / on port http)"),
        ({"readinessProbe": {"tcpSocket": {"port": 5432}}}, "its readinessProbe has not succeeded (TCP port 5432)"),
        ({"readinessProbe": {"grpc": {"port": 9000}}}, "its readinessProbe has not succeeded (gRPC port 9000)"),
        ({"readinessProbe": {"exec": {"command": ["pg_isready", "-q"]}}}, "its readinessProbe has not succeeded (exec pg_isready -q)"),
        (
            {"readinessProbe": {"tcpSocket": {"port": 1}}, "startupProbe": {"tcpSocket": {"port": 2}}},
            "its startupProbe has not succeeded (TCP port 2)",
        ),
        ({"livenessProbe": {"tcpSocket": {"port": 1}}}, "it is running but not ready"),
    ],
    ids=["http", "http default path", "tcp", "grpc", "exec", "startup first", "liveness does not count"],
)
def test_a_container_that_is_not_ready_names_its_probe(probes, sentence):
    spec = {"containers": [{"name": "side"}, {"name": "web", **probes}]}
    (finding,) = examine(pod(running(), phase="Running", spec=spec))
    assert (finding.reason, finding.message, finding.grace) == ("NotReady", sentence, NEVER)


def test_init_containers_are_examined():
    init = [terminated(0, "Completed", name="setup"), waiting("CrashLoopBackOff", restarts=2, name="migrate", last={"exitCode": 4})]
    (finding,) = examine(pod(waiting("PodInitializing"), init=init))
    assert (finding.container, finding.exit_code, finding.grace) == ("migrate", 4, AT_ONCE)


@pytest.mark.parametrize(
    "container, sentence",
    [
        ({"name": "wait-for-db"}, "the init container has not finished"),
        (
            {"name": "wait-for-db", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 2}}},
            "its startupProbe has not succeeded (TCP port 2)",
        ),
    ],
    ids=["init container", "sidecar"],
)
def test_an_init_container_that_runs_on_holds_the_pod_up(container, sentence):
    spec = {"containers": [{"name": "web"}], "initContainers": [container]}
    (finding,) = examine(pod(waiting("PodInitializing"), init=[running(name="wait-for-db")], spec=spec))
    assert (finding.container, finding.message, finding.grace) == ("wait-for-db", sentence, NEVER)


def test_the_gravest_finding_comes_first():
    obj = pod(running(), init=[waiting("RunContainerError", name="a"), waiting("InvalidImageName", name="b")])
    assert [f.grace for f in examine(obj)] == [AT_ONCE, PULL_GRACE, NEVER]


@pytest.mark.parametrize(
    "finding, sentence",
    [
        (
            Finding("web-1", "u", "web", "CrashLoopBackOff", "back-off", 0, exit_code=1, restart_count=2),
            "pod web-1, container web: CrashLoopBackOff (exit code 1, 2 restarts): back-off",
        ),
        (Finding("web-1", "u", "", "Unschedulable", "0/3 nodes", 15), "pod web-1: Unschedulable: 0/3 nodes"),
        (Finding("web-1", "u", "web", "ErrImagePull", "", 0), "pod web-1, container web: ErrImagePull"),
        (Finding("", "u", "", "FailedCreate", "exceeded quota", 5), "FailedCreate: exceeded quota"),
    ],
    ids=["ended container", "pod", "no message", "no pod"],
)
def test_sentence(finding, sentence):
    assert finding.sentence() == sentence
