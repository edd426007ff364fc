# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._ingress.paths import (
    Unconvertible,
    is_plain,
    path_match,
    prefix_rewrite,
    rewrites,
)


@pytest.mark.parametrize(
    "path, target, expected",
    [
        ("/app(/|$)(.*)", "/$2", ("/app", "/")),
        ("/app(/|$)(.*)$", "/$2", ("/app", "/")),
        ("/app(/|$)(.*)", "/v2/$2", ("/app", "/v2")),
        ("/a/b(/|$)(.*)", "/c/d/$2", ("/a/b", "/c/d")),
        ("/app/?(.*)", "/$1", ("/app", "/")),
        ("/app/(.*)", "/$1", ("/app", "/")),
        ("/(.*)", "/$1", ("/", "/")),
        ("/(.*)", "/app/$1", ("/", "/app")),
        # The wrong group, two groups, and something behind it.
        ("/app(/|$)(.*)", "/$1", None),
        ("/app(/|$)(.*)", "/$1/$2", None),
        ("/app(/|$)(.*)", "/$2/more", None),
        ("/(a|b)(/|$)(.*)", "/$2", None),
        ("/app(/|$)(.*)", "/", None),
        ("/app", "/$1", None),
        ("/app(/|$)(.*)", None, None),
    ],
)
def test_prefix_rewrite(path, target, expected):
    assert prefix_rewrite(path, target) == expected


@pytest.mark.parametrize(
    "path, target, expected",
    [("/a", "/b", True), ("/a", "/a", False), ("/a", "", False), ("/a", None, False)],
)
def test_rewrites(path, target, expected):
    assert rewrites(path, target) is expected


@pytest.mark.parametrize(
    "path, target, expected",
    [("/a", None, True), ("/a.b", "/", True), ("/a(/|$)(.*)", "/$2", True), ("/a(/|$)(.*)", "/", False), ("/a.*", "/", False)],
)
def test_is_plain(path, target, expected):
    assert is_plain(path, target) is expected


@pytest.mark.parametrize(
    "path, path_type, regex, target, match",
    [
        ("/a", "Prefix", None, "", ("PathPrefix", "/a")),
        ("/a", "Exact", None, "", ("Exact", "/a")),
        ("/a", "ImplementationSpecific", None, "", ("PathPrefix", "/a")),
        ("/a", None, None, "", ("PathPrefix", "/a")),
        # nginx takes them all for the beginning of a path.
        ("/a", "Exact", "plain", "/b", ("PathPrefix", "/a")),
        ("/a(/|$)(.*)", "ImplementationSpecific", "plain", "/$2", ("PathPrefix", "/a")),
        ("/a", "Exact", "full", "", ("RegularExpression", "(?i)^/a.*")),
        ("/a$", "ImplementationSpecific", "full", "", ("RegularExpression", "(?i)^/a$")),
    ],
)
def test_path_match(path, path_type, regex, target, match):
    assert path_match(path, path_type, regex, target)[0] == dict(zip(("type", "value"), match))


@pytest.mark.parametrize(
    "path, regex, reason",
    [
        ("/a//b", None, "is none that an HTTPRoute can match"),
        ("/a/../b", None, "is none that an HTTPRoute can match"),
        ("/a b", None, "is none that an HTTPRoute can match"),
        ("/a%2Fb", None, "is none that an HTTPRoute can match"),
        ("/(?!a)", "full", "what only nginx' regular expressions have"),
        ("/(?<=a)b", "full", "what only nginx' regular expressions have"),
        ("/a++", "full", "what only nginx' regular expressions have"),
        (r"/(a)\1", "full", "what only nginx' regular expressions have"),
        ("/(a", "full", "is no regular expression"),
        ("/" + "a" * 1024, "full", "is longer than 1024 characters"),
    ],
)
def test_what_no_match_can_stand_for(path, regex, reason):
    with pytest.raises(Unconvertible, match=reason.replace("(", r"\(")):
        path_match(path, "ImplementationSpecific", regex)
