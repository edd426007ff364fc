# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done, in one line.  Pure functions.  PRIVATE to the collection."""

from __future__ import annotations

from collections import Counter

from .._rollout.status import COMPLETE, PAUSED
from .steps import CREATE, DELETE, KEEP, RECREATE, UPDATE

#: actions, and how they are told
_DONE = {CREATE: "created", UPDATE: "updated", RECREATE: "made anew", DELETE: "deleted", KEEP: "kept"}
_PLANNED = {CREATE: "would create", UPDATE: "would update", RECREATE: "would make anew", DELETE: "would delete", KEEP: "would keep"}
#: so many objects are told by their names; of more, how many there are of each kind
_NAMED = 4


def done(objects, changed, check_mode=False):
    """What became of objects, each a dictionary with C(action), C(kind), C(title) and perhaps C(reason)."""
    words = _PLANNED if check_mode else _DONE
    found = []
    for action, word in words.items():
        # What is kept without a reason was never about to go.
        of_action = [each for each in objects if each["action"] == action and (action != KEEP or each.get("reason"))]
        if of_action:
            found.append(f"{word} {_objects(of_action, check_mode)}")
    # What is kept is no change.
    return "; ".join(found if changed else ["nothing to do", *found])


def _objects(objects, check_mode):
    # Whoever tries something out wants to know what.
    if check_mode or len(objects) <= _NAMED:
        return ", ".join(each["title"] for each in objects)
    kinds = Counter(each["kind"] for each in objects)
    return f"{len(objects)} objects ({', '.join(kind if count == 1 else f'{kind} ×{count}' for kind, count in kinds.items())})"


def ready(rollout):
    """How many of a workload's pods are ready; what else is known of it, where there is no such number."""
    counts, name = rollout["replicas"], f"{rollout['kind']} {rollout['name']}"
    if rollout["kind"] == "Job" and rollout["phase"] == COMPLETE:
        return f"{name}: complete"
    if rollout["kind"] == "Job" or rollout["phase"] not in (COMPLETE, PAUSED):
        return f"{name}: {rollout['message']}"
    if rollout["phase"] == PAUSED:
        return f"{name}: paused, {counts['updated']} of {counts['desired']} updated"
    return f"{name}: {counts['ready']} of {counts['desired']} ready"


def line(name, namespace, text):
    """One line about a release."""
    return f"{name}{f' in namespace {namespace}' if namespace else ''}: {text}"
