# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import uuid

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.client import Deadline
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.api import ReleaseApi


@pytest.fixture(scope="session")
def connect():
    """A function that gives a client, each with connections of its own as another run has them."""
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    return lambda seconds=60: ReleaseApi({"kubeconfig": path}, Deadline(seconds))


@pytest.fixture
def namespace(connect):
    api, name = connect(), f"release-{uuid.uuid4().hex[:8]}"
    made = api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    connect().delete(f"/api/v1/namespaces/{name}", made["metadata"]["uid"])
