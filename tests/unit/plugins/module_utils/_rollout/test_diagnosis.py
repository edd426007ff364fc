# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that tell a broken pod from one that needs time; the statuses are written as a kubelet writes them."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.diagnosis import AS_BEFORE, AT_ONCE, EXIT, IF_IT_LASTS, NEVER
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.diagnosis import Finding, cannot_start, examine
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.diagnosis import mount_finding, starting

from .builders import condition

NOT_FOUND = 'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/app:2": not found'


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
    "status, verdict, reason",
    [
        (waiting("InvalidImageName", "couldn't parse image name"), AT_ONCE, "InvalidImageName"),
        (waiting("ErrImageNeverPull", 'image "app:2" is not present with pull policy of Never'), AT_ONCE, "ErrImageNeverPull"),
        (waiting("ErrImagePull", "invalid reference format: repository name must be lowercase"), AT_ONCE, "ErrImagePull"),
        (waiting("ErrImagePull", NOT_FOUND), IF_IT_LASTS, "ErrImagePull"),
        (waiting("ImagePullBackOff", f'Back-off pulling image "app:2": ErrImagePull: {NOT_FOUND}'), IF_IT_LASTS, "ImagePullBackOff"),
        (waiting("RegistryUnavailable", "connection refused"), NEVER, "RegistryUnavailable"),
        (waiting("SignatureValidationFailed", "signature not found"), NEVER, "SignatureValidationFailed"),
        (waiting("CreateContainerConfigError", 'configmap "web" not found'), IF_IT_LASTS, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", 'secret "web" not found'), IF_IT_LASTS, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", "couldn't find key port in ConfigMap shop/web"), IF_IT_LASTS, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", "couldn't find key token in Secret shop/web"), IF_IT_LASTS, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out"), NEVER, "CreateContainerConfigError"),
        (waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), NEVER, "CreateContainerConfigError"),
        (waiting("CreateContainerError", "failed to generate container spec: no command specified"), NEVER, "CreateContainerError"),
        (waiting("RunContainerError", "failed to start shim"), NEVER, "RunContainerError"),
        (waiting("ContainerCannotRun", "exit status 128"), NEVER, "ContainerCannotRun"),
        (waiting("CrashLoopBackOff", "back-off 10s", restarts=1, last={"exitCode": 1, "reason": "Error"}), EXIT, "CrashLoopBackOff"),
        (terminated(1), EXIT, "Error"),
        (terminated(137, "OOMKilled"), EXIT, "OOMKilled"),
        (running(), NEVER, "NotReady"),
        (waiting("SomethingNew", "?"), NEVER, "SomethingNew"),
    ],
    ids=lambda value: value["state"].get("waiting", {}).get("message", "")[:30] if isinstance(value, dict) else None,
)
def test_a_container_that_keeps_its_pod_from_running(status, verdict, reason):
    (finding,) = examine(pod(status))
    assert (finding.container, finding.reason, finding.verdict) == ("web", reason, verdict)


@pytest.mark.parametrize(
    "message",
    [
        # containerd
        NOT_FOUND,
        'failed to pull and unpack image "docker.io/library/app:2": failed to resolve reference "docker.io/library/app:2": '
        "docker.io/library/app:2: not found",
        'failed to resolve reference "docker.io/library/app:2": pull access denied, repository does not exist or may require '
        "authorization: server message: insufficient_scope: authorization failed",
        'failed to resolve reference "ghcr.io/shop/app:2": failed to authorize: failed to fetch anonymous token: unexpected status from '
        "GET request to https://ghcr.io/token?scope=repository%3Ashop%2Fapp%3Apull&service=ghcr.io: 403 Forbidden",
        'failed to resolve reference "registry.example.com/app:2": unexpected status code [manifests 2]: 401 Unauthorized',
        'failed to pull and unpack image "docker.io/library/app:2": no match for platform in manifest: not found',
        "rpc error: code = Unknown desc = pulling from host registry.example.com failed with status code [manifests 2]: 404 Not Found",
        "authorization failed: no basic auth credentials",
        # CRI-O
        "reading manifest 2 in docker.io/library/app: manifest unknown: manifest unknown",
        "reading manifest 503 in docker.io/library/app: errors: denied: requested access to the resource is denied "
        "unauthorized: authentication required",
        "initializing source docker://registry.example.com/app:2: reading manifest 2 in registry.example.com/app: name unknown: unknown",
        "unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password",
        'choosing image instance: no image found in image index for architecture "arm64", variant "v8", OS "linux"',
        'choosing an image from manifest list docker://app:2: no image found in manifest list for architecture "arm64", OS "linux"',
        # Docker
        "Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries",
        "Error response from daemon: manifest for app:2 not found: manifest unknown: manifest unknown",
        "Error response from daemon: pull access denied for app, repository does not exist or may require 'docker login': denied: "
        "requested access to the resource is denied",
        'Error response from daemon: Head "https://registry.example.com/v2/app/manifests/2": unauthorized: access is denied',
    ],
)
def test_an_image_that_is_not_there_or_not_allowed(message):
    for reason, text in (("ErrImagePull", message), ("ImagePullBackOff", f'Back-off pulling image "app:2": ErrImagePull: {message}')):
        (finding,) = examine(pod(waiting(reason, text)))
        assert (finding.verdict, finding.topic) == (IF_IT_LASTS, "image")


@pytest.mark.parametrize(
    "message",
    [
        "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
        'failed to resolve reference "docker.io/library/app:2": unexpected status from HEAD request to '
        "https://registry-1.docker.io/v2/library/app/manifests/2: 429 Too Many Requests",
        "denied: rate limit exceeded for this address",
        "unexpected status code 503 Service Unavailable",
        'failed to resolve reference "registry.example.com/app:2": unexpected status from HEAD request to '
        "https://registry.example.com/v2/app/manifests/2: 500 Internal Server Error",
        "dial tcp 10.0.0.1:443: i/o timeout",
        "dial tcp 10.0.0.1:443: connect: connection refused",
        "dial tcp: lookup registry.example.com on 10.0.0.10:53: no such host",
        "dial tcp: lookup registry.example.com: server misbehaving",
        "context deadline exceeded",
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "proxyconnect tcp: EOF",
        "failed to extract layer sha256:1: write /var/lib/containerd/x: no space left on device",
        "failed to get reader from content store: content digest sha256:1: not found",
        "received unexpected HTTP status: 502 Bad Gateway",
        "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": net/http: request canceled while waiting for connection "
        "(Client.Timeout exceeded while awaiting headers)",
        # a proxy in between, and what containerd calls not found though the registry has it
        'failed to resolve reference "docker.io/library/app:2": failed to do request: Head "https://registry-1.docker.io/v2/library/app/": '
        "Proxy Authentication Required",
        'failed to resolve reference "docker.io/library/app:2": failed to do request: Head "https://registry-1.docker.io/v2/library/app/": '
        "Forbidden",
        'failed to pull and unpack image "docker.io/library/app:2": failed to unpack image on snapshotter overlayfs: unexpected media type '
        "text/html for sha256:1: not found",
        'failed to pull and unpack image "docker.io/library/app:2": failed to prepare extraction snapshot "extract-1 sha256:2": parent '
        "snapshot sha256:1 does not exist: not found",
        'failed to pull and unpack image "docker.io/library/app:2": lease does not exist: not found',
        "initializing source docker://registry.example.com/app:2: pinging container registry registry.example.com: StatusCode: 404, "
        '"default backend - 404"',
        "initializing source docker://registry.example.com/app:2: pinging container registry registry.example.com: Get "
        '"https://registry.example.com/v2/": Proxy Authentication Required',
        "unexpected status from HEAD request to https://registry.example.com/v2/app/manifests/2: 403 Forbidden: denied: Quota exceeded for "
        "quota metric 'Requests per project per region'",
        "something that nobody has thought of",
    ],
)
def test_a_registry_that_is_busy_or_not_to_be_reached(message):
    for reason, text in (("ErrImagePull", message), ("ImagePullBackOff", f'Back-off pulling image "app:2": ErrImagePull: {message}')):
        (finding,) = examine(pod(waiting(reason, text)))
        assert (finding.verdict, finding.topic) == (NEVER, "image")


@pytest.mark.parametrize("message", ["", 'Back-off pulling image "app:2"'])
def test_a_kubelet_that_does_not_say_why_a_pull_failed(message):
    (finding,) = examine(pod(waiting("ImagePullBackOff", message)))
    assert (finding.verdict, finding.topic) == (AS_BEFORE, "image")


@pytest.mark.parametrize(
    "image",
    ["app:503", "registry.example.com/ui/os-base:1", "example.com/timeout:1", "example.com/429/app:1", "example.com:5000/connection/tls:dial"],
)
def test_an_image_name_does_not_look_like_a_busy_registry(image):
    message = f'failed to pull image "{image}": failed to resolve reference "docker.io/{image}": docker.io/{image}: not found'
    (finding,) = examine(pod(waiting("ErrImagePull", message, image=image)))
    assert finding.verdict == IF_IT_LASTS


@pytest.mark.parametrize(
    "image, message",
    [
        (
            "example.com/shop/network:1",
            "repository example.com/shop/network not found: name unknown: The repository with name 'shop/network' does not exist in the "
            "registry with id '123456789012'",
        ),
        (
            "registry.connect.redhat.com/shop/app:1",
            "pulling from host registry.connect.redhat.com failed with status code [manifests 1]: 404 Not Found",
        ),
        ("envoyproxy/proxy:1-snapshot", "reading manifest 1-snapshot in docker.io/envoyproxy/proxy: manifest unknown"),
    ],
)
def test_a_registry_may_name_the_image_in_its_own_way(image, message):
    (finding,) = examine(pod(waiting("ErrImagePull", message, image=image)))
    assert finding.verdict == IF_IT_LASTS


@pytest.mark.parametrize("image", ["example.com/denied:1", "unauthorized:404", "not-found:403", "example.com/forbidden/app:401"])
def test_an_image_name_does_not_look_like_a_refusal(image):
    message = f'failed to pull image "{image}": failed to do request to https://docker.io/v2/{image}: docker.io/{image}: broken'
    (finding,) = examine(pod(waiting("ErrImagePull", message, image=image)))
    assert finding.verdict == NEVER


@pytest.mark.parametrize(
    "ended, expected",
    [
        ({"exitCode": 128, "reason": "StartError", "message": 'exec: "/app": stat /app: no such file or directory'}, True),
        ({"exitCode": 128, "reason": "StartError"}, True),
        ({"exitCode": 128, "reason": "StartError", "message": "failed to create shim task: context deadline exceeded"}, False),
        ({"exitCode": 128, "reason": "StartError", "message": "mkdir /run/containerd/x: no space left on device"}, False),
        (
            {
                "exitCode": 128,
                "reason": "StartError",
                "message": "error running prestart hook #0: nvidia-container-cli: initialization error: driver not loaded",
            },
            False,
        ),
        ({"exitCode": 128, "reason": "StartError", "message": "error setting cgroup config for procHooks process: unable to freeze"}, False),
        ({"exitCode": 128, "reason": "StartError", "message": 'exec: "/hook": executable file not found in $PATH'}, True),
        ({"exitCode": 126, "reason": "Error"}, True),
        ({"exitCode": 127, "reason": "Error"}, True),
        ({"exitCode": 128, "reason": "Error"}, False),
        ({"exitCode": 1, "reason": "Error"}, False),
        ({"exitCode": 137, "reason": "OOMKilled"}, False),
        ({}, False),
    ],
)
def test_a_process_that_cannot_be_started(ended, expected):
    assert cannot_start(ended) is expected


@pytest.mark.parametrize(
    "message, verdict, topic",
    [
        ('MountVolume.SetUp failed for volume "conf" : configmap "web" not found', IF_IT_LASTS, "config"),
        ('MountVolume.SetUp failed for volume "key" : secret "web" not found', IF_IT_LASTS, "config"),
        ('MountVolume.SetUp failed for volume "conf" : configmap references non-existent config key: a', IF_IT_LASTS, "config"),
        ('MountVolume.SetUp failed for volume "key" : references non-existent secret key: a', IF_IT_LASTS, "config"),
        ('MountVolume.SetUp failed for volume "conf" : failed to sync configmap cache: timed out waiting for the condition', NEVER, "volume"),
        ('Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-0', NEVER, "volume"),
    ],
)
def test_what_an_event_says_about_a_volume(message, verdict, topic):
    finding = mount_finding(pod(), {"reason": "FailedMount", "message": message})
    assert (finding.reason, finding.message, finding.verdict, finding.topic) == ("FailedMount", message, verdict, topic)


@pytest.mark.parametrize(
    "volume, verdict",
    [
        ({"persistentVolumeClaim": {"claimName": "data"}}, NEVER),
        ({"csi": {"driver": "vault", "nodePublishSecretRef": {"name": "login"}}}, IF_IT_LASTS),
        ({"csi": {"driver": "vault", "nodePublishSecretRef": {"name": "other"}}}, NEVER),
    ],
    ids=["of the volume", "of the pod", "another one"],
)
def test_a_secret_that_a_driver_asks_for(volume, verdict):
    """That of a persistent volume is made by the driver's operator, perhaps a moment later."""
    said = (
        'MountVolume.SetUp failed for volume "data" : fetching NodePublishSecretRef shop/login failed: kubernetes.io/csi: failed to find '
        'the secret login in the namespace shop with error: secrets "login" not found'
    )
    spec = {"containers": [{"name": "web"}], "volumes": [{"name": "data", **volume}]}
    assert mount_finding(pod(spec=spec), {"reason": "FailedMount", "message": said}).verdict == verdict


@pytest.mark.parametrize(
    "obj, expected",
    [
        (pod(waiting("ContainerCreating")), True),
        (pod(), True),
        (pod(waiting("ContainerCreating"), scheduled=False), False),
        (pod(waiting("ErrImagePull")), False),
        (pod(running()), False),
        (pod(waiting("PodInitializing"), init=[running(name="setup")]), False),
        (pod(waiting("PodInitializing"), init=[waiting("PodInitializing", name="setup")]), True),
    ],
    ids=["creating", "no statuses", "no node", "no image", "running", "initialising", "not yet initialising"],
)
def test_starting(obj, expected):
    assert starting(obj) is expected


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
    assert examine(obj) == []


@pytest.mark.parametrize("reason", ["Unschedulable", "SchedulingGated", ""])
def test_a_pod_that_is_not_scheduled_may_be_yet(reason):
    obj = pod()
    obj["status"]["conditions"] = [condition("PodScheduled", "False", reason, "0/3 nodes are available: 3 Insufficient cpu.")]
    (finding,) = examine(obj)
    assert finding == Finding("web-1", "uid-1", "", reason or "NotScheduled", "0/3 nodes are available: 3 Insufficient cpu.", NEVER)


def test_an_evicted_pod_is_told_but_is_no_reason_to_give_up():
    obj = pod(phase="Failed")
    obj["status"].update(reason="Evicted", message="The node was low on resource: memory.", containerStatuses=[])
    (finding,) = examine(obj)
    assert (finding.reason, finding.message, finding.verdict) == ("Evicted", "The node was low on resource: memory.", NEVER)


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
    assert (finding.reason, finding.message, finding.verdict) == ("NotReady", sentence, NEVER)


def test_init_containers_are_examined():
    init = [terminated(0, "Completed", name="setup"), waiting("CrashLoopBackOff", restarts=2, name="migrate", last={"exitCode": 4})]
    (finding,) = examine(pod(waiting("PodInitializing"), init=init))
    assert (finding.container, finding.exit_code, finding.verdict) == ("migrate", 4, EXIT)


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
    assert (finding.container, finding.message, finding.verdict) == ("wait-for-db", sentence, NEVER)


def test_the_gravest_finding_comes_first():
    obj = pod(running(), init=[waiting("RunContainerError", name="a"), waiting("InvalidImageName", name="b")])
    assert [f.verdict for f in examine(obj)] == [AT_ONCE, NEVER, NEVER]


@pytest.mark.parametrize(
    "finding, sentence",
    [
        (
            Finding("web-1", "u", "web", "CrashLoopBackOff", "back-off", EXIT, exit_code=1, restart_count=2),
            "pod web-1, container web: CrashLoopBackOff (exit code 1, 2 restarts): back-off",
        ),
        (Finding("web-1", "u", "", "Unschedulable", "0/3 nodes"), "pod web-1: Unschedulable: 0/3 nodes"),
        (Finding("web-1", "u", "web", "ErrImagePull", ""), "pod web-1, container web: ErrImagePull"),
        (Finding("", "u", "", "FailedCreate", "exceeded quota"), "FailedCreate: exceeded quota"),
    ],
    ids=["ended container", "pod", "no message", "no pod"],
)
def test_sentence(finding, sentence):
    assert finding.sentence() == sentence
