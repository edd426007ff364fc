# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call reports: one entry per workload, the diagnosis of failures, diffs, warnings, and the message.

PRIVATE to the collection.
"""

from __future__ import annotations

import re

from .._api.client import CORE, FIELD_MANAGER, Deadline, object_path
from .._api.errors import TaskError
from .._api.shown import both, message
from .diagnosis import NEVER, container_statuses, examine, lacks_pods, refusal, said_of
from .objects import CHANGE_CAUSE, DEPLOYMENT_REVISION, annotations_of, describe, dig
from .objects import images_of, name_of, namespace_of, replica_counts, selector_string, uid_of
from .workloads import Histories, lost_managers, pods_path

_LOG_LINES = 10
#: so many are read, because the last ones may be a stack
_LOG_TAIL = 100
_EVENTS = 5
#: so many findings per workload are reported, so many of them with logs and events
_FINDINGS = 5
_DETAILED = 2
#: seconds that finding out about a failure may take, and how many of them beyond the time limit
AFTERMATH = 10
OVERTIME = 0.8
#: lines that end a log and say no more than that it failed: frames of a stack (Java, Go), and tar's and MariaDB's last ones
_SAYS_NO_MORE = re.compile(
    r"\s*at [^ ]+\(.*\)|\s*\.\.\. \d+ (?:more|common frames omitted)|"
    r"goroutine \d+ \[.*\]:|\S+\((?:\.{3}|0x.*|\{.*)?\)|\s+/\S+\.go:\d+.*|created by \S+.*|"
    r"tar: (?:Exiting with failure status|Error is not recoverable).*|.*\[ERROR\] Aborting"
)
#: what a kubelet sends for the log of a container that is gone, as though it were the log (GetContainerLogs in
#: pkg/kubelet/kuberuntime/kuberuntime_container.go, ReadLogs in pkg/kubelet/kuberuntime/logs/logs.go)
_NO_LOG = re.compile(r"unable to retrieve container logs for \S+|failed to (?:try resolving symlinks in path|open log file|get container status) .*")


def result_of(api, targets, warnings=(), want_diff=False):
    """The module's result."""
    histories, warnings = None, list(warnings)
    if targets and targets[0].workload["kind"] != "Deployment":
        try:
            histories = Histories(api, targets)
        except TaskError as e:
            # what was done must be told in any case
            warnings.append(f"The revisions are not known: {e}")
    result = {
        "changed": any(t.changed or t.replaced for t in targets),
        "rollouts": [rollout(t, histories) for t in targets],
    }
    all_warnings = [*warnings, *(w for t in targets for w in t.warnings + conflict_warnings(t))]
    if all_warnings:
        result["warnings"] = all_warnings
    if want_diff and result["changed"]:
        result["diff"] = [diff(t) for t in targets if t.changed]
    return result


def rollout(target, histories=None):
    """One entry of C(rollouts)."""
    workload = target.workload
    seen = target.final_verdict()
    return {
        "api_version": "apps/v1",
        "kind": workload["kind"],
        "namespace": namespace_of(workload),
        "name": name_of(workload),
        "revision": _revision_number(workload, histories),
        "phase": seen.phase,
        "message": seen.message,
        "paused": dig(workload, "spec", "paused", default=False),
        "replicas": replica_counts(workload),
        "images": images_of(dig(workload, "spec", "template", default={})),
        "change_cause": annotations_of(workload).get(CHANGE_CAUSE),
        "diagnosis": quoted(target.diagnosis, workload),
        **({"replaced_pods": target.replaced} if target.replaced else {}),
        **target.extra,
    }


def _revision_number(workload, histories):
    if workload["kind"] == "Deployment":
        number = annotations_of(workload).get(DEPLOYMENT_REVISION, "")
        return int(number) if number.isdigit() else None
    current = histories.current(workload) if histories else None
    return current.number if current else None


# ----------------------------------------------------------------- failures --
def aftermath(deadline):
    """The time for finding out about a failure: what is known must be told even when the wait has used its time up."""
    return Deadline(min(AFTERMATH, deadline.left_with(OVERTIME)))


def failure_message(targets):
    """One sentence per workload that failed; when there are many, the first ones and a count."""
    failed = [t for t in targets if t.failure]
    sentences = [failure_sentence(t) for t in failed[:5]]
    if len(targets) == 1:
        return sentences[0]
    more = f" And {len(failed) - 5} more." if len(failed) > 5 else ""
    return f"{len(failed)} of {len(targets)} rollouts failed. " + " ".join(sentences) + more


def failure_sentence(target):
    parts = [target.failure.rstrip(".")]
    if target.diagnosis:
        first = target.diagnosis[0]
        if first["pod"] and first["pod"] not in target.failure:
            where = f"pod {first['pod']}, container {first['container']}" if first["container"] else f"pod {first['pod']}"
            parts.append(f"{where}: {first['reason']}: {first['message']}".rstrip(": "))
        elif not first["pod"] and first["reason"] not in target.failure:
            parts.append(first["message"].rstrip("."))
        last_words = telling_line(first["logs"])
        if last_words:
            parts.append(f'its last log line: "{last_words}"')
        # a crash is told by the log, a probe's failure by its event; what a controller was refused is in one of many alike
        if first["events"] and first["pod"] and (not last_words or first["exit_code"] is None):
            event = first["events"][-1]
            # often the event says in other words what the container's state said already
            if event["message"] not in target.failure and (first["message"] or "\n") not in event["message"]:
                parts.append(f"last event: {event['reason']}: {event['message']}")
    if target.undone:
        parts.append(target.undone)
    return message(f"{target.name}: " + "; ".join(parts) + ".", target.workload)


def quoted(diagnosis, workload):
    """A diagnosis without the secrets that stand in the workload: a log or an event may repeat them."""
    if isinstance(diagnosis, dict):
        return {key: quoted(value, workload) for key, value in diagnosis.items()}
    if isinstance(diagnosis, list):
        return [quoted(item, workload) for item in diagnosis]
    return message(diagnosis, workload) if isinstance(diagnosis, str) else diagnosis


def telling_line(lines):
    """The last line of a log that says something; the very last one where none does."""
    lines = [line for line in lines if line.strip()]
    return next((line for line in reversed(lines) if _says_something(line)), lines[-1] if lines else "").strip()


def _says_something(line):
    return line.strip() and not _SAYS_NO_MORE.fullmatch(line)


def diagnose(api, target):
    """Fill a failed target's diagnosis from its pods, their logs and events; what is forbidden is left out."""
    workload = target.workload
    query = [("labelSelector", selector_string(dig(workload, "spec", "selector", default={})))]
    try:
        pods, _version = api.list(pods_path(namespace_of(workload)), query)
    except TaskError as e:
        target.diagnosis = [_entry(reason="Unknown", message=f"the pods cannot be listed: {e}")]
        return
    try:
        revision = Histories(api, [target]).current(workload)
    except TaskError:
        # which pods are new is not known; what keeps them from running is
        revision = None
    new = [p for p in pods if revision and dig(p, "metadata", "labels", revision.pod_label[0]) == revision.pod_label[1]]
    # a StatefulSet can also be held up by a broken pod of an old revision
    target.diagnosis = diagnosis_of(api, new + pods, new)
    owner = revision.uid if revision and workload["kind"] == "Deployment" else uid_of(workload)
    if not target.diagnosis or refusal(workload) or (workload["kind"] != "Deployment" and lacks_pods(workload)):
        broken = any(f.verdict != NEVER for pod in new for f in examine(pod))
        refused = refusals(api, workload, owner)
        target.diagnosis = (target.diagnosis + refused if broken else refused + target.diagnosis)[:_FINDINGS]


def refusals(api, workload, owner):
    """What a controller was refused when it wanted to create pods: that stands in a condition, or in events about the owner."""
    events = _events(api, namespace_of(workload), owner)
    created = [event for event in events if event["reason"] == "FailedCreate"]
    refused = refusal(workload)
    if refused:
        return [_entry(reason=refused.reason, message=refused.message, events=created or events)]
    last = (created or events)[-1:]
    return [_entry(reason=event["reason"], message=said_of(event), events=events) for event in last]


def diagnosis_of(api, pods, new=()):
    """What keeps pods from running, with the logs and events of the first ones; those in C(new) come first."""
    findings, seen, diagnosis = [], set(), []
    first = {uid_of(pod) for pod in new}
    for pod in pods:
        if uid_of(pod) not in seen:
            seen.add(uid_of(pod))
            findings += [(f, pod) for f in examine(pod)]
    findings.sort(key=lambda item: (uid_of(item[1]) not in first, item[0].gravity))
    for index, (finding, pod) in enumerate(findings[:_FINDINGS]):
        entry = _entry(
            pod=finding.pod,
            container=finding.container,
            reason=finding.reason,
            message=finding.message,
            exit_code=finding.exit_code,
            restart_count=finding.restart_count,
        )
        if index < _DETAILED:
            entry["logs"] = _logs(api, pod, finding)
            entry["events"] = _events(api, namespace_of(pod), uid_of(pod))
        diagnosis.append(entry)
    return diagnosis


def _entry(**known):
    entry = {"pod": "", "container": "", "reason": "", "message": "", "exit_code": None, "restart_count": 0}
    return {**entry, "logs": [], "events": [], **known}


def _logs(api, pod, finding):
    started = finding.crashed or finding.reason == "NotReady"
    if not started or not finding.container:
        return []
    path = object_path(CORE, namespace_of(pod), "pods", name_of(pod), "log")
    query = [("container", finding.container), ("tailLines", _LOG_TAIL)]
    runs = ["false"]
    if finding.crashed and finding.restart_count:
        status = next(status for status in container_statuses(pod) if status["name"] == finding.container)
        # the run that ended last, and as long as no other has begun that is the current one
        runs.insert(1 if dig(status, "state", "terminated") else 0, "true")
    for previous in runs:
        try:
            text = api.text(path, query + [("previous", previous)])
        except TaskError:
            # the container is gone, or its node does not answer: the other facts must still be told
            continue
        if text.strip() and not _NO_LOG.fullmatch(text.strip()):
            return _last_lines(text.splitlines())
    return []


def _last_lines(lines):
    """The last ones, or those from the last that says something."""
    telling = [index for index, line in enumerate(lines) if _says_something(line)]
    start = min(telling[-1:] + [max(0, len(lines) - _LOG_LINES)])
    return lines[start : start + _LOG_LINES]


def _events(api, namespace, uid):
    try:
        events, _version = api.list(f"{CORE}/namespaces/{namespace}/events", [("fieldSelector", f"involvedObject.uid={uid},type=Warning")])
    except TaskError:
        return []
    events.sort(key=_event_time)
    return [
        {
            "reason": e.get("reason") or "",
            "message": " ".join((e.get("message") or "").split()),
            "count": e.get("count") or dig(e, "series", "count", default=1),
            "last_seen": _event_time(e),
        }
        for e in events[-_EVENTS:]
    ]


def _event_time(event):
    return (
        dig(event, "series", "lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or dig(event, "metadata", "creationTimestamp", default="")
    )


# ------------------------------------------------------------ diff, warnings --
def diff(target):
    """What a write changed, or would: the pod template, paused and the change-cause; what is secret is hidden."""
    before, after = both(_view(target.before), _view(target.workload))
    name = describe(target.workload)
    return {"before": before, "after": after, "before_header": name, "after_header": name}


def _view(workload):
    view = {"spec": {"template": dig(workload, "spec", "template", default={})}}
    if dig(workload, "spec", "paused"):
        view["spec"]["paused"] = True
    cause = annotations_of(workload).get(CHANGE_CAUSE)
    if cause is not None:
        view["metadata"] = {"annotations": {CHANGE_CAUSE: cause}}
    return view


def conflict_warnings(target):
    if not target.changed:
        return []
    lost = lost_managers(target.before, target.workload)
    # The release whose workload it is will not conflict: it brings back what its source says.
    own = [
        f"{target.name}: the next run of its release takes {', '.join(fields[:3])} back, unless the release says the same."
        for fields in [lost.pop(FIELD_MANAGER, None)] if fields
    ]
    return own + [
        f'{target.name}: field manager "{manager}" applied {", ".join(fields[:3])}{" and more" if len(fields) > 3 else ""} '
        f"by server-side apply; its next apply conflicts with this change unless it carries the same values or forces."
        for manager, fields in lost.items()
    ]
