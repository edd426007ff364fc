# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests beside kubectl share: the API server, kubectl, our modules, and a mirror of a namespace.

Nothing here judges a rollout by the code under test: what is true is found out anew.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import kubernetes
import urllib3

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.door import ENGINES

RESOURCES = {"Deployment": "deployments", "DaemonSet": "daemonsets", "StatefulSet": "statefulsets"}
HISTORIES = {"Deployment": "replicasets", "DaemonSet": "controllerrevisions", "StatefulSet": "controllerrevisions"}
CAUSE = "kubernetes.io/change-cause"
REVISION = "deployment.kubernetes.io/revision"
FORMER_REVISIONS = "deployment.kubernetes.io/revision-history"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
#: what neither the deployment controller nor an undo copies between a Deployment and its ReplicaSets
NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    FORMER_REVISIONS,
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
)
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
#: image tags that the cluster makes fail: for the first two a module gives up at once, for the last it has to wait
BROKEN_TAGS = ("image-pull-error", "crash-loop", "never-ready")
#: seconds a very busy machine may need for what the controllers always do
PATIENCE = 180
#: seconds without any event after which a rollout that cannot get complete counts as stuck
STUCK = 0.7


class Refused(Exception):
    """The API server's no."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Server:
    """The API server, spoken to directly."""

    def __init__(self, kubeconfig):
        self.kubeconfig = str(kubeconfig)
        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(self.kubeconfig, client_configuration=configuration)
        self._host = configuration.host
        self._pool = urllib3.PoolManager(
            maxsize=64,
            cert_file=configuration.cert_file,
            key_file=configuration.key_file,
            ca_certs=configuration.ssl_ca_cert,
        )

    def send(self, verb, path, body=None, content_type="application/json", query=None, **options):
        response = self._pool.urlopen(
            verb,
            f"{self._host}{path}?{urlencode(query or {})}",
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type},
            retries=False,
            **options,
        )
        if response.status >= 400:
            raise Refused(response.status, response.data.decode("utf-8", "replace"))
        return response

    def call(self, *arguments, **options):
        return json.loads(self.send(*arguments, timeout=30, **options).data)


@dataclass(frozen=True)
class Ran:
    """One run of kubectl."""

    code: int
    out: str
    err: str


class Bench:
    """A namespace, and the tools to work in it."""

    def __init__(self, server, kubectl, cache):
        self.server, self.program, self.cache = server, kubectl, cache
        self.namespace = f"twin-{secrets.token_hex(4)}"
        self._kubectl = [str(kubectl), "--kubeconfig", server.kubeconfig, "--namespace", self.namespace, "--cache-dir", str(cache)]
        self._validators = {name: ArgumentSpecValidator(**ENGINES[name].spec()) for name in ("rollout", "rollout_undo", "rollout_info")}

    def __enter__(self):
        self.server.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        wait_for(lambda: self._exists("/api/v1/namespaces/{}/serviceaccounts/default"), "the default service account")
        self.mirror = Mirror(self.server, self.namespace)
        return self

    def __exit__(self, *exc):
        self.mirror.stop()
        self.server.call("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def _exists(self, path):
        try:
            return self.server.call("GET", path.format(self.namespace))
        except Refused as e:
            if e.code != 404:
                raise
            return None

    # ------------------------------------------------------------- the tools --
    def kubectl(self, *arguments, timeout=120):
        """Run kubectl, which must come to an end by itself."""
        done = subprocess.run([*self._kubectl, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
        return Ran(done.returncode, done.stdout.strip(), done.stderr.strip())

    def ours(self, module, kind, name, check_mode=False, want_diff=False, progress=lambda line: None, **options):
        """Run one of our modules, in this process, with the defaults of its argument spec."""
        given = {"kubeconfig": self.server.kubeconfig, "namespace": self.namespace, "kind": kind, "name": name, **options}
        validated = self._validators[module].validate(given)
        assert not validated.error_messages, validated.error_messages
        return ENGINES[module].call(validated.validated_parameters, check_mode, want_diff, progress)

    # ------------------------------------------------------------ the objects --
    def path(self, kind, name=""):
        return f"/apis/apps/v1/namespaces/{self.namespace}/{RESOURCES.get(kind, kind)}/{name}".rstrip("/")

    def create(self, workload):
        return self.server.call("POST", self.path(workload["kind"]), workload)

    def get(self, kind, name):
        return self.server.call("GET", self.path(kind, name))

    def patch(self, kind, name, body, content_type=MERGE_PATCH, **query):
        return self.server.call("PATCH", self.path(kind, name), body, content_type, query)

    def set_image(self, kind, name, image, container=0, **query):
        """Somebody sets the image of a container, by default of the first one, app."""
        patch = [{"op": "replace", "path": f"/spec/template/spec/containers/{container}/image", "value": image}]
        return self.patch(kind, name, patch, JSON_PATCH, **query)

    def delete(self, kind, name):
        return self.server.call("DELETE", self.path(kind, name), query={"propagationPolicy": "Background"})

    def pod_uids(self):
        pods = self.server.call("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return {pod["metadata"]["uid"] for pod in pods}

    def remove(self, obj):
        """Delete a pod or a revision, and wait until it is gone."""
        metadata = obj["metadata"]
        path = f"/apis/apps/v1/namespaces/{self.namespace}"
        # An item of a list has no kind.
        kind = obj.get("kind") or ("ControllerRevision" if "revision" in obj else "Pod" if "containers" in obj["spec"] else "ReplicaSet")
        resource = {"Pod": "pods", "ReplicaSet": "replicasets", "ControllerRevision": "controllerrevisions"}[kind]
        if resource == "pods":
            path = f"/api/v1/namespaces/{self.namespace}"
        body = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        self.server.call("DELETE", f"{path}/{resource}/{metadata['name']}", body)
        self.mirror.wait_gone(resource, obj)

    def view(self, kind, name):
        """The workload and what belongs to it, once it has come to rest."""
        # what happened before this request must have been seen
        version = int(self.get(kind, name)["metadata"]["resourceVersion"])
        return self.mirror.view(kind, name, version)


def wait_for(condition, what, timeout=PATIENCE):
    """Poll until condition() is true, and return what it gave."""
    deadline = time.monotonic() + timeout
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain for: {what}"
        time.sleep(0.05)
    return seen


@contextlib.contextmanager
def stopped(pid):
    """Let a component hang for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def workload(kind, name, replicas=2, image="registry.test/app:1", spec=None, template_spec=None):
    """A workload as a user would write it; its pods carry the label app=<its name>."""
    labels = {"app": name}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "initContainers": [{"name": "setup", "image": "registry.test/setup:1"}],
                    "containers": [
                        {"name": "app", "image": image},
                        {"name": "helper", "image": "registry.test/helper:1"},
                    ],
                    **(template_spec or {}),
                },
            },
            **({} if kind == "DaemonSet" else {"replicas": replicas}),
            **({"serviceName": name} if kind == "StatefulSet" else {}),
            **(spec or {}),
        },
    }
    return manifest


# ------------------------------------------------------------------ the mirror --
class Mirror:
    """Follows a namespace, so that hundreds of workloads can be waited for without asking again and again."""

    _WATCHED = {
        "pods": "/api/v1/namespaces/{}/pods",
        **{r: f"/apis/apps/v1/namespaces/{{}}/{r}" for r in {*RESOURCES.values(), *HISTORIES.values()}},
    }

    def __init__(self, server, namespace):
        self._server = server
        self._lock = threading.Lock()
        self._apps = {}
        self._error = None
        self._responses = {}
        self._stopped = False
        for resource, path in self._WATCHED.items():
            threading.Thread(target=self._follow, args=(resource, path.format(namespace)), daemon=True).start()

    def stop(self):
        self._stopped = True
        for response in self._responses.values():
            response.shutdown()

    def app(self, name):
        with self._lock:
            return self._apps.setdefault(name, _App())

    def view(self, kind, name, version):
        """The View of a workload at rest."""
        app, deadline = self.app(name), time.monotonic() + PATIENCE
        with app.changed:
            while True:
                assert self._error is None, f"the mirror has broken: {self._error!r}"
                left = deadline - time.monotonic()
                seen = View(kind, name, app)
                restless = seen.restless(version)
                quiet_for = time.monotonic() - app.last_event
                if not restless and (seen.complete() or quiet_for >= STUCK and seen.cannot_complete()):
                    return seen
                assert left > 0, f"{kind} {name} does not come to rest: {restless or 'it is not complete'}\n{seen}"
                app.changed.wait(min(left, max(0.01, STUCK - quiet_for)) if not restless else min(left, 1))

    def wait_gone(self, resource, obj):
        app, name = self.app(obj["metadata"]["labels"]["app"]), obj["metadata"]["name"]

        def gone():
            kept = app.objects[resource].get(name)
            kept = kept.obj if isinstance(kept, Revision) else kept
            return kept is None or kept["metadata"]["uid"] != obj["metadata"]["uid"]

        with app.changed:
            assert app.changed.wait_for(gone, PATIENCE), f"{obj['kind']} {name} is still there"

    def _follow(self, resource, path):
        try:
            found = self._server.call("GET", path)
            for obj in found["items"]:
                self._put(resource, "ADDED", obj)
            version = found["metadata"]["resourceVersion"]
            while not self._stopped:
                query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
                response = self._server.send("GET", path, query=query, preload_content=False, timeout=None)
                self._responses[resource] = response
                version = self._read(resource, response, version)
        except Exception as e:  # whatever it is, those who wait must hear of it
            if not self._stopped:
                self._error = e
                raise

    def _read(self, resource, response, version):
        rest = b""
        for chunk in response.stream(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                assert event["type"] != "ERROR", event
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._put(resource, event["type"], event["object"])
        return version

    def _put(self, resource, event, obj):
        metadata = obj["metadata"]
        if "app" not in (metadata.get("labels") or {}):
            return
        app = self.app(metadata["labels"]["app"])
        with app.changed:
            if event == "DELETED":
                app.objects[resource].pop(metadata["name"], None)
            else:
                app.objects[resource][metadata["name"]] = _revision(obj) if resource in HISTORIES.values() else obj
            app.last_event = time.monotonic()
            app.changed.notify_all()


class _App:
    """The objects that carry one app label."""

    def __init__(self):
        self.changed = threading.Condition()
        self.last_event = time.monotonic()
        self.objects = {resource: {} for resource in Mirror._WATCHED}


@dataclass(frozen=True)
class Revision:
    """One revision of a history, read without the code under test."""

    number: int
    name: str
    template: dict
    annotations: dict
    obj: dict


class View:
    """A workload, its history and its pods at one moment."""

    def __init__(self, kind, name, app):
        self.kind, self.name = kind, name
        self.workload = app.objects[RESOURCES[kind]].get(name)
        self.pods = sorted(app.objects["pods"].values(), key=lambda pod: pod["metadata"]["name"])
        self.history = sorted(app.objects[HISTORIES[kind]].values(), key=lambda r: r.number)

    def __str__(self):
        pods = [(p["metadata"]["name"], bool(p["metadata"].get("deletionTimestamp")), is_ready(p)) for p in self.pods]
        return json.dumps({"workload": self.workload, "pods": pods, "history": [(r.number, r.name) for r in self.history]}, indent=1)

    # ------------------------------------------------------------------ facts --
    @property
    def spec(self):
        return self.workload["spec"]

    @property
    def status(self):
        return self.workload.get("status") or {}

    @property
    def annotations(self):
        return self.workload["metadata"].get("annotations") or {}

    @property
    def paused(self):
        return bool(self.spec.get("paused"))

    @property
    def on_delete(self):
        return self.spec.get("updateStrategy", {}).get("type") == "OnDelete"

    @property
    def current(self):
        """The revision that holds the spec's template; None while a paused Deployment has none."""
        return next((r for r in self.history if r.template == self.spec["template"]), None)

    def pods_of(self, revision):
        return [pod for pod in self.pods if _pod_revision(pod, self.kind) == _revision_key(revision, self.kind)]

    def number_of(self, pod):
        """The number of the revision that a pod belongs to."""
        key = _pod_revision(pod, self.kind)
        return next((r.number for r in self.history if _revision_key(r, self.kind) == key), None)

    def stuck_pods(self):
        """Pods of a revision that is not the spec's, which are not ready."""
        return [pod for pod in self.pods if not is_ready(pod) and pod not in self.pods_of(self.current)]

    def complete(self):
        """Do exactly the wanted pods run, all of the newest revision (below a partition: of any) and ready?"""
        wanted = self.spec.get("replicas", 1)
        if self.current is None:
            return self.paused and wanted == len(self.pods) == 0
        if not all(map(is_ready, self.pods)):
            return False
        updated = len(self.pods_of(self.current))
        if self.kind == "DaemonSet":
            wanted = self.status.get("desiredNumberScheduled", 0)
        if self.kind == "StatefulSet" and not self.on_delete:
            partition = self.spec["updateStrategy"]["rollingUpdate"].get("partition", 0)
            if partition:
                return len(self.pods) == wanted and updated >= wanted - partition
            return updated == len(self.pods) == wanted and self.status.get("currentRevision") == self.status["updateRevision"]
        return updated == len(self.pods) == wanted

    def cannot_complete(self):
        """Is there a reason for the rollout not to go on?"""
        if self.paused or self.on_delete:
            return True
        if any(is_broken(pod) for pod in self.pods_of(self.current)):
            return True
        return self.kind == "StatefulSet" and self.spec["podManagementPolicy"] == "OrderedReady" and bool(self.stuck_pods())

    # ------------------------------------------------------------ coming to rest --
    def restless(self, version):
        """Why something is going to happen still; empty when nothing is known."""
        if self.workload is None or int(self.workload["metadata"]["resourceVersion"]) < version:
            return "the mirror lags behind"
        if self.status.get("observedGeneration", 0) < self.workload["metadata"]["generation"]:
            return "the controller has not seen the newest spec"
        for pod in self.pods:
            if pod["metadata"].get("deletionTimestamp"):
                return f"pod {pod['metadata']['name']} terminates"
            if not (is_ready(pod) or is_broken(pod)):
                return f"pod {pod['metadata']['name']} starts"
        return self._history_lags() or self._counts_lag() or self._unpruned()

    def _history_lags(self):
        current = self.current
        if current is None:
            return "" if self.paused else "the history lacks the newest template"
        if self.kind != "Deployment":
            return "" if current is self.history[-1] else "the revision has not got its number"
        if str(self.history[-1].number) != self.annotations.get(REVISION):
            return "the Deployment has not got its revision"
        if not self.paused and current is not self.history[-1]:
            return "the ReplicaSet has not got its revision"
        copied = {k: v for k, v in self.annotations.items() if k not in NOT_COPIED}
        return "" if copied.items() <= current.annotations.items() else "the ReplicaSet has not got the annotations"

    def _counts_lag(self):
        status, ready = self.status, sum(map(is_ready, self.pods))
        updated = len(self.pods_of(self.current)) if self.current else 0
        if self.kind == "DaemonSet":
            if len(self.pods) > status["desiredNumberScheduled"]:
                return ""  # while it surges, one pod of each node counts
            told = [status.get("numberReady"), status.get("numberAvailable", 0), status.get("updatedNumberScheduled", 0)]
            true = [ready, ready, updated]
        else:
            told = [status.get(k, 0) for k in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")]
            true = [len(self.pods), ready, ready, updated]
        if told != true:
            return f"the status says {told}, the pods {true}"
        for revision in self.history if self.kind == "Deployment" else []:
            wanted, pods = revision.obj["spec"]["replicas"], len(self.pods_of(revision))
            if not wanted == pods == revision.obj["status"]["replicas"]:
                return f"ReplicaSet {revision.name} has not got its {wanted} pods"
        return ""

    def _unpruned(self):
        """What the controllers' clean-up of old revisions will delete."""
        old, limit = [r for r in self.history if r is not self.current], self.spec["revisionHistoryLimit"]
        if self.kind == "Deployment":
            # a rollout that is under way keeps everything
            prunable = old[: max(0, len(old) - limit)] if self.complete() or self.paused else []
            prunable = [r for r in prunable if not self.pods_of(r)]
        elif self.kind == "DaemonSet":
            prunable = [r for r in old if not self.pods_of(r)][: max(0, len(old) - limit)]
        else:
            named = (self.status.get("currentRevision"), self.status.get("updateRevision"))
            dead = [r for r in old if not self.pods_of(r) and r.name not in named]
            prunable = dead[: max(0, len(dead) - limit)]
        return f"revision {prunable[0].number} is beyond the history's limit" if prunable else ""


def _revision(obj):
    annotations = obj["metadata"].get("annotations") or {}
    if "data" not in obj:
        template, number = copy.deepcopy(obj["spec"]["template"]), int(annotations.get(REVISION, 0))
        del template["metadata"]["labels"]["pod-template-hash"]
    else:
        template, number = copy.deepcopy(obj["data"]["spec"]["template"]), obj["revision"]
        template.pop("$patch", None)
    return Revision(number, obj["metadata"]["name"], template, annotations, obj)


def _revision_key(revision, kind):
    if kind == "Deployment":
        return revision.obj["metadata"]["labels"]["pod-template-hash"]
    return revision.name if kind == "StatefulSet" else revision.obj["metadata"]["labels"]["controller-revision-hash"]


def _pod_revision(pod, kind):
    return pod["metadata"]["labels"].get("pod-template-hash" if kind == "Deployment" else "controller-revision-hash")


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def is_broken(pod):
    """Has a container of a pod failed, so that it will not get ready?"""
    for status in pod["status"].get("initContainerStatuses", []) + pod["status"].get("containerStatuses", []):
        state = status.get("state") or {}
        if "waiting" in state and state["waiting"]["reason"] not in ("ContainerCreating", "PodInitializing"):
            return True
        if "running" in state and status["image"].endswith(":never-ready"):
            return True
    return False


def images_of(template):
    containers = template["spec"]["containers"] + template["spec"].get("initContainers", [])
    return {container["name"]: container["image"] for container in containers}


def broken_tags(images):
    return {tag for image in images.values() if (tag := image.rpartition(":")[2]) in BROKEN_TAGS}
