# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every value that a template prints goes through the filter to_manifest, or it is named here with the reason."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from .rendering import ROOT, options

FILTER = "slipway.kubernetes.to_manifest"
TEMPLATES = sorted(path for path in (ROOT / "roles").glob("*/templates/*") if path.is_file())
#: Templates that are no manifests: what they render becomes one text, which goes through the filter as a whole.
TEXTS = {
    "wordpress/templates/_setup.php": "a script, of which the values come from its environment",
    "wordpress/templates/_php.ini.j2": "the text of a ConfigMap's key",
    "wordpress/templates/_config_extra.php.j2": "the text of a ConfigMap's key",
}


def title(path):
    return str(path.relative_to(ROOT / "roles"))


def is_constant(node):
    """A choice between words of the template itself."""
    if isinstance(node, nodes.CondExpr):
        return is_constant(node.expr1) and node.expr2 is not None and is_constant(node.expr2)
    return isinstance(node, nodes.Const)


def is_safe(node, macros):
    if isinstance(node, nodes.TemplateData) or is_constant(node):
        return True
    if isinstance(node, nodes.Filter):
        if node.name == FILTER:
            return True
        # The output of a macro, moved to the right.
        return node.name in ("indent", "default") and is_safe(node.node, macros)
    # What a macro prints is looked at where it is defined.
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros


def printed(tree):
    """Every expression that is printed.  What {% set %} gathers is no output: it is a value like any other."""
    gathered = {id(output) for block in tree.find_all(nodes.AssignBlock) for output in block.find_all(nodes.Output)}
    for output in tree.find_all(nodes.Output):
        if id(output) not in gathered:
            yield from output.nodes


def unsafe(text, environment=jinja2.Environment()):
    tree = environment.parse(text)
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    macros |= {name if isinstance(name, str) else name[1] for found in tree.find_all(nodes.FromImport) for name in found.names}
    return [node.lineno for node in printed(tree) if not is_safe(node, macros)]


@pytest.mark.parametrize("path", [path for path in TEMPLATES if title(path) not in TEXTS], ids=title)
def test_every_value_goes_through_the_filter(path):
    assert unsafe(Path(path).read_text(encoding="utf-8")) == []


def without_kind(text, lists, environment=jinja2.Environment()):
    """Lists of texts, and what a loop takes out of them, that are printed with the numbers and booleans that YAML has made of some."""
    tree = environment.parse(text)
    loops = {loop.target.name for loop in tree.find_all(nodes.For) if isinstance(loop.iter, nodes.Name) and loop.iter.name in lists}
    return [
        found.node.name
        for found in tree.find_all(nodes.Filter)
        if found.name == FILTER and not found.args and isinstance(found.node, nodes.Name) and found.node.name in lists | loops
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=title)
def test_texts_in_lists_stay_texts(path):
    known = options(path.relative_to(ROOT / "roles").parts[0])
    lists = {name for name, option in known.items() if option["type"] == "list" and option["elements"] == "str"}
    assert without_kind(path.read_text(encoding="utf-8"), lists) == []


def test_exceptions_exist():
    assert set(TEXTS) <= {title(path) for path in TEMPLATES}


@pytest.mark.parametrize(
    "text, lines",
    [
        ("name: {{ app_name }}", [1]),
        ("name: {{ app_name | slipway.kubernetes.to_manifest('str') }}", []),
        ("a: 1\nlabels: {{ app_labels | to_json }}", [2]),
        ("{{ 'Role' if namespace else 'ClusterRole' }}: 1", []),
        ("{{ 'Role' if namespace else kind }}: 1", [1]),
        ("{% macro a(x) %}{{ x }}{% endmacro %}{{ a(1) | indent(2) }}", [1]),
        ("{{ lookup('ansible.builtin.file', 'x') }}", [1]),
        ("{% filter indent(4) %}a: {{ b }}{% endfilter %}", [1]),
        ("{% set text %}{{ b }}{% endset %}a: {{ text | slipway.kubernetes.to_manifest }}", []),
    ],
)
def test_the_search_finds_what_it_is_for(text, lines):
    assert unsafe(text) == lines
