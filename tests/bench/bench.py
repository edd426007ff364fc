# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the rollout modules beside kubernetes.core and kubectl, in one run on one cluster, and prints a table.

Only ratios travel from one machine to another, so no number fails this.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLUSTER = HERE.parent / "cluster/cluster.py"
NAMESPACE = "bench"
PROXY_KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: proxy, cluster: {{server: "{server}"}}}}]
contexts: [{{name: proxy, context: {{cluster: proxy, user: nobody}}}}]
users: [{{name: nobody, user: {{}}}}]
current-context: proxy
"""


def output(*command: str | Path, **options) -> str:
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **options)
    return done.stdout


@contextmanager
def cluster():
    """The kubeconfig of the cluster that is there already, or of one for this run."""
    kubeconfig = os.environ.get("K8S_AUTH_KUBECONFIG")
    if kubeconfig:
        yield kubeconfig
        return
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        try:
            output(sys.executable, CLUSTER, "up", "--dir", folder)
            yield f"{folder}/kubeconfig"
        finally:
            output(sys.executable, CLUSTER, "down", "--dir", folder)


class Bench:
    def __init__(self, kubeconfig: str, scratch: Path):
        self._scratch = scratch
        self._kubectl = output(sys.executable, CLUSTER, "path", "kubectl").strip()
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig, "K8S_AUTH_KUBECONFIG": kubeconfig}

    def kubectl(self, *arguments: str, **options) -> str:
        return output(self._kubectl, *arguments, env=self._environment, **options)

    def play(self, name: str, **variables) -> dict[str, list[float]]:
        """Run a playbook of this folder; what each task "Time NAME" took, by that name."""
        reports = Path(tempfile.mkdtemp(dir=self._scratch))
        environment = {**self._environment, "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit", "JUNIT_OUTPUT_DIR": str(reports)}
        playbook = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [playbook, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}",
             "-e", json.dumps({"bench_namespace": NAMESPACE, **variables}), HERE / name],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stdout}")
        seconds: dict[str, list[float]] = {}
        for case in ET.parse(next(reports.glob("*.xml"))).iter("testcase"):
            # "[host] play: task options"
            timed = re.match(r"\[.+?\] .+?: Time (\w+)", case.get("name"))
            if timed:
                seconds.setdefault(timed[1], []).append(float(case.get("time")))
        return seconds

    @contextmanager
    def counted(self):
        """Meanwhile talk to the API server through a proxy, whose log has a line for each request."""
        direct, log = self._environment, self._scratch / "proxy.log"
        with log.open("w", encoding="utf-8") as stream:
            proxy = subprocess.Popen([self._kubectl, "proxy", "--port", "0", "-v", "3"], env=direct, stdout=stream, stderr=stream)
        try:
            while not (address := re.search(r"^Starting to serve on (\S+)$", log.read_text(encoding="utf-8"), re.MULTILINE)):
                if proxy.poll() is not None:
                    raise SystemExit(f"kubectl proxy failed:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.1)
            kubeconfig = self._scratch / "proxy.kubeconfig"
            kubeconfig.write_text(PROXY_KUBECONFIG.format(server=f"http://{address[1]}"), encoding="utf-8")
            self._environment = {**direct, "KUBECONFIG": str(kubeconfig), "K8S_AUTH_KUBECONFIG": str(kubeconfig)}
            yield lambda: log.read_text(encoding="utf-8").count("Filter accepting")
        finally:
            self._environment = direct
            proxy.terminate()
            proxy.wait()

    def deployments(self, group: str, names: list[str], replicas: int, key: str = "app") -> None:
        """Create Deployments, and wait until they are there."""
        template = (HERE / "deployment.yml.in").read_text(encoding="utf-8")
        manifests = [template.format(name=name, replicas=replicas, group=group, key=key.format(name=name)) for name in names]
        self.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", "-", input="---\n".join(manifests))
        self.settle()

    def settle(self) -> None:
        """Wait until no pod is left of an earlier rollout."""
        self.kubectl("wait", "deployment", "--all", "-n", NAMESPACE, "--for", "jsonpath={.status.terminatingReplicas}=0", "--timeout", "600s")
        self.kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout", "600s")


# -------------------------------------------------------------------- the rows --
def unchanged(bench: Bench, repeat: int):
    bench.deployments("unchanged", ["unchanged"], 3)
    seconds = bench.play("unchanged.yml", bench_repeat=repeat)
    theirs = statistics.median(seconds["k8s_info"])
    for module in ("rollout", "rollout_info"):
        yield f"{module} that changes nothing, median of {repeat}", statistics.median(seconds[module]), "k8s_info", theirs, "s"


def undo(bench: Bench, repeat: int):
    # k8s_rollback takes all ReplicaSets whose labels have the keys of the selector for one history
    bench.deployments("undo", [f"undo-{tool}-{i}" for tool in ("slipway", "core") for i in range(repeat)], 3, key="{name}")
    bench.play("prepare_undo.yml")
    bench.settle()
    seconds = bench.play("undo.yml", bench_repeat=repeat)
    ours = statistics.median(seconds["rollout_undo"])
    theirs = statistics.median(map(sum, zip(seconds["k8s_rollback"], seconds["k8s_info"], strict=True)))
    yield f"undo a Deployment and wait, median of {repeat}", ours, "k8s_rollback, k8s_info", theirs, "s"


def many(bench: Bench, count: int):
    """Restarting so many Deployments and waiting for them, and then reading their histories of five revisions each."""
    bench.deployments("many", [f"many-{i:04}" for i in range(count)], 1)
    select = ["deployment", "-n", NAMESPACE, "-l", "bench=many"]
    tasks = []

    def by_kubectl():
        bench.kubectl("rollout", "restart", *select)
        bench.kubectl("rollout", "status", *select, "--timeout", "600s")

    def by_slipway():
        tasks.extend(bench.play("many.yml")["rollout"])

    seconds, requests = [], []
    # counted first: the proxy takes time of its own, and the first restarts after the start of a cluster take longer
    for restart in (by_slipway, by_kubectl):
        bench.settle()
        with bench.counted() as count_of:
            restart()
            requests.append(count_of())
    for restart in (by_slipway, by_kubectl):
        bench.settle()
        start = time.monotonic()
        restart()
        seconds.append(time.monotonic() - start)
    yield f"restart {count} Deployments and wait: the task", tasks[-1], "kubectl", seconds[1], "s"
    yield f"restart {count} Deployments and wait: the whole command", seconds[0], "kubectl", seconds[1], "s"
    yield f"restart {count} Deployments and wait: API requests", requests[0], "kubectl", requests[1], ""
    # after four restarts each has five revisions
    bench.settle()
    read = bench.play("many_info.yml")["rollout_info"]
    start = time.monotonic()
    bench.kubectl("rollout", "status", *select, "--timeout", "600s")
    yield f"rollout_info of {count} Deployments, five revisions each", read[-1], "rollout status", time.monotonic() - start, "s"
    bench.kubectl("delete", *select, "--wait")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="tasks of each kind (default 20)")
    parser.add_argument(
        "--deployments", type=int, nargs="+", default=[100, 1000], metavar="N", help="Deployments to restart (default 100 and 1000)"
    )
    options = parser.parse_args()
    with cluster() as kubeconfig, tempfile.TemporaryDirectory() as scratch:
        bench = Bench(kubeconfig, Path(scratch))
        bench.kubectl("create", "namespace", NAMESPACE)
        try:
            show("", "slipway", "beside", "", "ratio")
            for rows in (unchanged(bench, options.repeat), undo(bench, 3), *(many(bench, count) for count in options.deployments)):
                for work, ours, other, theirs, unit in rows:
                    ours_shown, theirs_shown = (f"{value:.2f} {unit}" if unit else str(value) for value in (ours, theirs))
                    show(work, ours_shown, theirs_shown, other, f"{ours / theirs:.2f}")
            print("Wanted: a rollout or rollout_info that changes nothing costs at most 0.20 of a k8s_info, and with many no more than kubectl.")
        finally:
            bench.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def show(work: str, ours: str, theirs: str, other: str, ratio: str) -> None:
    """One line of the table, as soon as it is known."""
    print(f"{work:58} {ours:>9} {theirs:>9} {other:23} {ratio:>5}", flush=True)


if __name__ == "__main__":
    main()
