# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._in_process import is_for_programs

display = Display()


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec({"text": {"type": "str", "required": True}})
        if not self._task.no_log and not is_for_programs():
            display.display(f"\n{params['text'].rstrip()}")
        return {**result, "changed": False, "text": params["text"]}
