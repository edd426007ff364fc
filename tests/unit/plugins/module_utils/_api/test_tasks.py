# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters and identities of real tasks, through both ways of running a module, seen from the API servers.

One run of ansible-playbook holds all of it.  Each case has a namespace of its own name, so that the servers know which case
came, whatever the task makes of their answer (which is always that there is no such workload).
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.module_utils import args_common

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import connection

from .fake_cluster import FakeCluster, config

#: where the collections under test are
COLLECTIONS = os.pathsep.join({each.__file__.partition("/ansible_collections/")[0] for each in (args_common, connection)})
OPTIONS = (
    "kubeconfig", "context", "host", "api_key", "username", "password", "ca_cert", "client_cert", "client_key", "validate_certs",
    "impersonate_user", "impersonate_groups",
)
#: a connection to this machine that is none for Ansible: the module is packed, copied and started
ELSEWHERE = """
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = '''
name: elsewhere
short_description: this machine, as if it were another
description: [this machine]
options: {}
'''


class Connection(Local):
    transport = "elsewhere"
"""
#: what comes before and after another identity in a loop
TASK = {
    "name": "{{ item.name }}",
    "slipway.kubernetes.rollout_info": {
        "namespace": "{{ item.name }}-{{ inventory_hostname }}",
        "name": "web",
        **{option: f"{{{{ item.options.{option} | default(omit) }}}}" for option in OPTIONS},
    },
    "environment": "{{ item.environment | default({}) }}",
    "ignore_errors": True,
}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clusters")
    with FakeCluster("a", folder) as a, FakeCluster("b", folder) as b, FakeCluster("decoy", folder) as decoy:
        yield folder, a, b, decoy


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def cases(folder, a, b):
    """Name, options, environment; who is to come, and where."""
    pair = {key: base64.b64decode(value).decode() for key, value in a.user("by-files").items()}
    cert, key = save(folder / "cert.pem", pair["client-certificate-data"]), save(folder / "key.pem", pair["client-key-data"])
    of_a, of_b = save(folder / "of-a", config(a, {"token": "tok-a"})), save(folder / "of-b", config(b, b.user("cert-b")))
    plugin = folder / "plugin.sh"
    save(plugin, "#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\","
                 " \"status\": {\"token\": \"'$WHO'-'$SELF'\"}}'\n")
    plugin.chmod(0o755)
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin.sh", "env": [{"name": "SELF", "value": "x"}]}
    by_plugin = save(folder / "by-plugin", config(a, {"exec": spec}))
    save(folder / "home/.kube/config", config(b, {"token": "of-home"}))
    entry = {"server": b.url, "certificate-authority": b.ca.name}
    users = save(folder / "users", {"users": [{"name": "u", "user": {"token": "of-two-files"}}]})
    rest = save(folder / "rest", {key: value for key, value in config(entry, {}).items() if key != "users"})
    plain = {"host": b.url, "api_key": "tok-b", "ca_cert": str(b.ca)}
    variables = {"K8S_AUTH_HOST": a.url, "K8S_AUTH_API_KEY": "env-a", "K8S_AUTH_SSL_CA_CERT": str(a.ca)}
    inline = config(a, a.user("inline"))
    return [
        ("option", {"kubeconfig": of_a}, {}, "tok-a", "a"),
        ("inline", {"kubeconfig": inline}, {}, "inline", "a"),
        ("token", plain, {}, "tok-b", "b"),
        ("files", {"host": a.url, "ca_cert": str(a.ca), "client_cert": cert, "client_key": key}, {}, "by-files", "a"),
        ("token-after-certificate", plain, {}, "tok-b", "b"),
        ("variables", {}, variables, "env-a", "a"),
        ("kubeconfig-variable", {}, {"KUBECONFIG": of_b}, "cert-b", "b"),
        ("k8s-auth-kubeconfig", {}, {"K8S_AUTH_KUBECONFIG": of_a, "KUBECONFIG": of_b}, "tok-a", "a"),
        ("two-files", {}, {"KUBECONFIG": f"{users}:{rest}"}, "of-two-files", "b"),
        ("home", {}, {"HOME": str(folder / "home"), "KUBECONFIG": ""}, "of-home", "b"),
        ("path-in-home", {**plain, "ca_cert": "~/../$FILE"}, {"HOME": str(folder / "home"), "FILE": b.ca.name}, "tok-b", "b"),
        ("plugin", {"kubeconfig": by_plugin}, {"WHO": "me"}, "me-x", "a"),
        ("plugin-of-another", {"kubeconfig": by_plugin}, {"WHO": "you"}, "you-x", "a"),
        ("impersonated", {**plain, "impersonate_user": "jane"}, {}, "jane", "b"),
        ("password", {"host": a.url, "username": "joe", "password": "x", "validate_certs": False}, {}, "joe", "a"),
        ("none-of-its-own", {}, {}, "of-the-process", "decoy"),
        ("relative", {}, {"KUBECONFIG": "nowhere:of-b"}, "cert-b", "b"),
        ("relative-files", {**plain, "ca_cert": b.ca.name}, {}, "tok-b", "b"),
        ("relative-files-inline", {"kubeconfig": config(entry, {"token": "inline-b"})}, {}, "inline-b", "b"),
    ]


def files_of_a_role(folder, a, b, password):
    """A role and a playbook with kubeconfigs in files/ and beside it, one of them encrypted."""
    save(folder / "roles/probe/files/in-the-role.yml", config(a, {"token": "in-the-role"}))
    save(folder / "files/in-the-playbook.yml", config(b, {"token": "in-the-playbook"}))
    save(folder / "files/certs/ca.crt", b.authority.pem)
    entry = {"server": b.url, "certificate-authority": "ca.crt"}
    vaulted = save(folder / "files/certs/vaulted.yml", config(entry, b.user("vaulted")))
    subprocess.run(
        [str(Path(sys.executable).parent / "ansible-vault"), "encrypt", "--vault-password-file", password, vaulted],
        check=True, capture_output=True, env=os.environ | {"ANSIBLE_HOME": str(folder / ".ansible")},
    )
    found = [("in-the-role.yml", "in-the-role", "a"), ("in-the-playbook.yml", "in-the-playbook", "b"), ("certs/vaulted.yml", "vaulted", "b")]
    tasks = []
    for name, _user, _cluster in found:
        for door, keywords in (("here", {}), ("job", {"async": 60, "poll": 1})):
            tasks.append({
                "slipway.kubernetes.rollout_info": {"namespace": f"{Path(name).stem}-{door}", "name": "web", "kubeconfig": name},
                "ignore_errors": True, **keywords,
            })
    save(folder / "roles/probe/tasks/main.yml", tasks)
    return {f"{Path(name).stem}-{door}": {(user, cluster)} for name, user, cluster in found for door in ("here", "job")}


def test_each_task_has_its_own_cluster_and_identity(clusters):
    folder, a, b, decoy = clusters
    table = cases(folder, a, b)
    items = [{"name": name, "options": options, "environment": environ} for name, options, environ, _who, _where in table]
    expected = {}
    # The same cases in another order on each host: every one comes after several others.
    hosts = {"h0": items, "h1": items[::-1], "h2": items[5:] + items[:5], "far": items[::-1]}
    for host in hosts:
        expected.update({f"{name}-{host}": {(who, where)} for name, _options, _environ, who, where in table})
    expected.update({
        "delegated-h0": {("tok-a", "a")}, "delegated-far": {("cert-b", "b")}, "defaults-h0": {("tok-b", "b")}, "play-h0": {("cert-b", "b")},
    })
    password = save(folder / "password", "s3cret\n")
    expected.update(files_of_a_role(folder, a, b, password))
    save(folder / "connection_plugins/elsewhere.py", ELSEWHERE)
    save(folder / "hosts.yml", {"all": {"hosts": {
        host: {"items": found, "ansible_connection": "elsewhere" if host == "far" else "local", "ansible_python_interpreter": sys.executable}
        for host, found in hosts.items()
    }}})
    plain = {"namespace": "delegated-{{ inventory_hostname }}", "name": "web"}
    play = {"gather_facts": False}
    save(folder / "play.yml", [
        {**play, "hosts": "all", "strategy": "free", "tasks": [{**TASK, "loop": "{{ hostvars[inventory_hostname]['items'] }}"}]},
        {
            **play, "hosts": "h0:far", "tasks": [{
                "slipway.kubernetes.rollout_info": plain, "delegate_to": "{{ 'far' if inventory_hostname == 'h0' else 'h0' }}",
                "environment": {"K8S_AUTH_KUBECONFIG": "{{ '%s' if inventory_hostname == 'h0' else '%s' }}" % (folder / "of-a", folder / "of-b")},
                "ignore_errors": True,
            }],
        },
        {
            **play, "hosts": "h0",
            "module_defaults": {"group/slipway.kubernetes.kubernetes": {"host": b.url, "api_key": "tok-b", "ca_cert": str(b.ca)}},
            "tasks": [{"slipway.kubernetes.rollout_info": {**plain, "namespace": "defaults-h0"}, "ignore_errors": True}],
        },
        {
            **play, "hosts": "h0", "environment": {"KUBECONFIG": str(folder / "of-b")},
            "tasks": [{"slipway.kubernetes.rollout_info": {**plain, "namespace": "play-h0"}, "ignore_errors": True}],
        },
        {**play, "hosts": "h0", "roles": ["probe"]},
    ])
    # A local module is started in the playbook's folder, another one wherever its connection leads to.
    here = folder / "here"
    save(here / "of-b", config(decoy, {"token": "of-here"}))
    expected["relative-far"] = {("of-here", "decoy")}
    (here / b.ca.name).symlink_to(b.ca)
    temporary = folder / "tmp"
    temporary.mkdir()
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "nobody"), "PWD": str(here), "TMPDIR": str(temporary), "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "KUBECONFIG": save(folder / "decoy", config(decoy, {"token": "of-the-process"})),
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "ANSIBLE_HOME": str(folder / ".ansible"), "ANSIBLE_FORKS": "8",
        "ANSIBLE_VAULT_PASSWORD_FILE": password, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_ASYNC_DIR": str(folder / ".ansible/async"),
        "ANSIBLE_CONNECTION_PLUGINS": str(folder / "connection_plugins"),
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
        cwd=here, env=environ, capture_output=True, text=True, check=False,
    )
    seen = defaultdict(set)
    for cluster in (a, b, decoy):
        for who, _verb, path in cluster.seen:
            seen[path.split("/")[5]].add((who, cluster.name))
    assert dict(seen) == expected, done.stdout + done.stderr
    assert list(temporary.iterdir()) == [] and done.returncode == 0, done.stdout + done.stderr
    left = [path for path in (folder / ".ansible").rglob("*") if path.is_file() and b"client-key-data" in path.read_bytes()]
    assert left == []
