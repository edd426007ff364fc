# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a path that has a canary.  Pure functions.

PRIVATE to the collection.
"""

from __future__ import annotations

import re


def rules_with_canary(location):
    """The rules of a location: the header decides first, then the cookie, then chance, as in nginx."""
    if not location.canary:
        return [location.rule]
    canary, reference = location.canary
    values, findings = canary.values, canary.findings
    main = location.rule["backendRefs"][0]
    rules = []
    for match, to_canary in [*_header(values, findings), *_cookie(values)]:
        chosen = reference if to_canary else main
        rules.append(_rule(location.rule, [chosen], [match]))
    rules.append(_rule(location.rule, _weighted(values, main, reference, findings), []))
    return rules


def _rule(rule, references, headers):
    matches = [dict(match, headers=headers) if headers else match for match in rule["matches"]]
    return dict(rule, matches=matches, backendRefs=references)


def _header(values, findings):
    """[(header match, whether it leads to the canary)]"""
    name = values.get("canary-by-header")
    if not name:
        return []
    if values.get("canary-by-header-value"):
        return [({"type": "Exact", "name": name, "value": values["canary-by-header-value"]}, True)]
    pattern = values.get("canary-by-header-pattern")
    if pattern:
        findings.note("canary-by-header-pattern: what regular expressions mean is up to the implementation.")
        return [({"type": "RegularExpression", "name": name, "value": "^.*(?:%s).*$" % pattern}, True)]
    return [({"type": "Exact", "name": name, "value": value}, value == "always") for value in ("always", "never")]


def _cookie(values):
    name = values.get("canary-by-cookie")
    return [
        (
            {"type": "RegularExpression", "name": "Cookie", "value": r"^(?:.*;\s*)?%s=%s(?:;.*)?$" % (re.escape(name), value)},
            value == "always",
        )
        for value in (("always", "never") if name else ())
    ]


def _weighted(values, main, reference, findings):
    total = values.get("canary-weight-total") or "100"
    weight = values.get("canary-weight") or "0"
    if not total.isdigit() or not weight.isdigit():
        findings.refuse("canary-weight %s of %s is no number." % (weight, total))
        return [main]
    # nginx knows no total below 100.
    total = max(int(total), 100)
    weight = min(int(weight), total)
    if not weight:
        return [main]
    return [dict(main, weight=total - weight), dict(reference, weight=weight)]
