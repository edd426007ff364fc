# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metrics-server as a process here: with the arguments, files and rights that the role's Deployment gives to its pod."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from dns.program import Cluster, kubeconfig_for
from dns.servers import Process, free_port

NAME = "metrics-server"


class MetricsServer(Process):
    """Runs as the container of the Deployment would, as its ServiceAccount or another."""

    def __init__(self, binary: Path, cluster: Cluster, folder: Path, namespace: str, account: str = NAME, label: str = "") -> None:
        self.folder = folder / (label or account)
        self.folder.mkdir()
        deployment = cluster.resource("apps/v1", "Deployment").get(name=NAME, namespace=namespace).to_dict()
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["serviceAccountName"] == NAME
        self.port = free_port()
        self.requests = cluster.recorder(namespace, account)
        kubeconfig = kubeconfig_for(self.requests.url, self.folder / "kubeconfig")
        self.arguments = [text for text in container["args"] if not text.startswith("--secure-port=")]
        for mount in container["volumeMounts"]:
            volume = next(volume for volume in pod["volumes"] if volume["name"] == mount["name"])
            here = self._fill(cluster, namespace, volume)
            self.arguments = [text.replace(f"={mount['mountPath']}", f"={here}") for text in self.arguments]
        # In a pod the program finds the API server and its token by itself; and every pod has a port 10250.
        self.arguments += ["--bind-address=127.0.0.1", f"--secure-port={self.port}"]
        self.arguments += [f"--{flag}kubeconfig={kubeconfig}" for flag in ("", "authentication-", "authorization-")]
        # Newer clients list by watching, where the server can. In the other way, both verbs show.
        super().__init__([str(binary), *self.arguments], self.folder / "log", {"KUBE_FEATURE_WatchListClient": "false"})

    def _fill(self, cluster: Cluster, namespace: str, volume: dict[str, Any]) -> Path:
        """A folder with what the volume has."""
        folder = self.folder / volume["name"]
        folder.mkdir()
        if secret := volume.get("secret"):
            data = cluster.core.read_namespaced_secret(secret["secretName"], namespace).data
            files = {item["path"]: base64.b64decode(data[item["key"]]).decode() for item in secret["items"]}
        elif config := volume.get("configMap"):
            files = cluster.core.read_namespaced_config_map(config["name"], namespace).data
        else:
            assert "emptyDir" in volume
            files = {}
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    def stop(self) -> None:
        super().stop()
        self.requests.stop()
