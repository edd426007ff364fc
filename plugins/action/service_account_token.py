# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash
from ansible_collections.slipway.kubernetes.plugins.module_utils import _service_account_token as engine
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import door
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._rollout_action import RolloutAction


class ActionModule(RolloutAction):
    """Issues the token in this process, for the reasons that the rollout modules run here, and hides it."""

    # A job file would keep the token on the target.
    _supports_async = False
    module_name = "service_account_token"

    def run(self, tmp=None, task_vars=None):
        result = ActionBase.run(self, tmp, task_vars)
        validation, params = self.validate_argument_spec(**engine.spec())
        if self._is_local():
            hidden = validation._no_log_values | door.secrets_of(params)
            environment = {}
            self._compute_environment_string(environment)
            saved = dict(os.environ)
            os.environ.update({key: str(value) for key, value in environment.items()})
            try:
                outcome = engine.call(params, self._task.check_mode, self._progress(hidden, task_vars))
            finally:
                os.environ.clear()
                os.environ.update(saved)
            outcome = remove_values(outcome, hidden)
        else:
            outcome = self._execute_module("slipway.kubernetes.service_account_token", task_vars=task_vars)
        # Why there is no token is no secret.
        if outcome.get("token") and not params["show"]:
            outcome["_ansible_no_log"] = True
        return merge_hash(result, outcome)
