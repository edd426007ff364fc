# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters start, repair themselves, run side by side and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import CLI, Kubectl, cli, eventually
from embedded.lifecycle import NEEDED
from embedded.settings import COMPONENTS


def processes(folder: Path) -> list[str]:
    """Command lines of all live processes that name the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command and entry.parent.name != str(os.getpid()):
            found.append(command)
    return found


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Path]]:
    pair = [tmp_path / "one", tmp_path / "two"]
    yield pair
    for folder in pair:
        cli("down", "--dir", str(folder))


def kill(folder: Path, component: str, number: signal.Signals) -> int:
    pid = int(cli("pid", component, "--dir", str(folder)).stdout)
    os.kill(pid, number)
    return pid


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_two_clusters_at_once(folders: list[Path]) -> None:
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    cli("build", *NEEDED)  # a warm start is what is timed
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        for result in pool.map(lambda folder: cli("up", "--dir", str(folder), check=False), folders):
            assert result.returncode == 0, result.stderr
    # Two starts share the cores. On a machine that is busy with other things the time says nothing.
    assert busy or time.monotonic() - started < 20

    path = cli("path", "kubectl").stdout.strip()
    one, two = (Kubectl(path, folder, "default") for folder in folders)
    one.run("create", "configmap", "only-here")
    assert two.run("get", "configmap", "only-here", check=False).returncode != 0
    assert len(one.get("nodes")["items"]) == 3
    assert all(len(processes(folder / "kwok")) == len(COMPONENTS) for folder in folders)

    assert "running already" in cli("up", "--dir", str(folders[0])).stdout
    refused = cli("up", "--dir", str(folders[0]), "--nodes", "4", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "runs with nodes 3, not 4" in refused.stderr

    cli("down", "--dir", str(folders[1]))
    assert processes(folders[1]) == []
    assert not folders[1].exists()
    assert cli("status", "--dir", str(folders[0])).returncode == 0
    assert cli("status", "--dir", str(folders[1]), check=False).returncode == 1
    assert "no cluster" in cli("down", "--dir", str(folders[1])).stdout


def test_repair_keeps_the_data(folders: list[Path]) -> None:
    folder = folders[0]
    cli("build", *NEEDED)
    # A start that was killed half-way, with kwokctl still at work, is none.
    start = subprocess.Popen([sys.executable, str(CLI), "up", "--dir", str(folder)], stderr=subprocess.DEVNULL)
    assert eventually(lambda: list(folder.glob("kwok/clusters/*/pids/etcd.pid")))
    start.kill()
    start.wait()
    assert "is up" in cli("up", "--dir", str(folder), "--nodes", "1", "--pod-ready-delay", "0").stdout
    assert len(processes(folder / "kwok")) == len(COMPONENTS)
    kubectl = Kubectl(cli("path", "kubectl").stdout.strip(), folder, "default")
    kubectl.run("create", "configmap", "kept")

    # A stopped controller manager is one that a test forgot to continue.
    stopped = kill(folder, "kube-controller-manager", signal.SIGSTOP)
    cli("up", "--dir", str(folder))
    assert Path(f"/proc/{stopped}/stat").read_text(encoding="utf-8").split(") ")[1][0] != "T"

    kill(folder, "kube-scheduler", signal.SIGKILL)
    assert eventually(lambda: cli("status", "--dir", str(folder), check=False).returncode == 1)
    assert "repaired" in cli("up", "--dir", str(folder)).stdout

    for component in COMPONENTS:
        kill(folder, component, signal.SIGKILL)
    assert "repaired" in cli("up", "--dir", str(folder)).stdout
    kubectl.run("get", "configmap", "kept")
    kubectl.run("create", "deployment", "web", "--image=nginx:1.29", "--replicas=2")
    kubectl.run("rollout", "status", "deployment/web", "--timeout=60s")

    kill(folder, "etcd", signal.SIGSTOP)
    # What the demo leaves there goes with the cluster.
    (folder / "users").mkdir()
    (folder / "users/viewer.kubeconfig").touch()
    cli("down", "--dir", str(folder))
    assert processes(folder) == []
    assert not folder.exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    refused = cli("up", "--dir", str(tmp_path), check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "holds other files (notes.txt)" in refused.stderr
    cli("down", "--dir", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
