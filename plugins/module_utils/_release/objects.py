# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release is made of: its labels, its order, its data.  Pure functions over plain objects.

PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import difflib

from . import values
from .defaults import say_pull_policies

MANAGER = "slipway.kubernetes"
MANAGED_BY = "app.kubernetes.io/managed-by"
RELEASE = "slipway.kubernetes/release"
RELEASE_NAMESPACE = "slipway.kubernetes/release-namespace"
# On each object of a release, on its own metadata only: the release's id.
RELEASE_ID = "slipway.kubernetes/release-id"

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

AUTOSCALER = "HorizontalPodAutoscaler"
# What can have one.
SCALED = frozenset(("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"))

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

# Objects that appear in every namespace, or that controllers leave behind there.
_NAMESPACE_FURNITURE = frozenset((("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")))

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


def is_furniture(obj):
    return (obj["kind"], obj["metadata"]["name"]) in _NAMESPACE_FURNITURE or obj["kind"] == "Lease"


def is_guard(obj):
    return obj["kind"] in _GUARDS


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


#: Pod Security levels, the laxest first, and the label with which a namespace enforces one
LEVELS = ("", "privileged", "baseline", "restricted")
ENFORCE = "pod-security.kubernetes.io/enforce"


def is_shared(obj):
    """Is it the namespace that a release may make, and that is not its alone?"""
    return obj["kind"] == "Namespace" and label(obj, RELEASE) is None


def namespace_object(namespace, pod_security):
    """The release's namespace.  No release owns it: others may come to live there."""
    labels = {MANAGED_BY: MANAGER}
    if pod_security:
        labels.update(("pod-security.kubernetes.io/" + mode, pod_security) for mode in ("enforce", "audit", "warn"))
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}


def _rendered(document):
    """A rendered document as an object, every value of which the API server can be sent."""
    if not isinstance(document, dict):
        raise ValueError("a rendered document is no Kubernetes object, but a %s" % type(document).__name__)
    meta = document.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    missing = [key for key in ("apiVersion", "kind", "metadata") if not document.get(key)]
    if missing or name in (None, ""):
        raise ValueError(
            "a rendered document (%s) is no Kubernetes object, it lacks %s"
            % (" ".join(str(part) for part in (document.get("kind") or "of no kind", name) if part), " and ".join(missing) or "metadata.name")
        )
    try:
        for path, value in (("apiVersion", document["apiVersion"]), ("kind", document["kind"]), ("metadata.name", name)):
            if not isinstance(value, str):
                raise values.ValueProblem("%s is %s, which is no text; quote it" % (path, values.shown(value)))
        obj = values.plain(document)
        if obj["kind"] == "Secret":
            # As kubectl does: null is no value.
            texts = {key: value for key, value in (obj.get("stringData") or {}).items() if value is not None}
            for key, value in texts.items():
                if not isinstance(value, str):
                    raise values.ValueProblem(
                        "%s is %s, which is no text; quote it" % (values.below("stringData", key), values.shown(value))
                    )
            if "stringData" in obj:
                obj["stringData"] = texts
        return obj
    except values.ValueProblem as problem:
        shown = name if isinstance(name, str) else values.shown(name)
        raise ValueError("%s %s: %s" % (document["kind"], shown, problem)) from problem


def prepare(documents, name, namespace, create_namespace=False, pod_security=""):
    """Rendered documents as the objects to apply: namespaced, labelled, in order."""
    objects = [_rendered(doc) for doc in documents if doc]

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
        say_pull_policies(obj)
        if obj["kind"] == "StatefulSet":
            # The claims made from these templates have to be found when the set is gone.
            for claim in obj["spec"].get("volumeClaimTemplates") or []:
                meta = claim.setdefault("metadata", {})
                meta["labels"] = dict(meta.get("labels") or {}, **labels)
        if obj["kind"] == "Secret" and "stringData" in obj:
            # Server-side apply does not take keys back that were once sent as stringData.
            texts = obj.pop("stringData")
            if texts:
                obj["data"] = dict(obj.get("data") or {}, **{k: base64.b64encode(v.encode()).decode() for k, v in texts.items()})

    seen = set()
    for obj in objects:
        if identity(obj) in seen:
            raise ValueError("%s is rendered twice" % title(obj))
        seen.add(identity(obj))

    if create_namespace and namespace and ("", "Namespace", "", namespace) not in seen:
        objects.append(namespace_object(namespace, pod_security))
    return sorted(objects, key=rank)


def rolls(before, after):
    """Does the change start a rollout?  A new number of replicas, for one, does not."""
    return after["kind"] in WORKLOADS and before["spec"]["template"] != after["spec"]["template"]


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
        scheme, protocol = _scheme(port), port.get("protocol") or "TCP"
        balancers = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        if balancers:
            host = balancers[0].get("hostname") or balancers[0].get("ip")
            found.append(_address(scheme, protocol, host, port["port"], path))
        elif spec.get("type") == "NodePort" and port.get("nodePort"):
            found.append(_address(scheme, protocol, node_address or "<any node>", port["nodePort"], path))
        elif spec.get("type") in ("NodePort", "LoadBalancer"):
            found.append("kubectl get service %s --namespace %s" % (name, namespace))
        elif protocol == "TCP":
            # A port that is no web server's is asked for by its number, and ports below 1024 are root's.
            local = 8080 if scheme or port["port"] < 1024 else port["port"]
            found.append(
                "kubectl port-forward service/%s %s:%s --namespace %s   # then %s"
                % (name, local, port["port"], namespace, _address(scheme, protocol, "localhost", local, path))
            )
    return found


def _scheme(port):
    """By what name, protocol and number of a Service's port say, the scheme of its URLs; empty if it is no web server's."""
    said, name = port.get("appProtocol") or "", port.get("name") or ""
    if said == "https" or port["port"] in (443, 8443) or name.startswith("https") or name == "websecure":
        return "https"
    if (port.get("protocol") or "TCP") != "TCP" or said not in ("", "http", "kubernetes.io/h2c", "kubernetes.io/ws"):
        return ""
    return "http" if said or not name or name.startswith(("http", "web")) or port["port"] in (80, 8080) else ""


def _address(scheme, protocol, host, port, path):
    if scheme:
        return "%s://%s:%s%s" % (scheme, host, port, path)
    return "%s:%s%s" % (host, port, "" if protocol == "TCP" else " (%s)" % protocol)


def clean(obj):
    """An object without what the server adds: two are alike when this is equal."""
    if obj is None:
        return None
    obj = {key: value for key, value in obj.items() if key != "status"}
    obj["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_FIELDS}
    return obj


# What a controller counts, as part of its work.
_COUNTED = frozenset(("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"))


def settled(obj):
    """An object without what the server fills in and controllers count: when this is the same, nothing has happened to it."""
    obj = clean(obj)
    annotations = obj["metadata"].get("annotations")
    if annotations and _COUNTED & set(annotations):
        rest = {key: value for key, value in annotations.items() if key not in _COUNTED}
        meta = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
        obj["metadata"] = {**meta, **({"annotations": rest} if rest else {})}
    return obj


def scaled_by(autoscaler):
    """The workload that an autoscaler is for: group, kind, namespace and name."""
    ref = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    namespace = autoscaler["metadata"].get("namespace") or ""
    return (group_of(ref.get("apiVersion") or "apps/v1"), ref.get("kind"), namespace, ref.get("name"))


def delta(before, after, path=()):
    """What a change changes: paths, and the two values.  A list is one value."""
    if before == after:
        return {}
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {path: (before, after)}
    found = {}
    for key in {**before, **after}:
        if key not in _COUNTED:
            found.update(delta(before.get(key), after.get(key), (*path, key)))
    return found


def holds(live, wanted):
    """Has an object everything that is wanted of it?  What a server adds does not matter; what is empty it need not keep."""
    if wanted in ({}, [], None) and live in ({}, [], None):
        return True
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(holds(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(holds, live, wanted))
    return live == wanted


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
