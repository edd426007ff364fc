# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From any state of a role to any other: deployed over what was there equals deployed from nothing, and back again the start.

But for what the server counts and generates, and data, which stays. Acto does this to operators (SOSP 2023).
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o

from .workshop import Shop

UNIT = Path(__file__).parents[1] / "unit"
ROLES = sorted(path.stem for path in (UNIT / "roles/variants").glob("*.yml"))
#: Seeds of `make test` beside a fresh one, and of `make test-all`.
FEW, MANY = 1, 15
#: What the cluster lacks, or the state asks for what is not there: this state is none here.
UNSUITABLE = re.compile(r"does not serve|Namespace \S+ does not exist|which release \S+ needs|needs? .* or newer|The cluster runs")
#: What cannot be changed, and is refused by its name.
IMMUTABLE = re.compile(r"immutable|cannot be changed|may not change|Forbidden: updates to|field is immutable", re.IGNORECASE)
SERVERS_OWN = re.compile(r"deployment\.kubernetes\.io/|deprecated\.|pv\.kubernetes\.io/|volume\.")
HASH = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9a-f]*[a-f])[0-9a-f]{10,64}\b")


def states(role, namespace, seed, count):
    """So many states of a role by chance."""
    run = subprocess.run([sys.executable, "-m", "roles.states", role, namespace, seed, str(count)], cwd=UNIT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def seeds():
    fresh = int(os.environ.get("SLIPWAY_SEED") or random.randrange(10**6))
    full = [pytest.param(seed, marks=pytest.mark.full) for seed in range(FEW, MANY)]
    return [*range(FEW), fresh, *full]


class Role(Shop):
    """A release that a role would make."""

    def deploy(self, state):
        """Deploy a state; what was said where that was refused."""
        result = self.run(*state["documents"], wait=False, ok=None)
        if result.get("failed"):
            return result["msg"]
        again = self.run(*state["documents"], wait=False)
        assert not again["changed"], [each for each in again["objects"] if each["action"] not in ("unchanged", "keep")]
        return None

    def run(self, *documents, ok=True, **options):
        if ok is not None:
            return super().run(*documents, ok=ok, **options)
        try:
            return super().run(*documents, **options)
        except AssertionError as error:
            return {"failed": True, "msg": str(error)}

    def remove(self):
        self.run(state="absent", delete_data=True, wait_timeout=60)

    def live(self, state):
        """{identity: object} of what is there, without what the server counts and generates."""
        found = {}
        for seen in self.api.find(o.release_selector("shop", self.namespace)):
            if o.is_controlled(seen) or seen["kind"] in ("Pod", "EndpointSlice", "Endpoints", "ControllerRevision"):
                continue
            resource = self.api.resource(seen["apiVersion"], seen["kind"])
            obj = self.api.lookup(resource.path(seen["metadata"].get("namespace") or "", seen["metadata"]["name"]))
            if obj:
                obj.update(apiVersion=seen["apiVersion"], kind=seen["kind"])
                found[o.identity(obj)] = plain(obj)
        wanted = {(doc["kind"], doc["metadata"]["name"]): doc for doc in state["documents"]}
        scaled = {(doc["spec"]["scaleTargetRef"]["kind"], doc["spec"]["scaleTargetRef"]["name"]) for doc in wanted.values() if doc["kind"] == o.AUTOSCALER}
        for obj in found.values():
            known = obj["kind"], obj["metadata"]["name"]
            if known in scaled:
                # The autoscaler's.
                obj["spec"].pop("replicas", None)
            if obj["kind"] == "Service":
                given = {port.get("nodePort") for port in wanted.get(known, {}).get("spec", {}).get("ports", [])}
                for port in obj["spec"].get("ports", []):
                    if port.get("nodePort") not in given:
                        port.pop("nodePort", None)
        return found


def plain(obj):
    obj.pop("status", None)
    meta = obj["metadata"]
    owners = {entry["manager"] for entry in meta.pop("managedFields", []) if not entry.get("subresource")}
    assert {owner for owner in owners if not owner.startswith("kube-")} <= {"slipway.kubernetes"}, (o.title(obj), owners)
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation", "ownerReferences", "finalizers"):
        meta.pop(field, None)
    meta["labels"] = {key: value for key, value in (meta.get("labels") or {}).items() if key != o.RELEASE_ID}
    meta["annotations"] = {key: value for key, value in (meta.get("annotations") or {}).items() if not SERVERS_OWN.match(key)}
    spec = obj.get("spec") or {}
    for field in ("clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName") if obj["kind"] in ("Service", "PersistentVolumeClaim") else ():
        spec.pop(field, None)
    if obj["kind"] == "Job":
        spec.pop("selector", None)
        spec["template"]["metadata"].pop("labels", None)
    if obj["kind"] == "ServiceAccount":
        obj.pop("secrets", None)
    if o.is_true(o.annotation(obj, o.GENERATED)) or obj.get("type") == "kubernetes.io/service-account-token":
        obj["data"] = sorted(obj.get("data") or {})
    # Of what is generated, the digests are others each time.
    return json.loads(HASH.sub("DIGEST", json.dumps(obj)))


def difference(over, fresh):
    """Sentences about what is not the same; data that is no longer wanted stays."""
    found = []
    for identity in sorted({*over, *fresh}, key=str):
        left, right = over.get(identity), fresh.get(identity)
        if right is None:
            if not o.is_data(left):
                found.append(f"{o.title(left)} is left over")
        elif left is None:
            found.append(f"{o.title(right)} is missing")
        elif o.is_true(o.annotation(right, o.GENERATED)):
            if not set(left["data"]) >= set(right["data"]):
                found.append(f"{o.title(right)} lacks keys")
        elif left != right:
            found += [f"{o.title(right)}{line}" for line in lines(left, right)]
    return found


def lines(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        return [line for key in sorted({*left, *right}) for line in lines(left.get(key), right.get(key), f"{path}.{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [line for index, pair in enumerate(zip(left, right)) for line in lines(*pair, f"{path}[{index}]")]
    return [] if left == right else [f"{path}: {left!r} where it should be {right!r}"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("seed", seeds())
def test_from_one_state_to_another_and_back(connect, namespace, role, seed):
    shop = Role(connect, namespace)
    found = []
    try:
        for state in states(role, namespace, f"{role} {seed}", 10):
            said = shop.deploy(state)
            if said is None:
                found.append((state, shop.live(state)))
                shop.remove()
            else:
                assert UNSUITABLE.search(said), f"{said}: {state['variables']}"
            if len(found) == 2:
                break
        if len(found) < 2:
            pytest.skip(f"seed {seed}: of ten states of role {role}, this cluster serves the kinds of {len(found)}")
        (first, alone), (second, fresh) = found
        told = f"seed {seed}: {json.dumps(first['variables'])} -> {json.dumps(second['variables'])}"
        assert shop.deploy(first) is None
        assert difference(shop.live(first), alone) == [], told
        said = shop.deploy(second)
        if said is not None:
            # Then nothing was changed.
            assert IMMUTABLE.search(said), f"{said}: {told}"
            assert difference(shop.live(first), alone) == [], told
            return
        assert difference(shop.live(second), fresh) == [], told
        said = shop.deploy(first)
        if said is not None:
            assert IMMUTABLE.search(said), f"{said}: {told}"
            return
        assert difference(shop.live(first), alone) == [], told
    finally:
        Role(connect, namespace).remove()
