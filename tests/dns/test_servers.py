# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of these tests are gone when the tests are, however these have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from .servers import eventually

# What a test run is as far as its servers are concerned.
RUN = """
import sys, time
from pathlib import Path
from dns import servers

folder = Path(sys.argv[1])
found = servers.PowerDNS(folder / "powerdns"), servers.Bind(folder / "bind", {"bind.test": ""})
print(*(server.process.process.pid for server in found), flush=True)
time.sleep(600)
"""


def runs(pid: int) -> bool:
    try:
        # What has ended has no command line any more, be it waited for or not.
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True) as run:
        pids = [int(pid) for pid in run.stdout.readline().split()]
        try:
            assert len(pids) == 2 and all(map(runs, pids))
            run.kill()
            run.wait()
            eventually("no server is left", lambda: not any(map(runs, pids)), patience=10)
        finally:
            run.kill()
            for pid in filter(runs, pids):
                os.kill(pid, signal.SIGKILL)
