# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests that run the rollout modules beside kubectl.

They need a cluster of tests/cluster to themselves, since some stop its components: SLIPWAY_CLUSTER_DIR
is its folder, KUBECONFIG its kubeconfig.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import _pytest.runner
import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout import stuck

from .workbench import Bench, Server

# Sequences run in threads beside the test that is reported: whoever goes through the environment there fails when pytest takes
# its variable out of it, between two tests.
_pytest.runner._update_current_test_var = lambda item, when: None

# The pods here take no longer than that to become ready, or never do.
stuck.STARTING_GRACE = 1

CLUSTER = Path(__file__).resolve().parents[1] / "cluster" / "cluster.py"


def cluster_command(*arguments):
    return subprocess.run([sys.executable, CLUSTER, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A namespace of the module's own, with all that is needed to work in it."""
    server, kubectl = Server(os.environ["KUBECONFIG"]), cluster_command("path", "kubectl")
    with Bench(server, kubectl, tmp_path_factory.mktemp("kubectl")) as bench:
        yield bench


@pytest.fixture
def pid_of():
    """Gives the process of a component of the cluster."""
    return lambda component: int(cluster_command("pid", component, "--dir", os.environ["SLIPWAY_CLUSTER_DIR"]))
