# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrade from before releases had records: no pod restarts, and nothing is deleted."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import kubernetes
import pytest
from test_site import ROOT, run

#: The last commit in which a release is what carries three labels.
BEFORE = "a16b7a4"
#: Defaults that have changed since, and restart pods on purpose: the changelog has them.
AS_BEFORE = {"app_image_pull_policy": "IfNotPresent", "wordpress_version": "7.1.0-php8.3-apache", "metallb_version": "v0.16.1"}


def before(folder):
    """A collections path with the collection as it was, and the demo's inventory of then."""
    checkout = os.environ.get("SLIPWAY_CHECKOUT", str(ROOT))
    archive = subprocess.run(["git", "-C", checkout, "archive", BEFORE], capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"{checkout} has no commit {BEFORE}: it is a copy without the repository's history")
    tree = folder / "ansible_collections/slipway/kubernetes"
    tree.mkdir(parents=True)
    tarfile.open(fileobj=io.BytesIO(archive.stdout)).extractall(tree, filter="data")
    (collections,) = [Path(path) for path in os.environ["ANSIBLE_COLLECTIONS_PATH"].split(":")[:1]]
    (folder / "ansible_collections/kubernetes").symlink_to(collections / "ansible_collections/kubernetes")
    return folder, tree


def pods(api):
    """{namespace/name: uid} of all pods that the releases have."""
    return {
        f"{pod.metadata.namespace}/{pod.metadata.name}": pod.metadata.uid
        for pod in api.list_pod_for_all_namespaces().items
        if pod.metadata.namespace not in ("kube-system", "default") and (pod.metadata.labels or {}).get("batch.kubernetes.io/job-name") is None
    }


@pytest.mark.full
def test_from_before_there_were_records(tmp_path):
    kubernetes.config.load_kube_config(os.environ["KUBECONFIG"])
    api, folder = kubernetes.client.CoreV1Api(), tmp_path / "new"
    folder.mkdir()
    collections, tree = before(tmp_path / "before")
    try:
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", tree / "playbooks/inventory/demo", "-e", f"users_kubeconfig_dir={folder}",
             tree / "playbooks/site.yml"],
            cwd=tree, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONFIG": str(tree / "ansible.cfg")},
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        were, claims = pods(api), {claim.metadata.uid for claim in api.list_persistent_volume_claim_for_all_namespaces().items}
        assert len(were) > 10 and claims
        same = ["-e", json.dumps(AS_BEFORE)]
        screen, _recap = run("site", folder, *same)
        now = pods(api)
        # With MetalLB v0.16.2 a volume of its speakers has another mode, which is not for a variable to say.
        restarted = sorted(name for name in were if now.get(name) != were[name] and not name.startswith("metallb-system/speaker-"))
        assert not restarted, f"{restarted}\n{screen}"
        assert {claim.metadata.uid for claim in api.list_persistent_volume_claim_for_all_namespaces().items} >= claims
        assert not re.search(r"[:;] deleted ", screen), screen
        screen, recap = run("site", folder, *same)
        assert not any(words["changed"] for words in recap.values()), screen
        assert pods(api) == now
    finally:
        run("uninstall", folder, "-e", "uninstall_releases=all", "-e", "uninstall_delete_data=true")
