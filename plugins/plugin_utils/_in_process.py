# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the collection's modules in the controller's process.  PRIVATE to the collection.

With a local connection no module is packed, copied and started then, and the Kubernetes client is
imported once per ansible-playbook run rather than once per task, since the strategy loads an action
plugin in the main process before it forks the workers.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

from ansible import constants as C
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import KUBERNETES_IMPORT_ERROR
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import secrets_of, silent

display = Display()

#: stdout callbacks whose output is read by programs, or has no place for a line
_SILENT_CALLBACKS = ("json", "jsonl", "null", "dense", "oneline")


class InProcessAction(ActionBase):
    """Runs a module's engine here when the module would run on this machine as this user anyway."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True
    #: the module's Engine
    engine = None

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        outcome = self._run_here(task_vars) if self._is_local() else self._run_module(task_vars)
        return merge_hash(result, outcome)

    def _run_module(self, task_vars):
        name = f"slipway.kubernetes.{self.engine.name}"
        return self._execute_module(name, task_vars=task_vars, wrap_async=bool(self._task.async_val))

    def _run_here(self, task_vars):
        validation, params = self.validate_argument_spec(**self.engine.spec())
        hidden = validation._no_log_values | secrets_of(params)
        with self._environment():
            outcome = self.engine.call(
                params, self._task.check_mode, self._task.diff, self._progress(hidden, task_vars)
            )
        return remove_values(outcome, hidden)

    @contextmanager
    def _environment(self):
        """The task's C(environment), which a module would get."""
        wanted = {}
        self._compute_environment_string(wanted)
        saved = dict(os.environ)
        os.environ.update({key: str(value) for key, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)

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
            return silent
        host = (task_vars or {}).get("inventory_hostname", "localhost")
        return lambda line: display.display(f"  [{host}] {remove_values(line, hidden)}")
