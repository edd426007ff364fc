# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the states of a pod, one after another, amount to; the states are written as a kubelet writes them."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.diagnosis import mount_finding
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.fail_fast import FailFast, Verdicts

from .test_diagnosis import NOT_FOUND, pod, running, terminated, waiting

CREATING = pod(waiting("ContainerCreating"))
READY = pod(running(ready=True), phase="Running", ready=True)
NOT_THERE = pod(waiting("ErrImagePull", NOT_FOUND))
BACK_OFF = pod(waiting("ImagePullBackOff", f'Back-off pulling image "app:2": ErrImagePull: {NOT_FOUND}'))
BACK_OFF_OLD = pod(waiting("ImagePullBackOff", 'Back-off pulling image "app:2"'))
BUSY = pod(waiting("ErrImagePull", "unexpected status code 503 Service Unavailable"))
NO_SECRET = pod(waiting("CreateContainerConfigError", 'secret "web" not found'))
CACHE = pod(waiting("CreateContainerConfigError", "failed to sync secret cache: timed out"))
UNSCHEDULABLE = pod(scheduled=False)


class Clock:
    """Stands still until it is told the time."""

    now = 1000.0

    def __call__(self):
        return self.now


def end(number, code=1, reason="Error", **more):
    return {"exitCode": code, "reason": reason, "containerID": f"containerd://{number}", "finishedAt": f"T{number}", **more}


def ended(number, code=1, **more):
    """A container that ended, for the so-manieth time; it is restarted at once, or waits for that."""
    return pod(terminated(restarts=number - 1, **{"exit_code": code, **{k: v for k, v in end(number, **more).items() if k != "exitCode"}}))


def back_off(number, code=1, restarts=None, **more):
    restarts = number - 1 if restarts is None else restarts
    return pod(waiting("CrashLoopBackOff", "back-off 10s", restarts=restarts, last=end(number, code, **more)))


def restarted(number, ready=False, code=1):
    """The container runs again, after so many ends."""
    return pod(running(ready=ready, restarts=number, last=end(number, code)), phase="Running", ready=ready)


def judged(*states, before=(), rules=FailFast(), extra=None):
    """Take in states at times (seconds, pod); the reason of the finding that ends it, and after how many seconds it did."""
    clock = Clock()
    verdicts, start = Verdicts(rules, clock), Clock.now
    seen = None
    for state in before:
        verdicts.see(state, before=True)
        if verdicts.final(state):
            return verdicts.final(state).reason, 0
        seen = state
    for at, state in [*states, (10_000, None)]:
        # what becomes final in between
        while seen is not None and (due := verdicts.due(seen)) is not None and due <= start + at:
            clock.now = max(clock.now, due)
            assert verdicts.final(seen)
            return verdicts.final(seen).reason, clock.now - start
        if state is None:
            return None
        clock.now, seen = start + at, state
        verdicts.see(state)
        if verdicts.final(state):
            return verdicts.final(state).reason, at
    return None


CRASHES = [(1, ended(1)), (2, restarted(1)), (3, back_off(2)), (13, restarted(2)), (14, back_off(3))]


@pytest.mark.parametrize(
    "states, expected",
    [
        ([(0, UNSCHEDULABLE)], None),
        ([(0, CREATING)], None),
        ([(0, pod(waiting("InvalidImageName")))], ("InvalidImageName", 0)),
        ([(0, CREATING), (5, pod(waiting("ErrImageNeverPull")))], ("ErrImageNeverPull", 5)),
        ([(0, NOT_THERE)], ("ErrImagePull", 60)),
        ([(0, NOT_THERE), (1, BACK_OFF), (10, NOT_THERE), (11, BACK_OFF)], ("ImagePullBackOff", 60)),
        ([(0, NOT_THERE), (1, BACK_OFF_OLD), (10, NOT_THERE), (11, BACK_OFF_OLD)], ("ImagePullBackOff", 60)),
        ([(0, BACK_OFF_OLD)], None),
        ([(0, BUSY), (1, BACK_OFF_OLD)], None),
        ([(0, NOT_THERE), (59, READY)], None),
        ([(0, NOT_THERE), (30, CREATING), (31, NOT_THERE)], ("ErrImagePull", 91)),
        ([(0, NOT_THERE), (30, BUSY), (31, NOT_THERE)], ("ErrImagePull", 91)),
        ([(0, NOT_THERE), (30, BUSY), (31, BACK_OFF_OLD)], None),
        ([(0, NO_SECRET)], ("CreateContainerConfigError", 60)),
        ([(0, NO_SECRET), (40, CREATING), (41, READY)], None),
        ([(0, NO_SECRET), (30, CACHE), (31, NO_SECRET)], ("CreateContainerConfigError", 91)),
        # one matter after another: neither has lasted
        ([(0, NOT_THERE), (50, NO_SECRET)], ("CreateContainerConfigError", 110)),
        (CRASHES, ("CrashLoopBackOff", 14)),
        (CRASHES[:-1], None),
        ([*CRASHES[:-1], (20, restarted(2, ready=True)), (30, ended(3)), (31, restarted(3)), (32, ended(4))], None),
        # the events of ends in quick succession may come as one
        ([(0, CREATING), (3, back_off(3, restarts=3))], ("CrashLoopBackOff", 3)),
        # nobody told of the second one until the container ran again
        ([(0, ended(1)), (25, restarted(2)), (26, restarted(2, ready=True))], None),
        ([(0, ended(1)), (25, restarted(3))], ("NotReady", 25)),
        # each end is told twice, as that of the container and as the one before
        ([(0, ended(1)), (1, back_off(1, restarts=0)), (2, restarted(1)), (3, restarted(1)), (4, ended(2))], None),
        ([(0, ended(1, 0)), (1, back_off(2, 0)), (2, back_off(3, 0)), (3, back_off(4, 0))], None),
        ([(0, ended(1)), (1, back_off(2, 0)), (2, back_off(3)), (3, back_off(4, 0)), (4, back_off(5))], ("CrashLoopBackOff", 4)),
        ([(0, ended(1, 127))], ("Error", 0)),
        ([(0, back_off(1, 126))], ("CrashLoopBackOff", 0)),
        ([(0, back_off(1, 128, reason="StartError"))], ("CrashLoopBackOff", 0)),
        ([(0, pod(waiting("RunContainerError", "no such file", last=end(1, 128, "StartError"))))], ("RunContainerError", 0)),
        ([(0, back_off(1, 128, reason="StartError", message="context deadline exceeded")), (9, READY)], None),
        # what was never run has not failed
        ([(n, back_off(n, 128, reason="StartError", message="no space left on device")) for n in range(1, 6)], None),
        ([(0, READY), (1, ended(1, 127))], None),
        ([(0, ended(1, 137, reason="ContainerStatusUnknown")), (1, back_off(2)), (2, back_off(3))], None),
    ],
)
def test_a_pod_that_this_run_has_made(states, expected):
    assert judged(*states) == expected


@pytest.mark.parametrize(
    "before, states, expected",
    [
        (back_off(9), [], None),
        (back_off(9), [(5, restarted(9)), (6, back_off(10)), (7, restarted(10, ready=True))], None),
        (back_off(9), [(5, restarted(9)), (6, back_off(10)), (7, back_off(11)), (8, back_off(12))], ("CrashLoopBackOff", 8)),
        (back_off(1, 127), [], None),
        (back_off(1, 127), [(5, back_off(2, 127))], ("CrashLoopBackOff", 5)),
        (restarted(9), [(1, back_off(10)), (2, back_off(11))], None),
        (restarted(1, ready=True), [(1, ended(2)), (2, ended(3)), (3, ended(4)), (4, ended(5))], None),
        (BACK_OFF, [], ("ImagePullBackOff", 60)),
        (pod(waiting("InvalidImageName")), [], ("InvalidImageName", 0)),
    ],
)
def test_a_pod_that_is_there_as_the_run_begins_is_judged_anew(before, states, expected):
    assert judged(*states, before=[before]) == expected


@pytest.mark.parametrize(
    "started, changed, expected",
    [
        ("2026-01-01T00:00:05Z", "2026-01-01T00:00:05Z", ("CrashLoopBackOff", 3)),
        ("2026-01-01T00:00:05Z", "2026-01-01T00:00:09Z", None),
        ("2026-01-01T00:00:05Z", None, ("CrashLoopBackOff", 3)),
        (None, "2026-01-01T00:00:09Z", ("CrashLoopBackOff", 3)),
    ],
    ids=["never", "once", "no time", "no start"],
)
def test_a_pod_can_have_been_ready_before_the_task_looked(started, changed, expected):
    before = restarted(9)
    before["status"].update({"startTime": started} if started else {})
    before["status"]["conditions"].append({"type": "ContainersReady", "status": "False", "lastTransitionTime": changed})
    assert judged((1, back_off(10)), (2, back_off(11)), (3, back_off(12)), before=[before]) == expected


def test_a_pod_can_have_been_ready_while_nobody_answered():
    later = back_off(4)
    later["status"]["startTime"] = "2026-01-01T00:00:05Z"
    later["status"]["conditions"].append({"type": "ContainersReady", "status": "False", "lastTransitionTime": "2026-01-01T00:00:30Z"})
    assert judged((0, ended(1)), (40, later)) is None


@pytest.mark.parametrize("since, failed", [("2026-01-01T00:00:00Z", True), ("2026-01-01T00:00:09Z", False), ("", False)])
def test_a_run_can_have_begun_before_the_task(since, failed):
    state = pod(waiting("CrashLoopBackOff", "", restarts=3, last=end(3)), creationTimestamp="2026-01-01T00:00:05Z")
    assert bool(judged(before=[state], rules=FailFast(since=since))) is failed


@pytest.mark.parametrize(
    "rules, states, expected",
    [
        (FailFast(wanted=False), [(0, pod(waiting("InvalidImageName")))], None),
        (FailFast(wanted=False), [(0, NOT_THERE)], None),
        (FailFast(wanted=False), CRASHES, None),
        (FailFast(restarts=1), CRASHES, ("Error", 1)),
        (FailFast(restarts=4), CRASHES, None),
        (FailFast(after=5), [(0, NOT_THERE)], ("ErrImagePull", 5)),
        (FailFast(after=0), [(0, NOT_THERE)], ("ErrImagePull", 0)),
    ],
)
def test_the_options(rules, states, expected):
    assert judged(*states, rules=rules) == expected


@pytest.mark.parametrize("option, value", [("fail_fast_restarts", 0), ("fail_fast_after", -1)])
def test_options_that_make_no_sense(option, value):
    with pytest.raises(TaskError, match=f"{option} must be at least"):
        FailFast.of({"fail_fast": True, "fail_fast_restarts": 3, "fail_fast_after": 60, option: value})


@pytest.mark.parametrize("where", ["init", "sidecar"])
def test_init_containers_and_sidecars_are_judged_too(where):
    def state(number, ready=False):
        status = running(ready=True, name="proxy") if ready else waiting("CrashLoopBackOff", restarts=number, last=end(number), name="proxy")
        spec = {"containers": [{"name": "web"}], "initContainers": [{"name": "proxy"}]}
        if where == "sidecar":
            spec["initContainers"][0]["restartPolicy"] = "Always"
        return pod(waiting("PodInitializing"), init=[status], spec=spec)

    assert judged((0, state(1)), (1, state(2)), (2, state(3))) == ("CrashLoopBackOff", 2)
    assert judged((0, state(1)), (1, state(2)), (2, state(2, ready=True)), (3, state(3)), (4, state(4))) is None


def test_ephemeral_containers_are_no_matter():
    state = pod(running())
    state["status"]["ephemeralContainerStatuses"] = [waiting("InvalidImageName", name="debug")]
    assert judged((0, state)) is None


def test_each_container_counts_for_itself():
    spec = {"containers": [{"name": "web"}, {"name": "side"}]}

    def state(web, side):
        obj = pod(spec=spec)
        obj["status"]["containerStatuses"] = [
            waiting("CrashLoopBackOff", restarts=count, last=end(f"{name}{count}"), name=name) for name, count in (("web", web), ("side", side))
        ]
        return obj

    assert judged((0, state(1, 1)), (1, state(2, 1)), (2, state(2, 2))) is None
    assert judged((0, state(1, 1)), (1, state(2, 2)), (2, state(2, 3))) == ("CrashLoopBackOff", 2)


def test_a_volume_that_names_what_is_not_there():
    """The kubelet looks again only now and then, so what counts is that it says so once more when the time is up."""
    clock = Clock()
    verdicts = Verdicts(FailFast(), clock)
    extra = [mount_finding(CREATING, {"reason": "FailedMount", "message": 'MountVolume.SetUp failed for volume "a" : secret "b" not found'})]
    verdicts.see(CREATING, extra=extra)
    clock.now += 63
    verdicts.see(CREATING, extra=extra)
    assert verdicts.final(CREATING) is None
    assert verdicts.final(CREATING, extra).reason == "FailedMount"
    verdicts.see(CREATING)
    verdicts.see(CREATING, extra=extra)
    assert verdicts.final(CREATING, extra) is None


def test_pods_are_forgotten():
    clock = Clock()
    verdicts = Verdicts(FailFast(), clock)
    for forget in (verdicts.forget, lambda uid: verdicts.keep([])):
        verdicts.see(NOT_THERE)
        clock.now += 60
        assert verdicts.final(NOT_THERE)
        forget("uid-1")
        assert not verdicts.final(NOT_THERE)
    verdicts.see(NOT_THERE)
    verdicts.keep(["uid-1"])
    clock.now += 60
    assert verdicts.final(NOT_THERE)
