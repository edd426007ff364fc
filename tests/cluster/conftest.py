# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A live cluster for the tests in this folder: the one in SLIPWAY_CLUSTER_DIR, else one of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CLI = Path(__file__).with_name("cluster.py")


def cli(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([sys.executable, str(CLI), *arguments], capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, result.stderr
    return result


def eventually(condition: Callable[[], Any], timeout: float = 30) -> Any:
    """The first true result of the condition; the last result if there is none in time."""
    deadline = time.monotonic() + timeout
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return result


class Kubectl:
    def __init__(self, path: str, folder: Path, namespace: str) -> None:
        self.command = [path, "--kubeconfig", str(folder / "kubeconfig"), "--namespace", namespace]
        self.namespace = namespace

    def run(self, *arguments: str, check: bool = True, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        text = None if stdin is None else json.dumps(stdin)
        result = subprocess.run([*self.command, *arguments], capture_output=True, text=True, input=text, check=False)
        assert not check or result.returncode == 0, result.stderr
        return result

    def get(self, *arguments: str) -> Any:
        return json.loads(self.run("get", *arguments, "-o", "json").stdout)

    def apply(self, manifest: dict[str, Any]) -> None:
        self.run("apply", "-f", "-", stdin=manifest)

    def pod(self, name: str = "app", annotations: dict[str, str] | None = None, **spec: Any) -> None:
        metadata = {"name": name, "annotations": annotations or {}}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def status(self, pod: str = "app") -> dict[str, Any]:
        return self.get("pod", pod)["status"]

    def events(self, pod: str = "app") -> list[dict[str, Any]]:
        events = self.get("events", "--field-selector", f"involvedObject.name={pod}")["items"]
        return [event for event in events if event["source"].get("component") == "kubelet"]


@pytest.fixture(scope="session")
def cluster_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if folder := os.environ.get("SLIPWAY_CLUSTER_DIR"):
        yield Path(folder)
        return
    own = tmp_path_factory.mktemp("cluster")
    cli("up", "--dir", str(own))
    yield own
    cli("down", "--dir", str(own))


@pytest.fixture
def kubectl(cluster_dir: Path) -> Iterator[Kubectl]:
    client = Kubectl(cli("path", "kubectl").stdout.strip(), cluster_dir, f"cluster-{uuid.uuid4().hex[:8]}")
    client.run("create", "namespace", client.namespace)
    assert eventually(lambda: client.run("get", "serviceaccount", "default", check=False).returncode == 0)
    yield client
    client.run("delete", "namespace", client.namespace, "--wait=false")
