# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owns which field, and what goes; tests/release asks a real API server whether it does."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._release import fields as f

WEB, SIDE = 'k:{"name":"web"}', 'k:{"name":"side"}'
CONTAINERS = ("f:spec", "f:containers")
TREE = {"f:spec": {"f:replicas": {}, "f:containers": {WEB: {".": {}, "f:image": {}, "f:name": {}}}, "f:finalizers": {".": {}, 'v:"a"': {}}}}


def entry(manager, fields, operation="Update", **more):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


OWN = entry(f.MANAGER, {"f:data": {"f:x": {}}}, "Apply")
TASK = entry(f.MANAGER, {"f:data": {".": {}, "f:added": {}}})
THEIRS = entry("them", {"f:data": {"f:theirs": {}}})
STATUS = entry(f.MANAGER, {"f:status": {"f:phase": {}}}, subresource="status")


def test_members_and_back():
    paths = f.members(TREE)
    assert (*CONTAINERS, WEB) in paths and (*CONTAINERS, WEB, "f:image") in paths and ("f:spec", "f:replicas") in paths
    assert ("f:spec",) not in paths and CONTAINERS not in paths
    assert f.fields_of(paths) == TREE


@pytest.mark.parametrize(
    "managed, managers, second",
    [
        ([OWN, THEIRS, STATUS], (), []),
        ([OWN, TASK, THEIRS, STATUS], (), [TASK]),
        ([OWN, THEIRS], ("them",), [THEIRS]),
        ([], (), []),
    ],
)
def test_second_owners(managed, managers, second):
    assert f.second_owners(managed, managers) == second
    assert (f.merged(managed, managers) is None) is not bool(second)


def test_merged_the_fields_are_the_releases_and_no_other_entry_is_touched():
    *others, own = f.merged([STATUS, TASK, OWN, THEIRS])
    assert others == [STATUS, THEIRS]
    assert own == {**OWN, "fieldsV1": {"f:data": {".": {}, "f:added": {}, "f:x": {}}}}


def test_one_that_has_not_been_applied_yet_gets_an_entry():
    (own,) = f.merged([TASK])
    assert f.is_own(own) and own["fieldsV1"] == TASK["fieldsV1"]


@pytest.mark.parametrize(
    "before, after, managers, lost",
    [
        ([OWN, TASK], [OWN, TASK], (), {("f:data", "f:added")}),
        # the release names it by now
        ([OWN, TASK], [entry(f.MANAGER, {"f:data": {"f:x": {}, "f:added": {}}}, "Apply"), TASK], (), set()),
        # somebody else has it as well
        ([OWN, TASK, entry("them", {"f:data": {"f:added": {}}})], [OWN, TASK, entry("them", {"f:data": {"f:added": {}}})], (), set()),
        ([OWN, THEIRS], [OWN, THEIRS], (), set()),
        ([OWN, THEIRS], [OWN, THEIRS], ("them",), {("f:data", "f:theirs")}),
        # of what others have something in, only the rest goes
        (
            [OWN, entry(f.MANAGER, {"f:a": {".": {}, "f:b": {}, "f:c": {}}}), entry("them", {"f:a": {"f:c": {}}})],
            [OWN, entry("them", {"f:a": {"f:c": {}}})],
            (),
            {("f:a", "f:b")},
        ),
    ],
)
def test_what_goes(before, after, managers, lost):
    assert f.lost(before, after, managers) - {("f:data",)} == lost - {("f:data",)}


@pytest.mark.parametrize(
    "path, rest",
    [
        (("f:spec", "f:replicas"), {"containers": [{"name": "web", "image": "a"}, {"name": "side"}], "finalizers": ["a", "b"]}),
        ((*CONTAINERS, SIDE), {"replicas": 1, "containers": [{"name": "web", "image": "a"}], "finalizers": ["a", "b"]}),
        ((*CONTAINERS, WEB, "f:image"), {"replicas": 1, "containers": [{"name": "web"}, {"name": "side"}], "finalizers": ["a", "b"]}),
        (("f:spec", "f:finalizers", 'v:"b"'), {"replicas": 1, "containers": [{"name": "web", "image": "a"}, {"name": "side"}], "finalizers": ["a"]}),
        (("f:spec", "f:finalizers", "i:0"), {"replicas": 1, "containers": [{"name": "web", "image": "a"}, {"name": "side"}], "finalizers": ["b"]}),
        (("f:spec", "f:nothing", "f:there"), None),
        ((*CONTAINERS, 'k:{"name":"nobody"}', "f:image"), None),
    ],
)
def test_without_a_field(path, rest):
    spec = {"replicas": 1, "containers": [{"name": "web", "image": "a"}, {"name": "side"}], "finalizers": ["a", "b"]}
    obj = {"spec": spec}
    assert f.without(obj, {path})["spec"] == (rest if rest is not None else spec)
    assert obj["spec"]["replicas"] == 1


def test_an_item_goes_as_a_whole_with_what_is_in_it():
    obj = {"spec": {"containers": [{"name": "web"}, {"name": "side", "image": "a", "resources": {}}]}}
    paths = {(*CONTAINERS, SIDE), (*CONTAINERS, SIDE, "f:name"), (*CONTAINERS, SIDE, "f:image")}
    assert f.without(obj, paths) == {"spec": {"containers": [{"name": "web"}]}}
