# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests, and count them.

Stages are split into tasks, and as many tasks run at a time as there are
workers. Each worker has a private copy of the collection, laid out as
ansible-test wants it, and a private embedded cluster, started when a task of
this worker first needs one. So no two tests that run at the same time share
a file, a namespace or a node port.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import queue
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
TAIL_LINES = 60
CLUSTERS = {"embedded": "tests/cluster/cluster.py", "kind": "tests/kind/kind.py"}


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: Counts) -> Counts:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __bool__(self) -> bool:
        return bool(self.passed or self.failed or self.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


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
            if not name.startswith(("ANSIBLE_", "K8S_AUTH_", "MOLECULE_", "PYTEST_", "MAKE", "MFLAGS")) and name != "KUBECONFIG"
        }
        # Without a cluster there is none: not the user's either.
        kubeconfig = self.kubeconfig if self.has_cluster else Path(os.devnull)
        return kept | {
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": str(self.directory),
            "ANSIBLE_CONFIG": str(self.tree / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "KUBECONFIG": str(kubeconfig),
            "K8S_AUTH_KUBECONFIG": str(kubeconfig),
            "SLIPWAY_CLUSTER_DIR": str(self.cluster_directory),
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
            json.dumps({"kubeconfig": str(self.kubeconfig), "cluster_dir": str(self.cluster_directory)})
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
    return counts if counts.failed or counts and not code else Counts(counts.passed, 1, counts.skipped)


def command(*words: str | Path) -> t.Callable[[Worker], Counts]:
    """A test that is one command."""

    def body(worker: Worker) -> Counts:
        return Counts(failed=1) if worker.run(*words) else Counts(passed=1)

    return body


def pytest(*arguments: str, seconds: float = TASK_SECONDS) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        report = worker.directory / "pytest.xml"
        report.unlink(missing_ok=True)
        code = worker.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments,
                          seconds=seconds)
        return checked(junit(report) if report.exists() else Counts(), code)

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


def integration(target: str) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        code = ansible_test(worker, "integration", "--local", "--python", PYTHON, "--color", "no", target)
        return Counts(failed=1) if code else Counts(passed=1)

    return body


def integration_targets() -> list[str]:
    """The targets that are tests; others are there to be depended on."""

    def hidden(target: Path) -> bool:
        aliases = target / "aliases"
        # The prefixes are ansible-test's.
        return target.name.startswith(("setup_", "prepare_")) or aliases.exists() and "hidden" in aliases.read_text().split()

    return sorted(target.name for target in (ROOT / "tests/integration/targets").glob("*/") if not hidden(target))


def importer(worker: Worker) -> Counts:
    """Galaxy's own check of the archive that would be uploaded."""
    archives = worker.directory / "dist"
    if worker.run(BIN / "ansible-galaxy", "collection", "build", "--force", "--output-path", archives):
        return Counts(failed=1)
    return command(sys.executable, "-m", "galaxy_importer.main", next(archives.glob("*.tar.gz")))(worker)


def scenario(name: str) -> t.Callable[[Worker], Counts]:
    def body(worker: Worker) -> Counts:
        # By default two runs of a scenario share one folder for their state.
        ephemeral = {"MOLECULE_EPHEMERAL_DIRECTORY": str(worker.directory / f"molecule-{name}")}
        code = worker.run(BIN / "molecule", "test", "--scenario-name", name, env=ephemeral)
        return Counts(failed=1) if code else Counts(passed=1)

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
    """Every stage with its tasks, in the order in which they are started."""

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
        "server": many("server", {name: pytest(f"tests/{name}", seconds=BUILD_SECONDS) for name in server_suites()}),
        "integration": many("integration", {name: integration(name) for name in integration_targets()}),
        "molecule": many("molecule", {name: scenario(name) for name in scenarios(wanted_scenarios)}),
    }


def report(task: Task) -> None:
    verdict = "FAILED" if task.counts.failed else "ok"
    print(f"{verdict:6} {task.seconds:6.1f} s  {task.title}", flush=True)
    if task.counts.failed:
        log = task.log.read_text(errors="replace")
        lines = log[log.rfind("\n$ ") + 1:].splitlines()  # the output of the last command
        print(f"       --- end of {task.log.relative_to(ROOT)}")
        print("\n".join(f"       | {line}" for line in lines[-TAIL_LINES:]), flush=True)


def work(directory: Path, cluster: str, tasks: queue.SimpleQueue[Task], done: queue.SimpleQueue[Task | BaseException]) -> None:
    try:
        worker = Worker(directory, cluster)
        try:
            while not PROCESSES.stopping:
                task = tasks.get_nowait()
                worker.do(task)
                done.put(task)
        except (queue.Empty, InterruptedError):
            pass
        finally:
            worker.log = open(os.devnull, "wb")
            worker.drop_cluster()
    except BaseException as error:  # the main thread waits for as many answers as there are tasks
        done.put(error)


def run(tasks: list[Task], workers: int, cluster: str) -> None:
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    done: queue.SimpleQueue[Task | BaseException] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="run only these stages")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="of the Molecule scenarios, run only this one")
    parser.add_argument("--workers", type=int, default=2, help="tasks at a time (default 2)")
    parser.add_argument("--cluster", choices=CLUSTERS, default="embedded", help="where Molecule scenarios run (default: embedded)")
    parser.add_argument("--list", action="store_true", help="list stages and tasks, run nothing")
    options = parser.parse_args()

    plan = stages(options.scenario)
    unknown = set(options.stages) - set(plan)
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are: {', '.join(plan)}")
    plan = {name: tasks for name, tasks in plan.items() if not options.stages or name in options.stages}
    if options.cluster == "kind":
        plan = {"molecule": able_on_kind(plan.get("molecule", []))}
    if options.list:
        for name, tasks in plan.items():
            print(f"{name:14}{' '.join(task.name for task in tasks if task.name != name)}")
        return 0

    if " " in str(BIN) and {"sanity", "integration"} & set(plan):
        parser.error(f"ansible-test does not work with a Python in a folder with spaces ({BIN}); use make VENV=...")
    # An ending by signal takes the way of Ctrl-C, which stops what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    (LOGS / options.cluster).mkdir(parents=True, exist_ok=True)
    tasks = [task for tasks in plan.values() for task in tasks]
    started = time.monotonic()
    try:
        run(tasks, options.workers, options.cluster)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130

    total = Counts()
    print(f"\n{'stage':14}{'seconds':>8}{'passed':>8}{'failed':>8}{'skipped':>8}")
    for name, members in plan.items():
        counts = Counts()
        for task in members:
            counts += task.counts
        total += counts
        print(f"{name:14}{sum(task.seconds for task in members):8.1f}{counts.passed:8}{counts.failed:8}{counts.skipped:8}"
              + ("" if members else "  nothing there yet"))
    print(f"{'in all':14}{time.monotonic() - started:8.1f}\n")
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
