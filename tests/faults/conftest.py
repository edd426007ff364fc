# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import kubernetes
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.door import ENGINES

from .proxy import Proxy


@pytest.fixture(scope="session")
def kubeconfig():
    path = os.environ.get("KUBECONFIG") or ""
    assert os.path.isfile(path), "these tests need KUBECONFIG to name the kubeconfig of a running cluster"
    return path


@pytest.fixture(scope="session")
def api(kubeconfig):
    """The way around the proxy, to see what really happened."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(kubeconfig, client_configuration=configuration)
    return kubernetes.client.ApiClient(configuration)


@pytest.fixture(autouse=True)
def no_credentials_from_the_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("K8S_AUTH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def proxy(kubeconfig):
    with Proxy(kubeconfig) as running:
        yield running


class Shop:
    """A namespace with workloads, and the modules called through the proxy."""

    def __init__(self, api, proxy, namespace):
        self.apps, self.core = kubernetes.client.AppsV1Api(api), kubernetes.client.CoreV1Api(api)
        self.proxy, self.namespace = proxy, namespace

    def deploy(self, name="web", kind="Deployment", replicas=0, labels=None):
        """Most tests are about requests, and do without pods."""
        labels = {"app": name, **(labels or {})}
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "app:1"}]}},
            },
        }
        if kind == "StatefulSet":
            body["spec"]["serviceName"] = name
        self._call("create", kind)(self.namespace, body)
        self.run(kind=kind, name=name)
        self.proxy.seen.clear()

    def get(self, name="web", kind="Deployment"):
        return self._call("read", kind)(name, self.namespace)

    def image(self, name="web", kind="Deployment"):
        return self.get(name, kind).spec.template.spec.containers[0].image

    def patch(self, body, name="web", kind="Deployment"):
        return self._call("patch", kind)(name, self.namespace, body)

    def delete(self, name="web", kind="Deployment"):
        return self._call("delete", kind)(name, self.namespace)

    def _call(self, verb, kind):
        return getattr(self.apps, f"{verb}_namespaced_{'deployment' if kind == 'Deployment' else 'stateful_set'}")

    def call(self, module="rollout", check_mode=False, progress=lambda line: None, **options):
        """One call of a module; options not given have the module's defaults."""
        spec = ENGINES[module].spec()
        options = {"host": self.proxy.url, "api_key": "unused", "namespace": self.namespace, **options}
        if "label_selectors" not in options:
            options.setdefault("name", "web")
        rules = {key: value for key, value in spec.items() if key != "argument_spec"}
        validated = ArgumentSpecValidator(spec["argument_spec"], **rules).validate(options)
        assert not validated.error_messages
        return ENGINES[module].call(validated.validated_parameters, check_mode, False, progress)

    def run(self, *args, **options):
        """A call that has to succeed."""
        result = self.call(*args, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def fail(self, *args, **options):
        """A call that has to fail."""
        result = self.call(*args, **options)
        assert result.get("failed"), result
        return result


@pytest.fixture
def shop(api, proxy):
    core = kubernetes.client.CoreV1Api(api)
    namespace = core.create_namespace({"metadata": {"generateName": "faults-"}}).metadata.name
    yield Shop(api, proxy, namespace)
    core.delete_namespace(namespace)
