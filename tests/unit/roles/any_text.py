# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders a role with any texts in all its text variables at once.

The role is rendered once with a mark in each text.  With other texts, the objects have to be the same with these texts in
the places of the marks - as objects, so nothing in a text was taken for YAML, a template, a number or null.
"""

from __future__ import annotations

import json
import os
import re
import sys

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .rendering import DOCUMENTS, ROOT, collections_path, compile_once, options, search_path, variants

#: What YAML, Jinja, Kubernetes or Python might take for something else.
NASTY = (
    *("on", "off", "yes", "no", "y", "n", "True", "false", "null", "Null", "~", "None", "=", "<<", ".inf", ".nan", "-.INF"),
    *("7654321", "0", "007", "0o7", "0x1F", "1e3", "1_000", "12:30:45", "3.14", "+1", "2026-01-31", "2026-01-31T10:00:00Z"),
    *("-", "- a", "? x", ": ", "a: b", "a:", "# x", "a # b", "---", "...", "!!str a", "&a", "*a", "|", ">-", "%a", "@a", "`a`"),
    *("{{ 1 + 1 }}", "{{ lookup('pipe', 'id') }}", "{% raw %}", "{# x #}", "{a: b}", "[a, b]", "{", "]", ","),
    *(" leading", "trailing ", "  ", "\ttab", "a\tb", "line\nbreak", "cr\rlf\r\n", "\n", "'single'", '"double"', "it's", "back\\slash", "\\n"),
    *("\x01", "\x1b[31m", "\x7f", "next\x85line", "\x80\x9f", "\u2028\u2029", "\ufeffbom", "\ufffe\uffff", "\u200f\u05e9", "e\u0301", "日本語", "Grüße"),
    *("🚀", "\U0001f469\u200d\U0001f52c", "\U0010ffff", "x" * 3000, "$(NAME)", "%s %d"),
)
TEXTS = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
#: Variables that are more than a text: parts of them are read, compared or replaced.
READ = {
    "cassandra": r"cassandra_(replication|keyspaces|users|settings|pod_management|heap|dc|config|image|network|storage_size|superuser|init_cql)",
    "gateway": r"gateway_(gateways\.(name|namespace|listeners\.protocol)|namespaces|status_address|ingress_class|image)",
    "ingress_nginx": r"ingress_nginx_(tcp|udp|default_tls_secret|image)",
    "metallb": r"metallb_(address_pools\.name|\w+_advertisements\.(name|pools))",
    "storage_classes": r"storage_classes(\.(name|provisioner)|_local_path\.enabled)$",
    "wordpress": r"wordpress_(hostname|php_ini|config_extra|database|site|image|mariadb|content|core|cron_schedule|resources|backup)",
}
READERS = {"json": json.loads, "yaml": lambda text: yaml.load(str(text), yaml.SafeLoader)}
_MARK = re.compile(r"mark(\d+)mark")


class Renderer:
    def __init__(self, role):
        compile_once()
        init_plugin_loader([str(collections_path())])
        self.role, self.variables = role, {}
        self.loader = DataLoader()
        for path in ("defaults/main.yml", "vars/main.yml"):
            self.variables.update(self.loader.load_from_file(str(ROOT / "roles" / role / path), trusted_as_template=True))
        self.variables["role_path"] = str(ROOT / "roles" / role)
        self.variables["ansible_search_path"] = search_path(role)
        # Definitions of kinds are thousands of lines without a value.
        self.variables["rendered_templates"] = trust_as_template(
            f"{{{{ __{role}_templates | reject('search', 'crds|definition|dnsendpoint')"
            " | map('regex_replace', '^', role_path ~ '/templates/') }}"
        )

    def documents(self, given):
        return Templar(self.loader, {**self.variables, **given}).template(trust_as_template(DOCUMENTS))

    def render(self, given):
        return [without_what_follows(document) for document in self.documents(given)]


def without_what_follows(value):
    """Without digests and random values, which follow from texts or from nothing."""
    if isinstance(value, dict):
        if value.get("kind") == "Job":
            value = {**value, "metadata": {**value["metadata"], "name": re.sub(r"-[0-9a-f]{10}$", "", value["metadata"]["name"])}}
        generated = (((value.get("metadata") or {}).get("annotations")) or {}).get("slipway.kubernetes/generated")
        return {
            # JSON and YAML within a text are whatever they are read as.
            str(key): without_what_follows(READERS.get(str(key).rpartition(".")[2] if isinstance(item, str) else "", lambda same: same)(item))
            for key, item in value.items()
            if "sha256" not in key and not (generated and key == "stringData")
        }
    if isinstance(value, list):
        return [without_what_follows(item) for item in value]
    return str(value) if isinstance(value, str) else value


def marked(role, given):
    """The variables with a mark in the place of each text that only has to arrive."""
    marks = []

    def walk(value, option, name):
        if isinstance(value, dict):
            return {key: walk(item, (option.get("options") or {}).get(key) or {}, f"{name}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            inner = {"type": option.get("elements"), "options": option.get("options"), "choices": option.get("choices")}
            return [walk(item, inner, name) for item in value]
        if not isinstance(value, str) or "{{" in value or option.get("choices") or is_read(role, name, value):
            return value
        marks.append(name)
        return f"mark{len(marks) - 1}mark"

    known = options(role)
    # What the role works out by itself, a certificate for one, is not among its options.
    return {name: walk(value, known[name], name) if name in known else value for name, value in given.items()}, marks


def is_read(role, name, value):
    """Does a template look into the text, or is it of a closed set that the spec does not list?"""
    return bool(re.match(READ.get(role, r"\Z"), name)) or not value


def filled(value, texts):
    """The same with texts in the places of the marks."""
    if isinstance(value, dict):
        return {filled(key, texts): filled(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, texts) for item in value]
    return _MARK.sub(lambda match: texts[int(match[1])], value) if isinstance(value, str) else value


def differences(ours, theirs, path):
    """Where two values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return [line for key, value in ours.items() for line in differences(value, theirs[key], f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [line for index, value in enumerate(ours) for line in differences(value, theirs[index], f"{path}[{index}]")]
    if ours == theirs and type(ours) is type(theirs):
        return []
    begin = max(len(os.path.commonprefix([str(ours), str(theirs)])) - 20, 0)
    return [f"{path}: {str(ours)[begin : begin + 100]!r} is not {str(theirs)[begin : begin + 100]!r}"]


def main(role, examples):
    renderer = Renderer(role)
    # The variant that says most.
    variables = max(variants(role).values(), key=lambda given: len(str(given)))
    given_variables, marks = marked(role, {k: v for k, v in variables.items() if k != "kubernetes_versions"})
    model = renderer.render(given_variables)
    arrived = sorted({marks[int(number)] for number in _MARK.findall(str(model))})
    print(f"{len(arrived)} of {len(marks)} texts arrive; not: {sorted(set(marks) - set(arrived))}")

    # Without shrinking: what differs is told by its place, and a hundred texts are not made simpler in seconds.
    @settings(
        derandomize=True,
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        print_blob=False,
    )
    @given(st.lists(TEXTS, min_size=len(marks), max_size=len(marks)))
    def what_goes_in_comes_out(texts):
        rendered, wanted = renderer.render(filled(given_variables, texts)), filled(model, texts)
        assert len(rendered) == len(wanted)
        found = [line for ours, theirs in zip(rendered, wanted, strict=True) for line in differences(ours, theirs, str(theirs["kind"]))]
        assert not found, "\n".join(found)

    what_goes_in_comes_out()


def free(role):
    """The role's objects with every difficult text in variables that take any text, for an API server."""
    # Server-side apply by kubernetes.core takes no characters beyond U+FFFF.
    texts = [text for text in NASTY if max(map(ord, text)) <= 0xFFFF]
    known, given = options(role), {"app_name": "web"} if role == "app" else {}
    for name, option in known.items():
        if re.search(r"_extra_env$|^app_env$", name):
            given[name] = {f"V{number}": text for number, text in enumerate(texts)}
        elif re.search(r"(?<!service)(?<!ingress)_annotations$", name) and option["type"] == "dict":
            given[name] = {f"example.com/v{number}": text for number, text in enumerate(texts)}
        elif re.search(r"_(extra_args|args|command)$", name):
            given[name] = texts
    if role == "app":
        given["app_config_maps"] = [{"name": "texts", "data": {f"k{number}": text for number, text in enumerate(texts)}}]
        given["app_secrets"] = [{"name": "secrets", "data": {f"k{number}": text for number, text in enumerate(NASTY)}}]
    # Of the role with a variable for everything the smallest set, of the others the variant that says most.
    base = (min if role == "app" else max)(variants(role).values(), key=lambda variables: len(str(variables)))
    variables = {**{k: v for k, v in base.items() if k != "kubernetes_versions"}, **given}
    return {"documents": Renderer(role).documents(variables), "texts": texts if given else []}


if __name__ == "__main__":
    if sys.argv[2] == "free":
        print(json.dumps(free(sys.argv[1])))
    else:
        main(sys.argv[1], int(sys.argv[2]))
