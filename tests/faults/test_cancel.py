# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook that is ended while it waits, and tasks whose time is up: what runs on, and what is still written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

#: where a task runs: host, connection
DOORS = {"here": "local", "module": "loop"}
#: a connection that is a local one for all but our action plugins, which take it for one to another machine
LOOP = """
DOCUMENTATION = "{name: loop, short_description: local, extends_documentation_fragment: [connection_pipelining], description: [local], options: {}}"
from ansible.plugins.connection import local
class Connection(local.Connection):
    transport = "loop"
"""


class Playbook:
    """One run of ansible-playbook with both doors, each with a Deployment of its own that does not get ready."""

    def __init__(self, folder, shop, name, tasks):
        self.shop, self.names = shop, {door: f"{name}-{door}" for door in DOORS}
        for workload in self.names.values():
            shop.deploy(workload, replicas=1, labels={"app": workload, "run": workload})
        plugins = folder / "connection_plugins"
        plugins.mkdir(parents=True)
        (plugins / "loop.py").write_text(LOOP)
        connection = {"host": shop.proxy.url, "api_key": "unused"}
        play = {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {f"slipway.kubernetes.{module}": connection for module in ("rollout", "release")},
            "tasks": tasks,
        }
        (folder / "play.yml").write_text(yaml.safe_dump([play]))
        variables = {"ansible_python_interpreter": sys.executable, "namespace": shop.namespace}
        hosts = {
            name: {"ansible_connection": DOORS[door], "workload": name, "mark": f"{folder}/{door}", **variables}
            for door, name in self.names.items()
        }
        (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        checkout = Path(__file__).parents[2]
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(plugins),
            # what the test finds the processes by
            "SLIPWAY_TEST_RUN": str(folder),
        }
        self.folder, self.process = folder, None

    def start(self):
        self.process = subprocess.Popen(
            ["ansible-playbook", "-i", "hosts.yml", "play.yml"], cwd=self.folder, env=self.environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        return self

    def running(self):
        """What runs for ansible-playbook, itself and zombies apart."""
        mark = f"SLIPWAY_TEST_RUN={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if process.name != str(self.process.pid) and mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass
        return found

    def images(self):
        return {door: self.shop.image(name) for door, name in self.names.items()}

    def notes(self):
        """What a release has put beside the images, None where it has not."""
        pods = {door: self.shop.get(name).spec.template.metadata for door, name in self.names.items()}
        return {door: (pod.annotations or {}).get("note") for door, pod in pods.items()}

    def writes(self):
        return sum(self.shop.proxy.count(f"{verb} *") for verb in ("POST", "PATCH", "PUT", "DELETE"))

    def outcomes(self):
        """Of all that any release in the namespace has recorded."""
        records = self.shop.core.list_namespaced_secret(self.shop.namespace, label_selector="slipway.kubernetes/outcome").items
        mine = [record for record in records if record.metadata.annotations["slipway.kubernetes/release-name"] in self.names.values()]
        return [record.metadata.labels["slipway.kubernetes/outcome"] for record in mine]


ROLLOUT = {
    "slipway.kubernetes.rollout": {
        "namespace": "{{ namespace }}",
        "name": "{{ workload }}",
        "images": {"web": "app:never-ready"},
        "wait_timeout": 25,
        "on_failure": "undo",
        "fail_fast": False,
    },
}
POD = {
    "metadata": {"labels": {"app": "{{ workload }}", "run": "{{ workload }}"}, "annotations": {"note": "of the release"}},
    "spec": {"containers": [{"name": "web", "image": "app:never-ready"}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "{{ workload }}"},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "{{ workload }}"}}, "template": POD},
}
RELEASE = {
    "slipway.kubernetes.release": {
        "name": "{{ workload }}",
        "namespace": "{{ namespace }}",
        "definitions": json.dumps([DEPLOYMENT]),
        "adopt": True,
        "force_conflicts": True,
        "create_namespace": False,
        "wait_timeout": 30,
        "on_failure": "undo",
        "fail_fast": False,
    },
}
#: how ansible-playbook ends: to whom, which signal
ENDS = {
    "SIGTERM": (os.kill, signal.SIGTERM),
    "SIGINT": (os.kill, signal.SIGINT),
    # what a process group is killed with that has a controlling process, as AWX cancels a job; workers lead groups of their own
    "SIGKILL": (os.killpg, signal.SIGKILL),
}


def end_each(runs, working):
    """Start them all, end each when it is at work, and see that nobody is left."""
    # Making one forgets what was seen, so all are there before the first begins.
    for run in runs.values():
        run.start()
    waiting = dict(runs)
    while waiting:
        for end, run in list(waiting.items()):
            assert run.process.poll() is None, run.process.stdout.read()
            if working(run):
                kill, number = ENDS[end]
                kill(run.process.pid, number)
                # Two seconds, and what a machine makes of them on which more processes want to run than it has processors.
                last = time.monotonic() + 2.5 * max(1.0, os.getloadavg()[0] / os.cpu_count())
                while (left := run.running()) and time.monotonic() < last:
                    time.sleep(0.05)
                assert not left, (end, left)
                run.process.wait(30)
                del waiting[end]
        time.sleep(0.1)
    # Nobody is there any more who could write.
    time.sleep(1)


def test_nothing_is_written_and_nobody_runs_after_the_end_of_ansible_playbook(shop, proxy, tmp_path):
    runs = {end: Playbook(tmp_path / end, shop, end.lower(), [ROLLOUT]) for end in ENDS}
    end_each(runs, lambda run: set(run.images().values()) == {"app:never-ready"})
    assert [set(run.images().values()) for run in runs.values()] == [{"app:never-ready"}] * len(ENDS)
    # Nor has anybody written before.
    assert proxy.count("PATCH *") == len(ENDS) * len(DOORS)


def test_a_release_is_neither_undone_nor_recorded_after_the_end_of_ansible_playbook(shop, proxy, tmp_path):
    runs = {end: Playbook(tmp_path / end, shop, end.lower(), [RELEASE]) for end in ENDS}
    end_each(runs, lambda run: set(run.notes().values()) == {"of the release"})
    assert [set(run.notes().values()) for run in runs.values()] == [{"of the release"}] * len(ENDS)
    # The next run finds the lock, and what was to be done.
    assert [run.outcomes() for run in runs.values()] == [["pending"] * len(DOORS)] * len(ENDS)
    assert proxy.count("PUT *") == proxy.count("DELETE *") == 0


TIMED = [
    {"ansible.builtin.shell": "date +%s.%N >> {{ mark }}"},
    {**ROLLOUT, "timeout": 3, "ignore_errors": True},
    {"ansible.builtin.shell": "date +%s.%N >> {{ mark }}"},
    {**RELEASE, "timeout": 6, "ignore_errors": True},
    {"ansible.builtin.shell": "date +%s.%N >> {{ mark }}"},
]


def test_the_keyword_timeout_ends_a_task_in_time(shop, proxy, tmp_path):
    run = Playbook(tmp_path / "run", shop, "timed", TIMED).start()
    output = run.process.communicate(timeout=90)[0]
    writes = run.writes()
    assert [output.count(f'"period": {seconds}') for seconds in (3, 6)] == [len(DOORS)] * 2, output
    for door in DOORS:
        times = [float(line) for line in (run.folder / door).read_text().split()]
        # the time, two seconds more at most, and what a busy machine takes to start two small tasks
        took = [later - earlier for earlier, later in zip(times, times[1:])]
        assert took[0] < 3 + 7 and took[1] < 6 + 7, (door, times)
    time.sleep(1)
    assert run.running() == [] and run.writes() == writes
    assert run.images()["here"] == "app:never-ready" and run.notes()["here"] == "of the release"
    assert set(run.outcomes()) == {"pending"} and proxy.count("PUT *") == 0


@pytest.mark.parametrize("request_", ["LIST deployments", "WATCH deployments", "PATCH deployments"])
@pytest.mark.parametrize("behaviour", ["hangs", "drips"])
def test_wait_timeout_holds_whatever_the_server_does(shop, proxy, request_, behaviour):
    shop.deploy(replicas=1)

    def answer(exchange):
        if behaviour == "drips":
            exchange.begin_stream()
        while not proxy.closing.wait(0.3):
            if behaviour == "drips":
                exchange.chunk(b" ")

    proxy.fault(request_, answer, times=None)
    began = time.monotonic()
    result = shop.fail(images={"web": "app:never-ready"}, wait_timeout=2, fail_fast=False)
    # two seconds more at most, on a machine that does nothing else
    assert time.monotonic() - began < 5, result["msg"]
