# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release is made of: its labels, its order, its data.  Pure functions over plain objects.

PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import difflib

MANAGER = "slipway.kubernetes"
MANAGED_BY = "app.kubernetes.io/managed-by"
RELEASE = "slipway.kubernetes/release"
RELEASE_NAMESPACE = "slipway.kubernetes/release-namespace"

# Annotations that templates set.  The first two stay on the object, because removing a release
# has to know them when no template is at hand.
DATA = "slipway.kubernetes/data"
GENERATED = "slipway.kubernetes/generated"
PHASE = "slipway.kubernetes/phase"
RECREATE = "slipway.kubernetes/recreate"
# On a Service: where below its root users start, and that it is not for users at all.
PATH = "slipway.kubernetes/path"
INTERNAL = "slipway.kubernetes/internal"

# Deleting one of these loses what users stored, or what other objects of the cluster depend on.
DATA_KINDS = frozenset(("PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"))

WORKLOADS = frozenset(("Deployment", "StatefulSet", "DaemonSet"))
# What a release waits for. A CronJob is never done.
AWAITED = WORKLOADS | {"Job", "ReplicationController"}

# The order in which objects are applied.  What others refer to comes first; what can hold up other
# writes (webhooks, admission policies) comes after the workloads that answer them.  A kind that is
# not listed is a custom resource.
APPLY_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "VolumeAttributesClass",
    "CSIDriver",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "NetworkPolicy",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "EndpointSlice",
    "Pod",
    "ReplicationController",
    "DaemonSet",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "",
    "APIService",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
_RANK = {kind: rank for rank, kind in enumerate(APPLY_ORDER)}

CLUSTER_SCOPED = frozenset(
    (
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    )
)

# While these exist, deleting what answers them makes other requests to the API fail.
_GUARDS = frozenset(("APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"))

# Filled in by the server, so neither part of what a template asks for nor of interest in a diff.
_SERVER_FIELDS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")


def plain(value):
    """A copy in Python's own types.  A deep copy of what Jinja hands to a filter copies the whole templating engine."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def group_of(api_version):
    return api_version.rpartition("/")[0]


def is_builtin(api_version):
    """Is this one of Kubernetes' own API groups, rather than that of a custom resource?"""
    group = group_of(api_version)
    return "." not in group or group.endswith(".k8s.io") and not group.endswith(
        (".x-k8s.io", "externaldns.k8s.io", "gateway.networking.k8s.io", "settings.k8s.io", "snapshot.storage.k8s.io")
    )


def identity(obj):
    """What makes an object the same one whatever version of its API names it."""
    meta = obj.get("metadata") or {}
    return (group_of(obj["apiVersion"]), obj["kind"], meta.get("namespace") or "", meta.get("name") or "")


def title(obj):
    meta = obj.get("metadata") or {}
    return "%s %s" % (obj["kind"], "/".join(filter(None, (meta.get("namespace"), meta.get("name")))))


def reference(obj):
    """The fields by which an object is named, for programs and (title) for people."""
    meta = obj.get("metadata") or {}
    return {
        "api_version": obj["apiVersion"],
        "kind": obj["kind"],
        "namespace": meta.get("namespace") or "",
        "name": meta.get("name") or "",
        "title": title(obj),
    }


def annotation(obj, key):
    return ((obj.get("metadata") or {}).get("annotations") or {}).get(key)


def label(obj, key):
    return ((obj.get("metadata") or {}).get("labels") or {}).get(key)


def is_true(value):
    return str(value).lower() in ("true", "yes", "1")


def is_generated(obj):
    return obj["kind"] == "Secret" and is_true(annotation(obj, GENERATED))


def is_data(obj):
    return obj["kind"] in DATA_KINDS or is_true(annotation(obj, DATA)) or is_generated(obj)


def is_controlled(obj):
    """Does another object own this one, so that it comes and goes with its owner?"""
    # The legacy Endpoints carry their Service's labels, but no owner reference.
    return bool((obj.get("metadata") or {}).get("ownerReferences")) or obj["kind"] == "Endpoints"


def rank(obj):
    kind = obj["kind"] if is_builtin(obj["apiVersion"]) else ""
    return _RANK.get(kind, _RANK[""])


def delete_rank(obj):
    """Guards first, then custom resources while their controller still lives, then backwards."""
    if obj["kind"] in _GUARDS:
        return -2
    return -1 if not is_builtin(obj["apiVersion"]) else len(APPLY_ORDER) - rank(obj)


def release_labels(name, namespace):
    return {MANAGED_BY: MANAGER, RELEASE: name, RELEASE_NAMESPACE: namespace}


def release_selector(name, namespace):
    return ",".join("%s=%s" % item for item in release_labels(name, namespace).items())


def belongs_to(obj, name, namespace):
    return all(label(obj, key) == value for key, value in release_labels(name, namespace).items())


def namespace_object(namespace, pod_security):
    """The release's namespace.  No release owns it: others may come to live there."""
    labels = {MANAGED_BY: MANAGER}
    if pod_security:
        labels.update(("pod-security.kubernetes.io/" + mode, pod_security) for mode in ("enforce", "audit", "warn"))
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}


def prepare(documents, name, namespace, create_namespace=False, pod_security=""):
    """Rendered documents as the objects to apply: namespaced, labelled, in order."""
    objects = [plain(doc) for doc in documents if doc]
    for obj in objects:
        missing = [key for key in ("apiVersion", "kind", "metadata") if not obj.get(key)]
        if missing or not obj["metadata"].get("name"):
            raise ValueError(
                "a rendered document is no Kubernetes object, it lacks %s: %.200r"
                % (" and ".join(missing) or "metadata.name", obj)
            )

    scopes = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"]): obj["spec"]["scope"]
        for obj in objects
        if obj["kind"] == "CustomResourceDefinition"
    }
    labels = release_labels(name, namespace)
    for obj in objects:
        scope = scopes.get((group_of(obj["apiVersion"]), obj["kind"]))
        if scope is None and is_builtin(obj["apiVersion"]):
            scope = "Cluster" if obj["kind"] in CLUSTER_SCOPED else "Namespaced"
        # The scope of a custom resource that another release defines is not known here: there the
        # template's own word counts.
        if scope == "Namespaced" and namespace:
            obj["metadata"].setdefault("namespace", namespace)
        obj["metadata"]["labels"] = dict(obj["metadata"].get("labels") or {}, **labels)
        if obj["kind"] == "StatefulSet":
            # The claims made from these templates have to be found when the set is gone.
            for claim in obj["spec"].get("volumeClaimTemplates") or []:
                meta = claim.setdefault("metadata", {})
                meta["labels"] = dict(meta.get("labels") or {}, **labels)
        if obj["kind"] == "Secret" and obj.get("stringData"):
            # Server-side apply does not take keys back that were once sent as stringData.
            data = dict(obj.get("data") or {})
            data.update((k, base64.b64encode(str(v).encode()).decode()) for k, v in obj.pop("stringData").items())
            obj["data"] = data

    seen = set()
    for obj in objects:
        if identity(obj) in seen:
            raise ValueError("%s is rendered twice" % title(obj))
        seen.add(identity(obj))

    if create_namespace and namespace and ("", "Namespace", "", namespace) not in seen:
        objects.append(namespace_object(namespace, pod_security))
    return sorted(objects, key=rank)


def batch_of(obj):
    """Which of the pipeline's apply tasks an object belongs to."""
    if obj["kind"] == "CustomResourceDefinition":
        return "definitions"
    if annotation(obj, PHASE) == "last":
        return "last"
    return "secrets" if obj["kind"] == "Secret" else "main"


def select(objects, plan, batch):
    """The objects of one apply task, as that task has to send them."""
    planned = {
        (group_of(item["api_version"]), item["kind"], item["namespace"], item["name"]): item
        for item in plan
        if item["batch"] == batch and item["action"] in ("create", "update")
    }
    chosen = []
    for obj in objects:
        item = planned.get(identity(obj))
        if item is None:
            continue
        obj = plain(obj)
        annotations = obj["metadata"].get("annotations") or {}
        for instruction in (PHASE, RECREATE):
            annotations.pop(instruction, None)
        if "keys" in item:
            obj["data"] = {key: obj["data"][key] for key in item["keys"]}
        if obj["kind"] == "Namespace" and not item.get("owned", True):
            obj["metadata"]["labels"].pop(MANAGED_BY)
        chosen.append(obj)
    return chosen


def removals(plan, batch=None):
    """References to the objects that the plan deletes, in the form that kubernetes.core.k8s takes."""
    return [
        {
            "apiVersion": item["api_version"],
            "kind": item["kind"],
            "metadata": {key: item[key] for key in ("namespace", "name") if item[key]},
        }
        for item in plan
        if (
            item.get("recreate", False)
            if batch == "recreate"
            else item["action"] == "delete" and batch in (None, item["batch"])
        )
    ]


def rolls(before, after):
    """Does the change start a rollout?  A new number of replicas, for one, does not."""
    return after["kind"] in WORKLOADS and before["spec"]["template"] != after["spec"]["template"]


def workloads(plan, last=False):
    """What to wait for: each kind of workload in each namespace, and whether the plan starts a rollout there.

    Those that are applied last are waited for on their own, once they are there.
    """
    found = {}
    for item in plan:
        if item["kind"] in AWAITED and item["action"] != "delete" and (item["batch"] == "last") == last:
            key = (item["api_version"], item["kind"], item["namespace"])
            found[key] = found.get(key, False) or item.get("rolls", False)
    return [
        {"api_version": api_version, "kind": kind, "namespace": namespace, "rolls": rolls}
        for (api_version, kind, namespace), rolls in found.items()
    ]


def access(objects, node_address=""):
    """How to reach each Service, Ingress and HTTPRoute from outside: a URL, or the command that opens one."""
    found = []
    for obj in objects:
        if obj["kind"] == "Ingress":
            found += _ingress_urls(obj["spec"])
        elif obj["kind"] == "HTTPRoute":
            found += _route_urls(obj["spec"])
        elif obj["kind"] == "Service" and not is_true(annotation(obj, INTERNAL)):
            found += _service_access(obj, node_address)
    return list(dict.fromkeys(found))


def _ingress_urls(spec):
    secure = {host for entry in spec.get("tls") or [] for host in entry.get("hosts") or []}
    return [
        "%s://%s%s" % ("https" if rule["host"] in secure else "http", rule["host"], path.get("path") or "/")
        for rule in spec.get("rules") or []
        if rule.get("host")
        for path in (rule.get("http") or {}).get("paths") or [{}]
    ]


def _route_urls(spec):
    """The listener that ends TLS is the Gateway's, so all that tells it here is its usual name and port."""
    secure = any(
        ref.get("port") == 443 or (ref.get("sectionName") or "").startswith(("https", "websecure"))
        for ref in spec.get("parentRefs") or []
    )
    matches = [match for rule in spec.get("rules") or [] for match in rule.get("matches") or [{}]] or [{}]
    return [
        "%s://%s%s" % ("https" if secure else "http", host, (match.get("path") or {}).get("value") or "/")
        for host in spec.get("hostnames") or []
        for match in matches
    ]


def _service_access(obj, node_address):
    spec, name = obj.get("spec") or {}, obj["metadata"]["name"]
    if spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName":
        return []
    namespace, path = obj["metadata"].get("namespace") or "default", annotation(obj, PATH) or "/"
    found = []
    for port in spec.get("ports") or []:
        scheme = "https" if port["port"] in (443, 8443) or port.get("appProtocol") == "https" else "http"
        balancers = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        if balancers:
            host = balancers[0].get("hostname") or balancers[0].get("ip")
            found.append("%s://%s:%s%s" % (scheme, host, port["port"], path))
        elif spec.get("type") == "NodePort" and port.get("nodePort"):
            found.append("%s://%s:%s%s" % (scheme, node_address or "<any node>", port["nodePort"], path))
        elif spec.get("type") in ("NodePort", "LoadBalancer"):
            found.append("kubectl get service %s --namespace %s" % (name, namespace))
        else:
            found.append(
                "kubectl port-forward service/%s 8080:%s --namespace %s   # then %s://localhost:8080%s"
                % (name, port["port"], namespace, scheme, path)
            )
    return found


def clean(obj):
    """An object without what the server adds: two are alike when this is equal."""
    if obj is None:
        return None
    obj = {key: value for key, value in obj.items() if key != "status"}
    obj["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_FIELDS}
    return obj


def hide_secret(obj, other=None, marker="<hidden>"):
    """A Secret for human eyes: which keys, not which values; a value unlike the other's is marked."""
    if obj is None or obj["kind"] != "Secret":
        return obj
    before = (other or {}).get("data") or {}
    data = {k: "<hidden>" if before.get(k, v) == v else marker for k, v in (obj.get("data") or {}).items()}
    return dict(obj, data=data)


def node_ports(obj):
    """(port, protocol) of every fixed node port of a Service."""
    if obj["kind"] != "Service":
        return []
    ports = (obj.get("spec") or {}).get("ports") or []
    return [(port["nodePort"], port.get("protocol") or "TCP") for port in ports if port.get("nodePort")]


def misspelt(names, known):
    """Sentences about names that are not known, but nearly spell one that is."""
    known = sorted(known)
    found = []
    for name in sorted(set(names) - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if near:
            found.append("%s is not a variable of this role; did you mean %s?" % (name, near[0]))
    return found
