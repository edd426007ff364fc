# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks as the nodes of an AWX workflow, which gives each the artifacts of all before as extra variables."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import kubernetes
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
#: What others may have put into artifacts and surveys, some of it called like what is registered or a fact here, or was.
FOREIGN = {
    "release_reports": [{"id": "shop/shop", "changed": False, "updated": [], "created": ["ConfigMap shop/x"], "namespace": "shop"}],
    "pod_presets_proof": {},
    "users_written": {},
    "namespace": "elsewhere",
    "item": "theirs",
    "archive": "/nowhere.tar.gz",
    "platform_layers": [],
    "awx_workflow_job_id": 7,
    "tower_job_id": 8,
}


class Workflow:
    def __init__(self, folder):
        self.folder, self.namespace = folder, f"workflow-{secrets.token_hex(3)}"
        self.artifacts = {}
        host = {
            "wordpress_namespace": self.namespace,
            "wordpress_site": {"url": "http://blog.example.com", "admin_email": "admin@example.com"},
            "app_namespace": self.namespace,
            "app_name": "shop",
        }
        groups = {name: {"hosts": {"blog": {}}} for name in ("app", "wordpress")}
        groups["app"]["hosts"]["blog"] = host
        (folder / "hosts.yml").write_text(yaml.safe_dump({"platform": {"children": groups}}))

    def node(self, playbook, artifacts=True, **inputs):
        """What a job ends with: status, output without what changes from run to run; its artifacts are handed on."""
        extra = {**(self.artifacts if artifacts else {}), **(FOREIGN if artifacts else {}), "awx_job_id": 1, **inputs}
        (self.folder / "extra.yml").write_text(yaml.safe_dump(extra))
        environment = {
            **os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_DISPLAY_OK_HOSTS": "true", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true",
        }
        result = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "hosts.yml", "-e", "@extra.yml", ROOT / "playbooks" / f"{playbook}.yml"],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )
        output = result.stdout + result.stderr
        found = re.search(r"^\tRUN: (\{.*\})$", output, re.MULTILINE)
        handed_on = json.loads(found[1]) if found else {}
        self.artifacts.update(handed_on)
        return result.returncode, output, handed_on


def tasks(output):
    return [task.rpartition(" : ")[2] for task in re.findall(r"^TASK \[(.*)\]", output, re.MULTILINE)]


@pytest.fixture(name="workflow")
def _workflow(tmp_path):
    workflow = Workflow(tmp_path)
    yield workflow
    workflow.node("uninstall", artifacts=False, uninstall_releases="all", uninstall_delete_data=True)


@pytest.mark.full
def test_each_playbook_as_the_third_node(workflow):
    kubernetes.config.load_kube_config(os.environ["KUBECONFIG"])
    apps = kubernetes.client.AppsV1Api()

    def image():
        return apps.read_namespaced_deployment("wordpress", workflow.namespace).spec.template.spec.containers[0].image

    status, output, handed_on = workflow.node("site", artifacts=False)
    assert status == 0, output
    ids = [f"{workflow.namespace}/{name}" for name in ("shop", "wordpress")]
    assert handed_on.keys() == {"slipway_kubernetes_releases"}
    # one host in two groups
    assert sorted(report["id"] for report in handed_on["slipway_kubernetes_releases"]) == ids
    assert all(report["changed"] for report in handed_on["slipway_kubernetes_releases"])

    # nothing to change: neither is the earlier node's report taken for one of this, nor are they handed on again
    status, output, handed_on = workflow.node("site")
    assert status == 0, output
    assert sorted(report["id"] for report in handed_on["slipway_kubernetes_releases"]) == ids
    assert [report for report in handed_on["slipway_kubernetes_releases"] if report["changed"]] == []

    # Pods are simulated, so that the backup fails, and with it the upgrade.
    before = image()
    inputs = {"wordpress_image": "wordpress:7.1.99-php8.3-apache", "wordpress_upgrade_dir": str(workflow.folder / "backups")}
    status, output, handed_on = workflow.node("wordpress_upgrade", **inputs)
    assert status == 2 and "Look for the pods" in tasks(output) and "Deploy it" not in tasks(output), output
    assert image() == before and handed_on == {}
    # without artifacts, it is the same
    again, its_output, _handed_on = workflow.node("wordpress_upgrade", artifacts=False, **inputs)
    assert (status, tasks(output)) == (again, tasks(its_output))

    # Of a name without a kind, any of them will do.
    for name, says in (("shop", f"Deployment {workflow.namespace}/shop: "), ("nobody", "There is no such workload.")):
        status, output, _handed_on = workflow.node("status", status_namespace=workflow.namespace, status_name=name)
        assert status == 0 and says in output, output

    (workflow.folder / "b.tar.gz").write_text("")
    namespace = workflow.namespace
    for playbook, inputs in {
        "status": {"status_namespace": namespace},
        "rollout": {"rollout_namespace": namespace, "rollout_name": "shop", "rollout_change_cause": "a cause"},
        "undo": {"undo_namespace": namespace, "undo_name": "shop", "undo_to_revision": 1},
        "dashboard_token": {"dashboard_token_namespace": namespace},
        "migrate_ingress": {"migrate_ingress_namespace": namespace, "migrate_ingress_class": namespace},
        "wordpress_backup": {"wordpress_backup_namespace": namespace, "wordpress_backup_dir": "backups"},
        "wordpress_restore": {"wordpress_restore_namespace": namespace, "wordpress_restore_file": "b.tar.gz"},
        "cassandra_backup": {"cassandra_backup_namespace": namespace, "cassandra_backup_dir": "backups"},
        "cassandra_restore": {"cassandra_restore_namespace": namespace, "cassandra_restore_dir": "backups"},
        "cassandra_scale": {"cassandra_scale_namespace": namespace, "cassandra_scale_replicas": 2},
        "cassandra_replace": {"cassandra_replace_namespace": namespace, "cassandra_replace_pod": "cassandra-0"},
        "wordpress_rotate": {"wordpress_rotate_namespace": namespace, "wordpress_rotate_secrets": "database"},
    }.items():
        alone, with_artifacts = workflow.node(playbook, artifacts=False, **inputs), workflow.node(playbook, **inputs)
        assert with_artifacts[0] == alone[0], (playbook, with_artifacts[1])
        assert tasks(with_artifacts[1]) == tasks(alone[1]), playbook
        assert with_artifacts[2] == {}

    # Another playbook's inputs have no effect on it.
    status, output, handed_on = workflow.node("uninstall", uninstall_releases="blog\n", site_roles="nodes")
    assert status == 0, output
    assert [(report["state"], report["changed"]) for report in handed_on["slipway_kubernetes_releases"]] == [("absent", True)] * 2


@pytest.mark.full
@pytest.mark.parametrize("name, value", [("slipway_kubernetes_state", "present"), ("slipway_kubernetes_delete_data", True), ("__named", ["all"])])
def test_what_would_turn_a_playbook_into_another_is_refused(workflow, name, value):
    status, output, _handed_on = workflow.node("uninstall", uninstall_releases="blog", **{name: value})
    assert status == 2 and f"The extra variable {name} would take the place of" in " ".join(output.split())
    assert "Bring the release to its state" not in tasks(output)
