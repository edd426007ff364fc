# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests, and count them.

Stages are split into tasks, and as many tasks run at a time as there are
workers. Each worker has a private copy of the collection, laid out as
ansible-test wants it, and a private embedded cluster, started when a task of
this worker first needs one. So no two tests that run at the same time share
a file, a namespace or a node port.

There are two tiers. What every change must pass is run without `--all`: it
leaves out tests with the marker `full`. `--all` runs everything, with
SLIPWAY_TESTS=all in the environment, by which tests choose their counts, and
in parts, each with a line that counts at its end.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pathspec
import yaml

ROOT = Path(__file__).resolve().parents[1]
COLLECTIONS = ROOT / ".collections"
LOGS = ROOT / ".cache/test"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-kubernetes"
BIN = Path(sys.executable).parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# A test that hangs has failed. Starting the first cluster may build it, and tests of a program that.
TASK_SECONDS, BUILD_SECONDS = 30 * 60, 60 * 60
TAIL_LINES, FATAL_CHARACTERS = 60, 1000
CLUSTERS = {"embedded": "tests/cluster/cluster.py", "kind": "tests/kind/kind.py"}
# The parts of everything, by the titles of their tasks or by the stages that these are of; the longer one counts. Each part
# has to be through within an hour on two cores: what grows beyond that becomes a part of its own.
PARTS = {
    "static": ("sanity", "unit", "yamllint", "ansible-lint", "docs", "changelog", "importer"),
    "server": ("server",),
    "twin": ("server: twin",),
    "versions": ("server: versions",),
    "scenarios": ("integration", "molecule"),
}
# What pytest ends with when it has found nothing to run.
NO_TESTS = 5
# Measured on two cores: the longest are started first, so that none is left running alone at the end.
SECONDS = {
    "unit": 300, "sanity": 130, "ansible-lint": 200, "importer": 30,
    "server: release": 340, "server: twin": 240, "server: versions": 140, "server: faults": 130, "server: app": 115, "server: cluster": 110,
    "server: dns": 105, "server: metrics": 65,
    "molecule: dashboard": 150, "molecule: app": 120, "molecule: examples_platform": 120, "molecule: ingress_nginx": 120, "molecule: gateway": 115,
    "molecule: cassandra": 105,
}
SECONDS_OF_OTHERS = {"integration": 180, "molecule": 70}
# Server suites whose tests wait more than they compute, and share nothing: so many of them at a time.
SIDE_BY_SIDE = {"faults": 2}
# Each start of ansible-test costs as much as a short target.
INTEGRATION_GROUPS = 3
ALL_OUTPUT = {"ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_DISPLAY_OK_HOSTS": "true", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"}


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # What `make test` leaves to `make test-all`.
    left: int = 0

    def __iadd__(self, other: Counts) -> Counts:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.left += other.left
        return self

    def __bool__(self) -> bool:
        return bool(self.passed or self.failed or self.skipped or self.left)

    def __str__(self) -> str:
        said = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return f"{said}; {self.left} left to make test-all" if self.left else said


@dataclass
class Task:
    stage: str
    name: str
    body: t.Callable[[Worker], Counts]
    needs_cluster: bool = False
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    log: Path = LOGS

    @property
    def title(self) -> str:
        return self.stage if self.stage == self.name else f"{self.stage}: {self.name}"

    def logs_on(self, cluster: str) -> Path:
        """Two runs on different clusters can be going on at a time."""
        return LOGS / cluster / (self.title.replace(": ", "-") + ".log")


class Processes:
    """The running children, to be ended when the run is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopping = False

    def run(self, command: list[str], log: t.IO[bytes], seconds: float, **options: t.Any) -> int:
        with self._lock:
            if self.stopping:
                raise InterruptedError
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options
            )
            self._running.add(process)
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._kill(process)
            raise
        finally:
            with self._lock:
                self._running.discard(process)

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        """End a child with what it started; give it time to clean up."""
        for number, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=patience)
                return

    def stop(self) -> None:
        with self._lock:
            self.stopping = True
            running = list(self._running)
        for process in running:
            self._kill(process)


PROCESSES = Processes()
# The first cluster may have to be built, which takes minutes and says so.
FIRST_CLUSTER = threading.Lock()


class Worker:
    """Runs one task at a time, in its own tree and with its own cluster."""

    any_cluster = False
    everything = False

    def __init__(self, directory: Path, cluster: str) -> None:
        self.directory = directory
        self.cluster = cluster
        self.collections = directory / "ansible_collections"
        self.tree = self.collections / "slipway/kubernetes"
        self.cluster_directory = directory / "cluster"
        self.has_cluster = False
        self.log: t.IO[bytes] = open(os.devnull, "wb")
        snapshot(self.tree)
        (self.collections / "kubernetes").symlink_to(COLLECTIONS / "ansible_collections/kubernetes")

    @property
    def environment(self) -> dict[str, str]:
        # What the user's shell says about Ansible and clusters must not leak in.
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "K8S_AUTH_", "MOLECULE_", "PYTEST_", "MAKE", "MFLAGS"))
            and name not in ("KUBECONFIG", "SLIPWAY_TESTS")
        }
        if self.everything:
            kept["SLIPWAY_TESTS"] = "all"
        # Without a cluster there is none: not the user's either.
        kubeconfig = self.kubeconfig if self.has_cluster else Path(os.devnull)
        return kept | {
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": str(self.directory),
            "ANSIBLE_CONFIG": str(self.tree / "ansible.cfg"),
            # Whoever reads a log wants all of it.
            **ALL_OUTPUT,
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "KUBECONFIG": str(kubeconfig),
            "K8S_AUTH_KUBECONFIG": str(kubeconfig),
            "SLIPWAY_CLUSTER_DIR": str(self.cluster_directory),
            # With the history that the copy lacks.
            "SLIPWAY_CHECKOUT": str(ROOT),
            # For logs.
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
            "COLUMNS": "160",
        }

    @property
    def kubeconfig(self) -> Path:
        return self.cluster_directory / "kubeconfig"

    def run(self, *command: str | Path, seconds: float = TASK_SECONDS, env: dict[str, str] | None = None) -> int:
        words = [str(word) for word in command]
        self.log.write(f"$ {' '.join(words)}\n".encode())
        self.log.flush()
        return PROCESSES.run(words, self.log, seconds, cwd=self.tree, env=self.environment | (env or {}))

    def require_cluster(self) -> None:
        if self.has_cluster:
            return
        command = self._cluster_command("up")
        with FIRST_CLUSTER:
            first, Worker.any_cluster = not Worker.any_cluster, True
            if first:
                with open(os.dup(sys.stdout.fileno()), "wb") as terminal:
                    code = PROCESSES.run(command, terminal, BUILD_SECONDS, cwd=self.tree, env=self.environment)
            else:
                code = self.run(*command)
        if code:
            raise RuntimeError("the cluster did not start")
        self.has_cluster = True
        # ansible-test hands no environment variables on; this file is its way.
        (self.tree / "tests/integration/integration_config.yml").write_text(
            json.dumps({
                "kubeconfig": str(self.kubeconfig),
                "cluster_dir": str(self.cluster_directory),
                "slipway_tests": "all" if self.everything else "",
            })
        )

    def drop_cluster(self) -> None:
        if self.cluster_directory.exists():
            # Not by PROCESSES: this must work while the run is being ended.
            subprocess.run(self._cluster_command("down"), cwd=self.tree, stdout=self.log, stderr=self.log, check=False)
            self.has_cluster = False

    def _cluster_command(self, verb: str) -> list[str]:
        return [sys.executable, str(self.tree / CLUSTERS[self.cluster]), verb, "--dir", str(self.cluster_directory)]

    def do(self, task: Task) -> None:
        started = time.monotonic()
        task.log = task.logs_on(self.cluster)
        log = self.directory / task.log.name
        with contextlib.ExitStack() as afterwards:
            afterwards.callback(shutil.move, log, task.log)
            self.log = afterwards.enter_context(open(log, "wb"))
            try:
                if task.needs_cluster:
                    self.require_cluster()
                task.counts = task.body(self)
            except InterruptedError:
                raise
            except subprocess.TimeoutExpired as error:
                self.log.write(f"\nended after {error.timeout:.0f} s\n".encode())
                task.counts = Counts(failed=1)
            except Exception:  # a stage that breaks is a stage that failed, and the others go on
                self.log.write(traceback.format_exc().encode())
                task.counts = Counts(failed=1)
            if task.counts.failed and task.needs_cluster:
                # The next task must not meet what this one left behind.
                self.drop_cluster()
        task.seconds = time.monotonic() - started


def snapshot(target: Path) -> None:
    """Copy what .gitignore does not exclude, with or without git."""
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text().splitlines())
    for directory, folders, files in os.walk(ROOT):
        here = Path(directory).relative_to(ROOT)
        folders[:] = [name for name in folders if name != ".git" and not ignored.match_file(f"{here / name}/")]
        (target / here).mkdir(parents=True, exist_ok=True)
        for name in files:
            if name != ".git" and not ignored.match_file(here / name):
                with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                    shutil.copy2(ROOT / here / name, target / here / name)


def junit(path: Path) -> Counts:
    counts = Counts()
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts.failed += 1
        elif (skipped := case.find("skipped")) is None:
            counts.passed += 1
        # ansible-test: there is no file of the kind that this test looks at.
        elif skipped.text != "No tests applicable.":
            counts.skipped += 1
    return counts


def checked(counts: Counts, code: int) -> Counts:
    """What was counted, but no success that the exit code denies, nor one without a test."""
    return counts if counts.failed or counts and not code else Counts(counts.passed, 1, counts.skipped, counts.left)


def command(*words: str | Path) -> t.Callable[[Worker], Counts]:
    """A test that is one command."""

    def body(worker: Worker) -> Counts:
        return Counts(failed=1) if worker.run(*words) else Counts(passed=1)

    return body


def pytest(*arguments: str, seconds: float = TASK_SECONDS) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        report, left = worker.directory / "pytest.xml", worker.directory / "pytest.left"
        report.unlink(missing_ok=True)
        left.unlink(missing_ok=True)
        selected = [] if worker.everything else ["-m", "not full"]
        code = worker.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *selected, *arguments,
                          seconds=seconds, env={"SLIPWAY_LEFT": str(left)})
        counts = junit(report) if report.exists() else Counts()
        if left.exists():
            counts.left = int(left.read_text())
        return checked(counts, 0 if code == NO_TESTS and counts.left else code)

    return body


def ansible_test(worker: Worker, *arguments: str) -> int:
    """Run ansible-test with a home of its own.

    It keeps virtual environments there, and downloads a script that puts pip
    into them. ensurepip does the same where that script is out of reach.
    """
    home = CACHE / "ansible-test"
    pip = subprocess.run(
        [sys.executable, "-c",
         "import sys, types; from ansible_test._internal.python_requirements import get_venv_packages;"
         "print(get_venv_packages(types.SimpleNamespace(version=sys.argv[1]))['pip'])", PYTHON],
        check=True, capture_output=True, text=True).stdout.strip()
    script = home / f".ansible/test/cache/get_pip_{pip.replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "tests/tools/get_pip.py", script)
    user = Path.home() / ".config/pip"
    if user.exists() and not (home / ".config/pip").exists():
        (home / ".config").mkdir(exist_ok=True)
        (home / ".config/pip").symlink_to(user)
    return worker.run(BIN / "ansible-test", *arguments, env={"HOME": str(home)})


def sanity(worker: Worker) -> Counts:
    arguments = ("sanity", "--python", PYTHON, "--color", "no")
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "sanity.lock", "w") as lock:
        # All runs of this user share the virtual environments.
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = ansible_test(worker, *arguments, "--prime-venvs")
    code = code or ansible_test(worker, *arguments, "--junit")
    counts = Counts()
    for report in (worker.tree / "tests/output/junit").glob("ansible-test-sanity-*.xml"):
        counts += junit(report)
    return checked(counts, code)


def integration(targets: list[str]) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        code = ansible_test(worker, "integration", "--local", "--python", PYTHON, "--color", "no", "--continue-on-error", *targets)
        said = Path(worker.log.name).read_text(errors="replace")
        failed = re.search(r"The (\d+) integration test\(s\) listed below \(out of (\d+)\) failed", said) if code else None
        count = int(failed[1]) if failed else len(targets) if code else 0
        return Counts(passed=len(targets) - count, failed=count)

    return body


def integration_targets() -> list[str]:
    """The targets that are tests; others are there to be depended on."""

    def hidden(target: Path) -> bool:
        aliases = target / "aliases"
        # The prefixes are ansible-test's.
        return target.name.startswith(("setup_", "prepare_")) or aliases.exists() and "hidden" in aliases.read_text().split()

    return sorted(target.name for target in (ROOT / "tests/integration/targets").glob("*/") if not hidden(target))


def in_groups(names: list[str], number: int) -> list[list[str]]:
    """The names in so many groups, one after the other: names that begin alike, and take as long, go apart."""
    return [group for first in range(number) if (group := names[first::number])]


def importer(worker: Worker) -> Counts:
    """Galaxy's own check of the archive that would be uploaded."""
    archives = worker.directory / "dist"
    if worker.run(BIN / "ansible-galaxy", "collection", "build", "--force", "--output-path", archives):
        return Counts(failed=1)
    # ansible-lint is a stage of its own.
    code = worker.run(sys.executable, "-m", "galaxy_importer.main", next(archives.glob("*.tar.gz")),
                      env={"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"})
    return Counts(failed=1) if code else Counts(passed=1)


def scenario(name: str) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        # By default two runs of a scenario share one folder for their state.
        environment = {"MOLECULE_EPHEMERAL_DIRECTORY": str(worker.directory / f"molecule-{name}")}
        arguments, left = [], 0
        if worker.everything:
            environment["SLIPWAY_TWICE"] = "idempotence"
        else:
            # In a cluster of the worker's own there is nothing that an interrupted run has left.
            arguments = ["--destroy", "never"]
            left = int("SLIPWAY_TWICE" in (worker.tree / f"molecule/{name}/molecule.yml").read_text())
        code = worker.run(BIN / "molecule", "test", *arguments, "--scenario-name", name, env=environment)
        return Counts(failed=1, left=left) if code else Counts(passed=1, left=left)

    return body


def scenarios(wanted: list[str]) -> list[str]:
    found = sorted(file.parent.name for file in (ROOT / "molecule").glob("*/molecule.yml"))
    unknown = set(wanted) - set(found)
    if unknown:
        raise SystemExit(f"no such Molecule scenario: {', '.join(sorted(unknown))}; there are: {', '.join(found)}")
    return [name for name in found if not wanted or name in wanted]


def able_on_kind(tasks: list[Task]) -> list[Task]:
    """The scenarios that can run on kind; where that pulls no images, those whose images all have a stand-in."""
    if not os.environ.get("IMAGES_BASE"):
        return tasks
    stand_ins = yaml.safe_load((ROOT / "tests/images/scenarios.yml").read_text())
    able = [task for task in tasks if task.name in stand_ins]
    # Building and loading one takes longer than many a scenario.
    os.environ["IMAGES"] = " ".join(sorted({name for task in able for name in stand_ins[task.name]}))
    if len(able) < len(tasks):
        print("not on this kind, which has no images for them:", ", ".join(task.name for task in tasks if task not in able))
    return able


def server_suites() -> list[str]:
    """Folders of pytest tests that talk to an API server."""
    folders = {file.parent.relative_to(ROOT / "tests") for file in (ROOT / "tests").rglob("test_*.py")}
    return sorted({folder.parts[0] for folder in folders if folder.parts} - {"unit", "integration", "output"})


def stages(wanted_scenarios: list[str]) -> dict[str, list[Task]]:
    """Every stage with its tasks."""

    def one(stage: str, body: t.Callable[[Worker], Counts]) -> list[Task]:
        return [Task(stage, stage, body)]

    def many(stage: str, bodies: t.Mapping[str, t.Callable[[Worker], Counts]]) -> list[Task]:
        return [Task(stage, name, body, needs_cluster=True) for name, body in bodies.items()]

    return {
        "sanity": one("sanity", sanity),
        "unit": one("unit", pytest("-n", "2", "--dist", "loadgroup", "tests/unit")) if any((ROOT / "tests/unit").rglob("test_*.py")) else [],
        "yamllint": one("yamllint", command(BIN / "yamllint", "--strict", ".")),
        "ansible-lint": one("ansible-lint", command(BIN / "ansible-lint", "--offline", "--nocolor")),
        "docs": one("docs", command(BIN / "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=all", ".")),
        "changelog": one("changelog", command(BIN / "antsibull-changelog", "lint")),
        "importer": one("importer", importer),
        "server": many("server", {
            name: pytest("-n", str(SIDE_BY_SIDE.get(name, 0)), f"tests/{name}", seconds=BUILD_SECONDS) for name in server_suites()
        }),
        "integration": many(
            "integration", {"+".join(group): integration(group) for group in in_groups(integration_targets(), INTEGRATION_GROUPS)}
        ),
        "molecule": many("molecule", {name: scenario(name) for name in scenarios(wanted_scenarios)}),
    }


def part_of(task: Task) -> str:
    named = {title: part for part, titles in PARTS.items() for title in titles}
    return named.get(task.title) or named[task.stage]


def report(task: Task) -> None:
    verdict = "FAILED" if task.counts.failed else "ok"
    print(f"{verdict:6} {task.seconds:6.1f} s  {task.title}", flush=True)
    if task.counts.failed:
        log = task.log.read_text(errors="replace")
        lines = log[log.rfind("\n$ ") + 1:].splitlines()  # the output of the last command
        # A log of several targets may end with those that passed.
        if fatal := [line for line, after in zip(lines, [*lines[1:], ""]) if line.startswith("fatal: ") and after != "...ignoring"]:
            print("\n".join(f"       | {line[:FATAL_CHARACTERS]}" for line in fatal))
        print(f"       --- end of {task.log.relative_to(ROOT)}")
        print("\n".join(f"       | {line}" for line in lines[-TAIL_LINES:]), flush=True)


def expected_seconds(task: Task) -> int:
    return SECONDS.get(task.title) or SECONDS_OF_OTHERS.get(task.stage, 20)


class Waiting:
    """The tasks that nobody has taken yet, the longest first."""

    def __init__(self, tasks: t.Iterable[Task]) -> None:
        self._tasks = sorted(tasks, key=expected_seconds, reverse=True)
        self._lock = threading.Lock()

    def take(self) -> Task | None:
        with self._lock:
            # While the programs of the cluster are built, there are tests that want none.
            others = [task for task in self._tasks if not task.needs_cluster] if FIRST_CLUSTER.locked() else []
            for task in (others or self._tasks)[:1]:
                self._tasks.remove(task)
                return task
        return None


def work(directory: Path, cluster: str, tasks: Waiting, done: queue.SimpleQueue[Task | BaseException]) -> None:
    try:
        worker = Worker(directory, cluster)
        try:
            while not PROCESSES.stopping and (task := tasks.take()):
                worker.do(task)
                done.put(task)
        except InterruptedError:
            pass
        finally:
            worker.log = open(os.devnull, "wb")
            worker.drop_cluster()
    except BaseException as error:  # the main thread waits for as many answers as there are tasks
        done.put(error)


def run(tasks: list[Task], workers: int, cluster: str) -> None:
    waiting = Waiting(tasks)
    done: queue.SimpleQueue[Task | BaseException] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="slipway-test-") as directory:
        threads = [
            threading.Thread(target=work, args=(Path(directory) / str(number), cluster, waiting, done)) for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for _task in tasks:
                finished = done.get()
                if isinstance(finished, BaseException):
                    raise finished
                report(finished)
        except BaseException:
            PROCESSES.stop()
            raise
        finally:
            for thread in threads:
                thread.join()


def summary(plan: t.Mapping[str, list[Task]], seconds: float) -> Counts:
    """Print what each stage has counted; give the sum."""
    total = Counts()
    print(f"\n{'stage':14}{'seconds':>8}{'passed':>8}{'failed':>8}{'skipped':>8}")
    for name, members in plan.items():
        counts = Counts()
        for task in members:
            counts += task.counts
        total += counts
        print(f"{name:14}{sum(task.seconds for task in members):8.1f}{counts.passed:8}{counts.failed:8}{counts.skipped:8}"
              + ("" if members else "  nothing there yet"))
    print(f"{'in all':14}{seconds:8.1f}\n", flush=True)
    return total


def in_parts(plan: t.Mapping[str, list[Task]], wanted: t.Collection[str]) -> dict[str, dict[str, list[Task]]]:
    """The stages of each part, with those of their tasks that belong to it."""
    parts: dict[str, dict[str, list[Task]]] = {part: {} for part in PARTS if not wanted or part in wanted}
    for stage, tasks in plan.items():
        for task in tasks:
            if (part := part_of(task)) in parts:
                parts[part].setdefault(stage, []).append(task)
    return {part: stages for part, stages in parts.items() if stages}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="run only these stages")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="of the Molecule scenarios, run only this one")
    parser.add_argument("--workers", type=int, default=2, help="tasks at a time (default 2)")
    parser.add_argument("--cluster", choices=CLUSTERS, default="embedded", help="where Molecule scenarios run (default: embedded)")
    parser.add_argument("--all", action="store_true", help="run what takes long too, part by part")
    parser.add_argument("--part", action="append", default=[], choices=PARTS, help="of everything, run only this part")
    parser.add_argument("--list", action="store_true", help="list stages and tasks, run nothing")
    options = parser.parse_args()

    plan = stages(options.scenario)
    unknown = set(options.stages) - set(plan)
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are: {', '.join(plan)}")
    plan = {name: tasks for name, tasks in plan.items() if not options.stages or name in options.stages}
    if options.cluster == "kind":
        plan = {"molecule": able_on_kind(plan.get("molecule", []))}
    Worker.everything = options.all or bool(options.part)
    parts = in_parts(plan, options.part) if Worker.everything else {"": plan}
    if options.list:
        for part, part_plan in parts.items():
            for name, tasks in part_plan.items():
                print(f"{part + ' ' if part else '':11}{name:14}{' '.join(task.name for task in tasks if task.name != name)}".lstrip())
        return 0

    if " " in str(BIN) and any({"sanity", "integration"} & set(part_plan) for part_plan in parts.values()):
        parser.error(f"ansible-test does not work with a Python in a folder with spaces ({BIN}); use make VENV=...")
    # An ending by signal takes the way of Ctrl-C, which stops what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    (LOGS / options.cluster).mkdir(parents=True, exist_ok=True)
    # Random tests take fresh seeds from it; one that is given repeats a run.
    seed = os.environ.setdefault("SLIPWAY_SEED", str(random.SystemRandom().randrange(10**6)))
    print(f"fresh seeds: SLIPWAY_SEED={seed}", flush=True)
    totals: dict[str, Counts] = {}
    for part, part_plan in parts.items():
        started = time.monotonic()
        try:
            run([task for tasks in part_plan.values() for task in tasks], options.workers, options.cluster)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        seconds = time.monotonic() - started
        totals[part] = summary(part_plan, seconds)
        if part:
            print(f"part {part}: {totals[part]}, {seconds / 60:.0f} min\n", flush=True)

    total = Counts()
    for counts in totals.values():
        total += counts
    print(f"SLIPWAY_SEED={seed} repeats the random tests")
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
