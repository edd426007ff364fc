# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""may_pause against a simulation of what the deployment controller and the kubelets do.

The simulation is written from pkg/controller/deployment/{rolling,recreate}.go (k8s.io/kubernetes
v1.37.2), not from may_pause: it knows how to take a step, may_pause claims to know that there is none.
"""

from __future__ import annotations

import math
import random

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._rollout.change import may_pause

from .builders import replica_set, workload


class ReplicaSet:
    """Told how many pods to have, has as many, so many of them available."""

    def __init__(self, told, broken=0):
        self.told, self.has, self.available = told, told, told - broken

    def obeys(self):
        """The ReplicaSet controller's step: unavailable pods go first."""
        changed = self.has != self.told
        self.has = self.told
        self.available = min(self.available, self.has)
        return changed

    def one_becomes_available(self):
        if self.available == self.has:
            return False
        self.available += 1
        return True

    def object(self, revision):
        found = replica_set(revision, replicas=self.told)
        found["status"] = {"replicas": self.has, "availableReplicas": self.available}
        return found


class Rollout:
    def __init__(self, desired, strategy, old):
        self.desired, self.strategy, self.old, self.new = desired, strategy, old, ReplicaSet(0)

    def deployment(self):
        if self.strategy is None:
            return workload(replicas=self.desired, strategy={"type": "Recreate"})
        surge, unavailable = self.strategy
        rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
        return workload(replicas=self.desired, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})

    def may_pause(self, count):
        old = [rs.object(number) for number, rs in enumerate(self.old, 1)]
        return may_pause(self.deployment(), self.new.object(9), old, count)

    def controller_step(self):
        """One sync of the deployment controller; False when it has nothing to scale."""
        return self._recreate() if self.strategy is None else self._roll()

    def _recreate(self):
        if any(rs.told for rs in self.old):
            for rs in self.old:
                rs.told = 0
            return True
        if any(rs.has for rs in self.old) or self.new.told == self.desired:
            return False
        self.new.told = self.desired
        return True

    def _roll(self):
        surge, unavailable = (
            rounded(self.desired * int(value[:-1]) / 100) if isinstance(value, str) else value
            for value, rounded in zip(self.strategy, (math.ceil, math.floor))
        )
        if surge == unavailable == 0:
            unavailable = 1
        unavailable = min(unavailable, self.desired)
        told = self.new.told + sum(rs.told for rs in self.old)
        room = self.desired + surge - told
        if self.new.told < self.desired and room > 0:
            self.new.told += min(room, self.desired - self.new.told)
            return True
        spare = told - (self.desired - unavailable) - (self.new.told - self.new.available)
        if spare <= 0 or not any(rs.told for rs in self.old):
            return False
        scaled = 0
        for rs in self.old:  # first what does not work anyway
            broken = min(spare - scaled, rs.told - min(rs.available, rs.told))
            rs.told -= broken
            scaled += broken
        available = self.new.available + sum(min(rs.available, rs.told) for rs in self.old)
        spare = available - (self.desired - unavailable)
        for rs in self.old:
            sound = max(0, min(spare, rs.told))
            rs.told -= sound
            spare -= sound
            scaled += sound
        return scaled > 0

    def settle(self):
        """All steps that need no new pod to become available."""
        while any([self.controller_step(), *(rs.obeys() for rs in [self.new, *self.old])]):
            pass


STRATEGIES = {
    "25% 25%": ("25%", "25%"),
    "surge 1": (1, 0),
    "surge 100%": ("100%", 0),
    "surge 3": (3, 0),
    "unavailable 1": (0, 1),
    "unavailable 50%": (0, "50%"),
    "unavailable 100%": (0, "100%"),
    "unavailable more than there are": (0, 20),
    "surge 2 unavailable 3": (2, 3),
    "both round to 0": (0, "1%"),
    "Recreate": None,
}
by_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


@pytest.mark.parametrize(
    "strategy, count, updated",
    [
        ("25% 25%", 2, 4),
        ("25% 25%", 4, 4),
        ("surge 1", 2, 2),
        ("surge 100%", 2, 8),
        ("surge 3", 2, 3),
        ("unavailable 1", 1, 1),
        ("unavailable 1", 2, 2),
        ("unavailable 50%", 2, 4),
        ("unavailable 100%", 2, 8),
        ("both round to 0", 2, 2),
        ("Recreate", 2, 8),
    ],
)
def test_eight_replicas_stop_with_what_the_strategy_allows(strategy, count, updated):
    rollout = Rollout(8, STRATEGIES[strategy], [ReplicaSet(8)])
    rollout.settle()
    while not rollout.may_pause(count):
        assert rollout.new.one_becomes_available()
        rollout.settle()
    assert rollout.new.told == updated


@by_strategy
@pytest.mark.parametrize("desired", [1, 2, 3, 8, 10])
def test_when_pods_are_slower_than_the_controller_it_stops_at_the_first_rest(strategy, desired):
    for count in range(1, desired + 1):
        rollout = Rollout(desired, strategy, [ReplicaSet(desired)])
        rollout.settle()
        while rollout.new.told < count:
            assert not rollout.may_pause(count)
            assert rollout.new.one_becomes_available()
            rollout.settle()
        assert rollout.may_pause(count)


def test_it_stops_as_soon_as_enough_are_available():
    rollout = Rollout(8, STRATEGIES["surge 3"], [ReplicaSet(8)])
    rollout.settle()
    rollout.new.one_becomes_available()
    assert rollout.may_pause(1) and rollout.controller_step()


def test_pods_that_are_not_made_yet_do_not_count():
    rollout = Rollout(8, STRATEGIES["surge 3"], [ReplicaSet(8)])
    assert rollout.controller_step() and not rollout.may_pause(3)
    assert rollout.new.obeys() and rollout.may_pause(3)


@by_strategy
@pytest.mark.parametrize("desired", [1, 2, 3, 8, 10])
def test_in_any_order_of_steps(strategy, desired):
    """It never stops while the controller has a step to take and no pod asked for is available, and it always stops."""
    dice = random.Random(f"{strategy} {desired}")
    for _attempt in range(25):
        count = dice.randint(1, desired)
        # some pods of the old revisions may be broken, and there may be more or fewer of them than are desired now
        old = [ReplicaSet(told, broken=dice.randint(0, told)) for told in dice.choices(range(desired + 2), k=2)]
        rollout = Rollout(desired, strategy, old)
        for _step in range(1000):
            if rollout.may_pause(count):
                break
            steps = [rollout.controller_step, rollout.new.one_becomes_available, rollout.new.obeys, *(rs.obeys for rs in old)]
            dice.choice(steps)()
        else:
            pytest.fail(f"count {count} was never reached")
        assert rollout.new.told >= count
        if rollout.new.available < count:
            assert not rollout.controller_step()
