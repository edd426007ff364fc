# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .._api.client import CORE, Api, ApiError, Backoff, Deadline, Fault
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from . import settings as s
from .drain import THREADS, drain, obstacles, pods_on, title

#: seconds for all requests but those of a drain
TIMEOUT = 60

OPTIONS = {
    "nodes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "labels": {"type": "dict", "default": {}},
            "taints": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "key": {"type": "str", "required": True, "no_log": False},
                    "value": {"type": "str", "default": ""},
                    "effect": {"type": "str", "required": True, "choices": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
                },
            },
            "cordon": {"type": "bool"},
            "drain": {"type": "bool", "default": False},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force_conflicts": {"type": "bool", "default": False},
    "drain_force": {"type": "bool", "default": False},
    "drain_delete_emptydir_data": {"type": "bool", "default": False},
    "drain_grace_period": {"type": "int"},
    "wait_timeout": {"type": "int", "default": 300},
}


class NodesApi(Api):
    def attempt(self, path, body):
        """One attempt at creating something; who is gone or has been replaced meanwhile needs it no more.

        :raises Fault: the server is busy, or forbids it for now.
        """
        try:
            self._send("post", path, [("dryRun", "All")] if self.dry_run else [], body=body)
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def run(params, check_mode=False, want_diff=False, progress=silent):
    entries = {} if params["state"] == "absent" else named(params["nodes"])
    deadline = Deadline(TIMEOUT + params["wait_timeout"])
    api = NodesApi(params["auth"], deadline, dry_run=check_mode, progress=progress)
    nodes = {node["metadata"]["name"]: node for node in api.list(f"{CORE}/nodes")[0]}
    missing = sorted(set(entries) - set(nodes))
    if missing:
        raise TaskError(f"There is no Node {', '.join(missing)}; the cluster has {', '.join(sorted(nodes)[:20]) or 'none'}.")

    def plan_for(node):
        return s.plan(node, s.wanted(entries.get(node["metadata"]["name"], {})), params["force_conflicts"])

    plans = [plan_for(node) for name, node in sorted(nodes.items()) if name in entries or s.recorded(node)]
    errors = [
        f"Node {plan.name}: {conflict}; set force_conflicts to replace it." for plan in plans for conflict in plan.conflicts
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        drained = [name for name, entry in entries.items() if entry["drain"]]
        pods = dict(zip(drained, pool.map(lambda name: pods_on(api, name), drained)))
        for name, found in pods.items():
            errors += [
                f"Node {name} cannot be drained: {obstacle}."
                for obstacle in obstacles(found, params["drain_force"], params["drain_delete_emptydir_data"])
            ]
        if errors:
            raise TaskError("\n".join(errors))
        due = [plan for plan in plans if s.operations(plan)]
        # what the server refuses for one is known before another is changed
        list(pool.map(lambda plan: write(api, plan, plan_for, True), due))
        if not check_mode:
            list(pool.map(lambda plan: write(api, plan, plan_for, False), due))
    if not check_mode:
        drain(api, pods, params["drain_grace_period"], Deadline(params["wait_timeout"]), progress)
    evicted = sorted(title(pod) for found in pods.values() for pod in found)
    return {
        "changed": bool(due or evicted),
        **{kind: [text for plan in plans for text in getattr(plan, kind)] for kind in ("created", "updated", "deleted")},
        "evicted": evicted,
        "host": api.host,
        "diff": [diff(plan) for plan in due],
    }


def named(entries):
    """{name: entry}, refusing what contradicts itself."""
    found = {}
    for entry in entries:
        name = entry["name"]
        if name in found:
            raise TaskError(f"Node {name} is named twice; give it one entry.")
        if entry["drain"] and entry["cordon"] is False:
            raise TaskError(f"Node {name} cannot be drained without being cordoned: leave cordon out, or drain.")
        taints = [(taint["key"], taint["effect"]) for taint in entry["taints"]]
        twice = sorted({f"{key}:{effect}" for key, effect in taints if taints.count((key, effect)) > 1})
        if twice:
            raise TaskError(f"Node {name} is to have the taint {', '.join(twice)} twice, of which a node can have one.")
        found[name] = entry
    return found


def write(api, plan, plan_for, dry_run):
    """Send a plan; where the node has changed since, plan again."""
    path = f"{CORE}/nodes/{plan.name}"
    backoff = Backoff(Deadline(TIMEOUT))
    while True:
        operations = s.operations(plan)
        if not operations:
            return
        try:
            api.patch(path, operations, dry_run=dry_run)
            return
        except Fault as fault:
            api.give_up_after(fault)
            backoff.wait(fault)
            plan = plan_for(api.get(path))
        except ApiError as error:
            fresh = api.get(path) if error.code in (409, 422) else plan.node
            if fresh["metadata"]["resourceVersion"] == plan.node["metadata"]["resourceVersion"]:
                raise TaskError(f"Node {plan.name}: {error}") from None
            plan = plan_for(fresh)


def diff(plan):
    header = f"Node {plan.name}"
    before = s.settings(plan.node)
    concerned = {setting for setting in {*before, *plan.after} if before.get(setting) != plan.after.get(setting)}
    return {
        "before_header": header,
        "after_header": header,
        "before": s.lines({k: v for k, v in before.items() if k in concerned}),
        "after": s.lines({k: v for k, v in plan.after.items() if k in concerned}),
    }


ENGINE = Engine("nodes", OPTIONS, run)
