# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures rollouts, releases and playbooks beside kubernetes.core and kubectl, in one run on one cluster, and prints a table.

Only ratios travel from one machine to another, so no number fails this.
"""

from __future__ import annotations

import argparse
import functools
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
PLAYBOOKS = HERE.parents[1] / "playbooks"
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

    def playbook(self, name: str, *options: str) -> tuple[float, float]:
        """Run one of the collection's playbooks for the inventory of the demo: seconds, and MiB of the largest process."""
        log = self._scratch / "playbook.log"
        with log.open("w", encoding="utf-8") as stream:
            start = time.monotonic()
            process = subprocess.Popen(
                [Path(sys.executable).with_name("ansible-playbook"), "-i", PLAYBOOKS / "inventory/demo", PLAYBOOKS / f"{name}.yml",
                 "-e", f"users_kubeconfig_dir={self._scratch}/users", *options],
                env=self._environment, stdout=stream, stderr=stream,
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
        if status:
            raise SystemExit(f"{name} failed:\n{log.read_text(encoding='utf-8')}")
        return seconds, usage.ru_maxrss / 1024

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

    def timed(self, function, *arguments, **options) -> float:
        start = time.monotonic()
        # kubectl diff ends with 1 where there is a difference, which is no failure.
        try:
            function(*arguments, **options)
        except subprocess.CalledProcessError as error:
            if arguments[:1] != ("diff",) or error.returncode != 1:
                raise
        return time.monotonic() - start

    def manifest(self, name: str, objects: list[dict]) -> str:
        path = self._scratch / f"{name}.json"
        # A JSON text is a YAML document, too.
        path.write_text("\n---\n".join(map(json.dumps, objects)), encoding="utf-8")
        return str(path)

    def released(self) -> tuple[list[dict], list[dict]]:
        """What the releases in the cluster consist of, as one would write it: definitions and namespaces, and all others."""
        kinds = self.kubectl("api-resources", "--verbs=list,create,delete", "-o", "name").split()
        kinds = ",".join(kind for kind in kinds if not kind.startswith(("events", "pods", "replicasets", "endpoint", "controllerrevisions")))
        items = json.loads(self.kubectl("get", kinds, "--all-namespaces", "--selector", "slipway.kubernetes/release-id", "-o", "json"))["items"]
        for item in items:
            item.pop("status", None)
            for field in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"):
                item["metadata"].pop(field, None)
            notes = item["metadata"].get("annotations") or {}
            # A claim that says it is bound, to a volume that is another's, is lost.
            item["metadata"]["annotations"] = {key: value for key, value in notes.items() if not key.startswith(("pv.kubernetes.io/", "volume."))}
            spec = item.get("spec") or {}
            for field in {"Service": ("clusterIP", "clusterIPs"), "PersistentVolumeClaim": ("volumeName",), "Job": ("selector",)}.get(item["kind"], ()):
                spec.pop(field, None)
            if item["kind"] == "Job":
                spec["template"]["metadata"]["labels"] = {
                    key: value for key, value in spec["template"]["metadata"].get("labels", {}).items() if not key.endswith(("controller-uid", "job-name"))
                }
        early = [item for item in items if item["kind"] in ("CustomResourceDefinition", "Namespace")]
        # Namespaces are no release's own.
        spaces = {item["metadata"].get("namespace") for item in items} - {None, "default", "kube-system"} - {item["metadata"]["name"] for item in early}
        others = [item for item in items if item not in early]
        return [*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(spaces)), *early], others

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


def releases(bench: Bench, count: int):
    """One release of so many ConfigMaps, and the same again, when nothing is to change."""
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"many-{i:04}", "namespace": NAMESPACE}, "data": {"key": f"value {i}"}}
        for i in range(count)
    ]
    manifest = bench.manifest("many", objects)
    # Counted from the start of the process, as kubectl is.
    first, again = (bench.timed(bench.play, "release.yml", bench_definitions=manifest, bench_state="present") for _turn in range(2))
    bench.play("release.yml", bench_definitions=manifest, bench_state="absent")
    apply = bench.timed(bench.kubectl, "apply", "--server-side", "-f", manifest)
    diff = bench.timed(bench.kubectl, "diff", "--server-side", "-f", manifest)
    yield f"first release of {count} ConfigMaps: the command", first, "apply --server-side", apply, "s"
    yield f"release of {count} ConfigMaps, unchanged: the command", again, "diff --server-side", diff, "s"
    bench.kubectl("delete", "--wait", "-f", manifest)


def site(bench: Bench):
    """The inventory of the demo: first, again, and the same objects by kubectl and by kubernetes.core."""
    first, _memory = bench.playbook("site")
    again, memory = bench.playbook("site")
    definitions, others = bench.released()
    everything = bench.manifest("everything", definitions + others)
    diff = bench.timed(bench.kubectl, "diff", "--server-side", "--force-conflicts", "-f", everything)
    bench.playbook("uninstall", "-e", "uninstall_releases=all", "-e", "uninstall_delete_data=true")
    # Definitions and namespaces first.
    early, late = bench.manifest("definitions", definitions), bench.manifest("others", others)

    def by_kubectl():
        bench.kubectl("apply", "--server-side", "-f", early)
        bench.kubectl("wait", "--for", "condition=Established", "crd", "--all", "--timeout", "60s")
        bench.kubectl("apply", "--server-side", "-f", late)
        for obj in others:
            if obj["kind"] in ("Deployment", "DaemonSet", "StatefulSet"):
                bench.kubectl("rollout", "status", obj["kind"], obj["metadata"]["name"], "-n", obj["metadata"]["namespace"], "--timeout", "120s")

    apply = bench.timed(by_kubectl)
    core = bench.timed(bench.play, "core.yml", bench_definitions=everything)
    yield f"first site.yml, {len(definitions + others)} objects", first, "apply, rollout status", apply, "s"
    yield "site.yml again, nothing to change", again, "diff --server-side", diff, "s"
    yield "site.yml again, nothing to change", again, "a k8s task each", core, "s"
    yield "site.yml again: largest process", memory, "300 MiB", 300, "MiB"
    bench.kubectl("delete", "-f", late, "--ignore-not-found", "--wait=false")
    bench.kubectl("delete", "-f", early, "--ignore-not-found", "--wait=false")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="tasks of each kind (default 20)")
    parser.add_argument(
        "--deployments", type=int, nargs="+", default=[100, 1000], metavar="N", help="Deployments to restart (default 100 and 1000)"
    )
    parser.add_argument("--objects", type=int, nargs="+", default=[100, 400, 1000], metavar="N", help="objects of one release (default 100, 400, 1000)")
    parser.add_argument("rows", nargs="*", metavar="ROWS", help="of: unchanged, undo, releases, site, many (default all)")
    options = parser.parse_args()
    with cluster() as kubeconfig, tempfile.TemporaryDirectory() as scratch:
        bench = Bench(kubeconfig, Path(scratch))
        bench.kubectl("create", "namespace", NAMESPACE)
        try:
            show("", "slipway", "beside", "", "ratio")
            known = {
                "unchanged": [lambda: unchanged(bench, options.repeat)],
                "undo": [lambda: undo(bench, 3)],
                "releases": [functools.partial(releases, bench, count) for count in options.objects],
                "site": [lambda: site(bench)],
                "many": [functools.partial(many, bench, count) for count in options.deployments],
            }
            for rows in (row() for name in options.rows or known for row in known[name]):
                for work, ours, other, theirs, unit in rows:
                    ours_shown, theirs_shown = (f"{value:.2f} {unit}" if unit else str(value) for value in (ours, theirs))
                    show(work, ours_shown, theirs_shown, other, f"{ours / theirs:.2f}")
            print(
                "Wanted: unchanged at most 0.10 of a k8s_info; many Deployments no more than kubectl; a release of 1,000 at most 2.00 first, and 1.00 "
                "unchanged; site.yml at most 2.50 first, 3.00 again, and 0.12 of a task each."
            )
        finally:
            bench.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def show(work: str, ours: str, theirs: str, other: str, ratio: str) -> None:
    """One line of the table, as soon as it is known."""
    print(f"{work:58} {ours:>9} {theirs:>9} {other:23} {ratio:>5}", flush=True)


if __name__ == "__main__":
    main()
