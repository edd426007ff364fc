# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table of calls of the role app, in which every two settings that go together meet, and what they render to.

Each topic has some settings, a setting is a few variables. The same table comes out every time.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

from .rendering import ROOT, collections_path, compile_once, role_variables

ROLE = ROOT / "roles/app"
SEED, ROWS, CANDIDATES = 6, 34, 12

SCALED = {"Deployment", "StatefulSet", "ReplicationController"}
LASTING = SCALED | {"DaemonSet"}
JOBS = {"Job", "CronJob"}
PODS = LASTING | JOBS

PROBE = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5}
LOGIN = {"reg.example.com": {"username": "me", "password": 'p"w\'d'}}
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBdjCCAR2gAwIBAgIUYrG
-----END CERTIFICATE-----
"""

#: topic: settings, each with the kinds of workload that it is for
TOPICS = {
    "image": [
        (PODS, {"app_image": "shop/web:1"}),
        (PODS, {"app_image": "shop/web", "app_image_registry": "reg.example.com", "app_image_digest": "sha256:" + "a" * 64}),
        (PODS, {"app_image_pull_policy": "Always", "app_image_pull_secrets": ["one", "two"]}),
    ],
    "container": [
        (PODS, {}),
        (PODS, {"app_command": ["/bin/web"], "app_args": ["--verbose", "yes: no", "{}"]}),
        (PODS, {"app_extra_container": {"workingDir": "/tmp", "stdin": True, "tty": True}}),
        (PODS, {"app_env": {"A": 1, "B": True, "C": 'it\'s "so": #1\n', "P": {"fieldRef": {"fieldPath": "metadata.name"}}}}),
        (PODS, {"app_env_from": [{"configMapRef": {"name": "other", "optional": True}}]}),
        (PODS, {"app_resources": {"requests": {"cpu": 0.5, "memory": "1Gi"}, "limits": {"cpu": 1}}}),
        (PODS, {"app_resources": {}}),
    ],
    "replicas": [
        (LASTING | JOBS, {}),
        (SCALED, {"app_replicas": 3}),
        (SCALED, {"app_replicas": 0, "app_pdb": "always"}),
        (SCALED, {"app_replicas": 2, "app_pdb": "never"}),
        (SCALED, {"app_hpa": {"max_replicas": 4, "cpu": 70}, "app_resources": {"requests": {"cpu": "100m"}}}),
        (SCALED, {"app_hpa": {"min_replicas": 2, "max_replicas": 9, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
                              "metrics": [{"type": "Pods", "pods": {"metric": {"name": "qps"},
                                                                    "target": {"type": "AverageValue", "averageValue": "10"}}}]}}),
    ],
    "rollout": [
        (PODS, {}),
        (LASTING, {"app_change_cause": "version: 2", "app_revision_history_limit": 3}),
        (LASTING, {"app_min_ready_seconds": 5}),
        ({"Deployment"}, {"app_strategy": {"type": "Recreate"}, "app_progress_deadline": 60}),
        ({"Deployment"}, {"app_strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}),
        ({"StatefulSet"}, {"app_strategy": {"rollingUpdate": {"partition": 1}}, "app_pod_management_policy": "Parallel"}),
        ({"StatefulSet", "DaemonSet"}, {"app_strategy": {"type": "OnDelete"}}),
        ({"DaemonSet"}, {"app_strategy": {"rollingUpdate": {"maxUnavailable": "30%"}}}),
        (JOBS, {"app_completions": 4, "app_parallelism": 2, "app_backoff_limit": 0, "app_active_deadline": 60}),
        (JOBS, {"app_restart_policy": "OnFailure", "app_suspend": True}),
        ({"CronJob"}, {"app_time_zone": "Europe/Paris", "app_concurrency_policy": "Replace", "app_starting_deadline": 30,
                       "app_successful_jobs_history_limit": 0, "app_failed_jobs_history_limit": 0}),
    ],
    "life": [
        (PODS, {}),
        (LASTING, {"app_startup_probe": PROBE, "app_readiness_probe": PROBE, "app_liveness_probe": PROBE}),
        (LASTING, {"app_readiness_probe": {}}),
        (PODS, {"app_post_start": {"exec": {"command": ["true"]}}}),
        (PODS, {"app_pre_stop": {"sleep": {"seconds": 5}}, "app_termination_grace_period": 60}),
    ],
    "further containers": [
        (PODS, {}),
        (PODS, {"app_init_containers": [{"name": "wait", "image": "busybox:1", "command": ["sleep", "1"], "env": {"A": 1}}]}),
        (PODS, {"app_sidecars": [{"name": "proxy", "image": "nginx:1", "env": [{"name": "A", "value": "x"}]}, {"name": "b", "image": "b"}]}),
        (PODS, {"app_init_containers": [{"name": "a", "image": "a", "resources": {}}], "app_sidecars": [{"name": "b", "image": "b"}]}),
    ],
    "ConfigMaps": [
        (PODS, {}),
        (PODS, {"app_config_maps": [{"name": "conf", "data": {"a.conf": "a: b\n\tc 'd'\n", "n": 1}, "mount_path": "/etc/conf"}]}),
        (PODS, {"app_config_maps": [{"name": "env.conf", "data": {"A": "b"}, "env": True},
                                    {"name": "one", "data": {"k": "v"}, "mount_path": "/etc/k", "sub_path": "k", "mode": 0o400}]}),
        (PODS, {"app_config_maps": [{"name": "files", "files": {"licence": str(ROOT / "COPYING")}, "immutable": True}]}),
        (PODS, {"app_config_maps": [{"name": "theirs", "existing": True, "mount_path": "/theirs", "mode": "0440"},
                                    {"name": "raw", "binary_data": {"b": "AAEC"}}]}),
    ],
    "Secrets": [
        (PODS, {}),
        (PODS, {"app_secrets": [{"name": "login", "generate": ["password", "salt"]}]}),
        (PODS, {"app_secrets": [{"name": "login", "data": {"user": "me"}, "generate": ["password"], "env": True}]}),
        (PODS, {"app_secrets": [{"name": "login", "type": "kubernetes.io/basic-auth", "data": {"username": "me", "password": "1"}},
                                {"name": "key", "type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": "k\nk\n"},
                                 "mount_path": "/keys", "mode": "0400"}]}),
        (PODS, {"app_secrets": [{"name": "reg", "type": "kubernetes.io/dockerconfigjson", "registries": LOGIN}],
                "app_image_pull_secrets": ["reg"]}),
        (PODS, {"app_secrets": [{"name": "tls", "type": "kubernetes.io/tls", "data": {"tls.crt": CERTIFICATE, "tls.key": "k"},
                                 "mount_path": "/tls", "immutable": True}, {"name": "theirs", "existing": True, "env": True}]}),
    ],
    "storage": [
        (PODS, {}),
        (PODS, {"app_claims": [{"name": "data", "mount_path": "/data", "size": "8Gi", "class": "standard", "annotations": {"a": "b"}}]}),
        (PODS, {"app_claims": [{"name": "raw", "volume_mode": "Block", "mount_path": "/dev/raw"},
                               {"name": "theirs", "existing": True, "mount_path": "/claim", "sub_path": "a", "read_only": True}]}),
        (PODS, {"app_volumes": [{"name": "tmp", "emptyDir": {}}], "app_volume_mounts": [{"name": "tmp", "mountPath": "/tmp"}]}),
        ({"StatefulSet"}, {"app_volume_claim_templates": [{"name": "data", "mount_path": "/data"}]}),
        ({"StatefulSet"}, {"app_volume_claim_templates": [{"name": "data", "mount_path": "/data", "class": "fast",
                                                           "access_mode": "ReadWriteOncePod", "annotations": {"a": "b"}}],
                           "app_claims": [{"name": "shared", "access_mode": "ReadWriteMany", "mount_path": "/shared"}]}),
    ],
    "Service": [
        (PODS, {}),
        (LASTING, {"app_service_type": "none"}),
        (LASTING, {"app_cluster_ip": "None", "app_publish_not_ready_addresses": True}),
        (LASTING, {"app_session_affinity": "ClientIP", "app_service_port": 8080, "app_service_annotations": {"a": "b"}}),
        (LASTING, {"app_service_type": "NodePort", "app_node_port": 31555, "app_external_traffic_policy": "Local"}),
        (LASTING, {"app_service_type": "LoadBalancer", "app_load_balancer_class": "example.com/lb", "app_dns_ttl": 60,
                   "app_load_balancer_source_ranges": ["192.0.2.0/24"], "app_dns_name": "shop.example.com"}),
        (LASTING, {"app_ports": [{"name": "metrics", "port": 9100}, {"name": "dns", "port": 5353, "protocol": "UDP", "service_port": 53}]}),
        (LASTING, {"app_service_type": "NodePort",
                   "app_ports": [{"name": "admin", "port": 9000, "node_port": 31556, "app_protocol": "http"}]}),
    ],
    "exposure": [
        (PODS, {}),
        (LASTING, {"app_exposure": "ingress", "app_hostname": "shop.example.com", "app_tls_secret": "tls", "app_ingress_class": "x"}),
        (LASTING, {"app_exposure": "ingress", "app_hostname": "*", "app_path": "/shop", "app_ingress_annotations": {"a": "b"},
                   "app_dns_name": "shop.example.org"}),
        (LASTING, {"app_exposure": "gateway", "app_hostname": "*.example.com", "app_parent_refs": [{"name": "main"}]}),
    ],
    "placement": [
        (PODS, {}),
        (PODS, {"app_node_selector": {"disk": "ssd"}, "app_tolerations": [{"key": "dedicated", "operator": "Exists"}]}),
        (PODS, {"app_topology_spread_constraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}]}),
        (PODS, {"app_affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}}]}}}),
        (PODS, {"app_priority_class": "high", "app_node_selector": {}, "app_extra_pod_spec": {"hostAliases": [
            {"ip": "192.0.2.1", "hostnames": ["db"]}]}}),
    ],
    "security": [
        (PODS, {}),
        (PODS, {"app_run_as_user": 0}),
        (PODS, {"app_run_as_user": 33, "app_pod_security_context": {
            "fsGroup": 34, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}),
        (PODS, {"app_service_account": "theirs", "app_service_account_token": True}),
        (PODS, {"app_service_account_annotations": {"example.com/role": "reader"}}),
        (PODS, {"app_network_policy": False}),
        (PODS, {"app_network_policy_from": [{"podSelector": {}}], "app_network_policy_egress": [{"ports": [{"port": 443}]}]}),
    ],
    "names": [
        (PODS, {"app_name": "web"}),
        (PODS, {"app_name": "shop", "app_namespace": "shops", "app_labels": {"environment": "lab"}}),
        (PODS, {"app_annotations": {"a": "b"}, "app_pod_annotations": {"c": "d"}}),
        (PODS, {"app_resource_quota": {"pods": 10, "requests.cpu": "4"},
                "app_limit_range": [{"type": "Container", "default": {"memory": "256Mi"}}]}),
    ],
}


def _settings(kind, topic):
    return [number for number, (kinds, _variables) in enumerate(TOPICS[topic]) if kind in kinds]


def _is_possible(chosen):
    service = TOPICS["Service"][chosen["Service"]][1]
    # What is exposed needs a Service, and has the DNS name itself.
    return not chosen["exposure"] or service.get("app_service_type") != "none" and "app_dns_name" not in service


def _pairs(chosen):
    return set(combinations(sorted(chosen.items()), 2))


def _random_choice(kind, source):
    while True:
        chosen = {topic: source.choice(_settings(kind, topic)) for topic in TOPICS}
        if _is_possible(chosen):
            return chosen


def table(kind, rows=ROWS):
    """Calls of the role. Each is the one, of some at random, in which most settings meet that have not met yet."""
    source, met, calls = random.Random(SEED), set(), []
    for _row in range(rows):
        candidates = [_random_choice(kind, source) for _candidate in range(CANDIDATES)]
        chosen = max(candidates, key=lambda candidate: len(_pairs(candidate) - met))
        met |= _pairs(chosen)
        variables = {"app_name": "web", "app_kind": kind, "app_schedule": "*/5 * * * *" if kind == "CronJob" else ""}
        for topic, number in chosen.items():
            # Of two topics that set the same variable, the later one counts.
            variables.update(TOPICS[topic][number][1])
        calls.append(variables)
    return calls


def rendered(kind, *parts):
    """The table's rows, with variables and parts: what the role finds wrong with them (problems), what it makes of them (documents).

    In a process of its own, because Ansible takes over its imports.
    """
    run = subprocess.run(
        [sys.executable, "-m", __name__, kind, *parts],
        cwd=Path(__file__).parents[__name__.count(".")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


class Renderer:
    """Ansible's own templating, without a play: the templates are compiled once for all rows."""

    def __init__(self):
        compile_once()
        init_plugin_loader([str(collections_path())])
        loader = DataLoader()
        self._variables = role_variables("app", loader)
        self._templar = Templar(loader, {}).copy_with_new_env(searchpath=[str(ROOT / "roles" / name / "templates") for name in ("app", "release")])
        self._all = trust_as_template(
            "\n".join(f"{{% include '{name}' %}}\n\n---" for name in self._variables["__app_templates"])
        )

    def render(self, variables, parts):
        self._templar.available_variables = {**self._variables, **variables}
        row = {"variables": variables}
        if "problems" in parts:
            row["problems"] = self._templar.template(trust_as_template("{{ __app_problems }}"))
        if "documents" in parts:
            row["documents"] = [document for document in yaml.safe_load_all(self._templar.template(self._all)) if document]
        return row


if __name__ == "__main__":
    renderer = Renderer()
    print(json.dumps([renderer.render(variables, sys.argv[2:]) for variables in table(sys.argv[1])]))
