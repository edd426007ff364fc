# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a release, as Secrets and back."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._release import record as r

SHOP = r.Identity("slipway.kubernetes.app", "shop", "web")


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "web"}, "data": data}


def record(**changes):
    return replace(r.Record.first(SHOP).next(1), **changes)


def written(a_record, namespace="web", run="run1", **limits):
    return r.secrets_of(a_record, namespace, run, **limits)


def stored(secrets):
    """As the API server gives them: by name."""
    return {secret["metadata"]["name"]: secret for secret in secrets}


def read(secrets):
    kept = stored(secrets)
    head = kept[next(name for name in kept if name.endswith(".v1"))]
    return r.record_of(head, [kept[name] for name in r.parts_of(head)])


def test_a_record_comes_back_as_it_was_written():
    entries = (r.Entry("v1", "ConfigMap", "web", "a", "uid-a"), r.Entry("apps/v1", "Deployment", "web", "b"))
    full = record(objects=(config_map("a", x="\u00e4\U0001f600"),), inventory=entries[:1], intended=entries, facts={"user": "me"})
    assert read(written(full)) == full


def test_the_same_content_is_the_same_text():
    full = record(objects=(config_map("a"),))
    assert written(full) == written(full)


@pytest.mark.parametrize(
    "other",
    [
        r.Identity("slipway.kubernetes.wordpress", "shop", "web"),
        r.Identity("slipway.kubernetes.app", "shop", "other"),
        r.Identity("slipway.kubernetes.app", "shop"),
        r.Identity("slipway.kubernetes.app", "shop2", "web"),
    ],
)
def test_another_release_has_another_name(other):
    assert other.head(1) != SHOP.head(1)
    head = written(record())[-1]
    assert r.is_head(head, SHOP) and not r.is_head(head, other)


def test_what_lists_show_is_metadata():
    head = written(record())[-1]
    assert head["type"] == "slipway.kubernetes/release.v1"
    assert head["metadata"]["name"] == f"slipway.shop.{SHOP.digest}.v1"
    assert head["metadata"]["labels"][r.OUTCOME] == "pending" and head["metadata"]["labels"][r.REVISION] == "1"
    assert head["metadata"]["annotations"][r.HOLDER] == "run1"
    # whoever looks for a release's objects as they were found before there were records finds no record
    assert not {"slipway.kubernetes/release", "slipway.kubernetes/release-namespace"} & set(head["metadata"]["labels"])


def test_a_large_one_has_parts_which_come_before_the_head():
    full = record(objects=tuple(config_map(str(n), x=os.urandom(300).hex()) for n in range(20)))
    secrets = written(full, part_bytes=1000)
    assert len(secrets) > 3 and r.is_head(secrets[-1], SHOP) and not any(r.is_head(part, SHOP) for part in secrets[:-1])
    assert all(len(base64.b64decode(secret["data"]["release"])) <= 1000 for secret in secrets)
    assert read(secrets) == full
    # another run's parts have other names, so that the one that comes too late takes away its own
    assert not set(stored(secrets[:-1])) & set(stored(written(full, run="run2", part_bytes=1000)[:-1]))


def test_one_that_is_too_large_is_refused():
    full = record(objects=tuple(config_map(str(n), x=os.urandom(300).hex()) for n in range(20)))
    with pytest.raises(r.RecordProblem, match="release shop in namespace web would take"):
        written(full, part_bytes=100)


def test_the_data_of_a_secret_is_recorded_in_its_own_namespace_only():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "web"}, "data": {"p": "aHVudGVyMg=="}}
    assert read(written(record(objects=(secret,)))).objects == (secret,)
    elsewhere = read(written(record(objects=(secret,)), namespace="slipway-system")).objects[0]
    assert elsewhere == {**{k: v for k, v in secret.items() if k != "data"}, "withheld": True}


@pytest.mark.parametrize("damage", [{"data": None}, {"data": {}}, {"data": {"release": "!"}}, {"data": {"release": "aGFsbG8="}}])
def test_a_damaged_one_is_named(damage):
    head = {**written(record())[-1], **damage}
    with pytest.raises(r.RecordProblem, match=f"Secret web/slipway.shop.{SHOP.digest}.v1 is no record that can be read"):
        r.record_of(head)


def test_a_part_that_was_cut_off_is_noticed():
    full = record(objects=tuple(config_map(str(n), x=os.urandom(300).hex()) for n in range(20)))
    secrets = written(full, part_bytes=1000)
    with pytest.raises(r.RecordProblem):
        r.record_of(secrets[-1], secrets[:1])


def test_the_next_one_knows_what_the_run_before_may_have_made():
    made, meant = r.Entry("v1", "ConfigMap", "web", "a", "uid-a"), r.Entry("v1", "ConfigMap", "web", "b")
    meant_again = r.Entry("v1", "ConfigMap", "web", "a")
    died = record(inventory=(made,), intended=(meant_again, meant))
    after = died.next(2)
    assert set(after.inventory) == {made, meant} and (after.id, after.key, after.revision) == (died.id, died.key, 2)


def test_inventories():
    a, b = config_map("a"), config_map("b")
    a["metadata"]["uid"] = "uid-2"
    before = (r.Entry("v1", "ConfigMap", "web", "a", "uid-1"),)
    after = r.entered(before, [a, b])
    assert [(entry.name, entry.uid) for entry in after] == [("a", "uid-2"), ("b", "")]
    assert r.without(after, {("", "ConfigMap", "web", "a")}) == after[1:]


def test_records_are_no_objects_of_a_release():
    assert all(r.is_record(secret) for secret in written(record()))
    assert not r.is_record({"kind": "Secret", "metadata": {"name": "s"}})
    assert not r.is_record({"kind": "ConfigMap", "metadata": {"name": "s", "labels": {r.RECORD: "x"}}})


@pytest.mark.parametrize("name, number", [("slipway.shop.00000000.v12", 12), ("slipway.shop.v1.00000000.v2", 2), ("a.v0", 0), ("a.v1.run.2", 0)])
def test_the_number_of_a_record(name, number):
    assert r.revision_of({"metadata": {"name": name}}) == number
