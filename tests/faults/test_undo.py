# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken back while others are at work, and which pod of a StatefulSet goes."""

from __future__ import annotations

import threading
import time

import kubernetes
import pytest

BROKEN = "app:invalid-image-name"
DB = {"kind": "StatefulSet", "name": "db"}


def once(condition, action):
    """A progress callback that does something the first time that a condition holds."""
    left = [action]

    def progress(line):
        if left and condition():
            left.pop()()

    return progress


@pytest.fixture
def members(shop):
    """The pods of a StatefulSet of so many, whose last one is broken by an update."""

    def make(replicas, image=BROKEN):
        shop.deploy("db", "StatefulSet", replicas)
        shop.run(images={"web": image}, wait=False, **DB)
        until(lambda: is_broken(shop, f"db-{replicas - 1}"))
        shop.proxy.seen.clear()
        return uids(shop)

    return make


def until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def uids(shop):
    return {pod.metadata.name: pod.metadata.uid for pod in shop.core.list_namespaced_pod(shop.namespace, label_selector="app=db").items}


def replaced(shop, before):
    return {name for name, uid in uids(shop).items() if before[name] != uid}


def annotate(shop, pod, value):
    shop.core.patch_namespaced_pod(pod, shop.namespace, {"metadata": {"annotations": {"fail.slipway.kubernetes/web": value}}})


def status(shop, pod):
    try:
        return shop.core.read_namespaced_pod(pod, shop.namespace).status
    except kubernetes.client.ApiException:
        return None


def is_ready(shop, pod):
    found = status(shop, pod)
    return bool(found) and any(c.type == "Ready" and c.status == "True" for c in found.conditions or [])


def is_broken(shop, pod):
    found = status(shop, pod)
    reasons = [c.state.waiting.reason for c in (found.container_statuses or []) if c.state.waiting] if found else []
    return any(reason in ("InvalidImageName", "CrashLoopBackOff") for reason in reasons)


def budget(shop, **spec):
    body = {"metadata": {"name": "db"}, "spec": {"selector": {"matchLabels": {"app": "db"}}, **spec}}
    kubernetes.client.PolicyV1Api(shop.core.api_client).create_namespaced_pod_disruption_budget(shop.namespace, body)


# ------------------------------------------------------------------- on_failure --
def test_scaling_by_somebody_is_not_in_the_way_of_an_undo(shop):
    shop.deploy(replicas=1)
    scale = once(lambda: shop.image() == BROKEN, lambda: shop.patch({"spec": {"replicas": 2}}))
    result = shop.fail(images={"web": BROKEN}, on_failure="undo", progress=scale)
    assert result["msg"].endswith("undone: the template from before is rolled out again.")
    assert shop.image() == "app:1" and shop.get().spec.replicas == 2


def test_what_somebody_has_made_anew_is_not_undone(shop):
    shop.deploy(replicas=1)

    def make_anew():
        shop.delete()
        while True:
            try:
                shop.get()
            except kubernetes.client.ApiException:
                break
            time.sleep(0.05)
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "app:8"}]}}
        body = {"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}
        shop.apps.create_namespaced_deployment(shop.namespace, body)
        template["spec"]["containers"][0]["image"] = "app:9"
        shop.patch({"spec": {"template": template}})

    progress = once(lambda: shop.image() == BROKEN, make_anew)
    result = shop.fail(images={"web": BROKEN}, on_failure="undo", progress=progress, fail_fast=False)
    assert "it has been deleted" in result["msg"]
    assert "not undone, because the one that is there now was made by somebody else since" in result["msg"]
    assert shop.image() == "app:9" and shop.get().metadata.generation == 2


def test_what_the_task_has_not_changed_is_not_undone(shop):
    shop.deploy(replicas=1)
    shop.run(images={"web": BROKEN}, wait=False)
    result = shop.fail(on_failure="undo")
    assert result["msg"].endswith("not undone, because this task has not changed it.") and not result["changed"]
    assert shop.image() == BROKEN


# ------------------------------------------------------------ the stuck StatefulSet --
def test_a_new_image_frees_a_stateful_set(shop, proxy, members):
    before = members(2)
    result = shop.run(images={"web": "app:3"}, **DB)
    assert result["rollouts"][0]["replaced_pods"] == ["db-1"] and result["rollouts"][0]["phase"] == "complete"
    assert proxy.count("POST pods/eviction") == 1 and proxy.count("DELETE pods") == 0
    assert replaced(shop, before) == {"db-0", "db-1"}


@pytest.mark.parametrize("spec", [{"minAvailable": 1}, pytest.param({"maxUnavailable": 0}, marks=pytest.mark.full)])
def test_a_budget_that_never_allows_it_is_not_asked_for_ever(shop, proxy, members, spec):
    # a pod that has not started may always be evicted, one that runs may not
    before = members(1, "app:crash-loop")
    budget(shop, **spec)
    shop.run("rollout_undo", **DB)
    # again, if the pod had changed since it was looked at
    assert proxy.count("POST pods/eviction") == proxy.count("DELETE pods") >= 1
    assert replaced(shop, before) == {"db-0"} and shop.image("db", "StatefulSet") == "app:1"


def test_a_member_that_is_unready_for_a_moment_stays(shop, members):
    before = members(3)
    budget(shop, maxUnavailable=1)
    annotate(shop, "db-0", "never-ready")
    until(lambda: not is_ready(shop, "db-0"))
    recovery = threading.Timer(3, annotate, (shop, "db-0", None))
    recovery.start()
    shop.run("rollout_undo", **DB)
    recovery.join()
    assert replaced(shop, before) == {"db-2"}


def test_without_the_rights_the_message_says_what_to_run(shop, members):
    before = members(1)
    rules = [
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    ]
    rbac = kubernetes.client.RbacAuthorizationV1Api(shop.core.api_client)
    rbac.create_namespaced_role(shop.namespace, {"metadata": {"name": "hand"}, "rules": rules})
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "User", "name": "hand", "apiGroup": group}]
    role = {"apiGroup": group, "kind": "Role", "name": "hand"}
    rbac.create_namespaced_role_binding(shop.namespace, {"metadata": {"name": "hand"}, "roleRef": role, "subjects": subjects})
    # the API server takes a moment to learn of a new role
    until(lambda: not shop.call("rollout_info", impersonate_user="hand", **DB).get("failed"))
    result = shop.fail(images={"web": "app:3"}, wait_timeout=5, impersonate_user="hand", **DB)
    assert 'cannot delete resource "pods"' in result["msg"]
    assert f"kubectl delete pod db-0 --namespace {shop.namespace} replaces it" in result["msg"]
    assert replaced(shop, before) == set()
