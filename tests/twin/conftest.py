# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests that run the rollout modules beside kubectl.

They need a cluster of tests/cluster: KUBECONFIG names it, SLIPWAY_CLUSTER_DIR is its folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLUSTER = HERE.parent / "cluster" / "cluster.py"

for folder in [*os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":"), str(ROOT / ".collections")]:
    if folder and folder not in sys.path and (Path(folder) / "ansible_collections").is_dir():
        sys.path.append(folder)

from workbench import Bench, Server  # noqa: E402  pylint: disable=wrong-import-position


def cluster_command(*arguments):
    command = [sys.executable, str(CLUSTER), *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture(scope="session")
def kubectl_path():
    return os.environ.get("SLIPWAY_KUBECTL") or cluster_command("path", "kubectl")


@pytest.fixture(scope="session")
def server():
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        pytest.exit("set KUBECONFIG: python tests/cluster/cluster.py up", returncode=4)
    return Server(kubeconfig)


@pytest.fixture(scope="module")
def bench(server, kubectl_path, tmp_path_factory):
    """A namespace of the module's own, with all that is needed to work in it."""
    with Bench(server, kubectl_path, tmp_path_factory.mktemp("kubectl")) as bench:
        yield bench


@pytest.fixture(scope="module")
def own_cluster(kubectl_path, tmp_path_factory):
    """A cluster of the module's own, whose components it may stop: (bench, function giving a component's pid)."""
    folder = tmp_path_factory.mktemp("cluster")
    cluster_command("up", "--dir", folder)
    try:
        with Bench(Server(folder / "kubeconfig"), kubectl_path, tmp_path_factory.mktemp("kubectl")) as bench:
            yield bench, lambda component: int(cluster_command("pid", component, "--dir", folder))
    finally:
        cluster_command("down", "--dir", folder)
