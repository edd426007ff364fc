# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release.documents import documents


@pytest.mark.parametrize(
    "text, found",
    [
        ("", []),
        ("[]", []),
        ('[{"a": 1}]', [{"a": 1}]),
        ("[{a: 1}, {b: 2}]", [{"a": 1}, {"b": 2}]),
        ("- a: 1\n- b: 2\n", [{"a": 1}, {"b": 2}]),
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("---\n# nothing\n---\na: 1\n", [None, {"a": 1}]),
        ("base: &b {x: 1}\nhere: {<<: *b, y: 2}", [{"base": {"x": 1}, "here": {"x": 1, "y": 2}}]),
    ],
)
def test_documents(text, found):
    assert documents(text) == found


@pytest.mark.parametrize(
    "text, value",
    [
        # as k8s.io/apimachinery's yaml, which is go-yaml's
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("12:30", "12:30"),
        ("1:2:3.4", "1:2:3.4"),
        ("0644", 0o644),
        ("0x1F", 31),
        ("-7", -7),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("08", "08"),
        ("yes", True),
        ("~", None),
        ("'1'", "1"),
        ('"\\U0001F600"', "\U0001f600"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_scalars(text, value):
    (document,) = documents(f"a: {text}\n")
    assert document == {"a": value} and type(document["a"]) is type(value)


@pytest.mark.parametrize(
    "text, words",
    [
        ("a: 1\nb: 2\na: 3\n", "in line 3, column 1: a key is written twice"),
        ("a: [\n", "the definitions are no YAML in line"),
        ("a: b: c\n", "the definitions are no YAML in line 1"),
        ("a: !!python/object:os.system x\n", "the definitions are no YAML in line 1"),
        ("password: \0secret", "the definitions are no YAML"),
    ],
)
def test_refused(text, words):
    with pytest.raises(ValueError) as error:
        documents(text)
    assert words in str(error.value)
    assert "secret" not in str(error.value)
