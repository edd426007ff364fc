# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the collection's modules in the controller's process.  PRIVATE to the collection.

With a local connection no module is packed, copied and started then, and the Kubernetes client is
imported once per ansible-playbook run rather than once per task, since the strategy loads an action
plugin in the main process before it forks the workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import contextmanager
from importlib import import_module

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.parsing.vault import is_encrypted_file
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.cancel import LOOK, Parent, end_process
from ansible_collections.slipway.kubernetes.plugins.module_utils._api import kubeconfig, requirements
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import KUBERNETES_IMPORT_ERROR
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import CORE_IMPORT_ERROR, secrets_of, silent, trimmed
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

display = Display()

#: stdout callbacks whose output is read by programs, or has no place for a line
_SILENT_CALLBACKS = ("json", "jsonl", "null", "dense", "oneline")


def is_for_programs():
    """Is what ansible-playbook prints read by programs?"""
    return C.config.get_config_value("DEFAULT_STDOUT_CALLBACK").rpartition(".")[2] in _SILENT_CALLBACKS


def core_problem():
    """Why the collection kubernetes.core that this ansible-playbook finds is not enough, or an empty text."""
    try:
        folder = list(import_module("ansible_collections.kubernetes.core").__path__)[0]
    except ImportError:
        folder = ""
    return requirements.core_problem(folder, requirements.core_version(folder), CORE_IMPORT_ERROR, sys.executable)


class InProcessAction(ActionBase):
    """Runs a module's engine here when the module would run on this machine as this user anyway."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True
    #: the module's Engine
    engine = None

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        if problem := core_problem():
            return merge_hash(result, {**self.engine.failed, "failed": True, "msg": problem})
        try:
            args = self._arguments()
        except TaskError as e:
            return merge_hash(result, {**self.engine.failed, "failed": True, "msg": str(e)})
        outcome = self._run_here(task_vars, args) if self._is_local() else self._run_module(task_vars, args)
        if outcome.get("summary") and not outcome.get("failed"):
            # With the progress before it; Ansible's own line tells no more than that something was changed.
            tell = self._progress((), task_vars)
            tell(outcome["summary"])
            # For the callback brief, which need not tell it again.
            outcome["_printed"] = tell is not silent
        return merge_hash(result, outcome)

    def _run_module(self, task_vars, args):
        name = f"slipway.kubernetes.{self.engine.name}"
        with _taking_along():
            return self._execute_module(name, module_args=args, task_vars=task_vars, wrap_async=bool(self._task.async_val))

    def _run_here(self, task_vars, args):
        environment = self._environment()
        validation, params = self._validated(args, environment)
        hidden = validation._no_log_values | secrets_of(params)
        hidden |= trimmed(hidden)
        outcome = self.engine.call(
            params, self._task.check_mode, self._task.diff, self._progress(hidden, task_vars), environment
        )
        return remove_values(outcome, hidden)

    def _validated(self, args, environment):
        """The validated options.  Paths are those of the task's environment, which Ansible would take from the process's."""
        spec = self.engine.spec()
        paths = [name for name, option in spec["argument_spec"].items() if option.get("type") == "path"]
        for name in paths:
            spec["argument_spec"][name]["type"] = "str"
        given, self._task.args = self._task.args, args
        try:
            validation, params = self.validate_argument_spec(**spec)
        finally:
            self._task.args = given
        for name in paths:
            if params[name]:
                params[name] = kubeconfig.expand_variables(params[name], environment)
        return validation, params

    def _environment(self):
        """The environment that a module would get: this process's, and the task's C(environment).

        Ansible starts local modules, kubernetes.core's among them, in the playbook's folder, which relative paths are of.
        """
        wanted = {}
        self._compute_environment_string(wanted)
        return {**os.environ, **{key: str(value) for key, value in wanted.items()}, "PWD": os.path.abspath(self._loader.get_basedir())}

    # --------------------------------------------------------- kubeconfig --
    def _arguments(self):
        """The task's arguments with the kubeconfig that kubernetes.core's action plugin would hand on.

        On this machine it is looked for in C(files/) of the role and the playbook as well, and decrypted if it is
        encrypted - in memory, rather than into a file.
        """
        named = self._task.args.get("kubeconfig")
        # the text of a kubeconfig is refused with the other options
        if not named or not isinstance(named, str) or self._connection.transport != "local" or not kubeconfig.is_path(named):
            return self._task.args
        paths = [self._found(path) for path in named.split(os.pathsep) if path]
        texts = [self._decrypted(path) for path in paths]
        if not any(texts):
            return {**self._task.args, "kubeconfig": os.pathsep.join(paths)}
        documents = []
        for path, text in zip(paths, texts):
            name = f"The kubeconfig {path}"
            config = kubeconfig.load(path, name) if text is None else kubeconfig.parse(text, name)
            documents.append((config or {}, os.path.dirname(path)))
        merged = kubeconfig.merge(documents, f"the kubeconfig {named}")
        if not merged.clusters:
            raise TaskError(f"The kubeconfig {named} has no clusters.")
        return {**self._task.args, "kubeconfig": kubeconfig.plain(merged)}

    def _found(self, path):
        try:
            return os.path.abspath(self._find_needle("files", path))
        except AnsibleError:
            looked = "" if os.path.isabs(path) else ", neither beside the playbook or the role nor in files/ there"
            raise TaskError(f"The kubeconfig {path} of the option kubeconfig does not exist{looked}.") from None

    def _decrypted(self, path):
        """The text of an encrypted file; None where it is not encrypted."""
        try:
            with open(path, "rb") as file:
                if not is_encrypted_file(file):
                    return None
            return self._loader.get_text_file_contents(path)
        except OSError as error:
            raise TaskError(f"The kubeconfig {path} cannot be read: {error.strerror}.") from None
        except AnsibleError as error:
            raise TaskError(f"The kubeconfig {path} cannot be decrypted: {' '.join(str(error).split())}") from None

    def _is_local(self):
        return (
            self._connection.transport == "local"
            and not self._task.async_val
            and not self._connection.become
            and KUBERNETES_IMPORT_ERROR is None
            # the host's interpreter may have what this one lacks, or else says so
            and not requirements.PACKAGE_PROBLEM
        )

    def _progress(self, hidden, task_vars):
        if self._task.no_log or is_for_programs():
            return silent
        # What is done once is not one host's.
        host = "" if self._task.run_once else f"[{(task_vars or {}).get('inventory_hostname', 'localhost')}] "
        return lambda line: display.display(f"  {host}{remove_values(line, hidden)}")


@contextmanager
def _taking_along():
    """What a worker of ansible-playbook starts within it ends with the task, and with ansible-playbook.

    By itself Ansible leaves a module running when the time of the keyword C(timeout) is up, and workers when it is killed.
    """
    if multiprocessing.parent_process() is None or os.getpgrp() != os.getpid():
        yield
        return
    parent, over = Parent(), threading.Event()

    def watch():
        while not over.wait(LOOK):
            if parent.gone():
                end_process()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except Exception:
        raise
    except BaseException:
        # such as TaskTimeoutError
        handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        signal.signal(signal.SIGTERM, handler)
        raise
    finally:
        over.set()
