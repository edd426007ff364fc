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

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import (
        AUTH_ARG_SPEC,
        extract_sensitive_values_from_kubeconfig,
    )

    CORE_IMPORT_ERROR = None
except ImportError as error:
    # Told by the action plugin, which runs where the collections are.
    AUTH_ARG_SPEC, CORE_IMPORT_ERROR = {}, str(error)

from . import requirements
from .cancel import Call
from .connection import Connection
from .errors import TaskError
from .shown import fit, sentence


def silent(line):
    """The progress of a module that has nowhere to show it."""


@dataclass(frozen=True)
class Engine:
    """What a module takes, and the function that does its work.

    C(run) is called as C(run(params, check_mode, want_diff, progress)), params being the validated
    options and under C(auth) the Connection that the connection options lead to.  It returns the module's result or raises
    TaskError; C(progress) takes a line of text.  C(failed) is what a failed result holds at least,
    C(handed_out) names what is in the result because it is secret.
    """

    name: str
    options: dict
    run: Callable
    requirements: dict = field(default_factory=dict)
    failed: dict = field(default_factory=lambda: {"changed": False})
    handed_out: tuple = ()

    def spec(self):
        """What AnsibleModule and ActionBase.validate_argument_spec take."""
        return {"argument_spec": {**deepcopy(AUTH_ARG_SPEC), **deepcopy(self.options)}, **self.requirements}

    def call(self, params, check_mode=False, want_diff=False, progress=silent, environment=None, call=None):
        """Run with validated options; a failure comes back as a failed result.

        :param environment: the task's, if it is not this process's.
        """
        auth = Connection({key: params.get(key) for key in AUTH_ARG_SPEC}, environment)
        call = call or Call()

        def work():
            try:
                if requirements.PACKAGE_PROBLEM:
                    raise TaskError(requirements.PACKAGE_PROBLEM)
                return self.run({**params, "auth": auth}, check_mode, want_diff, call.told(lambda line: progress(sentence(line))))
            finally:
                auth.close()

        try:
            result = call.run(work)
        except TaskError as e:
            result = {**deepcopy(self.failed), **e.result, "failed": True, "msg": str(e)}
        if not want_diff:
            result.pop("diff", None)
        # Logs, events and the API server's own words quote whatever they like.
        return {key: value if key in self.handed_out else fit(value) for key, value in result.items()}

    def main(self):
        """The body of the module."""
        module = AnsibleModule(supports_check_mode=True, **self.spec())
        module.no_log_values.update(secrets_of(module.params))
        module.no_log_values.update(trimmed(module.no_log_values))
        result = self.call(module.params, module.check_mode, module._diff, call=Call(standard_output=True))
        for warning in result.pop("warnings", []):
            module.warn(warning)
        if result.pop("failed", False):
            module.fail_json(**result)
        module.exit_json(**result)


def trimmed(values):
    """The same values as they are shown by whoever takes the end of a line off."""
    return {text for text in (value.strip() for value in values if isinstance(value, str)) if len(text) >= 6} - set(values)


def secrets_of(params):
    """Values that must not be shown: those inside a kubeconfig given as a dictionary."""
    if isinstance(params.get("kubeconfig"), dict):
        return extract_sensitive_values_from_kubeconfig(params["kubeconfig"])
    return set()
