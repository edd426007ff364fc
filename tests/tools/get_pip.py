# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip into the virtual environment that runs this, for ansible-test.

Stands where ansible-test expects the script get-pip.py, takes its arguments
(options of pip, packages, --no-setuptools, --no-wheel), and fetches nothing
from outside the package index.
"""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, for ensurepip changes the environment that pip reads.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=True)
