# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The in-process door to the rollout engine.  PRIVATE to the collection.

With a local connection the work is done in this process: no module is packed, copied and started,
and the Kubernetes client is imported once per ansible-playbook run rather than once per task, since
the strategy loads an action plugin in the main process before it forks the workers.
"""

from __future__ import annotations

import os

from ansible import constants as C
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import door
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.client import KUBERNETES_IMPORT_ERROR

display = Display()

#: stdout callbacks whose output is read by programs, or has no place for a line
_SILENT_CALLBACKS = ("json", "jsonl", "null", "dense", "oneline")


class RolloutAction(ActionBase):
    """Runs one of the rollout modules here when it would run on this machine as this user anyway."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True
    module_name = ""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if not self._is_local():
            name = f"slipway.kubernetes.{self.module_name}"
            return merge_hash(
                result, self._execute_module(name, task_vars=task_vars, wrap_async=bool(self._task.async_val))
            )
        validation, params = self.validate_argument_spec(**door.spec(self.module_name))
        hidden = validation._no_log_values | door.secrets_of(params)
        environment = {}
        self._compute_environment_string(environment)
        saved = dict(os.environ)
        os.environ.update({key: str(value) for key, value in environment.items()})
        try:
            outcome = door.call(
                self.module_name, params, self._task.check_mode, self._task.diff, self._progress(hidden, task_vars)
            )
        finally:
            os.environ.clear()
            os.environ.update(saved)
        return merge_hash(result, remove_values(outcome, hidden))

    def _is_local(self):
        return (
            self._connection.transport == "local"
            and not self._task.async_val
            and not self._connection.become
            and KUBERNETES_IMPORT_ERROR is None
        )

    def _progress(self, hidden, task_vars):
        callback = C.config.get_config_value("DEFAULT_STDOUT_CALLBACK").rpartition(".")[2]
        if self._task.no_log or callback in _SILENT_CALLBACKS:
            return lambda line: None
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        return lambda line: display.display(f"  [{host}] {remove_values(line, hidden)}")
