# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: brief
type: stdout
short_description: A line for each thing that was changed
version_added: 0.1.0
author:
  - slipway.kubernetes contributors (@slipway-kubernetes)
description:
  - The default output, but for what modules of this collection tell by themselves in one line, such as
    M(slipway.kubernetes.release), and for a recap that names only hosts on which something failed.
  - With C(-v) it is the default output, with all tasks.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
"""

from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "slipway.kubernetes.brief"

    def set_options(self, task_keys=None, var_options=None, direct=None):
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        if self._display.verbosity:
            for option in ("display_ok_hosts", "display_skipped_hosts"):
                self.set_option(option, True)

    def v2_runner_on_ok(self, result):
        # What is included tells for itself, and what has a summary was printed by its action, with the progress before. A diff has
        # been shown by now; warnings are still to be told.
        told = isinstance(result.task, TaskInclude) or (result.result.get("_printed") and not result.warnings)
        if told and not self._display.verbosity:
            return
        # What debug shows is there to be seen.
        hidden = result.result.get("_ansible_verbose_always") and not self.get_option("display_ok_hosts")
        if hidden:
            self.set_option("display_ok_hosts", True)
        super().v2_runner_on_ok(result)
        if hidden:
            self.set_option("display_ok_hosts", False)

    def v2_playbook_on_include(self, included_file):
        if self._display.verbosity:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_stats(self, stats):
        summaries = {host: stats.summarize(host) for host in stats.processed}
        failed = [host for host, summary in summaries.items() if summary["failures"] or summary["unreachable"]]
        if self._display.verbosity or (self.get_option("show_custom_stats") and stats.custom):
            super().v2_playbook_on_stats(stats)
            return
        changed = sum(bool(summary["changed"]) for summary in summaries.values())
        told = f"{len(summaries)} hosts: {changed} changed, {len(failed)} failed"
        self._display.display(f"\n{told}{': ' if failed else ''}{', '.join(sorted(failed))}")
