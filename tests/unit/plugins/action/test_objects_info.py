# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked up for roles is hidden whichever way the task runs, and a failure is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.slipway.kubernetes.plugins.action.objects_info import ActionModule
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._in_process import InProcessAction

FOUND = {"changed": False, "found": [{"resources": [{"kind": "Secret"}]}]}


def run(monkeypatch, given, outcome):
    """The action's result, and whether the connection was told to hide what the module prints."""
    action = ActionModule.__new__(ActionModule)
    action._task, action._play_context = SimpleNamespace(args=given), SimpleNamespace(no_log=False)
    hidden = []

    def work(self, tmp=None, task_vars=None):
        hidden.append(self._play_context.no_log)
        return dict(outcome)

    monkeypatch.setattr(InProcessAction, "run", work)
    return action.run(), hidden[0]


@pytest.mark.parametrize("yes", [True, "true", "yes"])
def test_what_is_sensitive_is_shown_by_nobody(monkeypatch, yes):
    result, hidden = run(monkeypatch, {"sensitive": yes}, {**FOUND, "sensitive": True})
    assert hidden and result == {**FOUND, "_ansible_no_log": True}


def test_what_is_not_is_shown(monkeypatch):
    result, hidden = run(monkeypatch, {"sensitive": False}, FOUND)
    assert not hidden and result == FOUND


def test_a_failure_says_why(monkeypatch):
    failure = {"failed": True, "msg": "forbidden", "found": []}
    result, _hidden = run(monkeypatch, {"sensitive": True}, failure)
    assert result == failure


def test_nothing_is_polled_for_past_the_action():
    assert ActionModule._supports_async is False
