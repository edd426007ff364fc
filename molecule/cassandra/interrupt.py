# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command and kills it, and all that it has started, once it says a text: TEXT COMMAND..."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys


def descendants(pid):
    """Not its process group: a worker of Ansible's has a session of its own."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in listed.stdout.split()]
    return children + [pid for child in children for pid in descendants(child)]


text, *command = sys.argv[1:]
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
    for line in process.stdout:
        print(line, end="")
        if text in line:
            for number in [*descendants(process.pid), process.pid]:
                # One may have ended, when its parent was killed or by itself.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            sys.exit(0)
sys.exit(f"It has not said: {text}")
