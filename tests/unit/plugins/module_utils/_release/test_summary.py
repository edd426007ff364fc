# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._release import summary


def objects(action, *kinds, **more):
    return [{"action": action, "kind": kind, "title": f"{kind} shop/{n}", **more} for n, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    "given, changed, check_mode, text",
    [
        ([], False, False, "nothing to do"),
        (objects("unchanged", "Secret"), False, False, "nothing to do"),
        (objects("create", "Secret"), True, False, "created Secret shop/0"),
        (objects("create", "Secret"), True, True, "would create Secret shop/0"),
        (
            objects("create", *["Secret"] * 3, "Service", "Deployment"), True, False,
            "created 5 objects (Secret ×3, Service, Deployment)",
        ),
        # in check mode, all of them
        (
            objects("update", *["Secret"] * 5), True, True,
            "would update Secret shop/0, Secret shop/1, Secret shop/2, Secret shop/3, Secret shop/4",
        ),
        (
            objects("update", "Secret") + objects("recreate", "Job") + objects("delete", "Pod"), True, False,
            "updated Secret shop/0; made anew Job shop/0; deleted Pod shop/0",
        ),
        # what is kept is told where it was about to go, and is no change
        (objects("keep", "Secret", reason="it holds data"), False, False, "nothing to do; kept Secret shop/0"),
        (objects("keep", "Secret"), False, False, "nothing to do"),
    ],
)
def test_done(given, changed, check_mode, text):
    assert summary.done(given, changed, check_mode) == text


def rollout(kind, phase, message="words", **replicas):
    counts = {"desired": 3, "updated": 3, "ready": 3, "available": 3, **replicas}
    return {"kind": kind, "name": "web", "phase": phase, "message": message, "replicas": counts}


@pytest.mark.parametrize(
    "given, text",
    [
        (rollout("Deployment", "complete"), "Deployment web: 3 of 3 ready"),
        # not kubectl's sentence for a partition
        (rollout("StatefulSet", "complete", "partitioned roll out complete: 3 new pods"), "StatefulSet web: 3 of 3 ready"),
        (rollout("Deployment", "paused", updated=1), "Deployment web: paused, 1 of 3 updated"),
        (rollout("Deployment", "progressing"), "Deployment web: words"),
        (rollout("Job", "complete"), "Job web: complete"),
        (rollout("Job", "paused"), "Job web: words"),
        (rollout("ReplicationController", "complete"), "ReplicationController web: 3 of 3 ready"),
    ],
)
def test_ready(given, text):
    assert summary.ready(given) == text


def test_line():
    assert summary.line("shop", "prod", "nothing to do") == "shop in namespace prod: nothing to do"
    assert summary.line("users", "", "nothing to do") == "users: nothing to do"
