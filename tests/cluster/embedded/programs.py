# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of the cluster: where each comes from and which version and flags it is built with.

Versions live in the go.mod files alone. To add a program, add a folder with go.mod and go.sum under go/
and a row to PROGRAMS.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from .common import HERE


@dataclass(frozen=True)
class Program:
    name: str
    folder: str     # under go/
    module: str     # the module whose version is the program's
    package: str    # the main package
    seconds: int    # a cold build on two cores, in the order below (later ones share packages with earlier ones)
    patched: str = ""   # a module of which some files are those in the program's folder "patch" instead

    @property
    def module_dir(self) -> Path:
        return HERE / "go" / self.folder

    @property
    def version(self) -> str:
        return module_version((self.module_dir / "go.mod").read_text(encoding="utf-8"), self.module)

    @property
    def ldflags(self) -> str:
        return kubernetes_ldflags(self.version) if self.module == KUBERNETES else STRIP

    @property
    def key(self) -> str:
        """Changes with everything that decides what the binary is."""
        digest = hashlib.sha256()
        for part in (
            (self.module_dir / "go.mod").read_bytes(),
            (self.module_dir / "go.sum").read_bytes(),
            " ".join((self.package, *BUILD_FLAGS, self.ldflags)).encode(),
            f"{sys.platform}/{platform.machine()}".encode(),
            *(path.read_bytes() for path in sorted(self.module_dir.glob("*/**/*")) if path.is_file()),
        ):
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()[:12]


KUBERNETES = "k8s.io/kubernetes"
STRIP = "-s -w"
BUILD_FLAGS = ("-trimpath",)

PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in (
        Program("kubectl", "kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", 95),
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", 40),
        Program("kwokctl", "kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwokctl", 90),
        Program("kwok", "kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok", 40),
        Program("kube-apiserver", "kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", 300),
        Program("kube-controller-manager", "kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-controller-manager", 130),
        Program("kube-scheduler", "kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-scheduler", 12),
        Program("external-dns", "external-dns", "sigs.k8s.io/external-dns", "sigs.k8s.io/external-dns", 300),
        Program("metrics-server", "metrics-server", "sigs.k8s.io/metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", 60),
        Program("traefik", "traefik", "github.com/traefik/traefik/v3", "github.com/traefik/traefik/v3/cmd/traefik", 300,
                patched="github.com/go-acme/lego/v5"),
    )
}


def module_version(go_mod: str, module: str) -> str:
    """The version that a go.mod requires of a module."""
    match = re.search(rf"(?m)^(?:require )?\s*{re.escape(module)} (v\S+)(?: // indirect)?$", go_mod)
    if not match:
        raise ValueError(f"go.mod requires no {module}")
    return match.group(1)


def kubernetes_ldflags(version: str) -> str:
    """What the release scripts of Kubernetes stamp in: clients and kwokctl act on these versions."""
    major, minor = version.removeprefix("v").split(".")[:2]
    base, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
    stamps = {
        f"{base}.gitVersion": version,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        f"{base}.gitTreeState": "clean",
        f"{client}.gitVersion": version,
    }
    return " ".join((STRIP, *(f"-X {name}={value}" for name, value in stamps.items())))
