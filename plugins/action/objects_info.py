# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.slipway.kubernetes.plugins.module_utils._objects_info import ENGINE
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    # What is polled for later does not come through here.
    _supports_async = False
    engine = ENGINE

    def run(self, tmp=None, task_vars=None):
        if boolean(self._task.args.get("sensitive"), strict=False):
            # What a module prints, the connection shows with -vvv.
            self._play_context.no_log = True
        result = super().run(tmp, task_vars)
        # As the keyword no_log does, but for the reason of a failure.
        if result.pop("sensitive", False):
            result["_ansible_no_log"] = True
        return result
