# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Kubernetes cluster for tests: real control plane, simulated nodes, no containers. See README.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from embedded.build import binaries
from embedded.common import HERE, ClusterError
from embedded.lifecycle import DEFAULT_NODES, DEFAULT_POD_READY_DELAY, Cluster, Options
from embedded.programs import PROGRAMS
from embedded.settings import COMPONENTS

DEFAULT_FOLDER = HERE.parent.parent / ".cluster"


def at_least(minimum: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"must be {minimum} or more")
        return value
    return number


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cluster.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--dir", type=Path, default=DEFAULT_FOLDER, help="the cluster's folder (default: .cluster in the checkout)")

    up = commands.add_parser("up", parents=[folder], help="start the cluster, or repair it")
    up.add_argument("--nodes", type=at_least(1), metavar="N", help=f"number of nodes (default {DEFAULT_NODES})")
    up.add_argument("--pod-ready-delay", type=at_least(0), metavar="MS",
                    help=f"how long a pod takes to become ready (default {DEFAULT_POD_READY_DELAY})")
    commands.add_parser("down", parents=[folder], help="stop the cluster and remove its data")
    commands.add_parser("status", parents=[folder], help="say what runs; exits 1 unless the cluster is usable")
    pid = commands.add_parser("pid", parents=[folder], help="print the process ID of a component")
    pid.add_argument("component", choices=COMPONENTS)
    build = commands.add_parser("build", help="build programs into the cache")
    build.add_argument("names", nargs="*", metavar="NAME", help="(default: all)")
    path = commands.add_parser("path", help="print the path of a program, building it if need be")
    path.add_argument("name", choices=PROGRAMS)
    kubectl = commands.add_parser("kubectl", parents=[folder], help="run kubectl against the cluster")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    if options.command == "build":
        for name, path in binaries(options.names or list(PROGRAMS)).items():
            print(f"{name}\t{PROGRAMS[name].version}\t{path}")
        return 0
    if options.command == "path":
        print(binaries([options.name])[options.name])
        return 0
    cluster = Cluster(options.dir)
    if options.command == "up":
        print(cluster.up(Options(options.nodes, options.pod_ready_delay)))
    elif options.command == "down":
        print(cluster.down())
    elif options.command == "pid":
        pids = cluster.pids()
        if options.component not in pids:
            raise ClusterError(f"{options.component} of the cluster in {cluster.folder} does not run")
        print(pids[options.component])
    elif options.command == "kubectl":
        kubectl = str(binaries(["kubectl"])["kubectl"])
        os.execve(kubectl, [kubectl, *options.arguments], os.environ | {"KUBECONFIG": str(cluster.kubeconfig)})
    elif options.command == "status":
        pids = cluster.pids()
        for component in COMPONENTS:
            print(f"{component}\t{pids.get(component, 'not running')}")
        answers = bool(pids) and cluster.answers()
        print(f"API\t{'answers' if answers else 'does not answer'}")
        return 0 if answers and set(pids) == set(COMPONENTS) else 1
    return 0


def main() -> int:
    try:
        return run(parse(sys.argv[1:]))
    except ClusterError as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
