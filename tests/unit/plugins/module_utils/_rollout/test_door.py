# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rollout modules refuse before they talk to anybody."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.door import ENGINES

WRITERS = ("rollout", "rollout_undo")
#: nothing listens there, and nothing is to be said to it
NOWHERE = {"host": "http://127.0.0.1:1", "api_key": "unused"}


def validated(module, options):
    spec = dict(ENGINES[module].spec())
    return ArgumentSpecValidator(spec.pop("argument_spec"), **spec).validate({**NOWHERE, **options})


FAIL_FAST = {"fail_fast": True, "fail_fast_restarts": 3, "fail_fast_after": 60}


@pytest.mark.parametrize("module", ENGINES)
@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "one of the following is required: name, label_selectors"),
        ({"name": "web", "label_selectors": ["a=b"]}, "parameters are mutually exclusive: name|label_selectors"),
        ({"name": "web", "kind": "Job"}, "value of kind must be one of: Deployment, DaemonSet, StatefulSet, got: Job"),
        ({"name": "web", "api_version": "v1"}, "value of api_version must be one of: apps/v1, got: v1"),
        ({"name": "web", "label": "x"}, "label. Supported parameters include: "),
    ],
    ids=["neither name nor label_selectors", "both", "kind", "api_version", "unknown option"],
)
def test_options_that_no_module_takes(module, options, message):
    errors = validated(module, options).error_messages
    assert len(errors) == 1 and message in errors[0]


@pytest.mark.parametrize(
    "module, options, message",
    [
        *((module, {"name": ""}, "name and label_selectors must not be empty.") for module in ENGINES),
        *((module, {"label_selectors": []}, "name and label_selectors must not be empty.") for module in ENGINES),
        *((module, {"wait_timeout": 0}, "wait_timeout must be at least 1") for module in WRITERS),
        *((module, {"wait_timeout": -5}, "got: -5.") for module in WRITERS),
        ("rollout", {"change_cause": "a\0b"}, "change_cause holds U+0000, which is no character of a text."),
        ("rollout_undo", {"change_cause": "half \ud83d"}, "change_cause holds U+D83D, which is no character of a text."),
        ("rollout_undo", {"to_revision": -1}, "to_revision must be at least 0, got: -1."),
        ("rollout_info", {"revision": 0}, "revision must be at least 1, got: 0."),
        ("rollout", {"images": {"web": ""}}, 'the image of container "web" must be'),
        ("rollout", {"images": {"web": None}}, 'the image of container "web" must be'),
        ("rollout", {"images": {"web": 3}}, 'the image of container "web" must be'),
        ("rollout", {"images": {"web": "app: 2"}}, 'the image of container "web" must be'),
        ("rollout", {"pause_at": "1", "wait": False}, "pause_at needs wait: true"),
        ("rollout", {"pause_at": "1", "state": "paused"}, "cannot be combined with state=paused."),
        ("rollout", {"pause_at": "1", "state": "resumed"}, "cannot be combined with state=resumed."),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else value if value in ENGINES else "",
)
def test_values_that_cannot_work(module, options, message):
    defaults = {} if {"name", "label_selectors"} & options.keys() else {"name": "web"}
    result = validated(module, {**defaults, **options})
    assert result.error_messages == []
    outcome = ENGINES[module].call(result.validated_parameters)
    assert message in outcome["msg"] and "\n" not in outcome["msg"]
    assert (outcome["failed"], outcome["changed"], outcome["rollouts"]) == (True, False, [])


@pytest.mark.parametrize(
    "module, defaults",
    [
        ("rollout", {"state": "complete", "wait": True, "wait_timeout": 300, **FAIL_FAST, "on_failure": "fail"}),
        ("rollout_undo", {"to_revision": 0, "replace_stuck_pods": True, **FAIL_FAST, "wait": True, "wait_timeout": 300}),
        ("rollout_info", {"revision": None}),
    ],
)
def test_defaults(module, defaults):
    found = validated(module, {"name": "web"}).validated_parameters
    expected = {"kind": "Deployment", "api_version": "apps/v1", "namespace": "default", **defaults}
    assert {name: found[name] for name in expected} == expected
