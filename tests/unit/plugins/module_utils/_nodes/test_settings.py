# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from datetime import date

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._nodes import settings as s


def node(labels=None, taints=None, cordon=False, record=None, annotations=True):
    meta = {"name": "n", "uid": "u", "resourceVersion": "7", "labels": {"kubernetes.io/hostname": "n", **(labels or {})}}
    if annotations:
        meta["annotations"] = {"other": "x", **({s.RECORD: json.dumps(record)} if record else {})}
    spec = {**({"taints": taints} if taints else {}), **({"unschedulable": True} if cordon else {})}
    return {"metadata": meta, "spec": spec}


def entry(**given):
    return {"name": "n", "labels": {}, "taints": [], "cordon": None, "drain": False, **given}


def plan(live, force=False, **given):
    return s.plan(live, s.wanted(entry(**given)), force)


def summary(result):
    return result.created, result.updated, result.deleted


TAINT = {"key": "type", "value": "special", "effect": "NoSchedule"}
FOREIGN = {"key": "disk", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}
LABEL = ["label", "tier", "front", None]


@pytest.mark.parametrize(
    "live, given, expected",
    [
        (node(), {}, ([], [], [])),
        (node(), {"labels": {"tier": "front"}}, (["Node n label tier=front"], [], [])),
        (node(), {"labels": {"ssd": True, "rack": 7}}, (["Node n label rack=7", "Node n label ssd=true"], [], [])),
        (node(), {"labels": {"since": date(2026, 1, 31)}}, (["Node n label since=2026-01-31"], [], [])),
        (node({"tier": "front"}), {"labels": {"tier": "front"}}, ([], [], [])),
        (node(), {"labels": {"tier": None}}, ([], [], [])),
        (node(), {"taints": [TAINT]}, (["Node n taint type=special:NoSchedule"], [], [])),
        (node(), {"taints": [{"key": "a", "effect": "NoExecute"}]}, (["Node n taint a:NoExecute"], [], [])),
        (node(), {"taints": [{"key": "a", "value": True, "effect": "NoExecute"}]}, (["Node n taint a=true:NoExecute"], [], [])),
        (node(), {"taints": [{"key": "a", "value": 0, "effect": "NoExecute"}]}, (["Node n taint a=0:NoExecute"], [], [])),
        (node(taints=[TAINT]), {"taints": [TAINT]}, ([], [], [])),
        (node(), {"cordon": True}, (["Node n cordon"], [], [])),
        (node(), {"drain": True}, (["Node n cordon"], [], [])),
        (node(cordon=True), {"drain": True}, ([], [], [])),
        # explicitly uncordoned, whoever has cordoned it
        (node(cordon=True), {"cordon": False}, ([], [], ["Node n cordon"])),
        (node(cordon=True), {}, ([], [], [])),
        # ours may be changed
        (node({"tier": "front"}, record=[LABEL]), {"labels": {"tier": "back"}}, ([], ["Node n label tier=back"], [])),
        (node({"tier": "odd"}, record=[LABEL]), {"labels": {"tier": "front"}}, ([], ["Node n label tier=front"], [])),
        (node(record=[LABEL]), {"labels": {"tier": "front"}}, (["Node n label tier=front"], [], [])),
        # and is undone once it is not asked for
        (node({"tier": "front"}, record=[LABEL]), {}, ([], [], ["Node n label tier=front"])),
        (node({"tier": "front"}, record=[["label", "tier", "front", "old"]]), {}, ([], ["Node n label tier=old"], [])),
        (node(record=[["label", "tier", None, "old"]]), {}, (["Node n label tier=old"], [], [])),
        (node(cordon=True, record=[["cordon", "", True, None]]), {}, ([], [], ["Node n cordon"])),
        (node(record=[["cordon", "", None, True]]), {}, (["Node n cordon"], [], [])),
        # but what somebody has changed since is theirs
        (node({"tier": "odd"}, record=[LABEL]), {}, ([], [], [])),
        (node(record=[LABEL]), {}, ([], [], [])),
    ],
)
def test_changes(live, given, expected):
    result = plan(live, **given)
    assert summary(result) == expected
    assert result.conflicts == []


@pytest.mark.parametrize(
    "live, given, conflict",
    [
        (node({"tier": "odd"}), {"labels": {"tier": "front"}}, "label tier=odd exists and was not set by this role"),
        (node({"tier": "odd"}), {"labels": {"tier": None}}, "label tier=odd exists and was not set by this role"),
        (
            node(taints=[{**TAINT, "value": "odd"}]),
            {"taints": [TAINT]},
            "taint type=odd:NoSchedule exists and was not set by this role",
        ),
    ],
)
def test_what_others_have_set_is_replaced_by_force_only_and_comes_back(live, given, conflict):
    assert plan(live, **given).conflicts == [conflict]
    forced = plan(live, True, **given)
    assert forced.conflicts == []
    assert s.operations(forced)
    after = applied(live, forced)
    assert s.operations(plan(after, **given)) == []
    undone = applied(after, plan(after))
    assert (s.settings(undone), s.recorded(undone)) == (s.settings(live), {})


def test_a_patch_is_for_the_node_that_was_looked_at():
    tests = [operation for operation in s.operations(plan(node(), cordon=True)) if operation["op"] == "test"]
    assert [(test["path"], test["value"]) for test in tests] == [("/metadata/uid", "u"), ("/metadata/resourceVersion", "7")]
    assert s.operations(plan(node())) == []


def applied(live, result):
    """The node after its patch: the few operations that are used, on the paths that are used."""
    live = json.loads(json.dumps(live))
    for operation in s.operations(result):
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        where = live
        for part in path:
            where = where[part]
        if operation["op"] == "test":
            assert where.get(last) == operation["value"]
        elif operation["op"] == "remove":
            del where[last]
        else:
            where[last] = operation["value"]
    return live


@pytest.mark.parametrize("annotations", [True, False])
def test_there_and_back(annotations):
    live = node({"tier": "old"}, [FOREIGN], annotations=annotations)
    given = {"labels": {"a.b/c~d": "x", "kubernetes.io/hostname": "n"}, "taints": [TAINT], "drain": True}
    there = applied(live, plan(live, **given))
    assert there["spec"]["taints"] == [FOREIGN, TAINT]
    assert there["spec"]["unschedulable"] is True
    assert there["metadata"]["labels"]["a.b/c~d"] == "x"
    # a label that was so already is not noted, and so will not be undone
    assert set(s.recorded(there)) == {("label", "a.b/c~d"), ("taint", "type:NoSchedule"), s.CORDON}
    assert s.operations(plan(there, **given)) == []
    back = applied(there, plan(there))
    assert back["metadata"]["labels"] == live["metadata"]["labels"]
    assert back["spec"] == live["spec"]
    assert s.RECORD not in back["metadata"].get("annotations", {})


@pytest.mark.parametrize("note", ["", "no JSON", "{}", "[1]", "null"])
def test_a_note_that_somebody_has_spoilt_is_none(note):
    live = node()
    live["metadata"]["annotations"][s.RECORD] = note
    assert s.recorded(live) == {}


def test_diff():
    live = node({"tier": "front"}, record=[LABEL])
    result = plan(live, taints=[TAINT])
    assert s.lines(result.after) == "label kubernetes.io/hostname=n\ntaint type=special:NoSchedule\n"
