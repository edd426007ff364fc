# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two doors to the rollout engine share this: argument specs, and how a module calls it.

PRIVATE to the collection.
"""

from __future__ import annotations

from copy import deepcopy

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import (
    AUTH_ARG_SPEC,
    extract_sensitive_values_from_kubeconfig,
)

from . import info, rollout, undo
from .errors import RolloutError

_WORKLOAD = {
    "api_version": {"type": "str", "default": "apps/v1", "choices": ["apps/v1"]},
    "kind": {"type": "str", "default": "Deployment", "choices": ["Deployment", "DaemonSet", "StatefulSet"]},
    "namespace": {"type": "str", "default": "default"},
    "name": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
}

_WAIT = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}

_OPTIONS = {
    "rollout": {
        "state": {"type": "str", "default": "complete", "choices": ["complete", "restarted", "paused", "resumed"]},
        "images": {"type": "dict"},
        "change_cause": {"type": "str"},
        "pause_at": {"type": "str"},
        "fail_fast": {"type": "bool", "default": True},
        "on_failure": {"type": "str", "default": "fail", "choices": ["fail", "undo", "pause"]},
        **_WAIT,
    },
    "rollout_undo": {
        "to_revision": {"type": "int", "default": 0},
        "change_cause": {"type": "str"},
        "replace_stuck_pods": {"type": "bool", "default": True},
        **_WAIT,
    },
    "rollout_info": {"revision": {"type": "int"}},
}

_RUN = {"rollout": rollout.run, "rollout_undo": undo.run, "rollout_info": info.run}


def spec(module_name):
    """What AnsibleModule and ActionBase.validate_argument_spec take, for one of the three modules."""
    return {
        "argument_spec": {**deepcopy(AUTH_ARG_SPEC), **_WORKLOAD, **_OPTIONS[module_name]},
        "mutually_exclusive": [("name", "label_selectors")],
        "required_one_of": [("name", "label_selectors")],
    }


def call(module_name, params, check_mode, want_diff, progress=lambda line: None):
    """Run the engine with a module's validated parameters; a failure comes back as a failed result."""
    params = {**params, "auth": {key: params.get(key) for key in AUTH_ARG_SPEC}}
    try:
        if params["name"] == "" or params["label_selectors"] == []:
            raise RolloutError("name and label_selectors must not be empty.")
        return _RUN[module_name](params, check_mode, want_diff, progress)
    except RolloutError as e:
        return {"changed": False, "rollouts": [], **e.result, "failed": True, "msg": str(e)}


def secrets_of(params):
    """Values that must not be shown: those inside a kubeconfig given as a dictionary."""
    if isinstance(params.get("kubeconfig"), dict):
        return extract_sensitive_values_from_kubeconfig(params["kubeconfig"])
    return set()


def main(module_name):
    """The body of each module."""
    module = AnsibleModule(supports_check_mode=True, **spec(module_name))
    module.no_log_values.update(secrets_of(module.params))
    result = call(module_name, module.params, module.check_mode, module._diff)
    if result.pop("failed", False):
        module.fail_json(**result)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)
