# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods behave as a kubelet's would, and fail on demand."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from conftest import Kubectl, eventually


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((item for item in status.get("conditions", []) if item["type"] == kind), {})


def ready(status: dict[str, Any]) -> bool:
    return condition(status, "Ready").get("status") == "True"


def container(status: dict[str, Any], name: str) -> dict[str, Any]:
    statuses = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    return next((item for item in statuses if item["name"] == name), {"state": {}})


def reason(status: dict[str, Any], name: str = "app") -> str:
    return container(status, name)["state"].get("waiting", {}).get("reason", "")


def one(image: str, name: str = "app") -> list[dict[str, Any]]:
    return [{"name": name, "image": image}]


def test_a_pod_gets_ready_quickly(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("nginx:1.29"))
    assert eventually(lambda: ready(kubectl.status()))
    status = kubectl.status()
    assert status["phase"] == "Running"
    assert container(status, "app")["state"].keys() == {"running"}
    assert status["podIP"] and status["hostIP"]


def test_the_ready_delay_of_a_pod(kubectl: Kubectl) -> None:
    kubectl.pod(annotations={"slipway.kubernetes/ready-delay": "3s"}, containers=one("nginx:1.29"))
    started = time.monotonic()
    assert eventually(lambda: reason(kubectl.status())) == "ContainerCreating"
    assert kubectl.status()["phase"] == "Pending"
    assert eventually(lambda: ready(kubectl.status()))
    assert time.monotonic() - started > 2.5


BACKOFF = r"back-off (10|20|40)s restarting failed container=app pod=app_cluster-\w+\([0-9a-f-]{36}\)"
# mode: phase, reason of the waiting state, its message, the last termination, the event's type and reason
FAILURES: dict[str, tuple[str, str, str, tuple[str, int] | None, tuple[str, str]]] = {
    "image-pull-error": ("Pending", "ImagePullBackOff", r'Back-off pulling image "shop/app:image-pull-error": ErrImagePull: .*not found',
                         None, ("Normal", "BackOff")),
    "image-denied": ("Pending", "ImagePullBackOff", r'Back-off pulling image "shop/app:image-denied": ErrImagePull: .*pull access denied.*',
                     None, ("Normal", "BackOff")),
    "image-forbidden": ("Pending", "ImagePullBackOff", r'ErrImagePull: .* unexpected status from HEAD request to .*: 403 Forbidden$',
                        None, ("Normal", "BackOff")),
    "registry-busy": ("Pending", "ImagePullBackOff", r'ErrImagePull: .* unexpected status from HEAD request to .*: 503 Service Unavailable$',
                      None, ("Normal", "BackOff")),
    "never-pull": ("Pending", "ErrImageNeverPull", '^Container image "shop/app:never-pull" is not present with pull policy of Never$',
                   None, ("Warning", "ErrImageNeverPull")),
    "invalid-image-name": ("Pending", "InvalidImageName", "invalid reference format$", None, ("Warning", "InspectFailed")),
    "config-error": ("Pending", "CreateContainerConfigError", '^configmap "app-config" not found$', None, ("Warning", "Failed")),
    "create-error": ("Pending", "CreateContainerError", "no command specified$", None, ("Warning", "Failed")),
    "start-error": ("Running", "CrashLoopBackOff", BACKOFF, ("StartError", 128), ("Warning", "BackOff")),
    "crash-loop": ("Running", "CrashLoopBackOff", BACKOFF, ("Error", 1), ("Warning", "BackOff")),
    "exit-126": ("Running", "CrashLoopBackOff", BACKOFF, ("Error", 126), ("Warning", "BackOff")),
    "exit-127": ("Running", "CrashLoopBackOff", BACKOFF, ("Error", 127), ("Warning", "BackOff")),
    "oom": ("Running", "CrashLoopBackOff", BACKOFF, ("OOMKilled", 137), ("Warning", "BackOff")),
}


@pytest.mark.parametrize("by", ["image", "annotation"])
@pytest.mark.parametrize("mode", FAILURES)
def test_a_container_that_does_not_run(kubectl: Kubectl, mode: str, by: str) -> None:
    phase, waiting, message, terminated, (event_type, event_reason) = FAILURES[mode]
    if by == "image":
        kubectl.pod(containers=one(f"shop/app:{mode}"))
    else:
        kubectl.pod(annotations={"fail.slipway.kubernetes/app": mode}, containers=one("shop/app:" + mode[::-1]))
        message = message.replace(mode, mode[::-1])
    assert eventually(lambda: reason(kubectl.status()) == waiting)
    status = kubectl.status()
    app = container(status, "app")
    assert status["phase"] == phase
    assert re.search(message, app["state"]["waiting"]["message"])
    assert (app["ready"], app["started"]) == (False, False)
    for kind in ("Ready", "ContainersReady"):
        found = condition(status, kind)
        assert (found["status"], found["reason"]) == ("False", "ContainersNotReady")
        assert found["message"] == "containers with unready status: [app]"
    assert condition(status, "Initialized")["status"] == "True"
    if terminated:
        last = app["lastState"]["terminated"]
        assert (last["reason"], last["exitCode"]) == terminated
        assert app["restartCount"] >= 1
    else:
        assert (app["lastState"], app["restartCount"]) == ({}, 0)
    events = kubectl.events()
    assert (event_type, event_reason) in {(event["type"], event["reason"]) for event in events}
    assert {event["involvedObject"]["fieldPath"] for event in events} == {"spec.containers{app}"}
    assert {event["involvedObject"]["uid"] for event in events} == {kubectl.get("pod", "app")["metadata"]["uid"]}


def test_an_image_error_starts_as_a_failed_pull(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("shop/app:image-pull-error"))
    assert eventually(lambda: reason(kubectl.status()) == "ErrImagePull")
    assert eventually(lambda: reason(kubectl.status()) == "ImagePullBackOff")
    failed = next(event for event in kubectl.events() if event["reason"] == "Failed")
    assert failed["message"].startswith('Failed to pull image "shop/app:image-pull-error": rpc error: code = NotFound')


def test_a_crash_loop_goes_on(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("shop/app:crash-loop"))
    assert eventually(lambda: container(kubectl.status(), "app").get("restartCount", 0) >= 3)
    (event,) = kubectl.events()
    assert event["count"] >= 3
    for arguments in ([], ["--previous"]):
        assert kubectl.run("logs", "app", *arguments).stdout.splitlines()[-1] == "fatal: could not reach the database, giving up"


def test_a_container_that_never_gets_ready(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("shop/app:never-ready"))
    assert eventually(lambda: "running" in container(kubectl.status(), "app")["state"])
    time.sleep(1)
    status = kubectl.status()
    assert (status["phase"], ready(status)) == ("Running", False)
    assert container(status, "app")["restartCount"] == 0
    assert [event["reason"] for event in kubectl.events()] == ["Unhealthy"]
    assert "listening" in kubectl.run("logs", "app").stdout


def test_logs_of_containers_that_never_ran(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("nginx:1.29", "web") + one("shop/app:image-pull-error", "worker"))
    assert eventually(lambda: reason(kubectl.status(), "worker") == "ImagePullBackOff")
    assert eventually(lambda: container(kubectl.status(), "web")["state"].keys() == {"running"})
    assert "listening" in kubectl.run("logs", "app", "-c", "web").stdout
    refused = kubectl.run("logs", "app", "-c", "worker", check=False)
    assert refused.returncode != 0
    assert "BadRequest" in refused.stderr


def test_only_the_named_container_fails(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("nginx:1.29", "web") + one("shop/app:crash-loop", "worker"))
    assert eventually(lambda: reason(kubectl.status(), "worker") == "CrashLoopBackOff")
    status = kubectl.status()
    assert container(status, "web")["ready"]
    assert condition(status, "Ready")["message"] == "containers with unready status: [worker]"
    assert status["phase"] == "Running"


def test_a_failing_init_container_holds_up_the_rest(kubectl: Kubectl) -> None:
    kubectl.pod(
        initContainers=one("busybox:1", "setup") + one("shop/app:crash-loop", "migrate") + one("busybox:1", "later"),
        containers=one("nginx:1.29", "web"),
    )
    assert eventually(lambda: reason(kubectl.status(), "migrate") == "CrashLoopBackOff")
    status = kubectl.status()
    assert container(status, "setup")["state"]["terminated"]["reason"] == "Completed"
    assert reason(status, "later") == reason(status, "web") == "PodInitializing"
    assert status["phase"] == "Pending"
    assert condition(status, "Initialized")["message"] == "containers with incomplete status: [migrate later]"
    assert {event["involvedObject"]["fieldPath"] for event in kubectl.events()} == {"spec.initContainers{migrate}"}


def test_init_containers_and_sidecars_run(kubectl: Kubectl) -> None:
    sidecar = one("envoy:1", "proxy")[0] | {"restartPolicy": "Always"}
    kubectl.pod(initContainers=[*one("busybox:1", "setup"), sidecar], containers=one("nginx:1.29"))
    assert eventually(lambda: ready(kubectl.status()))
    status = kubectl.status()
    assert "terminated" in container(status, "setup")["state"]
    assert "running" in container(status, "proxy")["state"]


def test_a_running_pod_breaks_and_recovers(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("nginx:1.29"))
    assert eventually(lambda: ready(kubectl.status()))
    kubectl.run("annotate", "pod", "app", "fail.slipway.kubernetes/app=oom")
    assert eventually(lambda: reason(kubectl.status()) == "CrashLoopBackOff")
    kubectl.run("annotate", "pod", "app", "fail.slipway.kubernetes/app-")
    assert eventually(lambda: ready(kubectl.status()))
    assert container(kubectl.status(), "app")["restartCount"] >= 1


def test_set_image_makes_a_rollout_fail_and_undo_heals_it(kubectl: Kubectl) -> None:
    kubectl.run("create", "deployment", "web", "--image=nginx:1.29", "--replicas=3")
    kubectl.run("rollout", "status", "deployment/web", "--timeout=60s")
    kubectl.run("set", "image", "deployment/web", "nginx=nginx:image-pull-error")
    assert kubectl.run("rollout", "status", "deployment/web", "--timeout=3s", check=False).returncode != 0
    status = kubectl.get("deployment", "web")["status"]
    assert (status["availableReplicas"], status["unavailableReplicas"]) == (3, 1)
    kubectl.run("rollout", "undo", "deployment/web")
    kubectl.run("rollout", "status", "deployment/web", "--timeout=60s")


def test_endpoints_follow_readiness(kubectl: Kubectl) -> None:
    kubectl.run("create", "deployment", "web", "--image=nginx:1.29", "--replicas=2")
    kubectl.run("expose", "deployment", "web", "--port=80")

    def addresses() -> list[bool]:
        slices = kubectl.get("endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
        return [endpoint["conditions"]["ready"] for item in slices for endpoint in item.get("endpoints") or []]

    assert eventually(lambda: addresses() == [True, True])


def test_unschedulable(kubectl: Kubectl) -> None:
    kubectl.pod(containers=one("nginx:1.29"), nodeSelector={"disktype": "none"})
    assert eventually(lambda: condition(kubectl.status(), "PodScheduled").get("reason") == "Unschedulable")
    assert "didn't match Pod's node affinity/selector" in condition(kubectl.status(), "PodScheduled")["message"]


def test_jobs_end(kubectl: Kubectl) -> None:
    for name, image in (("good", "busybox:1"), ("bad", "busybox:crash-loop")):
        template = {"spec": {"restartPolicy": "Never", "containers": one(image)}}
        kubectl.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                       "spec": {"backoffLimit": 0, "template": template}})
    assert eventually(lambda: condition(kubectl.get("job", "good")["status"], "Complete").get("status") == "True")
    assert eventually(lambda: condition(kubectl.get("job", "bad")["status"], "Failed").get("status") == "True")
    assert kubectl.get("pods", "-l", "job-name=good")["items"][0]["status"]["phase"] == "Succeeded"


def test_claims_are_bound(kubectl: Kubectl) -> None:
    kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                   "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    kubectl.pod(containers=one("nginx:1.29"), volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    assert eventually(lambda: ready(kubectl.status()))
    claim = kubectl.get("pvc", "data")
    assert claim["status"]["phase"] == "Bound"
    kubectl.run("delete", "pod/app", "pvc/data")
    gone = ["get", "pv", claim["spec"]["volumeName"]]
    assert eventually(lambda: kubectl.run(*gone, check=False).returncode != 0)


def test_deletion_takes_as_long_as_asked(kubectl: Kubectl) -> None:
    kubectl.pod(annotations={"slipway.kubernetes/delete-delay": "3s"}, containers=one("nginx:1.29"))
    assert eventually(lambda: ready(kubectl.status()))
    started = time.monotonic()
    kubectl.run("delete", "pod", "app", "--wait=false")
    assert kubectl.get("pod", "app")["metadata"]["deletionTimestamp"]
    assert eventually(lambda: kubectl.run("get", "pod", "app", check=False).returncode != 0)
    assert time.monotonic() - started > 2


def test_pod_security_is_enforced(kubectl: Kubectl) -> None:
    kubectl.run("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=restricted")
    refused = kubectl.run("run", "app", "--image=nginx:1.29", check=False)
    assert "violates PodSecurity" in refused.stderr
