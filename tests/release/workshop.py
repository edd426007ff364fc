# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects for releases, and a release in a namespace of its own."""

from __future__ import annotations

import json
import os
import time

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.release import ENGINE


def config_map(name, annotations=None, **data):
    meta = {"name": name, **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def deployment(name, image="app:1", replicas=1):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image}], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def claim(name):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


class Shop:
    """A release in a namespace of its own."""

    def __init__(self, connect, namespace):
        self.api, self.namespace = connect(), namespace

    def run(self, *documents, check=False, ok=True, diff=False, **options):
        params = {name: option.get("default") for name, option in ENGINE.options.items()}
        params |= {"name": "shop", "namespace": self.namespace, "pod_security": "", "kubeconfig": os.environ["KUBECONFIG"], **options}
        result = ENGINE.call({**params, "definitions": json.dumps(documents)}, check, diff)
        assert bool(result.get("failed")) is not ok, result.get("msg") or result
        return result

    def path(self, kind, name=""):
        resource = next(each for each in self.api.resources() if each.kind == kind)
        return resource.path(self.namespace, name)

    def get(self, kind, name):
        return self.api.lookup(self.path(kind, name))

    def names(self, kind="ConfigMap"):
        return {item["metadata"]["name"] for item in self.api.metadata(self.path(kind))} - {"kube-root-ca.crt"}

    def make(self, obj):
        return self.api.post(self.path(obj["kind"]), obj)

    def patch(self, kind, name, *operations):
        return self.api.patch(self.path(kind, name), list(operations))

    def delete(self, kind, name):
        self.api.delete(self.path(kind, name), self.get(kind, name)["metadata"]["uid"])


def patch_as(shop, manager, kind, name, body):
    """As a task of this collection, or kubectl, writes: a merge patch."""
    query = [("fieldManager", manager)]
    shop.api._send("patch", shop.path(kind, name), query, body, "application/merge-patch+json")


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)
