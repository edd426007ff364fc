# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
from pathlib import Path

import kubernetes
import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi

# The table is the unit tests'.
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))


@pytest.fixture(scope="session")
def api():
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    return ReleaseApi({"kubeconfig": path}, Deadline(600))


@pytest.fixture(scope="session")
def namespace(api):
    """A namespace that allows what the role claims to need, and no more."""
    kubernetes.config.load_kube_config(os.environ["KUBECONFIG"])
    core = kubernetes.client.CoreV1Api()
    labels = {"pod-security.kubernetes.io/" + mode: "restricted" for mode in ("enforce", "warn")}
    name = core.create_namespace({"metadata": {"generateName": "app-table-", "labels": labels}}).metadata.name
    yield name
    core.delete_namespace(name)
