# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rollouts end early: rollouts that are slow but good, and hopeless ones, all side by side.

A good one is waited for beside kubectl rollout status, and must not be called failed; a hopeless one must be, within three
seconds of its verdict, which the test works out for itself from what the API server shows.  What happens to whom, in which
container of which kind, is random.  In `make test` the seconds that something may be missing, and those after which it
comes, are fewer; `make test-all` has those of the defaults.
"""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .workbench import Bench, Refused, wait_for, workload

FULL = os.environ.get("SLIPWAY_TESTS") == "all"
#: fail_fast_after, and after how many seconds things come that were missing
AFTER, COMES = (60, 40) if FULL else (20, 8)
#: of each way to be slow, and of each to be hopeless
COUNT = 6 if FULL else 1
#: seconds for a rollout that is slow; it is the number of rollouts that makes them long
LONG = 240
#: seconds within which a verdict is to be told, for half of them, and for each on a machine that is very busy
SOON, LATE = 3, 25
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
FAIL = "fail.slipway.kubernetes/"
CONTAINERS = ("app", "setup", "proxy")
MERGE = "application/merge-patch+json"


class Missed(Exception):
    """The test was too slow for what it had to do in time, so nothing is shown."""


class Scenario:
    """One workload, and what befalls it."""

    def __init__(self, bench, name, seed):
        self.bench, self.name, self.random = bench, name, random.Random(seed)
        self.kind = self.random.choice(KINDS)
        self.container = self.random.choice(CONTAINERS)
        self.followed, self.over = threading.Event(), threading.Event()
        self.manifest = None

    # ------------------------------------------------------------------ tools --
    def create(self, mode=None, spec=None, annotations=None, template=None, replicas=1, container=None):
        """Create the workload; with a mode, one container of its pods fails in that way until heal()."""
        self.container = container or self.container
        obj = workload(self.kind, self.name, replicas, spec=spec, template_spec=template)
        pod = obj["spec"]["template"]
        pod["spec"]["initContainers"].append({"name": "proxy", "image": "registry.test/proxy:1", "restartPolicy": "Always"})
        pod["metadata"]["annotations"] = {**(annotations or {}), **({FAIL + self.container: mode} if mode else {})}
        self.manifest = self.bench.create(obj)

    def pods(self):
        return list(self.bench.mirror.app(self.name).objects["pods"].values())

    def pods_wanted(self):
        return 3 if self.kind == "DaemonSet" else 1

    def statuses(self):
        for pod in self.pods():
            for status in pod["status"].get("initContainerStatuses", []) + pod["status"].get("containerStatuses", []):
                if status["name"] == self.container:
                    yield status

    def annotate(self, **annotations):
        for pod in self.pods():
            path = f"/api/v1/namespaces/{self.bench.namespace}/pods/{pod['metadata']['name']}"
            try:
                self.bench.server.call("PATCH", path, {"metadata": {"annotations": annotations}}, MERGE)
            except Refused as e:
                if e.code != 404:
                    raise

    def heal(self):
        """Until the end, whatever pods come: nothing is wrong with them any more."""
        while not self.over.wait(0.2):
            if any(FAIL + self.container in pod["metadata"].get("annotations", {}) for pod in self.pods()):
                self.annotate(**{FAIL + self.container: None})

    def until(self, condition, what):
        wait_for(lambda: self.over.is_set() or condition(), f"{self.name}: {what}")

    # ------------------------------------------------- slow, but they are good --
    def comes_late(self, mode):
        self.create(mode)
        yield
        time.sleep(COMES)
        self.heal()

    def an_image_that_is_pushed_late(self):
        return self.comes_late(self.random.choice(["image-pull-error", "image-denied", "image-forbidden"]))

    def a_secret_that_is_made_late(self):
        return self.comes_late("config-error")

    def a_busy_registry(self):
        return self.lasts("registry-busy")

    def a_container_runtime_in_trouble(self):
        return self.lasts("create-error")

    def lasts(self, mode):
        """Longer than anything may be missing."""
        self.create(mode)
        yield
        time.sleep(AFTER + 4)
        self.heal()

    def a_late_node(self):
        label = f"twin/{self.bench.namespace}-{self.name}"
        # a DaemonSet is complete where it has no node to run on
        self.kind = self.random.choice(KINDS[:2])
        self.create(template={"nodeSelector": {label: "yes"}})
        yield
        time.sleep(AFTER + 4)
        self.bench.server.call("PATCH", "/api/v1/nodes/" + self._node(), {"metadata": {"labels": {label: "yes"}}}, MERGE)
        self.over.wait()
        self.bench.server.call("PATCH", "/api/v1/nodes/" + self._node(), {"metadata": {"labels": {label: None}}}, MERGE)

    def _node(self):
        return min(node["metadata"]["name"] for node in self.bench.server.call("GET", "/api/v1/nodes")["items"])

    def a_full_quota(self):
        """In a namespace of its own, since a quota is one's."""
        with Bench(self.bench.server, self.bench.program, self.bench.cache) as self.bench:
            quotas = f"/api/v1/namespaces/{self.bench.namespace}/resourcequotas"
            self.bench.server.call("POST", quotas, {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "1"}}})
            wait_for(lambda: self.bench.server.call("GET", f"{quotas}/pods").get("status", {}).get("hard"), "the quota")
            self.create(replicas=2)
            yield
            time.sleep(COMES)
            self.bench.server.call("PATCH", f"{quotas}/pods", {"spec": {"hard": {"pods": "9"}}}, MERGE)
            self.over.wait()

    def slow_old_pods(self):
        """The new ones want a port of the host that the old ones still have."""
        self.kind = "Deployment"
        ports = [{"containerPort": 80, "hostPort": self.random.randint(20000, 60000)}]
        port = {"name": "app", "image": "registry.test/app:1", "ports": ports}
        node = {"kubernetes.io/hostname": self._node()}
        strategy = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}}
        slow = {"slipway.kubernetes/delete-delay": f"{AFTER + 4}s"}
        self.create(spec=strategy, annotations=slow, template={"containers": [port], "nodeSelector": node})
        self.bench.view(self.kind, self.name)
        self.bench.set_image(self.kind, self.name, "registry.test/app:2")
        yield

    def slow_init_containers(self):
        self.create(annotations={"slipway.kubernetes/ready-delay": f"{self.random.randint(4, AFTER)}s"})
        yield

    def crashes_and_then_is_ready(self):
        self.create("crash-loop")
        yield
        ends = self.random.randint(1, 2)
        self.until(lambda: any(status["restartCount"] >= ends for status in self.statuses()), f"{ends} crashes")
        self.heal()

    def a_restarted_sidecar(self):
        """It has been ready, so it may fail as often as it likes."""
        self.create(spec={"minReadySeconds": 5}, container="proxy")
        yield
        # nobody can tell afterwards of a single container that it was ready
        self.until(self.followed.is_set, "the module's first look")
        self.until(lambda: [status["ready"] for status in self.statuses()].count(True) == self.pods_wanted(), "the sidecars")
        self.annotate(**{FAIL + "proxy": self.random.choice(["oom", "exit-127"])})
        self.until(lambda: any(status["restartCount"] >= 3 for status in self.statuses()), "three restarts")
        self.heal()

    def flapping_readiness(self):
        self.create(spec={"minReadySeconds": 3})
        yield
        for turn in range(6):
            time.sleep(1)
            self.annotate(**{FAIL + "app": None if turn % 2 else "never-ready"})

    def crashes_from_before(self):
        """As the wait begins its pods are in back-off, for eight seconds at least."""
        self.create(self.random.choice(["crash-loop", "start-error", "exit-126"]))
        wait_for(lambda: [status["restartCount"] >= 4 for status in self.statuses()].count(True) == self.pods_wanted(), f"{self.name}: four crashes")
        yield
        time.sleep(1)
        self.heal()

    GOOD = (
        an_image_that_is_pushed_late,
        a_secret_that_is_made_late,
        a_busy_registry,
        a_container_runtime_in_trouble,
        a_late_node,
        a_full_quota,
        slow_old_pods,
        slow_init_containers,
        crashes_and_then_is_ready,
        a_restarted_sidecar,
        flapping_readiness,
        crashes_from_before,
    )

    def go_well(self, scenario):
        """Play it, and wait for it with both; what each of them says."""
        play = scenario(self)
        next(play)
        player = threading.Thread(target=lambda: list(play), daemon=True)
        player.start()
        with ThreadPoolExecutor(1) as pool:
            theirs = pool.submit(self.bench.kubectl, "rollout", "status", f"{self.kind.lower()}/{self.name}", f"--timeout={LONG}s", timeout=LONG + 30)
            lines, began = [], time.monotonic()

            def tell(line):
                lines.append(line)
                self.followed.set()

            ours = self.bench.ours("rollout", self.kind, self.name, progress=tell, fail_fast_after=AFTER, wait_timeout=LONG)
            if ours.get("failed") and self._is_late(scenario, time.monotonic() - began):
                self.over.set()
                raise Missed
            theirs = theirs.result()
        self.over.set()
        player.join(60)
        return theirs, ours, "\n".join([f"{self.kind}, {self.container}", *lines, str(theirs), str(ours)])

    def _is_late(self, scenario, seconds):
        """Has the test not done in time what would have made the rollout a good one?"""
        path = f"/api/v1/namespaces/{self.bench.namespace}/pods"
        pods = self.bench.server.call("GET", path, query={"labelSelector": f"app={self.name}"})
        ill = any(FAIL + self.container in pod["metadata"].get("annotations", {}) for pod in pods["items"])
        if scenario in (Scenario.an_image_that_is_pushed_late, Scenario.a_secret_that_is_made_late):
            return ill and seconds >= AFTER
        if scenario is Scenario.crashes_and_then_is_ready:
            return any(status["restartCount"] >= 3 for status in self.statuses())
        return ill and scenario is Scenario.crashes_from_before and seconds > 5

    # -------------------------------------------------------------- hopeless --
    def verdict_at(self, mode, told):
        """When it was decided, by what the API server shows; None if the module said so before."""
        reasons = {"invalid-image-name": "InvalidImageName", "never-pull": "ErrImageNeverPull", "config-error": "CreateContainerConfigError"}
        ends = {"start-error": 1, "exit-126": 1, "exit-127": 1, "crash-loop": 3, "oom": 3}

        def decided():
            if told.is_set():
                return True
            if mode in ends:
                return any(status["restartCount"] >= ends[mode] for status in self.statuses())
            waiting = [status["state"].get("waiting", {}).get("reason", "") for status in self.statuses()]
            return any(reason == reasons[mode] if mode in reasons else reason in ("ErrImagePull", "ImagePullBackOff") for reason in waiting)

        wait_for(decided, f"{self.name}: the verdict")
        lasts = mode.startswith("image-") or mode == "config-error"
        return time.monotonic() + (AFTER if lasts else 0)

    def go_wrong(self, mode):
        """Roll out what is hopeless; the module's result, and how many seconds after the verdict it came."""
        self.create()
        self.bench.view(self.kind, self.name)
        told = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            decided = pool.submit(self.verdict_at, mode, told)
            images = {self.container: f"registry.test/{self.container}:{mode}"}
            result = self.bench.ours("rollout", self.kind, self.name, images=images, fail_fast_after=AFTER, wait_timeout=LONG)
            at = time.monotonic()
            told.set()
            return result, at - decided.result()

    HOPELESS = (
        "invalid-image-name",
        "never-pull",
        "start-error",
        "exit-126",
        "exit-127",
        "crash-loop",
        "oom",
        "image-pull-error",
        "image-denied",
        "image-forbidden",
        "config-error",
    )


def seeds():
    pick = random.Random(int(os.environ["SLIPWAY_SEED"]))
    return [pick.randrange(10**6) for _number in range(COUNT)]


@pytest.fixture(scope="module")
def outcomes(bench):
    """Plays all of them side by side; a name gives the future of what came out."""

    def play_good(name, scenario, seed):
        for attempt in range(3):
            try:
                return Scenario(bench, f"{name}-{attempt}", seed).go_well(scenario)
            except Missed:
                continue
        raise AssertionError("this machine is too slow")

    with ThreadPoolExecutor(32) as pool:
        futures = {}
        for number, seed in enumerate(seeds()):
            for scenario in Scenario.GOOD:
                name = f"{scenario.__name__.replace('_', '-')[:32].strip('-')}-{number}"
                futures[scenario, number] = pool.submit(play_good, name, scenario, seed)
            for mode in Scenario.HOPELESS:
                futures[mode, number] = pool.submit(Scenario(bench, f"{mode}-{number}", seed).go_wrong, mode)
        yield futures


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("scenario", Scenario.GOOD, ids=lambda scenario: scenario.__name__)
def test_what_is_slow_but_good_is_not_called_failed(outcomes, scenario, number):
    theirs, ours, said = outcomes[scenario, number].result()
    assert theirs.code == 0, said
    assert not ours.get("failed") and ours["rollouts"][0]["phase"] == "complete", said


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("mode", Scenario.HOPELESS)
def test_what_is_hopeless_is_told_soon(outcomes, mode, number):
    result, late = outcomes[mode, number].result()
    assert result.get("failed") and "timed out" not in result["msg"], result
    found = result["rollouts"][0]["diagnosis"][0]
    assert found["reason"] in result["msg"] and found["container"] in CONTAINERS, result
    assert -1 < late < LATE, result


def test_verdicts_are_told_within_three_seconds(outcomes):
    """Half of them, since a busy machine may hold up the others."""
    late = sorted(future.result()[1] for (what, _number), future in outcomes.items() if what in Scenario.HOPELESS)
    assert late[len(late) // 2] <= SOON, late
