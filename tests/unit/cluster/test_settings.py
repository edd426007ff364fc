# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from embedded import lifecycle
from embedded.common import ClusterError
from embedded.lifecycle import Cluster, Options
from embedded.programs import PROGRAMS
from embedded.settings import COMPONENTS, EXTRA_ARGS, PORTS, cluster_name, configuration, manifest, port_blocks, stages

BINARIES = {name: Path("/bin") / name for name in lifecycle.NEEDED}


def test_a_name_belongs_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cluster_name(Path(".cluster")) == cluster_name(tmp_path / "x" / ".." / ".cluster")
    assert cluster_name(tmp_path / "a") != cluster_name(tmp_path / "b")
    assert cluster_name(tmp_path).startswith("slipway-")


def test_ports() -> None:
    blocks = port_blocks("slipway-1")
    taken = [port for block in blocks for port in block.values()]
    assert len(taken) == len(set(taken)) == len(PORTS) * len(blocks)
    assert 1024 < min(taken) and max(taken) < 30000  # NodePorts begin there
    assert blocks == port_blocks("slipway-1")
    assert blocks[0] != port_blocks("slipway-2")[0]


def test_stages_are_complete() -> None:
    text = stages(200, Path("/logs"))
    documents = [document for document in yaml.safe_load_all(text) if document]
    assert "__" not in text
    assert {document["kind"] for document in documents} == {"Stage"}
    by_name = {document["metadata"]["name"]: document["spec"] for document in documents}
    assert len(by_name) == len(documents)
    assert by_name["pod-start"]["delay"]["durationMilliseconds"] == 200
    # What pod-stage.jq can answer has a stage, but for those in which nothing happens.
    (jq,) = {spec["selector"]["matchExpressions"][0]["jq"]["key"] for name, spec in by_name.items() if name.startswith("pod-")}
    selected = {value for name, spec in by_name.items() if name.startswith("pod-")
                for value in spec["selector"]["matchExpressions"][0]["jq"]["values"]}
    assert all(f'"{value}"' in jq for value in selected)


def test_failure_modes_are_the_same_everywhere() -> None:
    """The words that pod-stage.jq takes for failures are those that container.gotmpl knows."""
    folder = Path(lifecycle.settings.STAGES)
    modes = (folder / "pod-stage.jq").read_text(encoding="utf-8").split("def modes: [")[1].split("]")[0]
    template = (folder / "container.gotmpl").read_text(encoding="utf-8")
    assert all(f'"{mode.strip()[1:-1]}"' in template for mode in modes.split(","))


def test_configuration() -> None:
    ports = port_blocks("x")[0]
    kwokctl, logs, *_stages = yaml.safe_load_all(configuration(BINARIES, ports, 0, Path("/logs")))
    options = kwokctl["options"]
    assert options["kubeVersion"] == PROGRAMS["kube-apiserver"].version
    assert options.items() >= ports.items()
    assert options["bindAddress"] == "127.0.0.1"
    assert {patch["name"] for patch in kwokctl["componentsPatches"]} == set(EXTRA_ARGS) <= set(COMPONENTS)
    assert logs["spec"]["logs"] == [{"logsFile": "/logs/running.log"}]


def test_nodes() -> None:
    nodes = [item for item in manifest(40)["items"] if item["kind"] == "Node"]
    assert len({node["spec"]["podCIDR"] for node in nodes}) == len({node["metadata"]["name"] for node in nodes}) == 40


def test_a_process_of_the_same_number_is_no_component(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    pids = cluster.workdir / "pids"
    pids.mkdir(parents=True)
    (pids / "etcd.pid").write_text(str(os.getpid()), encoding="utf-8")
    (pids / "kube-apiserver.pid").write_text("no number", encoding="utf-8")
    assert cluster.pids() == {}


def test_options_default_to_what_was(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.programs = BINARIES
    fresh = cluster._wanted(Options(), {})
    assert (fresh["nodes"], fresh["pod_ready_delay"]) == (lifecycle.DEFAULT_NODES, lifecycle.DEFAULT_POD_READY_DELAY)
    was = cluster._wanted(Options(nodes=1, pod_ready_delay=0), {})
    assert cluster._wanted(Options(), was) == was
    assert cluster._wanted(Options(nodes=2), was)["digest"] != was["digest"]


def test_a_running_cluster_keeps_its_options(tmp_path: Path) -> None:
    was = {"nodes": 3, "pod_ready_delay": 200}
    cluster = Cluster(tmp_path)
    cluster._check_options(was, Options(nodes=3))
    with pytest.raises(ClusterError, match="runs with pod ready delay 200, not 5: take it down first"):
        cluster._check_options(was, Options(nodes=3, pod_ready_delay=5))


def test_a_broken_state_file_is_no_state(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    assert cluster.state() is None
    cluster.state_file.write_text("{", encoding="utf-8")
    assert cluster.state() is None
    cluster.state_file.write_text(json.dumps({"nodes": 1}), encoding="utf-8")
    assert cluster.state() == {"nodes": 1}
