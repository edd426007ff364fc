# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod_preset_status module's work, apart from the door it was called through.

PRIVATE to the collection.
"""

from __future__ import annotations

from urllib.parse import quote

from ._api.client import CORE, Api, ApiError, Deadline, object_path
from ._api.engine import Engine, silent
from ._api.errors import TaskError

SETTINGS = "/apis/settings.k8s.io/v1alpha1"

EXCLUDE = "podpreset.admission.kubernetes.io/exclude"
INJECTED = "podpreset.admission.kubernetes.io/podpreset-"
CONFLICT = "podpreset.slipway.kubernetes/conflict-"
MIRROR = "kubernetes.io/config.mirror"

#: seconds after which a verdict is not that on a former version of the preset any more
SETTLED = 3
#: seconds between two rounds
PAUSE = 0.3
#: seconds for the whole call when it does not wait
TIMEOUT = 30

OPTIONS = {
    "namespace": {"type": "str"},
    "name": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 30},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Try presets on canaries until all are injected, or it is clear that they are not."""
    if params["wait_timeout"] < 0:
        raise TaskError(f"wait_timeout must not be negative, got: {params['wait_timeout']}.")
    api = Api(params["auth"], Deadline(params["wait_timeout"] or TIMEOUT), progress=progress)
    deadline, settling = Deadline(params["wait_timeout"]), Deadline(SETTLED)
    while True:
        tried = [(preset, *try_out(api, preset)) for preset in presets(api, params)]
        outcomes = {outcome for _preset, outcome, _message in tried}
        if outcomes <= {"injected", "untried"} or deadline.expired or ("pending" not in outcomes and settling.expired):
            break
        deadline.sleep(PAUSE)
    pods = {namespace: pods_of(api, namespace) for namespace in sorted({preset["metadata"]["namespace"] for preset, *_rest in tried})}
    return result(tried, pods)


def result(tried, pods):
    """The module's result, from what was tried and the pods of each namespace."""
    found = [
        {
            "namespace": preset["metadata"]["namespace"],
            "name": preset["metadata"]["name"],
            "outcome": "ignored" if outcome == "pending" else outcome,
            "message": message,
            "pods": carriers(preset, pods[preset["metadata"]["namespace"]]),
        }
        for preset, outcome, message in tried
    ]
    bad = [entry["message"] for entry in found if entry["outcome"] not in ("injected", "untried")]
    if bad:
        raise TaskError(" ".join(bad), {"presets": found})
    return {"changed": False, "presets": found, "warnings": [entry["message"] for entry in found if entry["outcome"] == "untried"]}


# -- requests ------------------------------------------------------------------------------------


def presets(api, params):
    """The presets to try, in order."""
    namespace, name = params["namespace"], params["name"]
    if name and not namespace:
        raise TaskError("name needs namespace, because every namespace may have a PodPreset of that name.")
    path = object_path(SETTINGS, namespace, "podpresets") if namespace else f"{SETTINGS}/podpresets"
    query = [("labelSelector", ",".join(params["label_selectors"]))] if params["label_selectors"] else []
    if name:
        query.append(("fieldSelector", f"metadata.name={name}"))
    try:
        items, _version = api.list(path, query)
    except ApiError as error:
        if error.code != 404:
            raise
        raise TaskError(
            "The cluster serves no PodPreset of settings.k8s.io/v1alpha1; deploy the role slipway.kubernetes.pod_presets first."
        ) from None
    if name and not items:
        raise TaskError(f"Namespace {namespace} has no PodPreset {name}.")
    return sorted(items, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))


def pods_of(api, namespace):
    return api.list(object_path(CORE, namespace, "pods"))[0]


def try_out(api, preset):
    """The outcome and a sentence: what the API server makes of a pod that the preset selects."""
    pod = canary(preset)
    if not matches(preset, pod["metadata"]["labels"]):
        return "untried", f"{title(preset)} was not tried, because no labels satisfy its selector."
    path = f"{CORE}/namespaces/{quote(preset['metadata']['namespace'], safe='')}/pods"
    try:
        return verdict(preset, api.post(path, pod, [("dryRun", "All")]))
    except ApiError as error:
        return refusal(preset, error)


# -- plain objects -------------------------------------------------------------------------------


def title(preset):
    return f"PodPreset {preset['metadata']['namespace']}/{preset['metadata']['name']}"


def spec_of(preset, field):
    return (preset.get("spec") or {}).get(field) or []


def selector_of(preset):
    return (preset.get("spec") or {}).get("selector") or {}


def matches(preset, labels):
    """Does the preset's selector select a pod with these labels?"""
    selector = selector_of(preset)
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for term in selector.get("matchExpressions") or []:
        key, operator = term["key"], term["operator"]
        if operator in ("Exists", "DoesNotExist"):
            holds = (key in labels) == (operator == "Exists")
        else:
            holds = (key in labels and labels[key] in (term.get("values") or [])) == (operator == "In")
        if not holds:
            return False
    return True


def canary(preset):
    """A pod that the preset selects, and that every Pod Security level and most quotas let pass."""
    selector = selector_of(preset)
    labels = {}
    for term in selector.get("matchExpressions") or []:
        if term["operator"] == "In":
            labels.setdefault(term["key"], (term.get("values") or [""])[0])
        elif term["operator"] == "Exists":
            labels.setdefault(term["key"], "canary")
    labels.update(selector.get("matchLabels") or {})
    own = {volume["name"] for volume in spec_of(preset, "volumes")}
    # A preset may mount what the pods bring themselves.
    brought = sorted({mount["name"] for mount in spec_of(preset, "volumeMounts")} - own)
    amount = {"cpu": "1m", "memory": "4Mi"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "pod-preset-canary-", "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "canary",
                    "image": "canary",
                    "resources": {"requests": amount, "limits": amount},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
            "volumes": [{"name": name, "emptyDir": {}} for name in brought],
        },
    }


def verdict(preset, pod):
    """The outcome for the pod that the API server would have created."""
    name = preset["metadata"]["name"]
    annotations = pod["metadata"].get("annotations") or {}
    skipped = {key.removeprefix(CONFLICT): reason for key, reason in annotations.items() if key.startswith(CONFLICT)}
    if skipped:
        # The canary says nothing itself, so this is between presets. The API server takes them in any order.
        injected = sorted(key.removeprefix(INJECTED) for key in annotations if key.startswith(INJECTED))
        reasons = ", ".join(f"{other} for {reason}" for other, reason in sorted(skipped.items()))
        return "conflict", (
            f"The pods that {title(preset)} selects are selected by presets that contradict each other, so that it is left to chance "
            f"which are injected: now {', '.join(injected) or 'none'}, but not {reasons}; let them agree, or change the selector of one."
        )
    if annotations.get(INJECTED + name) == preset["metadata"]["resourceVersion"]:
        return "injected", f"{title(preset)} is injected."
    return "pending", (
        f"{title(preset)} is not injected, although a pod that it selects was tried; see that the MutatingAdmissionPolicy pod-presets "
        "and its binding are there, and cover this namespace."
    )


def refusal(preset, error):
    """The outcome when the API server does not take the pod at all."""
    text = str(error)
    if text.startswith("Permission is missing"):
        raise error
    if error.code == 422 or "violates PodSecurity" in text:
        return "refused", f"{title(preset)} makes the API server refuse the pods that it selects: {text}"
    untried = ("exceeded quota", "failed quota", "minimum ", "maximum ", "does not support dry run")
    if error.code in (400, 403) and any(words in text for words in untried):
        return "untried", f"{title(preset)} was not tried, because the API server refuses the canary: {text}"
    if error.code in (403, 404):
        return "pending", f"{title(preset)} could not be tried: {text}"
    raise error


def carriers(preset, pods):
    """The names of the pods that the preset selects, by what has become of it there."""
    name, version = preset["metadata"]["name"], preset["metadata"]["resourceVersion"]
    found = {"injected": [], "outdated": [], "conflicts": [], "without": []}
    for pod in pods:
        annotations = pod["metadata"].get("annotations") or {}
        if not matches(preset, pod["metadata"].get("labels") or {}):
            continue
        if annotations.get(EXCLUDE) == "true" or MIRROR in annotations:
            continue
        if INJECTED + name in annotations:
            kind = "injected" if annotations[INJECTED + name] == version else "outdated"
        else:
            kind = "conflicts" if CONFLICT + name in annotations else "without"
        found[kind].append(pod["metadata"]["name"])
    return {kind: sorted(names) for kind, names in found.items()}


ENGINE = Engine("pod_preset_status", OPTIONS, run)
