# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.client import CORE, Api, ApiError, Backoff, Deadline, Fault
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._api.parallel import parallel
from . import settings as s
from .drain import SETTLING, THREADS, drain, obstacles, pods_on, title

#: seconds for one write, and for the whole call when it does not wait
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
                    "value": {"type": "raw", "default": ""},
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

        :returns: whether it was done.
        :raises Fault: the server is busy, or forbids it for now.
        """
        try:
            self._send("post", path, [("dryRun", "All")] if self.dry_run else [], body=body)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
            return False
        return True


def run(params, check_mode=False, want_diff=False, progress=silent):
    if params["wait_timeout"] < 0:
        raise TaskError(f"wait_timeout must not be negative, got: {params['wait_timeout']}.")
    entries = {} if params["state"] == "absent" else named(params["nodes"])
    deadline = Deadline(params["wait_timeout"] or TIMEOUT)
    api = NodesApi(params["auth"], deadline, dry_run=check_mode, progress=progress)
    nodes = {node["metadata"]["name"]: node for node in api.list(f"{CORE}/nodes")[0]}
    missing = sorted(set(entries) - set(nodes))
    if missing:
        raise TaskError(f"There is no Node {', '.join(missing)}; the cluster has {', '.join(sorted(nodes)[:20]) or 'none'}.")

    def plan_for(node):
        return s.plan(node, s.wanted(entries.get(node["metadata"]["name"], {})), params["force_conflicts"])

    plans = [plan_for(node) for name, node in sorted(nodes.items()) if name in entries or s.recorded(node)]
    errors = [conflict for plan in plans for conflict in s.refusals(plan)]

    def allowed(pods):
        return obstacles(pods, params["drain_force"], params["drain_delete_emptydir_data"])

    drained = [name for name, entry in entries.items() if entry["drain"]]
    pods = dict(zip(drained, parallel(lambda name: pods_on(api, name), drained, THREADS)))
    for name, found in pods.items():
        errors += [f"Node {name} cannot be drained: {obstacle}." for obstacle in allowed(found)]
    if errors:
        raise TaskError("\n".join(errors))
    due = [plan for plan in plans if s.operations(plan)]
    # what the server refuses for one is known before another is changed
    parallel(lambda plan: write(api, plan, plan_for, True, entries), due, THREADS)
    if check_mode:
        evicted = sorted(title(pod) for found in pods.values() for pod in found if not pod["metadata"].get("deletionTimestamp"))
    else:
        written = []
        # One that was cordoned before has been heard of by the scheduler long since.
        fresh = any(plan.cordons for plan in due if plan.name in drained)
        try:
            parallel(lambda plan: written.append(write(api, plan, plan_for, False, entries)), due, THREADS)
            # not with a time of its own: the whole call ends with the first one
            waiting = deadline if params["wait_timeout"] else Deadline(0)
            evicted = drain(api, drained, allowed, params["drain_grace_period"], waiting, progress, SETTLING if fresh else 0)
        except TaskError as error:
            error.result["changed"] = bool(written) or error.result.get("changed", False)
            raise
    result = {
        "changed": bool(due or evicted),
        **{kind: [text for plan in plans for text in getattr(plan, kind)] for kind in ("created", "updated", "deleted")},
        "evicted": evicted,
        "host": api.host,
    }
    words = [f"{word} {', '.join(result[word])}" for word in ("created", "updated", "deleted", "evicted") if result[word]]
    result["summary"] = f"nodes: {'; '.join(words) or 'nothing to do'}"
    if want_diff:
        result["diff"] = [diff(plan) for plan in due]
    return result


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


def write(api, plan, plan_for, dry_run, named=()):
    """Send a plan; where the node has changed since, plan again.  One that is not named may be gone with what was set on it."""
    path = f"{CORE}/nodes/{plan.name}"
    deadline = Deadline(TIMEOUT)
    backoff = Backoff(deadline)
    while True:
        if plan.conflicts:
            raise TaskError(" ".join(s.refusals(plan)))
        operations = s.operations(plan)
        if not operations:
            return
        try:
            api.patch(path, operations, dry_run=dry_run)
            return
        except Fault as fault:
            api.give_up_after(fault)
            backoff.wait(fault)
            fresh = lookup(api, path)
        except ApiError as error:
            fresh = lookup(api, path) if error.code in (404, 409, 422) else plan.node
            if fresh and fresh["metadata"]["resourceVersion"] == plan.node["metadata"]["resourceVersion"]:
                raise TaskError(f"Node {plan.name}: {error}") from None
            if deadline.expired:
                raise TaskError(f"Node {plan.name} keeps being changed by others; run this again.") from None
        if fresh is None:
            if plan.name in named:
                raise TaskError(f"Node {plan.name} has been deleted meanwhile.")
            return
        plan = plan_for(fresh)


def lookup(api, path):
    """A node; None if there is none any more."""
    try:
        return api.get(path)
    except ApiError as error:
        if error.code != 404:
            raise
        return None


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
