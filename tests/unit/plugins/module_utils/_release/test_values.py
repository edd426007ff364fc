# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import values as v
from hypothesis import given, settings
from hypothesis import strategies as st

# NUL and halves of characters are no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(VALUES)
def test_yaml_and_json_read_what_was_written(value):
    text = v.to_json(value)
    assert "\n" not in text
    assert json.loads(text) == value
    for loader in LOADERS:
        # Within a document, and with more of it behind.
        assert yaml.load(f"a:\n    - b: {text}\n      c: 1\n", loader) == {"a": [{"b": value, "c": 1}]}


def test_every_character_comes_back():
    for code in (*range(1, 0x100), 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F680, 0x1FFFE, 0x10FFFF):
        text = f"a{chr(code)}b"
        assert v.to_json(text).splitlines() == [v.to_json(text)], code
        for loader in LOADERS:
            assert yaml.load(v.to_json({text: text}), loader) == {text: text}, code


def test_what_can_be_read_is_not_escaped():
    assert v.to_json("Grüße, 日本, 🚀") == '"Grüße, 日本, 🚀"'


@pytest.mark.parametrize(
    "value, text",
    [
        ("no", "no"),
        (" 1e3 ", " 1e3 "),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (-1, "-1"),
        (0.5, "0.5"),
        (1e16, "1.0e+16"),
        (1e-7, "1.0e-07"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_texts_have_one_form(value, text):
    assert v.text_of(value) == text
    assert v.value_for({"a": [value]}, "str") == {"a": [text]}
    assert v.env_vars({"A": value}) == [{"name": "A", "value": text}]


@pytest.mark.parametrize(
    "value, says",
    [
        (None, "app_env.A is null, which is no text; quote it, or leave it out"),
        (["a"], "app_env.A is a list, which is no text; quote it, or leave it out"),
        (datetime.datetime(2026, 1, 31, 1), "app_env.A is a point in time, which is no text; quote it, or leave it out"),
        (b"a", "app_env.A is binary, which is no text; quote it, or leave it out"),
        (float("nan"), "app_env.A is no number that JSON can write; quote it if it is a text"),
        ("a\0b", "app_env.A holds the character NUL (U+0000), which is no text; binary content belongs into files or binary_data"),
        ("a\ud83d", "app_env.A holds U+D83D, half of a character, which is no text; write the whole character"),
    ],
)
def test_what_is_no_text_is_refused_by_name(value, says):
    with pytest.raises(v.ValueProblem) as caught:
        v.env_vars({"A": value}, "app_env")
    assert str(caught.value) == says


@pytest.mark.parametrize("key, shown", [(False, "false"), (True, "true"), (None, "null"), (1.5, "the number 1.5")])
def test_keys_that_have_lost_their_spelling_are_refused(key, shown):
    for function in (v.plain, v.texts):
        with pytest.raises(v.ValueProblem, match=f"data has the key {shown}, which YAML has made of something unquoted"):
            function({key: "a", "b": "c"}, "data")


def test_numbers_are_keys():
    assert v.plain({8080: "a"}) == {"8080": "a"}


def test_env_gives_values_and_sources_in_order():
    source = {"fieldRef": {"fieldPath": "metadata.name"}}
    assert v.env_vars({"B": True, "A": source, "C": ""}) == [
        {"name": "B", "value": "true"},
        {"name": "A", "valueFrom": source},
        {"name": "C", "value": ""},
    ]
    assert v.env_vars([{"name": "A", "value": 3}, {"name": "B", "valueFrom": source}]) == [
        {"name": "A", "value": "3"},
        {"name": "B", "valueFrom": source},
    ]


@pytest.mark.parametrize(
    "value, kind, result",
    [
        ("3000", "int", 3000),
        (3000, "int", 3000),
        (3.0, "int", 3),
        ("no", "bool", False),
        ("True", "bool", True),
        (True, "bool", True),
        ("25%", "int_or_str", "25%"),
        ("1", "int_or_str", 1),
        (1, "int_or_str", 1),
        ("http", "int_or_str", "http"),
        ("1", None, "1"),
        (None, None, None),
        (datetime.date(2026, 1, 31), None, "2026-01-31"),
    ],
)
def test_kinds_of_fields(value, kind, result):
    found = v.value_for(value, kind)
    assert found == result and type(found) is type(result)


@pytest.mark.parametrize(
    "value, kind, says",
    [
        ("many", "int", "is a text, which is no whole number"),
        (True, "int", "is true, which is no whole number"),
        (1.5, "int", "is the number 1.5, which is no whole number"),
        ("perhaps", "bool", "is a text, which is neither true nor false"),
        (None, "bool", "is null, which is neither true nor false"),
        ([1], "int_or_str", "is a list, which is no text"),
        (datetime.datetime(2026, 1, 31), None, "is a point in time, which is no text"),
        (1, "number", "number is no kind of value"),
    ],
)
def test_what_does_not_fit_is_refused(value, kind, says):
    with pytest.raises(v.ValueProblem, match=says):
        v.value_for(value, kind)


def test_paths_are_written_as_expressions():
    with pytest.raises(v.ValueProblem, match=r'app_labels\["a/b"\]\[1\]\.c is null'):
        v.texts({"a/b": ["x", {"c": None}]}, "app_labels")


@pytest.mark.parametrize("convert", [v.plain, v.texts, v.env_vars])
def test_no_key_takes_the_place_of_another(convert):
    with pytest.raises(v.ValueProblem, match="^data has the key 1 twice, as a number and as a text$"):
        convert({1: "a", "1": "b"}, "data")
