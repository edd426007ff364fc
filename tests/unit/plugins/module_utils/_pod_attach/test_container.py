# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_attach import container as c


def pod_of(*names, annotation=None, policy=None, phase="Running", **states):
    """A pod with containers of these names: C(i:NAME) for an init container, C(e:NAME) for an ephemeral one."""
    spec, status = {}, {"phase": phase}
    for name in names:
        kind, _colon, name = name.rpartition(":")
        where = {"": "containers", "i": "initContainers", "s": "initContainers", "e": "ephemeralContainers"}[kind]
        spec.setdefault(where, []).append({"name": name, **({"restartPolicy": "Always"} if kind == "s" else {})})
        if name in states:
            key = where[:-1] + "Statuses"
            restarts, state = states[name] if isinstance(states[name], tuple) else (0, states[name])
            status.setdefault(key, []).append({"name": name, "restartCount": restarts, **state})
    if policy:
        spec["restartPolicy"] = policy
    metadata = {"namespace": "shop", "name": "web", "annotations": {c.DEFAULT_CONTAINER: annotation} if annotation else {}}
    return {"metadata": metadata, "spec": spec, "status": status}


@pytest.mark.parametrize(
    "names, annotation, wanted, chosen",
    [
        (["web"], None, None, "web"),
        (["web", "log", "i:init"], None, None, "web"),
        (["web", "log"], "log", None, "log"),
        (["web", "log"], "gone", None, "web"),
        (["web", "log"], "log", "web", "web"),
        (["web", "i:init", "e:debug"], None, "init", "init"),
        (["web", "e:debug"], None, "debug", "debug"),
    ],
)
def test_container_that_is_attached_to(names, annotation, wanted, chosen):
    assert c.choose(pod_of(*names, annotation=annotation), wanted)["name"] == chosen


def test_container_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(TaskError, match="^Pod shop/web has no container db; it has web, init, debug.$"):
        c.choose(pod_of("web", "i:init", "e:debug"), "db")


def test_input_needs_stdin():
    pod = pod_of("web")
    c.refuse_input(pod, {"name": "web", "stdin": True})
    with pytest.raises(TaskError, match="^Container web of Pod shop/web takes no input: it was started without stdin. "):
        c.refuse_input(pod, {"name": "web"})


@pytest.mark.parametrize(
    "container, one", [({}, False), ({"stdin": True}, False), ({"stdinOnce": True}, True), ({"stdinOnce": True, "tty": True}, False)]
)
def test_whose_input_comes_to_an_end(container, one):
    assert c.takes_one_input(container) is one


RUNNING = {"state": {"running": {"startedAt": "2026-11-29T10:00:00Z"}}}
KILLED = {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
DONE = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
BACKOFF = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s\nrestarting"}}}


@pytest.mark.parametrize(
    "name, pod, expected",
    [
        ("web", pod_of("web", web=RUNNING), None),
        ("web", pod_of("web", web={"state": {"running": {}}}), None),
        ("web", pod_of("web", phase="Pending"), ("does not run yet: the pod is Pending", False)),
        ("web", pod_of("web", web=BACKOFF), ("does not run yet: CrashLoopBackOff: back-off 10s restarting", False)),
        ("web", pod_of("web", web=KILLED), ("has ended with exit code 137 (OOMKilled)", False)),
        ("web", pod_of("web", web=KILLED, policy="OnFailure"), ("has ended with exit code 137 (OOMKilled)", False)),
        ("web", pod_of("web", web=DONE, policy="OnFailure"), ("has ended with exit code 0", True)),
        ("web", pod_of("web", web=KILLED, policy="Never"), ("has ended with exit code 137 (OOMKilled)", True)),
        ("web", pod_of("web", web=KILLED, phase="Failed"), ("has ended with exit code 137 (OOMKilled)", True)),
        ("web", pod_of("web", phase="Failed"), ("does not run: the pod has ended as Failed", True)),
        ("init", pod_of("web", "i:init", init=DONE), ("has ended with exit code 0", True)),
        ("init", pod_of("web", "i:init", init=KILLED), ("has ended with exit code 137 (OOMKilled)", False)),
        ("side", pod_of("web", "s:side", side=DONE), ("has ended with exit code 0", False)),
        ("debug", pod_of("web", "e:debug", debug=KILLED), ("has ended with exit code 137 (OOMKilled)", True)),
    ],
)
def test_why_a_container_cannot_be_attached_to_and_whether_that_passes(name, pod, expected):
    assert c.obstacle(pod, c.choose(pod, name)) == expected


@pytest.mark.parametrize(
    "after, expected",
    [
        (DONE, ("has ended with exit code 0", 0)),
        (RUNNING, None),
        ((1, {**RUNNING, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}), ("has ended with exit code 3", 3)),
        ((1, {**BACKOFF, "lastState": {"terminated": {"exitCode": 3}}}), ("has ended with exit code 3", 3)),
        # that end was another one's
        ((0, {**RUNNING, "lastState": {"terminated": {"exitCode": 3}}}), None),
    ],
)
def test_how_a_container_has_ended(after, expected):
    before = pod_of("web", web=RUNNING)
    assert c.ending(before, pod_of("web", web=after), {"name": "web"}) == expected
