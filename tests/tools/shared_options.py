# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the options that roles share, in shared_options.yml, into roles/*/meta/argument_specs.yml, and all options in one form.

    tests/tools/shared_options.py           # writes
    tests/tools/shared_options.py --check   # says what differs

A role takes part in an option by having one of that name: {} is enough, and the rest is filled in.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_suffix(".yml")
WIDTH = 140
#: The order in which an option is written; what is not here follows.
KEYS = ("description", "type", "elements", "required", "choices", "default", "no_log", "options")
#: An option of a role begins here; what belongs to it is further right.
INDENT = 6


def load(text):
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def merged(*layers):
    """Dictionaries laid over each other, the last on top."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict) and key != "default"
            result[key] = merged(result[key], value) if both else value
    return result


def filled(value, words):
    """The same with words in the places of the placeholders."""
    if isinstance(value, dict):
        return {filled(key, words): filled(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    return re.sub(r"<(\w+)>", lambda match: words[match[1]], value) if isinstance(value, str) else value


def check(source, names):
    """Nothing is said of a role or an option that is not there."""
    for role in names:
        if role not in source["titles"]:
            sys.exit(f"{SOURCE.name} has no title for the role {role}.")
    for name, option in source["options"].items():
        for role in [*option.get("own", []), *option.get("roles", {})]:
            if f"{role}_{name}" not in names.get(role, {}):
                sys.exit(f"{SOURCE.name} says what {name} is in the role {role}, which has no {role}_{name}.")


def shared(role, source):
    """What the source says of the options of a role, by name without the role's."""
    words, found = {"role": role, "title": source["titles"][role]}, {}
    for name, option in source["options"].items():
        if role in option.get("own", []):
            continue
        general = {key: value for key, value in option.items() if key not in ("own", "roles")}
        special = dict(option.get("roles", {}).get(role, {}))
        append = special.pop("append", "")
        option = merged(general, special)
        if append:
            option["description"] += f" {append}"
        found[name] = filled(option, words)
    return found


def scalar(value):
    """A value on one line."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        plain = load(f"- {value}") == [value] and load(f"a: {value}") == {"a": value} and "\n" not in value
    except yaml.YAMLError:
        plain = False
    return value if plain and "{{" not in value else json.dumps(value, ensure_ascii=False)


def written(value, indent, begun):
    """The lines of a value: the first goes on in column `begun`, behind a key or a dash, the others are indented."""
    space = " " * indent
    if isinstance(value, str) and " " in value and "{{" not in value and begun + len(scalar(value)) > WIDTH:
        return [">-", *textwrap.wrap(value, WIDTH, initial_indent=space, subsequent_indent=space, break_on_hyphens=False, break_long_words=False)]
    if not value or not isinstance(value, (dict, list)):
        return [scalar(value)]
    lines = [""]
    for key, item in value.items() if isinstance(value, dict) else (("-", item) for item in value):
        head = f"{space}{key}" if key == "-" else f"{space}{scalar(key)}:"
        first, *rest = written(item, indent + 2, len(head) + 1)
        if key == "-" and not first:
            # A mapping begins on the line of its dash.
            first, *rest = rest
        lines += [f"{head} {first.lstrip()}".rstrip(), *rest]
    return lines


def ordered(option):
    order = [*(key for key in KEYS if key in option), *(key for key in option if key not in KEYS)]
    nested = {name: ordered(inner) for name, inner in option.get("options", {}).items()}
    return {key: nested if key == "options" else option[key] for key in order}


def block(name, option):
    """The lines of one option."""
    return "\n".join([f"{' ' * INDENT}{name}:", *written(ordered(option), INDENT + 2, 0)[1:]]) + "\n"


def specs(text):
    return load(text)["argument_specs"]["main"]["options"]


def rewritten(text, role, options):
    """The text of an argument spec with the shared options, and the names of those that were different."""
    mine = {f"{role}_{name}": option for name, option in options.items()}
    wanted = {name: merged(option or {}, mine.get(name, {})) for name, option in specs(text).items()}
    differ = []

    def replace(match):
        name = match[1]
        if re.search(r"^ *#", match[0], re.M):
            if name in mine:
                sys.exit(f"{name} has a comment that would be lost; put it above the option.")
            return match[0]
        new = block(name, wanted[name])
        if new != match[0]:
            differ.append(name)
        return new

    # From the name to the next line that is as far left.
    new = re.sub(rf"^ {{{INDENT}}}(\w+):.*\n(?: {{{INDENT + 1},}}.*\n)*", replace, text, flags=re.M)
    assert specs(new) == wanted, f"{role}: what was written reads otherwise"
    return new, differ


def main(arguments=None, root=ROOT):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    source = load(SOURCE.read_text(encoding="utf-8"))
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(root.glob("roles/*/meta/argument_specs.yml"))}
    check(source, {path.parts[-3]: specs(text) for path, text in texts.items()})
    drifted = []
    for path, text in texts.items():
        role = path.parts[-3]
        new, differ = rewritten(text, role, shared(role, source))
        if differ and arguments:
            drifted.append(f"{', '.join(differ)} in {path.relative_to(root)}")
        elif differ:
            path.write_text(new, encoding="utf-8")
    if drifted:
        sys.exit(
            f"Not as tests/tools/shared_options.yml and its script have it: {'; '.join(drifted)}. Change what is shared there, and run"
            " .venv/bin/python tests/tools/shared_options.py."
        )


if __name__ == "__main__":
    main()
