# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the modules differ from kubectl on purpose: one test for each difference, which shows both sides."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Api

from .workbench import APPLY, CAUSE, RESTARTED_AT, Refused, images_of, is_ready, stopped, wait_for, workload

KINDS = ("Deployment", "DaemonSet", "StatefulSet")
OTHER = "somebody-else"


def image(number):
    return f"registry.test/app:{number}"


def app_image(bench, kind, name):
    return images_of(bench.get(kind, name)["spec"]["template"])["app"]


def create(bench, kind, name, revisions=1, **options):
    """A workload whose revisions 1 .. n have the images 1 .. n, at rest."""
    bench.create(workload(kind, name, **options))
    for number in range(2, revisions + 1):
        bench.view(kind, name)
        bench.set_image(kind, name, image(number))
    return bench.view(kind, name)


def uids(view):
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in view.pods}


@pytest.fixture
def background(request):
    """Run one of our modules beside the test: gives its future and, as they come, its lines of progress."""
    with ThreadPoolExecutor() as pool:

        def start(bench, *arguments, **options):
            lines = []
            return pool.submit(bench.ours, *arguments, progress=lines.append, **options), lines

        yield start


def told(lines, text):
    wait_for(lambda: any(text in line for line in lines), f"progress that says: {text}")


@pytest.fixture
def before_patch(monkeypatch):
    """Let something happen between a module's read and its first write; gives the number of its writes."""
    original = Api.patch

    def arrange(action):
        writes = []

        def patch(self, *arguments, **options):
            writes.append(arguments)
            if len(writes) == 1:
                action()
            return original(self, *arguments, **options)

        monkeypatch.setattr(Api, "patch", patch)
        return writes

    return arrange


# ------------------------------------------------------------------- the undo race --
@pytest.mark.parametrize("kind", KINDS)
def test_undo_waits_until_the_last_change_has_become_a_revision(bench, pid_of, background, kind):
    """kubectl undoes at once, and goes one revision too far."""
    theirs, ours = f"race-{kind.lower()}-kubectl", f"race-{kind.lower()}-slipway"
    for name in (theirs, ours):
        create(bench, kind, name, revisions=3)
    with stopped(pid_of("kube-controller-manager")):
        for name in (theirs, ours):
            bench.set_image(kind, name, image(4))
        assert bench.kubectl("rollout", "undo", f"{kind.lower()}/{theirs}").out.endswith("rolled back")
        undo, lines = background(bench, "rollout_undo", kind, ours)
        told(lines, "spec update to be observed")
        assert app_image(bench, kind, ours) == image(4)
    result = undo.result()
    assert app_image(bench, kind, theirs) == image(2)
    assert app_image(bench, kind, ours) == image(3)
    assert not result.get("failed") and result["changed"], result
    assert (result["rollouts"][0]["from_revision"], result["rollouts"][0]["to_revision"]) == (4, 3)


# ------------------------------------------------------- the stale deadline condition --
@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
def test_a_deadline_condition_from_before_the_undo_is_not_believed(bench, pid_of, background, strategy):
    """For a moment the API serves the new observedGeneration with the old condition; here that moment is held."""
    name = f"deadline-{strategy.lower()}"
    create(bench, "Deployment", name, spec={"strategy": {"type": strategy}})
    bench.set_image("Deployment", name, image("never-ready"))
    bench.view("Deployment", name)
    status = ("rollout", "status", f"deployment/{name}", "--watch=false")
    exceeded = f'deployment "{name}" exceeded its progress deadline'
    with stopped(pid_of("kube-controller-manager")):
        # written here, since for Recreate the controller does so only sometimes
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        failed.update(lastUpdateTime=moment, lastTransitionTime=moment)
        bench.patch("Deployment", f"{name}/status", {"status": {"conditions": [failed]}})
        # until it is undone, that condition is believed
        assert exceeded in bench.kubectl(*status).err
        assert bench.ours("rollout_info", "Deployment", name)["rollouts"][0]["message"] == exceeded
        undo, lines = background(bench, "rollout_undo", "Deployment", name)
        told(lines, "spec update to be observed")
        generation = bench.get("Deployment", name)["metadata"]["generation"]
        bench.patch("Deployment", f"{name}/status", {"status": {"observedGeneration": generation}})
        assert exceeded in bench.kubectl(*status).err
        told(lines, "Waiting for deployment")
        assert not undo.done(), undo.result()
    result = undo.result()
    assert not result.get("failed"), result
    assert result["rollouts"][0]["message"] == f'deployment "{name}" successfully rolled out'


# --------------------------------------------------------------------- annotations --
def test_undo_keeps_annotations(bench):
    """kubectl drops those that were added since the revision, and revives those that were removed."""
    theirs, ours = "notes-kubectl", "notes-slipway"
    for name in (theirs, ours):
        manifest = workload("Deployment", name)
        manifest["metadata"]["annotations"] = {"example.com/removed": "x", CAUSE: "first"}
        bench.create(manifest)
        bench.view("Deployment", name)
        bench.set_image("Deployment", name, image(2))
        bench.view("Deployment", name)
        changes = {"example.com/removed": None, "example.com/added": "y", CAUSE: "second"}
        bench.patch("Deployment", name, {"metadata": {"annotations": changes}})
        bench.view("Deployment", name)
    assert bench.kubectl("rollout", "undo", f"deployment/{theirs}").code == 0
    assert bench.ours("rollout_undo", "Deployment", ours)["changed"]
    kept = {name: bench.get("Deployment", name)["metadata"]["annotations"] for name in (theirs, ours)}
    assert "example.com/removed" in kept[theirs] and "example.com/added" not in kept[theirs]
    assert "example.com/removed" not in kept[ours] and kept[ours]["example.com/added"] == "y"
    assert kept[theirs][CAUSE] == kept[ours][CAUSE] == "first"


# ------------------------------------------------------------------ pause and resume --
def test_pause_and_resume_are_idempotent(bench):
    create(bench, "Deployment", "pausing")

    def twice(verb, state, complaint):
        for again in (False, True):
            before = bench.get("Deployment", "pausing")["metadata"]["generation"]
            result = bench.ours("rollout", "Deployment", "pausing", state=state)
            assert not result.get("failed") and result["changed"] is not again, result
            assert (bench.get("Deployment", "pausing")["metadata"]["generation"] == before) is again
            assert result["rollouts"][0]["paused"] == (state == "paused")
        ran = bench.kubectl("rollout", verb, "deployment/pausing")
        assert ran.code == 1 and complaint in ran.err

    twice("pause", "paused", "is already paused")
    twice("resume", "resumed", "is not paused")


@pytest.mark.parametrize("state", ["restarted", "paused", "resumed"])
def test_restart_pause_and_resume_have_a_dry_run(bench, state):
    name, verb = f"dry-{state}", {"restarted": "restart", "paused": "pause", "resumed": "resume"}[state]
    create(bench, "Deployment", name)
    if state == "resumed":
        bench.patch("Deployment", name, {"spec": {"paused": True}})
        bench.view("Deployment", name)
    before = bench.get("Deployment", name)
    assert "unknown flag: --dry-run" in bench.kubectl("rollout", verb, f"deployment/{name}", "--dry-run=server").err
    predicted = bench.ours("rollout", "Deployment", name, check_mode=True, want_diff=True, state=state)
    assert bench.get("Deployment", name)["spec"] == before["spec"]
    assert bench.get("Deployment", name)["metadata"]["managedFields"] == before["metadata"]["managedFields"]
    done = bench.ours("rollout", "Deployment", name, want_diff=True, state=state)
    assert predicted["changed"] and done["changed"]
    assert predicted["rollouts"][0]["paused"] == done["rollouts"][0]["paused"] == (state == "paused")
    views = [result["diff"][0]["after"]["spec"] for result in (predicted, done)]
    for view in views if state == "restarted" else []:
        assert view["template"]["metadata"]["annotations"].pop(RESTARTED_AT)
    assert views[0] == views[1]
    if state != "restarted":
        again = bench.ours("rollout", "Deployment", name, check_mode=True, state=state)
        assert not again["changed"] and not again.get("failed"), again


# -------------------------------------------------------------------------- refusals --
def test_an_unknown_container_is_refused_before_anything_is_written(bench):
    """kubectl fails as well, but sets the images of the containers that it finds."""
    theirs, ours = "unknown-kubectl", "unknown-slipway"
    for name in (theirs, ours):
        create(bench, "Deployment", name)
    ran = bench.kubectl("set", "image", f"deployment/{theirs}", f"app={image(2)}", f"nosuch={image(2)}")
    assert ran.code == 1 and app_image(bench, "Deployment", theirs) == image(2)
    result = bench.ours("rollout", "Deployment", ours, images={"app": image(2), "nosuch": image(2)})
    assert result["failed"] and not result["changed"] and "nosuch" in result["msg"], result
    assert app_image(bench, "Deployment", ours) == image(1)


def test_a_change_that_a_pause_holds_up_is_refused_or_said_so(bench):
    """kubectl sets the image of a paused Deployment, and kubectl rollout status then waits in vain."""
    create(bench, "Deployment", "held")
    bench.patch("Deployment", "held", {"spec": {"paused": True}})
    bench.view("Deployment", "held")
    result = bench.ours("rollout", "Deployment", "held", images={"app": image(2)})
    assert result["failed"] and not result["changed"] and "state=resumed" in result["msg"], result
    assert app_image(bench, "Deployment", "held") == image(1)
    result = bench.ours("rollout", "Deployment", "held", state="paused", images={"app": image(2)})
    assert result["changed"] and not result.get("failed"), result
    assert result["rollouts"][0]["paused"]
    bench.view("Deployment", "held")
    assert bench.ours("rollout_info", "Deployment", "held")["rollouts"][0]["phase"] == "paused"
    assert bench.kubectl("rollout", "status", "deployment/held", "--timeout=1s").code == 1
    result = bench.ours("rollout", "Deployment", "held", state="resumed")
    assert result["changed"] and result["rollouts"][0]["phase"] == "complete", result


# -------------------------------------------------------------- the stuck StatefulSet --
def stuck_set(bench, name, **options):
    """A StatefulSet that waits for its last pod, which cannot start."""
    create(bench, "StatefulSet", name, replicas=3, **options)
    bench.set_image("StatefulSet", name, image("image-pull-error"))
    view = bench.view("StatefulSet", name)
    assert [is_ready(pod) for pod in view.pods] == [True, True, False]
    return view


def test_undo_frees_a_stuck_stateful_set(bench):
    """With kubectl it goes on waiting for the broken pod (kubernetes/kubernetes#67250)."""
    theirs, ours, off = "stuck-kubectl", "stuck-slipway", "stuck-off"
    before = {name: uids(stuck_set(bench, name)) for name in (theirs, ours, off)}

    assert bench.kubectl("rollout", "undo", f"statefulset/{theirs}").out.endswith("rolled back")
    assert bench.kubectl("rollout", "status", f"statefulset/{theirs}", "--timeout=3s").code == 1
    view = bench.view("StatefulSet", theirs)
    assert not view.complete() and uids(view) == before[theirs]

    result = bench.ours("rollout_undo", "StatefulSet", ours)
    assert not result.get("failed"), result
    view = bench.view("StatefulSet", ours)
    assert view.complete()
    # only the broken pod has gone
    assert {name for name, uid in uids(view).items() if before[ours][name] != uid} == {f"{ours}-2"}

    result = bench.ours("rollout_undo", "StatefulSet", off, replace_stuck_pods=False, wait_timeout=3)
    assert result["failed"] and result["changed"] and "timed out after 3 s" in result["msg"], result
    view = bench.view("StatefulSet", off)
    assert not view.complete() and uids(view) == before[off]


def test_only_pods_of_this_set_and_of_another_revision_are_replaced(bench):
    name = "careful"
    labels = {"set": name}
    spec = {"selector": {"matchLabels": labels}}
    manifest = workload("StatefulSet", name, replicas=3, spec=spec)
    manifest["spec"]["template"]["metadata"]["labels"] = {"app": name, **labels}
    bench.create(manifest)
    # pods that the set's selector finds, of another owner
    foreign = workload("Deployment", "foreign", replicas=1, image=image("never-ready"))
    foreign["spec"]["template"]["metadata"]["labels"].update(labels)
    bench.create(foreign)
    bench.view("StatefulSet", name)
    bench.set_image("StatefulSet", name, image("image-pull-error"))
    before, others = uids(bench.view("StatefulSet", name)), uids(bench.view("Deployment", "foreign"))
    # a pod of the revision that the undo goes to fails as well
    pod = f"/api/v1/namespaces/{bench.namespace}/pods/{name}-0"
    note = "fail.slipway.kubernetes/app"
    bench.server.call("PATCH", pod, {"metadata": {"annotations": {note: "never-ready"}}}, "application/merge-patch+json")
    wait_for(lambda: not is_ready(bench.server.call("GET", pod)), "pod 0 to fail")

    result = bench.ours("rollout_undo", "StatefulSet", name, wait=False)
    assert result["changed"] and not result.get("failed"), result
    # nothing goes while another member is down, which the controller waits for first
    assert set(before.values()) <= bench.pod_uids()

    bench.server.call("PATCH", pod, {"metadata": {"annotations": {note: None}}}, "application/merge-patch+json")
    result = bench.ours("rollout", "StatefulSet", name)
    assert result["rollouts"][0]["replaced_pods"] == [f"{name}-2"], result
    view = bench.view("StatefulSet", name)
    assert view.complete()
    assert {n for n, uid in uids(view).items() if before[n] != uid} == {f"{name}-2"}
    assert uids(bench.view("Deployment", "foreign")) == others


# ------------------------------------------------------------------ concurrent writers --
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_between_read_and_write_is_not_lost(bench, before_patch, kind):
    name = f"between-{kind.lower()}"
    create(bench, kind, name)

    def other_writer():
        bench.set_image(kind, name, "registry.test/helper:9", container=1)

    writes = before_patch(other_writer)
    result = bench.ours("rollout", kind, name, images={"app": image(2)})
    assert not result.get("failed"), result
    assert len(writes) == 2
    images = images_of(bench.get(kind, name)["spec"]["template"])
    assert (images["app"], images["helper"]) == (image(2), "registry.test/helper:9")
    assert result["rollouts"][0]["images"] == images


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_before_the_undo_is_what_is_undone(bench, before_patch, kind):
    name = f"reselect-{kind.lower()}"
    create(bench, kind, name, revisions=3)
    writes = before_patch(lambda: bench.set_image(kind, name, image(4)))
    result = bench.ours("rollout_undo", kind, name)
    assert not result.get("failed"), result
    assert len(writes) == 2
    assert app_image(bench, kind, name) == image(3)
    assert (result["rollouts"][0]["from_revision"], result["rollouts"][0]["to_revision"]) == (4, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollout_that_is_superseded_fails_and_names_the_manager(bench, background, kind):
    name = f"superseded-{kind.lower()}"
    create(bench, kind, name)
    rollout, lines = background(bench, "rollout", kind, name, images={"app": image("never-ready")})
    wait_for(lambda: app_image(bench, kind, name) == image("never-ready"), "the module's write")
    # times are in whole seconds: neither who wrote before nor who wrote anything else must be taken for the one
    bench.patch(kind, name, {"metadata": {"annotations": {"example.com/note": "x"}}}, fieldManager="a-note")
    bench.set_image(kind, name, image(3), fieldManager=OTHER)
    result = rollout.result()
    assert result["failed"] and result["changed"], result
    assert f'changed by somebody else (field manager "{OTHER}")' in result["msg"]
    assert app_image(bench, kind, name) == image(3)


def test_a_change_beside_the_template_does_not_supersede(bench, background):
    create(bench, "Deployment", "scaled", replicas=1)
    manifest = {"metadata": {"annotations": {"slipway.kubernetes/ready-delay": "2s"}}}
    bench.patch("Deployment", "scaled", {"spec": {"template": manifest}})
    bench.view("Deployment", "scaled")
    rollout, lines = background(bench, "rollout", "Deployment", "scaled", images={"app": image(2)})
    told(lines, "Waiting for deployment")
    bench.patch("Deployment", "scaled", {"spec": {"replicas": 3}}, fieldManager=OTHER)
    result = rollout.result()
    assert not result.get("failed"), result
    assert result["rollouts"][0]["replicas"] == {"desired": 3, "updated": 3, "ready": 3, "available": 3}


# -------------------------------------------------------------------------- timeouts --
def test_the_timeout_holds_while_the_controller_manager_hangs(bench, pid_of):
    create(bench, "Deployment", "hanging", revisions=2)
    with stopped(pid_of("kube-controller-manager")):
        started = time.monotonic()
        result = bench.ours("rollout", "Deployment", "hanging", images={"app": image(3)}, wait_timeout=3)
        assert 3 <= time.monotonic() - started < 10
        assert result["failed"] and result["changed"], result
        assert "timed out after 3 s" in result["msg"] and "is kube-controller-manager running?" in result["msg"]
        result = bench.ours("rollout_undo", "Deployment", "hanging", wait_timeout=3)
        assert 6 <= time.monotonic() - started < 20
        assert result["failed"] and not result["changed"], result
        assert "was not undone" in result["msg"] and "is kube-controller-manager running?" in result["msg"]
        assert app_image(bench, "Deployment", "hanging") == image(3)


def test_the_timeout_holds_while_the_api_server_hangs(bench, pid_of, background):
    create(bench, "Deployment", "frozen")
    rollout, lines = background(bench, "rollout", "Deployment", "frozen", images={"app": image("never-ready")}, wait_timeout=6)
    started = time.monotonic()
    told(lines, "out of 2 new replicas have been updated")
    with stopped(pid_of("kube-apiserver")):
        result = rollout.result(timeout=120)
        took = time.monotonic() - started
    assert result["failed"] and result["changed"], result
    assert "timed out after 6 s" in result["msg"]
    # beside the wait, only the look at the pods, which has 30 seconds of its own
    assert took < 45
    assert app_image(bench, "Deployment", "frozen") == image("never-ready")


# -------------------------------------------------------------------- server-side apply --
@pytest.mark.parametrize("module", ["rollout", "rollout_undo"])
def test_the_conflict_that_the_next_apply_meets_is_named(bench, module):
    name = f"applied-{module.replace('_', '-')}"

    def apply(number):
        manifest = workload("Deployment", name, image=image(number))
        return bench.patch("Deployment", name, manifest, APPLY, fieldManager="team-pipeline")

    apply(1)
    bench.view("Deployment", name)
    if module == "rollout_undo":
        apply(2)
        bench.view("Deployment", name)
    options = {"images": {"app": image(2)}} if module == "rollout" else {}
    result = bench.ours(module, "Deployment", name, **options)
    assert result["changed"] and not result.get("failed"), result
    [warning] = result["warnings"]
    assert "team-pipeline" in warning and "image" in warning
    wanted = 1 if module == "rollout" else 2
    with pytest.raises(Refused, match="slipway.kubernetes") as refused:
        apply(wanted)
    assert refused.value.code == 409
    apply(3 - wanted)
    # a manager that shares the field with equal values would lose it as well; now nobody does
    again = bench.ours("rollout", "Deployment", name, images={"app": image(3 - wanted)})
    assert not again["changed"] and "warnings" not in again, again
