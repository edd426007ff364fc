# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of ingress-nginx as matches of an HTTPRoute.  Pure functions.

As soon as one Ingress of a host has use-regex, or a rewrite-target unlike its path, nginx takes all paths of that host for
regular expressions, that ignore case and need to match the beginning alone.

PRIVATE to the collection.
"""

from __future__ import annotations

import re

_LITERAL = re.compile(r"/[-A-Za-z0-9._~/%!&',;=:@]*")
# Valid in a path match that is no regular expression.
_VALID = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_INVALID_PARTS = ("//", "/./", "/../", "%2f", "%2F")
# The usual ways to take a prefix away, and which group then holds the rest.
_PREFIXES = (
    (re.compile(r"((?:/[-A-Za-z0-9._~]+)*)\(/\|\$\)\(\.\*\)\$?"), 2),
    (re.compile(r"((?:/[-A-Za-z0-9._~]+)*)/\?\(\.\*\)\$?"), 1),
    (re.compile(r"((?:/[-A-Za-z0-9._~]+)*)/\(\.\*\)\$?"), 1),
)
_TARGET = re.compile(r"((?:/[-A-Za-z0-9._~]+)*)/\$(\d)")
# What PCRE has and RE2 has not: lookaround, atomic groups, possessive quantifiers, references to groups.
_PCRE_ONLY = re.compile(r"\(\?(?:[=!>]|<[=!])|[*+?}]\+|\\[1-9]")
_LONGEST = 1024


class Unconvertible(ValueError):
    """A path that no match can stand for.  The text says why."""


def rewrites(path, target):
    """Does nginx rewrite this path?"""
    return bool(target) and target != path


def is_literal(path):
    return bool(_LITERAL.fullmatch(path))


def prefix_rewrite(path, target):
    """(prefix, what it becomes) where the rewrite does no more than to replace a prefix, else None."""
    wanted = _TARGET.fullmatch(target or "")
    for pattern, group in _PREFIXES:
        found = pattern.fullmatch(path)
        if found and wanted and int(wanted[2]) == group:
            return found[1] or "/", wanted[1] or "/"
    return None


def is_plain(path, target):
    """Can the path be told without a regular expression, although nginx takes it for one?"""
    return is_literal(path) or prefix_rewrite(path, target) is not None


def path_match(path, path_type, regex, target=""):
    """(match, notes) for a path.  regex: None, "plain" where all paths of the host are, or "full"."""
    if regex == "full":
        return {"type": "RegularExpression", "value": _expression(path)}, [
            "%s is a regular expression, and what these mean and which of several wins is up to the implementation." % path
        ]
    notes = []
    kind, value = ("Exact" if path_type == "Exact" else "PathPrefix"), path
    if regex == "plain":
        replaced = prefix_rewrite(path, target)
        value = replaced[0] if replaced else path
        if path_type == "Exact" and not replaced:
            notes.append("%s matches whatever begins with it, because nginx takes it for a regular expression." % path)
        kind = "PathPrefix"
        notes.append("%s matched in upper and lower case, now as it is written." % path)
    elif path_type not in ("Exact", "Prefix") and not path.endswith("/"):
        notes.append("%s matched %sx as well, now whole parts of a path alone." % (path, path))
    if not _VALID.fullmatch(value) or any(part in value for part in _INVALID_PARTS) or value.endswith(("/.", "/..")):
        raise Unconvertible("The path %s is none that an HTTPRoute can match." % path)
    return {"type": kind, "value": value}, notes


def _expression(path):
    if _PCRE_ONLY.search(path):
        raise Unconvertible(
            "The path %s uses what only nginx' regular expressions have (lookaround, possessive quantifiers, references)." % path
        )
    try:
        re.compile(path)
    except re.error as error:
        raise Unconvertible("The path %s is no regular expression: %s." % (path, error)) from None
    expression = "(?i)^%s%s" % (path, "" if path.endswith("$") else ".*")
    if len(expression) > _LONGEST:
        raise Unconvertible("The path %s is longer than %d characters." % (path, _LONGEST))
    return expression
