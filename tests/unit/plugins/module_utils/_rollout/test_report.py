# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import ApiError
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import report
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.workloads import Target, lost_managers

from .builders import condition, controller_revision, replica_set, template, workload

CAUSE = "kubernetes.io/change-cause"
FORBIDDEN = ApiError("Permission is missing: pods is forbidden.", 403, "Forbidden")


class Server:
    """Answers reads from a table of resources; an exception in it is raised."""

    def __init__(self, **resources):
        self._resources = resources
        self.asked = []

    def list(self, path, query=()):
        return self._read(path, query) or [], "1"

    def text(self, path, query=()):
        found = self._read(path, query)
        return found.pop(0) if isinstance(found, list) else found or ""

    def _read(self, path, query):
        self.asked.append((path, dict(query)))
        found = self._resources.get(path.rpartition("/")[2])
        if isinstance(found, Exception):
            raise found
        return found


def written(before, after, **facts):
    """A target whose write took it from one state to the other."""
    target = Target(before)
    target.written(after)
    for name, value in facts.items():
        setattr(target, name, value)
    return target


# ------------------------------------------------------------------- result --
def test_an_entry_of_rollouts():
    obj = workload(
        replicas=3,
        annotations={"deployment.kubernetes.io/revision": "4", CAUSE: "version 4"},
        pod_template=template(containers={"web": "app:4"}, init={"migrate": "db:1"}),
        status={"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
    )
    target = Target(obj)
    target.extra = {"from_revision": 3, "to_revision": 4}
    assert report.rollout(target) == {
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "revision": 4,
        "phase": "complete",
        "message": 'deployment "web" successfully rolled out',
        "paused": False,
        "replicas": {"desired": 3, "updated": 3, "ready": 3, "available": 3},
        "images": {"web": "app:4", "migrate": "db:1"},
        "change_cause": "version 4",
        "diagnosis": [],
        "from_revision": 3,
        "to_revision": 4,
    }


@pytest.mark.parametrize("annotation, expected", [({"deployment.kubernetes.io/revision": "12"}, 12), ({}, None), (None, None)])
def test_revision_of_a_deployment(annotation, expected):
    assert report.rollout(Target(workload(annotations=annotation)))["revision"] == expected


@pytest.mark.parametrize(
    "revisions, expected, warnings",
    [
        ([controller_revision("StatefulSet", 6, template("app:1")), controller_revision("StatefulSet", 5)], 6, []),
        ([], None, []),
        (FORBIDDEN, None, ["The revisions are not known: Permission is missing: pods is forbidden."]),
    ],
    ids=["known", "not made yet", "forbidden"],
)
def test_revision_of_a_stateful_set(revisions, expected, warnings):
    result = report.result_of(Server(controllerrevisions=revisions), [Target(workload("StatefulSet"))])
    assert result["rollouts"][0]["revision"] == expected
    assert result.get("warnings", []) == warnings


@pytest.mark.parametrize(
    "after, changed",
    [
        (workload(generation=2, pod_template=template("app:2")), True),
        (workload(generation=1, annotations={CAUSE: "x"}), True),
        # a status that moved, or an annotation of others, is no change of ours
        (workload(generation=1, status={"replicas": 3}, annotations={"other": "x"}), False),
    ],
    ids=["generation", "change-cause", "status"],
)
def test_changed(after, changed):
    result = report.result_of(Server(), [written(workload(), after)], want_diff=True)
    assert result["changed"] is changed
    assert ("diff" in result) is changed


def test_a_failed_rollout_is_reported_as_failed_and_a_timed_out_one_as_it_stands():
    failed, late = Target(workload(replicas=1)), Target(workload(replicas=1))
    failed.give_up("no")
    late.give_up("timed out", failed=False)
    assert [r["phase"] for r in report.result_of(Server(), [failed, late])["rollouts"]] == ["failed", "progressing"]


# --------------------------------------------------------------------- logs --
FRAME = "\tat org.apache.cassandra.db.Keyspace.open(Keyspace.java:127)"
FULL = "Caused by: java.io.IOException: No space left on device"


@pytest.mark.parametrize(
    "lines, telling, kept",
    [
        ([], "", []),
        (["", " "], "", ["", " "]),
        (["one", "two", "", "\t"], "two", None),
        ([str(number) for number in range(12)], "11", [str(number) for number in range(2, 12)]),
        (["Exception", FRAME, FULL, FRAME, "\t... 14 common frames omitted"], FULL, None),
        # a stack that is longer than what is shown
        (["Exception", FRAME, FULL, *[FRAME] * 20], FULL, [FULL, *[FRAME] * 9]),
        ([FRAME] * 12, FRAME.strip(), [FRAME] * 10),
        (["panic: no database", "goroutine 1 [running]:", "main.main()", "\t/src/main.go:12 +0x1d"], "panic: no database", None),
        (
            ["tar: ./wp-content: Cannot mkdir: No space left on device", "tar: Exiting with failure status due to previous errors"],
            "tar: ./wp-content: Cannot mkdir: No space left on device",
            None,
        ),
        (["[ERROR] InnoDB: Cannot open './ibdata1'", "[ERROR] Aborting"], "[ERROR] InnoDB: Cannot open './ibdata1'", None),
    ],
)
def test_last_words(lines, telling, kept):
    pods = [{"metadata": {"name": "web-1", "namespace": "shop", "uid": "1"}, "status": {"phase": "Pending", "containerStatuses": [{
        "name": "web", "restartCount": 0, "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }]}}]
    server = Server()
    server.text = lambda path, query: "\n".join(lines)
    logs = report.diagnosis_of(server, pods)[0]["logs"]
    assert report.telling_line(logs) == telling
    assert logs == (lines if kept is None else kept) or not "".join(lines).strip()


# ----------------------------------------------------------------- messages --
def finding(**known):
    found = {"pod": "web-1", "container": "web", "reason": "ErrImagePull", "message": "not found", "exit_code": None, "restart_count": 0}
    return {**found, "logs": [], "events": [], **known}


def event(reason="Failed", message="no such image"):
    return {"reason": reason, "message": message, "count": 1, "last_seen": "T"}


@pytest.mark.parametrize(
    "failure, diagnosis, undone, sentence",
    [
        ("it has been deleted", [], None, "Deployment shop/web: it has been deleted."),
        ("ends with a stop.", [], None, "Deployment shop/web: ends with a stop."),
        (
            "timed out after 5 s: Waiting...",
            [finding()],
            None,
            "Deployment shop/web: timed out after 5 s: Waiting; pod web-1, container web: ErrImagePull: not found.",
        ),
        (
            "pod web-1, container web: ErrImagePull: not found",
            [finding()],
            None,
            "Deployment shop/web: pod web-1, container web: ErrImagePull: not found.",
        ),
        (
            "pod web-1, container web: CrashLoopBackOff",
            [finding(logs=["starting", "panic: no database", ""], exit_code=1, events=[event()])],
            None,
            'Deployment shop/web: pod web-1, container web: CrashLoopBackOff; its last log line: "panic: no database".',
        ),
        (
            "pod web-1, container web: NotReady",
            [finding(events=[event("Old", "old"), event("Unhealthy", "Readiness probe failed: 503")])],
            None,
            "Deployment shop/web: pod web-1, container web: NotReady; last event: Unhealthy: Readiness probe failed: 503.",
        ),
        (
            "pod web-1: Unschedulable: 0/3 nodes",
            [finding(events=[event("FailedScheduling", "0/3 nodes")])],
            None,
            "Deployment shop/web: pod web-1: Unschedulable: 0/3 nodes.",
        ),
        (
            "timed out after 5 s",
            [finding(pod="", container="", reason="Unknown", message="the pods cannot be listed: forbidden.")],
            None,
            "Deployment shop/web: timed out after 5 s; the pods cannot be listed: forbidden.",
        ),
        (
            "timed out after 5 s",
            [finding(pod="", container="", reason="FailedCreate", message="Error creating: no", events=[event("FailedCreate", "Error creating: no")])],
            None,
            "Deployment shop/web: timed out after 5 s; Error creating: no.",
        ),
        (
            "FailedCreate: no",
            [finding(pod="", container="", reason="FailedCreate", message="Error creating: no", events=[event("FailedCreate", "Error creating: no")])],
            None,
            "Deployment shop/web: FailedCreate: no.",
        ),
        (
            "timed out after 5 s",
            [finding(pod="", container="", reason="FailedCreate", message="pod a: no", events=[event("FailedCreate", "Error creating: pod b: no")])],
            None,
            "Deployment shop/web: timed out after 5 s; pod a: no.",
        ),
        (
            "timed out after 5 s",
            [finding(container="", reason="Unschedulable", message="0/3 nodes")],
            None,
            "Deployment shop/web: timed out after 5 s; pod web-1: Unschedulable: 0/3 nodes.",
        ),
        ("it broke", [], "undone: all is well", "Deployment shop/web: it broke; undone: all is well."),
    ],
    ids=[
        "failure alone",
        "one full stop",
        "pod named",
        "pod named once",
        "last log line",
        "last event",
        "event that says the same",
        "pods unknown",
        "no pod may be created",
        "no pod may be created, known already",
        "no pod may be created, of many events alike",
        "a pod as a whole",
        "undone",
    ],
)
def test_failure_sentence(failure, diagnosis, undone, sentence):
    target = Target(workload())
    target.give_up(failure)
    target.diagnosis, target.undone = diagnosis, undone
    assert report.failure_sentence(target) == sentence


@pytest.mark.parametrize(
    "failed, total, start, end",
    [
        (1, 1, "Deployment shop/web: no 0.", "no 0."),
        (1, 2, "1 of 2 rollouts failed. Deployment shop/web: no 0.", "no 0."),
        (5, 5, "5 of 5 rollouts failed. Deployment shop/web: no 0.", "Deployment shop/web: no 4."),
        (7, 9, "7 of 9 rollouts failed. Deployment shop/web: no 0.", "Deployment shop/web: no 4. And 2 more."),
    ],
)
def test_failure_message(failed, total, start, end):
    targets = [Target(workload()) for _number in range(total)]
    for number, target in enumerate(targets[:failed]):
        target.give_up(f"no {number}")
    message = report.failure_message(targets)
    assert message.startswith(start) and message.endswith(end)


# ---------------------------------------------------------------- diagnosis --
def pod(name="web-1", revision=2, reason="ErrImagePull", restarts=0, exit_code=None):
    status = {"name": "web", "image": "app:2", "restartCount": restarts, "state": {"waiting": {"reason": reason}}, "lastState": {}}
    if exit_code is not None:
        status["lastState"] = {"terminated": {"exitCode": exit_code}}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": {"app": "web", "pod-template-hash": f"hash{revision}"}},
        "spec": {"containers": [{"name": "web"}]},
        "status": {"phase": "Pending", "conditions": [condition("PodScheduled", "True")], "containerStatuses": [status]},
    }


def api_event(reason, message="m", **times):
    return {"reason": reason, "message": message, "count": None, **times}


SETS = [replica_set(1, template("app:1")), replica_set(2, template("app:2"))]


def diagnosed(**resources):
    target = Target(workload(pod_template=template("app:2")))
    server = Server(**{"replicasets": SETS, **resources})
    report.diagnose(server, target)
    return target.diagnosis, server


def test_pods_of_the_new_revision_come_first():
    found, _server = diagnosed(pods=[pod("old", 1, "InvalidImageName"), pod("new", 2, "RunContainerError"), pod("newest", 2)])
    assert [f["pod"] for f in found] == ["newest", "new", "old"]


def test_at_most_five_findings_and_details_for_two():
    found, server = diagnosed(pods=[pod(f"web-{n}") for n in range(7)], events=[api_event("Failed")])
    assert len(found) == 5
    assert [len(f["events"]) for f in found] == [1, 1, 0, 0, 0]
    assert len([path for path, _query in server.asked if path.endswith("/events")]) == 2


@pytest.mark.parametrize(
    "logs, restarts, expected, asked",
    [
        (["one\ntwo\n"], 3, ["one", "two"], ["true"]),
        (["", "now\n"], 3, ["now"], ["true", "false"]),
        (["first\n"], 0, ["first"], ["false"]),
        (["\n".join(str(n) for n in range(15))], 1, [str(n) for n in range(5, 15)], ["true"]),
        (FORBIDDEN, 1, [], ["true", "false"]),
    ],
    ids=["of the run that crashed", "of this run", "never restarted", "last ten lines", "forbidden"],
)
def test_logs_of_a_container_that_crashed(logs, restarts, expected, asked):
    found, server = diagnosed(pods=[pod(reason="CrashLoopBackOff", restarts=restarts, exit_code=1)], log=logs)
    assert found[0]["logs"] == expected
    queries = [query for path, query in server.asked if path.endswith("/log")]
    assert [query["previous"] for query in queries] == asked
    assert all(query["container"] == "web" for query in queries)


NO_LOG = "unable to retrieve container logs for containerd://3172c98cbe0a"


@pytest.mark.parametrize(
    "state, asked, logs, expected",
    [
        ("terminated", ["false"], ["now\n"], ["now"]),
        ("terminated", ["false", "true"], [NO_LOG, "before\n"], ["before"]),
        ("running", ["true", "false"], [f"{NO_LOG}\n", "now\n"], ["now"]),
        ("running", ["true", "false"], [NO_LOG, 'failed to try resolving symlinks in path "/var/log/pods/x": no such file'], []),
        ("running", ["true"], [f"{NO_LOG}\nis what my program says\n"], [NO_LOG, "is what my program says"]),
    ],
)
def test_the_log_is_that_of_the_run_that_ended_last_and_never_what_a_kubelet_says_instead(state, asked, logs, expected):
    crashed = pod(reason="CrashLoopBackOff", restarts=2, exit_code=3)
    status = crashed["status"]["containerStatuses"][0]
    ended = {"exitCode": 3, "reason": "Error"}
    status.update({"state": {state: ended if state == "terminated" else {"startedAt": "T3"}}, "lastState": {"terminated": ended}, "ready": False})
    found, server = diagnosed(pods=[crashed], log=logs)
    assert found[0]["logs"] == expected
    assert [query["previous"] for path, query in server.asked if path.endswith("/log")] == asked


def test_no_logs_of_a_container_that_never_ran():
    _found, server = diagnosed(pods=[pod()])
    assert not [path for path, _query in server.asked if path.endswith("/log")]


def test_events_are_the_last_five_in_time_whatever_field_holds_it():
    events = [
        api_event("e6", lastTimestamp="2026-01-01T00:00:06Z"),
        api_event("e1", metadata={"creationTimestamp": "2026-01-01T00:00:01Z"}),
        api_event("e3", eventTime="2026-01-01T00:00:03.000000Z"),
        api_event("e5", series={"count": 9, "lastObservedTime": "2026-01-01T00:00:05Z"}, lastTimestamp="2026-01-01T00:00:00Z"),
        api_event("e2", lastTimestamp="2026-01-01T00:00:02Z"),
        api_event("e4", "two\n  lines", lastTimestamp="2026-01-01T00:00:04Z"),
    ]
    found, server = diagnosed(pods=[pod()], events=events)
    assert [e["reason"] for e in found[0]["events"]] == ["e2", "e3", "e4", "e5", "e6"]
    assert [e["count"] for e in found[0]["events"]] == [1, 1, 1, 9, 1]
    assert found[0]["events"][2]["message"] == "two lines"
    assert ("/api/v1/namespaces/shop/events", {"fieldSelector": "involvedObject.uid=uid-web-1,type=Warning"}) in server.asked


def test_without_a_pod_the_controller_s_own_events_are_told():
    found, server = diagnosed(pods=[], events=[api_event("FailedCreate", "exceeded quota: small")])
    assert [(f["pod"], f["reason"], f["message"]) for f in found] == [("", "FailedCreate", "exceeded quota: small")]
    assert server.asked[-1][1]["fieldSelector"].startswith("involvedObject.uid=uid-web-hash2,")


REFUSED = [condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: q")]
SAID = [api_event("FailedCreate", "(combined from similar events): exceeded quota: q"), api_event("Other", lastTimestamp="9")]


@pytest.mark.parametrize(
    "kind, status, reason, reasons",
    [
        ("Deployment", {"replicas": 3, "conditions": REFUSED}, "RunContainerError", ["FailedCreate", "RunContainerError"]),
        ("Deployment", {"replicas": 2}, "RunContainerError", ["RunContainerError"]),
        ("StatefulSet", {"replicas": 2}, "RunContainerError", ["FailedCreate", "RunContainerError"]),
        ("StatefulSet", {"replicas": 3}, "RunContainerError", ["RunContainerError"]),
        ("DaemonSet", {"currentNumberScheduled": 2, "desiredNumberScheduled": 3}, "RunContainerError", ["FailedCreate", "RunContainerError"]),
        # what is hopeless about a pod comes before
        ("Deployment", {"replicas": 3, "conditions": REFUSED}, "InvalidImageName", ["InvalidImageName", "FailedCreate"]),
    ],
)
def test_what_a_controller_was_refused_is_told_beside_pods(kind, status, reason, reasons):
    found = pod(reason=reason)
    found["metadata"]["labels"]["controller-revision-hash"] = "rev2" if kind == "DaemonSet" else "web-rev2"
    revisions = [controller_revision(kind, 1), controller_revision(kind, 2)]
    target = Target(workload(kind, template("app:2"), status=status, replicas=3))
    report.diagnose(Server(replicasets=SETS, controllerrevisions=revisions, pods=[found], events=SAID), target)
    assert [entry["reason"] for entry in target.diagnosis] == reasons
    assert all(entry["message"] == "exceeded quota: q" for entry in target.diagnosis if entry["reason"] == "FailedCreate")


@pytest.mark.parametrize(
    "resources, expected",
    [
        ({"pods": FORBIDDEN}, [("Unknown", "the pods cannot be listed: Permission is missing: pods is forbidden.")]),
        ({"pods": [pod()], "events": FORBIDDEN}, [("ErrImagePull", "")]),
        ({"pods": [pod()], "replicasets": FORBIDDEN}, [("ErrImagePull", "")]),
        ({"pods": [], "events": FORBIDDEN}, []),
    ],
    ids=["pods", "events", "revisions", "nothing to tell"],
)
def test_what_is_forbidden_is_left_out(resources, expected):
    found, _server = diagnosed(**resources)
    assert [(f["reason"], f["message"]) for f in found] == expected


# --------------------------------------------------------------------- diff --
def env(**variables):
    return [{"name": name, **({"value": value} if isinstance(value, str) else {"valueFrom": value})} for name, value in variables.items()]


def with_env(image, variables, init=None):
    found = template(image, init=init)
    found["spec"]["containers"][0]["env"] = variables
    return found


def test_diff_shows_template_paused_and_change_cause_and_nothing_else():
    before = workload(generation=1, status={"replicas": 3}, annotations={"kept": "1"})
    after = workload(generation=2, pod_template=template("app:2"), annotations={"kept": "1", CAUSE: "two"}, paused=True)
    assert report.diff(written(before, after)) == {
        "before_header": "Deployment shop/web",
        "after_header": "Deployment shop/web",
        "before": {"spec": {"template": template("app:1")}},
        "after": {"spec": {"template": template("app:2"), "paused": True}, "metadata": {"annotations": {CAUSE: "two"}}},
    }


SECRET_REF = {"secretKeyRef": {"name": "db", "key": "password"}}


@pytest.mark.parametrize(
    "old, new, shown_before, shown_after",
    [
        ({"DB_PASSWORD": "a"}, {"DB_PASSWORD": "a"}, {"DB_PASSWORD": "<hidden>"}, {"DB_PASSWORD": "<hidden>"}),
        ({"DB_PASSWORD": "a"}, {"DB_PASSWORD": "b"}, {"DB_PASSWORD": "<hidden, the old value>"}, {"DB_PASSWORD": "<hidden, a new value>"}),
        ({}, {"API_TOKEN": "a"}, {}, {"API_TOKEN": "<hidden>"}),
        ({"apiKey": "a"}, {}, {"apiKey": "<hidden>"}, {}),
        (
            {"AWS_SECRET_ACCESS": ""}, {"AWS_SECRET_ACCESS": "x"},
            {"AWS_SECRET_ACCESS": "<hidden, the old value>"}, {"AWS_SECRET_ACCESS": "<hidden, a new value>"},
        ),
        ({"LOG_LEVEL": "info"}, {"LOG_LEVEL": "debug"}, {"LOG_LEVEL": "info"}, {"LOG_LEVEL": "debug"}),
        ({"DB_PASSWORD": SECRET_REF}, {"DB_PASSWORD": SECRET_REF}, {"DB_PASSWORD": SECRET_REF}, {"DB_PASSWORD": SECRET_REF}),
    ],
    ids=["kept", "changed", "new", "removed", "was empty", "no secret", "reference to a secret"],
)
def test_diff_hides_literal_secrets(old, new, shown_before, shown_after):
    before = workload(pod_template=with_env("app:1", env(**old)))
    after = workload(generation=2, pod_template=with_env("app:2", env(**new)))
    originals = copy.deepcopy((before, after))
    shown = report.diff(written(before, after))
    assert shown["before"]["spec"]["template"]["spec"]["containers"][0]["env"] == env(**shown_before)
    assert shown["after"]["spec"]["template"]["spec"]["containers"][0]["env"] == env(**shown_after)
    # they are still written from, and an undo goes back to them
    assert (before, after) == originals


def test_diff_hides_secrets_of_every_container():
    obj = template(containers={"web": "app:1", "side": "car:1"}, init={"migrate": "db:1"})
    for container in obj["spec"]["containers"] + obj["spec"]["initContainers"]:
        container["env"] = env(TOKEN="t0p")
    after = copy.deepcopy(obj)
    after["spec"]["containers"][0]["image"] = "app:2"
    shown = report.diff(written(workload(pod_template=obj), workload(generation=2, pod_template=after)))
    assert "t0p" not in str(shown)
    assert str(shown["before"]).count("<hidden>") == str(shown["after"]).count("<hidden>") == 3


# ----------------------------------------------------------------- conflicts --
def managed(manager, fields, operation="Apply", subresource=None):
    entry = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields}}
    return entry if subresource is None else {**entry, "subresource": subresource}


IMAGE = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}}}}
NO_IMAGE = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}}}}}}
FIELD = 'spec.template.spec.containers[{"name":"web"}].image'


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ([managed("helm", IMAGE)], [managed("helm", NO_IMAGE)], {"helm": [FIELD]}),
        ([managed("helm", IMAGE)], [], {"helm": [FIELD, 'spec.template.spec.containers[{"name":"web"}].name']}),
        ([managed("helm", IMAGE)], [managed("helm", IMAGE)], {}),
        ([managed("kubectl", IMAGE, "Update")], [managed("kubectl", NO_IMAGE, "Update")], {}),
        ([managed("argo", IMAGE, subresource="status")], [], {}),
        ([managed("helm", {"f:replicas": {}})], [managed("helm", {})], {}),
        ([managed("a", IMAGE), managed("b", NO_IMAGE)], [managed("b", NO_IMAGE)], {"a": [FIELD, 'spec.template.spec.containers[{"name":"web"}].name']}),
        (None, None, {}),
    ],
    ids=["image taken", "all taken", "shared", "not applied", "subresource", "outside the template", "two managers", "no entries"],
)
def test_lost_managers(before, after, expected):
    def with_fields(entries):
        return {"metadata": {"managedFields": entries}}

    assert lost_managers(with_fields(before), with_fields(after)) == expected


def test_the_next_apply_s_conflict_is_a_warning():
    before, after = workload(), workload(generation=2, pod_template=template("app:2"))
    before["metadata"]["managedFields"], after["metadata"]["managedFields"] = [managed("helm", IMAGE)], [managed("helm", NO_IMAGE)]
    (warning,) = report.result_of(Server(), [written(before, after)])["warnings"]
    assert warning.startswith(f'Deployment shop/web: field manager "helm" applied {FIELD} by server-side apply')
    assert report.conflict_warnings(Target(before)) == []


def test_a_warning_names_three_fields_at_most():
    fields = {"f:template": {"f:spec": {f"f:field{n}": {} for n in range(5)}}}
    before, after = workload(), workload(generation=2, pod_template=template("app:2"))
    before["metadata"]["managedFields"] = [managed("helm", fields)]
    (warning,) = report.conflict_warnings(written(before, after))
    assert "spec.template.spec.field2 and more by" in warning and "field3" not in warning
