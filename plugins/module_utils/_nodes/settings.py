# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set on a node, what is wanted, and what an earlier run has set.  Pure functions over plain objects.

A setting is (kind, name): a label by its key, a taint by its key and effect, or the cordon.  Its value is a text, True
for the cordon, or None where it is not there.
PRIVATE to the collection.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date

#: On a node: what was set there, and what was there before.
RECORD = "slipway.kubernetes/nodes"
CORDON = ("cordon", "")


@dataclass
class Plan:
    """What becomes of one node."""

    node: dict
    after: dict
    record: dict
    created: list = field(default_factory=list)
    updated: list = field(default_factory=list)
    deleted: list = field(default_factory=list)
    conflicts: list = field(default_factory=list)

    @property
    def name(self):
        return self.node["metadata"]["name"]

    @property
    def cordons(self):
        return CORDON in self.after and not self.node["spec"].get("unschedulable")


def text(value):
    """A label's or taint's value as Kubernetes takes it."""
    return str(value) if isinstance(value, (str, date)) else json.dumps(value)


def wanted(entry):
    """The settings that an entry of the option C(nodes) asks for; None where it asks that there be none."""
    found = {("label", key): None if value is None else text(value) for key, value in (entry.get("labels") or {}).items()}
    for taint in entry.get("taints") or []:
        found["taint", f"{taint['key']}:{taint['effect']}"] = text("" if taint.get("value") is None else taint["value"])
    if entry.get("drain") or entry.get("cordon") is not None:
        found[CORDON] = True if entry.get("drain") or entry["cordon"] else None
    return found


def settings(node):
    """What is set on a node."""
    found = {("label", key): value for key, value in (node["metadata"].get("labels") or {}).items()}
    for taint in node["spec"].get("taints") or []:
        found["taint", f"{taint['key']}:{taint['effect']}"] = taint.get("value") or ""
    if node["spec"].get("unschedulable"):
        found[CORDON] = True
    return found


def recorded(node):
    """{setting: (value that was set, value before)} as an earlier run has noted it on the node."""
    try:
        rows = json.loads((node["metadata"].get("annotations") or {}).get(RECORD) or "[]")
        return {(kind, name): (value, before) for kind, name, value, before in rows}
    except (TypeError, ValueError):
        return {}


def plan(node, goals, force):
    """What has to be done to a node for it to be as wanted, and for all else that an earlier run has set to be undone."""
    have, record = settings(node), recorded(node)
    result = Plan(node, dict(have), {})
    for setting in sorted({*record, *goals}):
        value = have.get(setting)
        was_set, before = record.get(setting, (None, value))
        if setting in goals:
            goal = goals[setting]
            if value == goal:
                # what was so already is not ours to undo
                if setting in record and goal != before:
                    result.record[setting] = (goal, before)
                continue
            if setting not in record and value is not None and setting != CORDON and not force:
                result.conflicts.append(f"{describe(setting, value)} exists and was not set by this role")
                continue
            if goal != before:
                result.record[setting] = (goal, before)
        elif value == was_set:
            goal = before
        else:
            # somebody has changed it since, so that it is theirs
            continue
        _change(result, setting, value, goal)
    return result


def refusals(result):
    """Why a plan must not be carried out, as sentences."""
    return [f"Node {result.name}: {conflict}; set force_conflicts to replace it." for conflict in result.conflicts]


def _change(result, setting, value, goal):
    if value == goal:
        return
    changes = result.created if value is None else result.deleted if goal is None else result.updated
    changes.append(f"Node {result.name} {describe(setting, value if goal is None else goal)}")
    if goal is None:
        del result.after[setting]
    else:
        result.after[setting] = goal


def describe(setting, value):
    """A setting as kubectl writes it."""
    kind, name = setting
    if kind == "cordon":
        return "cordon"
    if kind == "label":
        return f"label {name}={value}"
    key, effect = name.rsplit(":", 1)
    return f"taint {key}{'=' if value else ''}{value}:{effect}"


def lines(values):
    """Settings for human eyes, in a diff."""
    return "".join(sorted(describe(setting, value) + "\n" for setting, value in values.items()))


def operations(result):
    """The JSON patch that a plan comes to; empty where nothing is to be done."""
    node, before, after = result.node, settings(result.node), result.after
    found = []
    for kind, key in sorted({s for s in {*before, *after} if s[0] == "label" and before.get(s) != after.get(s)}):
        found.append(_entry("/metadata/labels/" + _escape(key), after.get((kind, key))))
    if _part(before, "taint") != _part(after, "taint"):
        found.append({"op": "add", "path": "/spec/taints", "value": _taints(node["spec"].get("taints") or [], after)})
    if before.get(CORDON) != after.get(CORDON):
        found.append(_entry("/spec/unschedulable", after.get(CORDON)))
    rows = [[*setting, *values] for setting, values in sorted(result.record.items())]
    note = json.dumps(rows) if rows else None
    annotations = node["metadata"].get("annotations")
    if note != (annotations or {}).get(RECORD):
        if annotations:
            found.append(_entry("/metadata/annotations/" + _escape(RECORD), note))
        else:
            found.append({"op": "add", "path": "/metadata/annotations", "value": {RECORD: note}})
    if not found:
        return []
    # Whoever has changed it since has to be noticed, whatever it was: what was there before is what is undone one day.
    meta = node["metadata"]
    return [{"op": "test", "path": f"/metadata/{key}", "value": meta[key]} for key in ("uid", "resourceVersion")] + found


def _part(values, kind):
    return {setting: value for setting, value in values.items() if setting[0] == kind}


def _taints(old, after):
    """The new list: what is not concerned stays as it is, the time that it was added included."""
    goal = _part(after, "taint")
    taints = []
    for taint in old:
        setting = ("taint", f"{taint['key']}:{taint['effect']}")
        if setting in goal and goal[setting] == (taint.get("value") or ""):
            taints.append(taint)
            del goal[setting]
    for (_kind, name), value in goal.items():
        key, effect = name.rsplit(":", 1)
        taints.append({"key": key, "effect": effect, **({"value": value} if value else {})})
    return taints


def _entry(path, value):
    return {"op": "remove", "path": path} if value is None else {"op": "add", "path": path, "value": value}


def _escape(key):
    return key.replace("~", "~0").replace("/", "~1")
