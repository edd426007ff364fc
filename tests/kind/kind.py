# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Kubernetes cluster for tests with real containers, by kind.

Its nodes pull images from registries. Where they reach none, IMAGES_BASE
names a local Debian image: what tests/images makes of it is loaded instead.
IMAGES narrows that down to some of its folders.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "images"
NODE_IMAGE = os.environ.get("KIND_NODE_IMAGE", "kindest/node:v1.37.2")
BASE = os.environ.get("IMAGES_BASE")
# Docker's own builder; the newer one is a plugin that may be missing.
ENVIRONMENT = os.environ | {"DOCKER_BUILDKIT": "0", "PYTHON": sys.executable}


class KindError(Exception):
    """A sentence for the user."""


def run(*words: str | Path) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KindError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def name_of(folder: Path) -> str:
    """A cluster of its own for each folder."""
    return "slipway-" + hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def require_tools() -> None:
    for tool, source in (("docker", "https://docs.docker.com/engine/install"), ("kind", "https://kind.sigs.k8s.io")):
        if not shutil.which(tool):
            raise KindError(f"{tool} is not on the PATH; get it from {source}")
    run("docker", "info")


def build() -> list[str]:
    """Build every stand-in; Docker keeps what has not changed.

    A folder's executable "prepare" fetches what Docker's build cannot.
    """
    tags = []
    folders = yaml.safe_load((IMAGES / "images.yml").read_text())
    for folder in os.environ.get("IMAGES", " ".join(folders)).split():
        if (prepare := IMAGES / folder / "prepare").exists():
            run(prepare)
        for tag, arguments in folders[folder].items():
            options = [word for item in ({"BASE": BASE} | arguments).items() for word in ("--build-arg", "=".join(item))]
            run("docker", "build", "--network", "host", "--tag", tag, *options, IMAGES / folder)
            tags.append(tag)
    return tags


def up(folder: Path) -> str:
    require_tools()
    name, kubeconfig = name_of(folder), folder / "kubeconfig"
    folder.mkdir(parents=True, exist_ok=True)
    if name not in run("kind", "get", "clusters").split():
        run("kind", "create", "cluster", "--name", name, "--image", NODE_IMAGE, "--config", HERE / "config.yml",
            "--kubeconfig", kubeconfig, "--wait", "120s")
    if BASE and (tags := build()):
        run("kind", "load", "docker-image", "--name", name, *tags)
    return f"cluster {name} is up: export KUBECONFIG={kubeconfig}"


def down(folder: Path) -> str:
    require_tools()
    run("kind", "delete", "cluster", "--name", name_of(folder), "--kubeconfig", folder / "kubeconfig")
    shutil.rmtree(folder, ignore_errors=True)
    return f"the cluster in {folder} is down"


def main() -> int:
    parser = argparse.ArgumentParser(prog="kind.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in (("up", "start the cluster, and load images"), ("down", "delete it")):
        commands.add_parser(command, help=text).add_argument("--dir", type=Path, required=True, help="the cluster's folder")
    commands.add_parser("build", help="build the images ahead of their use")
    options = parser.parse_args()
    try:
        if options.command == "build":
            require_tools()
            print(" ".join(build()))
            return 0
        print({"up": up, "down": down}[options.command](options.dir.resolve()))
    except KindError as error:
        print(f"kind.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
