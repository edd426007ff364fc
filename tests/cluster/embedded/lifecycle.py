# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts, repairs and stops the cluster of one folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import settings
from .build import binaries
from .common import ClusterError, cache_dir, locked, say

DEFAULT_NODES = 3
DEFAULT_POD_READY_DELAY = 200
NEEDED = ["kubectl", "etcd", "kwokctl", "kwok", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
# On a busy machine the controller manager gives up on an API server that takes longer than 10 s to start.
START_TIMEOUT = 180.0
RESTARTS = 5
STOP_TIMEOUT = 10.0
KWOK = "kwok-controller"


@dataclass(frozen=True)
class Options:
    """What `up` was asked for; None is: as before, or the default."""

    nodes: int | None = None
    pod_ready_delay: int | None = None


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.name = settings.cluster_name(self.folder)
        self.kubeconfig = self.folder / "kubeconfig"
        self.state_file = self.folder / "cluster.json"
        self.gitignore = self.folder / ".gitignore"
        # Kubeconfigs of the cluster's users, worth nothing once it is gone.
        self.users_dir = self.folder / "users"
        self.log_dir = self.folder / "container-logs"
        self.data_dir = self.folder / "kwok"
        # kwokctl cuts the path at a space: there it gets a link.
        self.kwok_dir = _without_spaces(self.data_dir, self.name)
        self.workdir = self.kwok_dir / "clusters" / self.name
        self.kwokctl_pid = self.kwok_dir / "kwokctl.pid"
        self.programs: dict[str, Path] = {}

    # What runs

    def pids(self) -> dict[str, int]:
        """The processes of this cluster that are alive, by component."""
        alive = {}
        for component in settings.COMPONENTS:
            try:
                pid = int((self.workdir / "pids" / f"{component}.pid").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            # After a restart of the machine the number may belong to somebody else.
            if _command(pid).startswith(str(self.workdir / "bin" / component)):
                alive[component] = pid
        return alive

    def state(self) -> dict[str, Any] | None:
        try:
            state = json.loads(self.state_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def answers(self) -> bool:
        """Whether the API server takes requests."""
        return bool(self.state()) and self.kubeconfig.exists() and self._kubectl("get", "--raw", "/readyz").returncode == 0

    def running(self) -> bool:
        return set(self.pids()) == set(settings.COMPONENTS) and self.answers()

    # What it does

    def up(self, options: Options) -> str:
        """Make the cluster run; returns the sentence that says what that took."""
        started = time.monotonic()
        with locked(self.name, f"waiting for another process that works on {self.folder}"):
            self._check_folder()
            self.programs = binaries(NEEDED)
            was = self.state()
            # A start that was killed is not repaired, but made anew.
            made = bool(was) and was.get("made", True)
            if made and self.pids():
                self._check_options(was, options)
            wanted = self._wanted(options, was or {})
            if made and was["digest"] == wanted["digest"]:
                # A test that died may have left a component stopped.
                self._signal(signal.SIGCONT)
                if self.running():
                    return f"the cluster in {self.folder} is running already"
                if self._repair(wanted):
                    return f"repaired the cluster in {self.folder} in {time.monotonic() - started:.1f} s"
            elif made and self.pids():
                say("the cluster runs from another version of its programs or settings: starting it anew")
            self._kill()
            self._remove()
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                state = wanted | {"kubectl": str(self.programs["kubectl"])}
                self._write_state(state | {"made": False})
                self._start(wanted)
                self._write_state(state | {"made": True})
            except BaseException:
                # The logs stay, for who wants to know why.
                self._kill()
                raise
        return f"cluster {self.name} is up after {time.monotonic() - started:.1f} s: export KUBECONFIG={self.kubeconfig}"

    def down(self) -> str:
        with locked(self.name, f"waiting for another process that works on {self.folder}"):
            if not self._ours():
                return f"no cluster in {self.folder}"
            was = self.state()
            self._kill()
            self._remove()
            if strangers := self._strangers():
                # The folder stays the cluster's, for the next start.
                self._write_state({})
                return f"the cluster in {self.folder} is down; other files are left there ({', '.join(strangers[:3])})"
            self.state_file.unlink(missing_ok=True)
            self.folder.rmdir()
        return f"the cluster in {self.folder} is down" if was != {} else f"no cluster in {self.folder}"

    # How

    def _ours(self) -> bool:
        """Whether the folder is a cluster's, which began with an empty one: the state is written first and goes last."""
        return self.state_file.exists() or bool(self.pids())

    def _check_folder(self) -> None:
        if self.folder.exists() and not self._ours():
            if not self.folder.is_dir():
                raise ClusterError(f"{self.folder} is not a folder")
            if found := sorted(path.name for path in self.folder.iterdir()):
                raise ClusterError(f"{self.folder} holds other files ({', '.join(found[:3])}): give the cluster a folder of its own")

    def _own_files(self) -> tuple[Path, ...]:
        return (self.kubeconfig, self.gitignore, self.users_dir, self.log_dir, self.data_dir)

    def _strangers(self) -> list[str]:
        return sorted(path.name for path in set(self.folder.iterdir()) - {self.state_file, *self._own_files()})

    def _write_state(self, state: dict[str, Any]) -> None:
        self.state_file.write_text(json.dumps(state, indent=1), encoding="utf-8")

    def _check_options(self, was: dict[str, Any], options: Options) -> None:
        for name, asked in vars(options).items():
            if asked is not None and asked != was[name]:
                raise ClusterError(
                    f"the cluster in {self.folder} runs with {name.replace('_', ' ')} {was[name]}, not {asked}: "
                    "take it down first"
                )

    def _wanted(self, options: Options, was: dict[str, Any]) -> dict[str, Any]:
        """The settings to run with, and a digest of all that they lead to."""
        defaults = {"nodes": DEFAULT_NODES, "pod_ready_delay": DEFAULT_POD_READY_DELAY}
        wanted = {name: was.get(name, default) if (asked := getattr(options, name)) is None else asked
                  for name, default in defaults.items()}
        parts = [settings.configuration(self.programs, {}, wanted["pod_ready_delay"], self.log_dir), settings.manifest(wanted["nodes"])]
        return wanted | {"digest": hashlib.sha256(json.dumps(parts).encode()).hexdigest()}

    def _start(self, wanted: dict[str, Any]) -> None:
        self.log_dir.mkdir(parents=True)
        self.data_dir.mkdir()
        if self.kwok_dir != self.data_dir:
            self.kwok_dir.parent.mkdir(parents=True, exist_ok=True)
            self.kwok_dir.symlink_to(self.data_dir, target_is_directory=True)
        self.gitignore.write_text("*\n", encoding="utf-8")
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
        for name, lines in settings.LOGS.items():
            (self.log_dir / f"{name}.log").write_text(settings.log_file(lines, now), encoding="utf-8")
        # Ports are picked and taken under one lock: clusters that start at once never pick the same.
        with locked("ports", "waiting for another cluster that starts"):
            ports = next(block for block in settings.port_blocks(self.name) if all(map(_free, block.values())))
            config = self.kwok_dir / "config.yaml"
            config.write_text(settings.configuration(self.programs, ports, wanted["pod_ready_delay"], self.log_dir), encoding="utf-8")
            said = self._kwokctl("create", "cluster", "--config", str(config), "--kubeconfig", str(self.kubeconfig))
        if not self.kubeconfig.exists():
            # It only logs that it could not write the file.
            raise ClusterError(f"kwokctl create cluster wrote no kubeconfig:\n{said.strip()[-2000:]}")
        self.kubeconfig.chmod(0o600)
        self._furnish(wanted)

    def _repair(self, wanted: dict[str, Any]) -> bool:
        """Start what has died, on the data that is there; False if that doesn't help."""
        if not self.kubeconfig.exists():
            return False
        say(f"not running: {', '.join(self._missing()) or 'the API'}; starting")
        try:
            self._start_missing()
            self._furnish(wanted)
        except ClusterError as error:
            say(f"repair failed, starting anew: {error}")
            return False
        return True

    def _missing(self) -> list[str]:
        alive = self.pids()
        return [component for component in settings.COMPONENTS if component not in alive]

    def _start_missing(self) -> None:
        missing = self._missing()
        self._kwokctl("start", "cluster")
        if KWOK in missing:
            # The nodes' leases name the kwok that died: a new one leaves the nodes alone until they run out.
            self._kill((KWOK,))
            self._kubectl("delete", "leases", "--all", "--namespace=kube-node-lease")
            self._kwokctl("start", "cluster")

    def _signal(self, number: signal.Signals, components: Collection[str] = settings.COMPONENTS) -> dict[str, int]:
        pids = {component: pid for component, pid in self.pids().items() if component in components}
        # In reverse: what depends on the API server goes before it.
        for pid in reversed(pids.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def _end_strays(self) -> list[int]:
        """End what a start that was killed has left: its kwokctl, which goes on by itself, and components that it had not noted."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self.kwokctl_pid.read_text(encoding="utf-8"))
            if f"--name {self.name} " in _command(pid):
                os.kill(pid, signal.SIGKILL)
        own = f"{self.workdir / 'bin'}{os.sep}"
        strays = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _command(int(entry.name)).startswith(own)]
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return strays

    def _kill(self, components: Collection[str] = settings.COMPONENTS) -> None:
        # Nothing here is worth a graceful end, and a stopped process takes no other signal.
        pids = self._signal(signal.SIGKILL, components)
        if set(components) == set(settings.COMPONENTS):
            for pid in self._end_strays():
                pids[f"process {pid}"] = pid
        deadline = time.monotonic() + STOP_TIMEOUT
        while left := {component: pid for component, pid in pids.items() if _command(pid)}:
            if time.monotonic() > deadline:
                raise ClusterError(f"still running after SIGKILL: {left}")
            time.sleep(0.02)

    def _remove(self) -> None:
        if self.kwok_dir != self.data_dir:
            self.kwok_dir.unlink(missing_ok=True)
        for path in self._own_files():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _furnish(self, wanted: dict[str, Any]) -> None:
        """Create what a cluster is handed over with, and wait until pods can run."""
        manifest = json.dumps(settings.manifest(wanted["nodes"]))
        self._until("accepts nodes", lambda: self._kubectl(
            "apply", "--server-side", "--validate=false", "-f", "-", stdin=manifest).returncode == 0)

        def nodes_ready() -> bool:
            result = self._kubectl("get", "nodes", "-o", "json")
            if result.returncode != 0:
                return False
            nodes = json.loads(result.stdout)["items"]
            return len(nodes) >= wanted["nodes"] and all(map(_schedulable, nodes))

        self._until("has ready nodes", nodes_ready)
        self._until("has the default service account", lambda: self._kubectl(
            "get", "serviceaccount", "default", "--namespace=default").returncode == 0)

        # The components start apart from each other, and nodes may be left from before a repair.
        name = f"trial-{time.time_ns():x}"
        deployment = json.dumps(settings.trial(name))
        self._until("takes deployments", lambda: self._kubectl(
            "apply", "--server-side", "--validate=false", "-f", "-", stdin=deployment).returncode == 0)
        self._until("runs pods", lambda: self._kubectl(
            "get", "deployment", name, "--namespace=kube-system", "-o", "jsonpath={.status.availableReplicas}").stdout == "1")
        self._kubectl("delete", "deployment", name, "--namespace=kube-system", "--wait=false")

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        restarts = RESTARTS
        while not condition():
            if time.monotonic() > deadline:
                raise ClusterError(f"no cluster that {what} within {START_TIMEOUT:.0f} s; see the logs in {self.workdir / 'logs'}")
            if missing := self._missing():
                if not restarts:
                    raise ClusterError(f"{', '.join(missing)} ended again and again; see the logs in {self.workdir / 'logs'}")
                restarts -= 1
                self._start_missing()
            time.sleep(0.05)

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Of the state: asking for a cluster's status builds nothing.
            [(self.state() or {})["kubectl"], "--kubeconfig", str(self.kubeconfig), "--request-timeout=10s", *arguments],
            input=stdin, capture_output=True, text=True, check=False,
        )

    def _kwokctl(self, *arguments: str) -> str:
        for component in self._missing():
            # kwokctl takes any process of that number for the component.
            (self.workdir / "pids" / f"{component}.pid").unlink(missing_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("KWOK_")}
        with subprocess.Popen(
            [str(self.programs["kwokctl"]), "--name", self.name, *arguments],
            env=env | {"KWOK_WORKDIR": str(self.kwok_dir)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:
            self.kwokctl_pid.write_text(str(process.pid), encoding="utf-8")
            try:
                said, _nothing = process.communicate(timeout=START_TIMEOUT)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise ClusterError(f"the API server did not start within {START_TIMEOUT:.0f} s; see the logs in {self.workdir / 'logs'}") from error
            except BaseException:
                process.kill()
                raise
        self.kwokctl_pid.unlink()
        if process.returncode != 0:
            raise ClusterError(f"kwokctl {' '.join(arguments[:2])} failed:\n{said.strip()[-2000:]}")
        return said


def _without_spaces(path: Path, name: str) -> Path:
    if not any(map(str.isspace, str(path))):
        return path
    link = cache_dir() / "clusters" / name
    return link if not any(map(str.isspace, str(link))) else Path("/tmp") / f"{name}-{os.getuid()}"


def _schedulable(node: dict[str, Any]) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and not node["spec"].get("taints")


def _command(pid: int) -> str:
    """The command line of a live process, or ''."""
    if Path("/proc/self/stat").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    result = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As the components bind: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
