# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random sequences of what is done to a release and beside it, compared after each step with a model of what must be there.

Two releases share the namespace, and somebody else has objects there.  The model knows, for each name, whose the object is and which
keys it must have; whatever is not a release's own must be untouched, to the uid and the value.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o

from .workshop import Shop, config_map, patch_as

FULL = os.environ.get("SLIPWAY_TESTS") == "all"
FIXED, FRESH = (100, 100) if FULL else (15, 5)
STEPS = 14
NAMES = [f"c{number}" for number in range(7)]
RELEASES = ("shop", "store")


def seeds():
    pick = random.Random(int(os.environ["SLIPWAY_SEED"]))
    return [*range(FIXED), *(pick.randrange(1000, 10**6) for _number in range(FRESH))]


class Model:
    """What must be in the namespace: by name, the owner, what its owner says, and what others have added."""

    def __init__(self):
        self.objects = {}

    def owned(self, release):
        return {name for name, entry in self.objects.items() if entry["owner"] == release}

    def deploy(self, release, wanted, adopt):
        """None if it must be refused; else what must be there afterwards is noted."""
        foreign = {name for name in wanted if name in self.objects and self.objects[name]["owner"] != release}
        if foreign and not adopt:
            return None
        # Values of others under keys of ours stand in the way.
        if any(set(self.objects[name]["theirs"]) & set(data) for name, data in wanted.items() if name in self.objects):
            return None
        for name in self.owned(release) - set(wanted):
            del self.objects[name]
        for name, data in wanted.items():
            kept = self.objects.get(name)
            theirs = dict(kept["theirs"]) if kept else {}
            self.objects[name] = {"owner": release, "data": data, "theirs": theirs, "uid": kept and kept["uid"]}
        return True


class World:
    def __init__(self, connect, namespace, seed):
        self.random, self.shop, self.model = random.Random(seed), Shop(connect, namespace), Model()
        self.said = [f"seed {seed}"]

    def play(self):
        for _number in range(STEPS):
            step = self.random.choice(
                [self.deploy] * 6 + [self.edit, self.task, self.foreign, self.vanish, self.replace, self.remove, self.again]
            )
            step()
            self.compare()

    def data(self):
        return {f"k{number}": str(self.random.randint(1, 3)) for number in self.random.sample(range(4), self.random.randint(0, 3))}

    def deploy(self):
        release, adopt = self.random.choice(RELEASES), self.random.random() < 0.2
        wanted = {name: self.data() for name in self.random.sample(NAMES, self.random.randint(1, 5))}
        self.said.append(f"{release} deploys {wanted}{' and adopts' if adopt else ''}")
        self.last = release, wanted
        expected = self.model.deploy(release, wanted, adopt)
        result = self.run(release, wanted, adopt=adopt, ok=bool(expected))
        if expected:
            again = self.run(release, wanted)
            assert not again["changed"], (self.said, again)
        return result

    def run(self, release, wanted, ok=True, **options):
        try:
            return self.shop.run(*(config_map(name, **data) for name, data in wanted.items()), name=release, ok=ok, **options)
        except AssertionError as error:
            raise AssertionError(self.said) from error

    def again(self):
        """In check mode nothing happens."""
        release = self.random.choice(RELEASES)
        self.said.append(f"{release} is looked at")
        before = self.live()
        wanted = {name: self.data() for name in self.random.sample(NAMES, 3)}
        free = {name: data for name, data in wanted.items() if self.model.objects.get(name, {"owner": release})["owner"] == release}
        free = {name: data for name, data in free.items() if not set(self.model.objects.get(name, {"theirs": ()})["theirs"]) & set(data)}
        if free:
            self.run(release, free, check=True)
        assert self.live() == before, self.said

    def edit(self):
        """Somebody else adds a key to any object; one that nobody has."""
        if self.model.objects:
            name = self.random.choice(sorted(self.model.objects))
            key, value = f"theirs{self.random.randint(1, 2)}", str(self.random.randint(1, 3))
            self.said.append(f"somebody sets {key} of {name}")
            patch_as(self.shop, "them", "ConfigMap", name, {"data": {key: value}})
            self.model.objects[name]["theirs"][key] = value

    def task(self):
        """A task of this collection adds a key, which goes with the release's next deployment; here it follows at once."""
        release = self.random.choice(RELEASES)
        names = sorted(self.model.owned(release))
        if names:
            name = self.random.choice(names)
            self.said.append(f"a task sets added of {name}")
            patch_as(self.shop, "slipway.kubernetes", "ConfigMap", name, {"data": {"added": "1"}})
            wanted = {each: self.model.objects[each]["data"] for each in names}
            assert self.run(release, wanted)["changed"], self.said

    def foreign(self):
        """Somebody else makes an object, with or without all our labels."""
        free = sorted(set(NAMES) - set(self.model.objects))
        if free:
            name = self.random.choice(free)
            labels = self.random.choice([{}, {"app": "theirs"}, o.release_labels("shop", self.shop.namespace), self.any_labels()])
            self.said.append(f"somebody makes {name} with {labels}")
            self.shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
            patch_as(self.shop, "them", "ConfigMap", name, {"data": {"own": "1"}})
            self.model.objects[name] = {"owner": None, "data": {}, "theirs": {"own": "1"}, "uid": None}

    def any_labels(self):
        live = [obj["metadata"].get("labels") or {} for obj in self.live().values()]
        return self.random.choice(live) if live else {}

    def vanish(self):
        """Somebody deletes an object of ours."""
        names = sorted(name for release in RELEASES for name in self.model.owned(release))
        if names:
            name = self.random.choice(names)
            self.said.append(f"somebody deletes {name}")
            self.shop.delete("ConfigMap", name)
            del self.model.objects[name]

    def replace(self):
        """Somebody deletes an object of ours and makes another of its name."""
        names = sorted(name for release in RELEASES for name in self.model.owned(release))
        if names:
            name = self.random.choice(names)
            self.said.append(f"somebody replaces {name}")
            self.shop.delete("ConfigMap", name)
            self.shop.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
            patch_as(self.shop, "them", "ConfigMap", name, {"data": {"own": "1"}})
            self.model.objects[name] = {"owner": None, "data": {}, "theirs": {"own": "1"}, "uid": None}

    def remove(self):
        release = self.random.choice(RELEASES)
        self.said.append(f"{release} is removed")
        self.run(release, {}, state="absent")
        for name in self.model.owned(release):
            del self.model.objects[name]
        assert not self.run(release, {}, state="absent")["changed"], self.said

    def live(self):
        items, _version = self.shop.api.list(self.shop.path("ConfigMap"))
        return {item["metadata"]["name"]: item for item in items if item["metadata"]["name"] != "kube-root-ca.crt"}

    def compare(self):
        live = self.live()
        assert set(live) == set(self.model.objects), self.said
        for name, entry in self.model.objects.items():
            assert live[name].get("data", {}) == {**entry["data"], **entry["theirs"]}, (name, self.said)
            uid = live[name]["metadata"]["uid"]
            # Nothing is made anew by us.
            assert entry["uid"] in (None, uid), (name, self.said)
            entry["uid"] = uid


@pytest.fixture(scope="module")
def outcomes(connect):
    def play(seed):
        api = connect()
        made = api.post("/api/v1/namespaces", {"metadata": {"generateName": "model-"}})
        try:
            World(lambda: connect(600), made["metadata"]["name"], seed).play()
        finally:
            connect().delete(f"/api/v1/namespaces/{made['metadata']['name']}", made["metadata"]["uid"])

    with ThreadPoolExecutor(6) as pool:
        yield {seed: pool.submit(play, seed) for seed in seeds()}


@pytest.mark.parametrize("seed", seeds())
def test_the_cluster_is_as_the_model(outcomes, seed):
    outcomes[seed].result()
