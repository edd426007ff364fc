# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of manifests as documents, read as kubectl reads it.  PRIVATE to the collection."""

from __future__ import annotations

import json
import re

try:
    import yaml
except ImportError:
    # The kubernetes client, which is missed first, depends on it.
    yaml = None


def documents(text):
    """The documents of a YAML text, or the elements of a JSON list; ValueError says where it is neither."""
    # A copy in Python's own type: libyaml takes no other.
    text = str(text)
    if text.lstrip()[:1] == "[":
        try:
            return _listed(json.loads(text))
        except ValueError:
            # A list in YAML's flow style.
            pass
    try:
        found = list(yaml.load_all(text, _loader()))
    except yaml.YAMLError as error:
        # Its own words quote the text, which may be secret.
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"the definitions are no YAML{where}: {getattr(error, 'problem', None) or 'a character is not allowed'}") from None
    return _listed(found[0]) if len(found) == 1 and isinstance(found[0], list) else found


def _listed(value):
    if not isinstance(value, list):
        raise ValueError(f"the definitions are a {type(value).__name__} and no list of objects")
    return value


# YAML 1.1 has numbers of base 60, and times, which neither kubectl nor the API server know.
_INT = re.compile(r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)


def _loader():
    """A class of loaders, made once."""
    if _MADE:
        return _MADE[0]
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):
        """Reads YAML as kubectl does; a key that is written twice is an error."""

        def construct_mapping(self, node, deep=False):
            seen = set()
            for key, _value in node.value:
                if key.tag == "tag:yaml.org,2002:str":
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(None, None, "a key is written twice", key.start_mark)
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    dropped = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    Loader.yaml_implicit_resolvers = {
        first: [entry for entry in resolvers if entry[0] not in dropped] for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    _MADE.append(Loader)
    return Loader


_MADE = []
