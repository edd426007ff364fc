# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random sequences of operations on twin workloads: one driven by kubectl, one by our modules.

When each operation has settled on both, everything that the user sees must be equal.  What the design
names as better than kubectl is expected exactly where it says so, and put right by hand on kubectl's
twin afterwards, so that everything else is compared on.

`make test` runs some fixed seeds and some fresh ones, which SLIPWAY_SEED leads to; `make test-all` runs 300 fixed ones.
A failing sequence is repeated with SLIPWAY_TWIN_SEED=<its seed>; SLIPWAY_TWIN_COUNT (default 1) runs those after it too.
"""

from __future__ import annotations

import difflib
import json
import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .workbench import BROKEN_TAGS, CAUSE, JSON_PATCH, NOT_COPIED, PATIENCE, RESTARTED_AT
from .workbench import broken_tags, images_of, is_ready, wait_for, workload

#: of the seeds 0 to ALL - 1, the first FIXED are enough for every change
FIXED, ALL, FRESH = 45, 300, 15
#: how many sequences run at once: enough to keep two cores busy while most of them wait
AT_ONCE = 12
#: seconds within which twins at rest must be equal: the mirror may see one of them later
EQUAL_WITHIN = 60
#: a broken product is told after so many failures
ENOUGH_FAILURES = 10
KINDS = ("Deployment", "DaemonSet", "StatefulSet")
NOTE = "example.com/note"


def seeds():
    """The seeds to run, as parameters."""
    if given := os.environ.get("SLIPWAY_TWIN_SEED"):
        return list(range(int(given), int(given) + int(os.environ.get("SLIPWAY_TWIN_COUNT", "1"))))
    fresh = random.Random(int(os.environ["SLIPWAY_SEED"])).sample(range(ALL, 10**6), FRESH)
    return [*range(FIXED), *fresh, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(FIXED, ALL))]


@pytest.fixture(scope="module")
def outcomes(bench, request):
    """Runs all sequences that were chosen side by side; a seed gives the future of its sequence."""
    chosen = [item.callspec.params["seed"] for item in request.session.items if item.path == request.path]
    failures = []

    def run(seed):
        if len(failures) >= ENOUGH_FAILURES:
            pytest.fail(f"not run after {ENOUGH_FAILURES} failures")
        try:
            Sequence(bench, seed).run()
        except BaseException:
            failures.append(seed)
            raise

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {seed: pool.submit(run, seed) for seed in chosen}
        yield futures
        for future in futures.values():
            future.cancel()


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: f"{KINDS[seed % 3]}-{seed}")
def test_equal_to_kubectl(outcomes, seed):
    outcomes[seed].result()


class Sequence:
    """One random sequence on one pair of twins."""

    def __init__(self, bench, seed):
        self.bench, self.seed = bench, seed
        self.kind = KINDS[seed % 3]
        self.random = random.Random(seed)
        self.theirs, self.ours = f"s{seed}-kubectl", f"s{seed}-slipway"
        self.restarts, self.last_restart = {}, 0
        self.done = []
        self.seen = {}

    def run(self):
        try:
            self._create()
            for _step in range(self.random.randint(4, 7)):
                getattr(self, "_" + self._choose())()
                self._settle()
            self._compare_reported_history()
        except BaseException as e:
            steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(self.done, 1))
            raise AssertionError(
                f"{e}\n\nseed {self.seed}, {self.kind}, steps:\n{steps}\n"
                f"repeat with SLIPWAY_TWIN_SEED={self.seed}"
            ) from e
        finally:
            for name in (self.theirs, self.ours):
                self.bench.delete(self.kind, name)

    # ------------------------------------------------------------- the choices --
    def _create(self):
        pick = self.random.choice
        if self.kind == "Deployment":
            surge, unavailable = pick([("25%", "25%"), (1, 0), (0, 1), ("50%", "50%"), (2, 1)])
            rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
            spec = {"strategy": pick([rolling, rolling, {"type": "Recreate"}])}
        elif self.kind == "DaemonSet":
            surge, unavailable = pick([(0, 1), (0, "100%"), (0, 2), (1, 0), ("100%", 0)])
            rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
            spec = {"updateStrategy": pick([rolling, rolling, rolling, {"type": "OnDelete"}])}
        else:
            rolling = {"type": "RollingUpdate", "rollingUpdate": pick([{}, {}, {"partition": 1}, {"maxUnavailable": 2}])}
            spec = {
                "updateStrategy": pick([rolling, rolling, rolling, {"type": "OnDelete"}]),
                "podManagementPolicy": pick(["OrderedReady", "Parallel"]),
            }
        spec["revisionHistoryLimit"] = pick([10, 10, 2])
        replicas = self.random.randint(1, 3)
        self.done.append(f"create {json.dumps(spec)} replicas={replicas}")
        for name in (self.theirs, self.ours):
            self.bench.create(workload(self.kind, name, replicas, spec=spec))
        self._settle()

    def _choose(self):
        weights = {
            "set_image": 6,
            "set_image_with_cause": 2,
            "break_image": 3,
            "set_cause": 2,
            "set_note": 1,
            "restart": 2,
            "undo": 6,
            "undo_to": 4,
            "old_template": 2,
            "delete_revision": 3,
            "limit_history": 1,
            "pause": 3 if self.kind == "Deployment" else 0.3,
            "resume": (8 if self.now.paused else 0.5) if self.kind == "Deployment" else 0.3,
            "scale": 0 if self.kind == "DaemonSet" else 2,
        }
        return self.random.choices(list(weights), list(weights.values()))[0]

    @property
    def now(self):
        """Our twin as it was when it last came to rest."""
        return self.seen[self.ours]

    def _images(self, tags):
        app, setup, helper = (f"registry.test/{name}:{self.random.choice(tags)}" for name in ("app", "setup", "helper"))
        return self.random.choice([{"app": app}, {"app": app}, {"*": app}, {"setup": setup}, {"app": app, "helper": helper}])

    # ---------------------------------------------------------- the operations --
    def _set_image(self):
        self._set(self._images("1234") if self.random.random() < 0.9 else {"nosuch": "registry.test/app:1"})

    def _break_image(self):
        self._set(self._images(BROKEN_TAGS))

    def _set(self, images):
        arguments = [f"{container}={image}" for container, image in images.items()]
        self._both(
            ["set", "image", self._object(self.theirs), *arguments],
            "rollout",
            {"images": images},
            images={c: images.get(c, images.get("*", image)) for c, image in images_of(self.now.spec["template"]).items()},
        )

    def _set_image_with_cause(self):
        """Image and cause in one write, which kubectl can only do by its patch."""
        image, cause = f"registry.test/app:{self.random.randint(1, 4)}", f"change {len(self.done)}"
        patch = {
            "metadata": {"annotations": {CAUSE: cause}},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        }
        self._both(
            ["patch", self._object(self.theirs), "--patch", json.dumps(patch)],
            "rollout",
            {"images": {"app": image}, "change_cause": cause},
            images={**images_of(self.now.spec["template"]), "app": image},
        )

    def _set_cause(self):
        cause = f"change {len(self.done)}"
        self._both(
            ["annotate", "--overwrite", self._object(self.theirs), f"{CAUSE}={cause}"], "rollout", {"change_cause": cause}
        )

    def _restart(self):
        # the time is written in whole seconds, and kubectl refuses a second restart within one
        wait_for(lambda: time.time() >= self.last_restart + 1, "the next second")
        self._both(["rollout", "restart", self._object(self.theirs)], "rollout", {"state": "restarted"})
        self.last_restart = time.time()

    def _pause(self):
        self._both(["rollout", "pause", self._object(self.theirs)], "rollout", {"state": "paused"})

    def _resume(self):
        self._both(["rollout", "resume", self._object(self.theirs)], "rollout", {"state": "resumed"})

    def _undo(self):
        self._undo_to(0)

    def _undo_to(self, revision=None):
        numbers = [r.number for r in self.now.history]
        if revision is None:
            revision = self.random.choice([*numbers, *numbers, numbers[-1], numbers[-1] + 7, -1])
        target = (numbers[-2:-1] or [None])[0] if revision == 0 else revision
        template = next((r.template for r in self.now.history if r.number == target), None)
        self._both(
            ["rollout", "undo", self._object(self.theirs), f"--to-revision={revision}"],
            "rollout_undo",
            {"to_revision": revision},
            images=template and images_of(template),
            target=target,
        )

    def _scale(self):
        self._neutral({"spec": {"replicas": self.random.randint(0, 3)}})

    def _limit_history(self):
        self._neutral({"spec": {"revisionHistoryLimit": self.random.choice([2, 2, 2, 0, 10])}})

    def _set_note(self):
        self._neutral({"metadata": {"annotations": {NOTE: str(len(self.done))}}})

    def _old_template(self):
        """The template of an old revision, written by somebody else: its number moves."""
        number = self.random.choice([r.number for r in self.now.history])
        self.done.append(f"template of revision {number}")
        for name in (self.theirs, self.ours):
            template = next(r.template for r in self.seen[name].history if r.number == number)
            patch = [{"op": "replace", "path": "/spec/template", "value": template}]
            self.bench.patch(self.kind, name, patch, JSON_PATCH)

    def _delete_revision(self):
        """Delete an old ReplicaSet or ControllerRevision that no pod needs, so that the numbers have a gap."""
        named = {self.now.status.get("currentRevision"), self.now.status.get("updateRevision")}
        idle = [r.number for r in self.now.history if r is not self.now.current and r.name not in named]
        for view in self.seen.values():
            idle = [n for n in idle if n not in map(view.number_of, view.pods)]
        if not idle:
            return
        number = self.random.choice(idle)
        self.done.append(f"delete revision {number}")
        for name in (self.theirs, self.ours):
            revision = next(r for r in self.seen[name].history if r.number == number)
            self.bench.remove(revision.obj)

    # -------------------------------------------------------- one operation twice --
    def _object(self, name):
        return f"{self.kind.lower()}/{name}"

    def _neutral(self, patch):
        self.done.append(json.dumps(patch))
        for name in (self.theirs, self.ours):
            self.bench.patch(self.kind, name, patch)

    def _both(self, kubectl, module, options, images=None, target=None):
        """Let kubectl and our module do the same, and compare the outcome: changed, unchanged or refused.

        :param images: those of the template that it leads to, when it is about the template.
        :param target: the number of the revision that it leads to.
        """
        wait, breaks = self._may_wait(module, options, images or images_of(self.now.spec["template"]))
        # what is broken here stays so
        options = {**options, "wait": wait, "wait_timeout": PATIENCE, "fail_fast_after": 0, "fail_fast_restarts": 1}
        if module == "rollout" and self.kind == "StatefulSet" and not wait:
            # kubectl never does; what it is worth, tests of its own show.
            options["replace_stuck_pods"] = False
        self.done.append(f"kubectl {' '.join(kubectl)} | {module} {options}")
        before = {name: self.bench.get(self.kind, name) for name in (self.theirs, self.ours)}
        predicted = None
        if self.random.random() < 0.25:
            predicted = self.bench.ours(module, self.kind, self.ours, check_mode=True, **options)
            assert not _differs(before[self.ours], self.bench.get(self.kind, self.ours)), "check mode has changed something"
        ran = self.bench.kubectl(*kubectl)
        lines = []
        result = self.bench.ours(module, self.kind, self.ours, progress=lines.append, **options)
        after = {name: self.bench.get(self.kind, name) for name in (self.theirs, self.ours)}
        said = "\n".join([str(ran), *lines, json.dumps({"predicted": predicted, "result": result}, indent=1)])

        assert result["changed"] == _differs(before[self.ours], after[self.ours]), said
        theirs = "refused" if ran.code else "changed" if _differs(before[self.theirs], after[self.theirs]) else "unchanged"
        ours = "changed" if result["changed"] else "refused" if result.get("failed") else "unchanged"
        self.done[-1] += f": {theirs}, {ours}"
        assert not (ran.code and _differs(before[self.theirs], after[self.theirs])), said
        if ran.code and ran.err.endswith(("is already paused", "is not paused")):
            theirs = "unchanged"  # on purpose: pausing and resuming are idempotent
        assert theirs == ours, said
        if kubectl[1] == "undo":
            assert ran.out.endswith("rolled back") == (theirs == "changed"), said
            assert ("skipped rollback" in ran.out) == (theirs == "unchanged"), said
        if ours == "changed":
            # a rollout that is waited for fails if and only if it brings pods that cannot start
            assert result.get("failed", False) == breaks, said
            if breaks:
                assert result["rollouts"][0]["diagnosis"], said
                found = result["rollouts"][0]["diagnosis"][0]
                assert found["reason"] in ("ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff"), said
                assert found["pod"] in result["msg"] and found["container"] in result["msg"], said
        if predicted:
            assert predicted["changed"] == result["changed"], said
            assert predicted.get("failed", False) == (ours == "refused"), said
        if module == "rollout_undo" and ours == "changed":
            self._put_right_after_undo(target, before, after, result)

    def _may_wait(self, module, options, images):
        """Whether our module is to wait, and whether that wait will then end with a broken pod."""
        broken, now = broken_tags(images), self.now
        partition = now.spec.get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
        rolls_nothing = now.spec.get("replicas", 1) <= partition
        if now.on_delete or (now.paused and options.get("state") != "resumed"):
            return False, False
        if self.kind == "StatefulSet" and not now.complete() and module != "rollout_undo":
            return False, False  # it waits for its broken pod, whatever the template
        if broken and (rolls_nothing or "never-ready" in broken or not (now.complete() or now.paused)):
            return False, False
        wait = self.random.random() < 0.7
        return wait, wait and bool(broken)

    def _put_right_after_undo(self, target, before, after, result):
        """Check the two differences that an undo has on purpose, and take kubectl's twin to where ours is."""
        if self.kind == "Deployment":
            self._put_annotations_right(target, before, after)
        # With OnDelete nothing replaces a pod but a person, under both.
        if self.kind == "StatefulSet" and not self.now.on_delete:
            self._put_stuck_pods_right(result)

    def _put_annotations_right(self, target, before, after):
        """kubectl replaces the annotations by those of the ReplicaSet, ours sets the change-cause and keeps the others."""
        revision = next(r for r in self.seen[self.theirs].history if r.number == target)
        assert _copied(after[self.theirs]) == _copied(revision.obj)
        kept = {k: v for k, v in _copied(before[self.ours]).items() if k != CAUSE}
        assert _copied(after[self.ours]) == kept | {k: v for k, v in _copied(revision.obj).items() if k == CAUSE}
        self.bench.patch(self.kind, self.theirs, {"metadata": {"annotations": {NOTE: kept.get(NOTE)}}})

    def _put_stuck_pods_right(self, result):
        """Under kubectl a StatefulSet goes on waiting for a broken pod of the revision that was undone.

        Ours does only if that pod must not be removed without asking, or has not had its time yet; and says so.
        """
        was_stuck = self.seen[self.theirs].stuck_pods() or not self.seen[self.theirs].complete()
        self.seen[self.theirs] = self.bench.view(self.kind, self.theirs)
        stuck = self.seen[self.theirs].stuck_pods()
        for pod in self.bench.view(self.kind, self.ours).stuck_pods():
            said = " ".join([result.get("msg", ""), *result.get("warnings", [])])
            assert f"kubectl delete pod {pod['metadata']['name']} " in said, said
            self.done[-1] += f"; {pod['metadata']['name']} is left"
            self.bench.remove(pod)
        if stuck:
            assert was_stuck
            self.done[-1] += f"; {len(stuck)} stuck under kubectl"
        for pod in stuck:
            self.bench.remove(pod)

    # ----------------------------------------------------------------- comparing --
    def _settle(self):
        """Wait until both twins are at rest, and compare them."""
        deadline = time.monotonic() + EQUAL_WITHIN
        while True:
            views = {name: self.bench.view(self.kind, name) for name in (self.theirs, self.ours)}
            theirs, ours = (self._shown(views[name]) for name in (self.theirs, self.ours))
            if theirs == ours:
                self.seen = views
                return
            if time.monotonic() > deadline:
                diff = difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "kubectl", "ours", lineterm="")
                raise AssertionError("the twins differ:\n" + "\n".join(diff))
            time.sleep(0.1)

    def _shown(self, view):
        """All that is compared, as text, without what has to differ: names, and the times of restarts."""
        shown = {
            "spec": view.spec,
            "labels": view.workload["metadata"]["labels"],
            "annotations": view.annotations,
            "history": [
                {
                    "revision": r.number,
                    "template": r.template,
                    "annotations": {k: v for k, v in r.annotations.items() if k not in NOT_COPIED[-2:]},
                    "current": r is view.current,
                }
                for r in view.history
            ],
            "complete": view.complete(),
            "pods": self._shown_pods(view),
        }
        text = json.dumps(shown, indent=1, sort_keys=True).replace(view.name, "TWIN")
        times = self.restarts.setdefault(view.name, set())
        times.update(re.findall(rf'"{RESTARTED_AT}": "([^"]*)"', text))
        for number, moment in enumerate(sorted(times)):
            text = text.replace(f'"{moment}"', f'"restart {number}"')
        return text

    def _shown_pods(self, view):
        if self.kind == "Deployment" and not view.complete():
            return None  # which old pods are left in a rollout that is stuck depends on the order of events
        pods = [(view.number_of(pod), is_ready(pod)) for pod in view.pods]
        return pods if self.kind == "StatefulSet" else sorted(pods, key=str)

    def _compare_reported_history(self):
        """rollout_info shows what kubectl rollout history shows, and the templates as they are."""
        ran = self.bench.kubectl("rollout", "history", self._object(self.ours))
        listed = [tuple(line.split(maxsplit=1)) for line in ran.out.splitlines()[2:]]
        [info] = self.bench.ours("rollout_info", self.kind, self.ours)["rollouts"]
        history = info["history"]
        assert [(str(h["revision"]), h["change_cause"] or "<none>") for h in history] == listed, ran
        assert [h["template"] for h in history] == [r.template for r in self.now.history]
        assert [h["current"] for h in history] == [r is self.now.current for r in self.now.history]
        assert (info["phase"] == "complete") == self.now.complete(), f"{info}\n{self.now}"


def _copied(obj):
    return {k: v for k, v in (obj["metadata"].get("annotations") or {}).items() if k not in NOT_COPIED}


def _differs(before, after):
    """Has a user changed something between the two?  (Controllers touch neither the spec nor these annotations.)"""
    return before["metadata"]["generation"] != after["metadata"]["generation"] or _copied(before) != _copied(after)
