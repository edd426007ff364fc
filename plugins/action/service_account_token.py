# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.slipway.kubernetes.plugins.module_utils._service_account_token import ENGINE
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    """Hides the token, unless the task asks for it to be shown."""

    # A job file would keep the token on the target.
    _supports_async = False
    engine = ENGINE

    def run(self, tmp=None, task_vars=None):
        _validation, params = self.validate_argument_spec(**self.engine.spec())
        if not self._is_local():
            # Connections print what a module printed.
            context = self._connection._play_context
            context.no_log = context.no_log or not params["show"]
        result = super().run(tmp, task_vars)
        # Why there is no token is no secret.
        if result.get("token") and not params["show"]:
            result["_ansible_no_log"] = True
        return result
