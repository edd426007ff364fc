# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.run import ARGUMENT_SPEC, call
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import door
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._rollout_action import RolloutAction


class ActionModule(RolloutAction):
    """Plans in this process, for the reasons that the rollout modules run here."""

    module_name = "release_plan"

    def run(self, tmp=None, task_vars=None):
        result = ActionBase.run(self, tmp, task_vars)
        if not self._is_local():
            name = "slipway.kubernetes.release_plan"
            return merge_hash(result, self._execute_module(name, task_vars=task_vars))
        spec = dict(copy.deepcopy(AUTH_ARG_SPEC), **ARGUMENT_SPEC)
        validation, params = self.validate_argument_spec(argument_spec=spec)
        hidden = validation._no_log_values | door.secrets_of(params)
        environment = {}
        self._compute_environment_string(environment)
        saved = dict(os.environ)
        os.environ.update({key: str(value) for key, value in environment.items()})
        try:
            outcome = call(params, self._progress(hidden, task_vars))
        finally:
            os.environ.clear()
            os.environ.update(saved)
        return merge_hash(result, remove_values(outcome, hidden))
