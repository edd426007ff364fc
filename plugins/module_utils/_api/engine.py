# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module of the collection, apart from its documentation and the process it runs in.

The same code runs as an ordinary module and, with a local connection, in the controller's process
(plugin_utils/_in_process.py).  PRIVATE to the collection.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import (
    AUTH_ARG_SPEC,
    extract_sensitive_values_from_kubeconfig,
)

from .errors import TaskError


def silent(line):
    """The progress of a module that has nowhere to show it."""


@dataclass(frozen=True)
class Engine:
    """What a module takes, and the function that does its work.

    C(run) is called as C(run(params, check_mode, want_diff, progress)), params being the validated
    options and under C(auth) the connection options again.  It returns the module's result or raises
    TaskError; C(progress) takes a line of text.  C(failed) is what a failed result holds at least.
    """

    name: str
    options: dict
    run: Callable
    requirements: dict = field(default_factory=dict)
    failed: dict = field(default_factory=lambda: {"changed": False})

    def spec(self):
        """What AnsibleModule and ActionBase.validate_argument_spec take."""
        return {"argument_spec": {**deepcopy(AUTH_ARG_SPEC), **deepcopy(self.options)}, **self.requirements}

    def call(self, params, check_mode=False, want_diff=False, progress=silent):
        """Run with validated options; a failure comes back as a failed result."""
        params = {**params, "auth": {key: params.get(key) for key in AUTH_ARG_SPEC}}
        try:
            return self.run(params, check_mode, want_diff, progress)
        except TaskError as e:
            return {**deepcopy(self.failed), **e.result, "failed": True, "msg": str(e)}

    def main(self):
        """The body of the module."""
        module = AnsibleModule(supports_check_mode=True, **self.spec())
        module.no_log_values.update(secrets_of(module.params))
        result = self.call(module.params, module.check_mode, module._diff)
        if result.pop("failed", False):
            module.fail_json(**result)
        for warning in result.pop("warnings", []):
            module.warn(warning)
        module.exit_json(**result)


def secrets_of(params):
    """Values that must not be shown: those inside a kubeconfig given as a dictionary."""
    if isinstance(params.get("kubeconfig"), dict):
        return extract_sensitive_values_from_kubeconfig(params["kubeconfig"])
    return set()
