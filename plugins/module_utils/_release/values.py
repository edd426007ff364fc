# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values on their way from variables into manifests.  Pure functions.

What a user has written reaches the API server as it was written, or is refused by name.  It is never turned into what
Python calls it (None, True, ['a', 'b']).

PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping

#: What json.dumps leaves as it is, and YAML does not: DEL and C1 and U+FFFE are not printable to YAML, U+0085, U+2028 and
#: U+2029 end a line in a quoted text, U+FEFF is skipped as a byte order mark.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+\Z")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?\Z")
# As Ansible's own option type bool reads them.
_BOOLEANS = {
    **dict.fromkeys(("y", "yes", "on", "1", "true", "t"), True),
    **dict.fromkeys(("n", "no", "off", "0", "false", "f"), False),
}
#: The kinds of values that a field may want.
KINDS = ("str", "int", "bool", "int_or_str")


class ValueProblem(ValueError):
    """A value that no field can hold, with a sentence that says which and why."""


def to_json(value):
    """JSON which YAML reads as the same value, with no character escaped that both can print.

    json.dumps writes characters beyond U+FFFF as two halves, which YAML refuses, and 1e-07, which is a text to YAML.
    """
    if isinstance(value, str):
        return in_yaml(json.dumps(value, ensure_ascii=False))
    if isinstance(value, Mapping):
        return "{%s}" % ", ".join("%s: %s" % (to_json(key), to_json(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(to_json(item) for item in value)
    if isinstance(value, float):
        return _float(value)
    return json.dumps(value)


def in_yaml(text):
    """JSON in which nothing but ASCII is escaped, as YAML can read it."""
    return _NOT_IN_YAML.sub(lambda match: "\\u%04x" % ord(match[0]), text)


def below(path, key):
    """The path of what a list or mapping holds, as it would be written in an expression."""
    if isinstance(key, int):
        return "%s[%d]" % (path, key)
    if _IDENTIFIER.match(key):
        return "%s.%s" % (path, key) if path else key
    return "%s[%s]" % (path, json.dumps(key, ensure_ascii=False))


def checked_text(text, path=""):
    """The text itself, unless no manifest can carry it."""
    # A copy in Python's own type: what Ansible notes about a value's origin is not for serializers.
    text = str(text)
    if "\0" in text:
        raise ValueProblem(
            "%s holds the character NUL (U+0000), which is no text; binary content belongs into files or binary_data" % (path or "the value")
        )
    half = _SURROGATE.search(text)
    if half:
        raise ValueProblem(
            "%s holds U+%04X, half of a character, which is no text; write the whole character" % (path or "the value", ord(half[0]))
        )
    return text


def key_text(key, path=""):
    """A mapping's key.  Numbers are texts there; what YAML made a boolean or null of has lost its spelling."""
    if isinstance(key, str):
        return checked_text(key, "a key of %s" % (path or "the value"))
    if isinstance(key, int) and not isinstance(key, bool):
        return str(int(key))
    raise ValueProblem(
        "%s has the key %s, which YAML has made of something unquoted such as no, on or ~; quote it" % (path or "the value", shown(key))
    )


def text_of(value, path=""):
    """A text, number, boolean or date as a text, in the form that YAML and JSON write it: true, 3, 0.5, 2026-01-31."""
    if isinstance(value, str):
        return checked_text(value, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number(value, path)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if _is_encrypted(value):
        return checked_text(value, path)
    raise ValueProblem("%s is %s, which is no text; quote it, or leave it out" % (path or "the value", shown(value)))


def _mapping(value, path, converted):
    found = {}
    for key, item in value.items():
        name = key_text(key, path)
        if name in found:
            raise ValueProblem("%s has the key %s twice, as a number and as a text" % (path or "the value", name))
        found[name] = converted(item, below(path, _name(key)))
    return found


def plain(value, path=""):
    """A copy in Python's own types that JSON can write, every part of it checked."""
    if isinstance(value, Mapping):
        return _mapping(value, path, plain)
    if isinstance(value, (list, tuple)):
        return [plain(item, below(path, index)) for index, item in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        _number(value, path)
        return float(value)
    return text_of(value, path)


def texts(value, path=""):
    """The same with each number and boolean in it as a text: for labels, annotations, arguments."""
    if isinstance(value, Mapping):
        return _mapping(value, path, texts)
    if isinstance(value, (list, tuple)):
        return [texts(item, below(path, index)) for index, item in enumerate(value)]
    return text_of(value, path)


def whole_number(value, path=""):
    """A number; variables that come from outside have it as a text."""
    if isinstance(value, str) and _WHOLE_NUMBER.match(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueProblem("%s is %s, which is no whole number" % (path or "the value", shown(value)))


def boolean(value, path=""):
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
    if known is None:
        raise ValueProblem("%s is %s, which is neither true nor false" % (path or "the value", shown(value)))
    return known


def value_for(value, kind=None, path=""):
    """The value as a field of that kind takes it; without a kind, of whatever type it is."""
    if kind is None:
        return plain(value, path)
    if kind == "str":
        return texts(value, path)
    if kind == "int":
        return whole_number(value, path)
    if kind == "bool":
        return boolean(value, path)
    if kind == "int_or_str":
        # Kubernetes' IntOrString: a port or its name, a number or a percentage.
        text = text_of(value, path)
        return int(text) if _WHOLE_NUMBER.match(text) else text
    raise ValueProblem("%s is no kind of value; there are %s" % (kind, ", ".join(KINDS)))


def env_vars(variables, path="env"):
    """A container's env.  A mapping gives each variable's value, or (a mapping) where it comes from; a list is Kubernetes' own form."""
    if isinstance(variables, (list, tuple)):
        found = []
        for index, given in enumerate(variables):
            entry = plain(given, below(path, index))
            if isinstance(entry, dict) and entry.get("value") is not None:
                entry["value"] = text_of(entry["value"], below(below(path, index), "value"))
            found.append(entry)
        return found
    if not isinstance(variables, Mapping):
        raise ValueProblem("%s is %s, and should be a mapping of names to values" % (path, shown(variables)))
    found = []
    for key, value in _mapping(variables, path, lambda item, _where: item).items():
        name, where = key, below(path, key)
        if isinstance(value, Mapping):
            found.append({"name": name, "valueFrom": plain(value, where)})
        else:
            found.append({"name": name, "value": text_of(value, where)})
    return found


def unfit(variables, options, role):
    """Sentences about variables of a role that no object can be made of, whatever its templates do with them."""
    found = []

    def walk(value, option, path):
        """What is below a variable may be null where nothing is its default, as it may in Kubernetes."""
        try:
            if option.get("type") == "str" and value is not None:
                text_of(value, path)
            elif isinstance(value, str) or _is_encrypted(value):
                checked_text(value, path)
            elif isinstance(value, Mapping):
                for key, item in value.items():
                    key_text(key, path)
                    walk(item, (option.get("options") or {}).get(key) or {}, below(path, _name(key)))
            elif isinstance(value, (list, tuple)):
                inner = {"type": option.get("elements"), "options": option.get("options")}
                for index, item in enumerate(value):
                    walk(item, inner, below(path, index))
            elif value is None and option.get("type") and (option.get("default") or path == name):
                raise ValueProblem("%s is null; leave it out, or give it a value" % path)
        except ValueProblem as problem:
            found.append("%s." % problem)

    for name in sorted(variables):
        walk(variables[name], options.get(name) or {}, name)
    for name, limit in (("%s_name" % role, 253), ("%s_namespace" % role, 63)):
        value = variables.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
            pattern = _SUBDOMAIN if limit == 253 else _LABEL
            if not pattern.match(str(value)) or len(str(value)) > min(limit, 63):
                found.append(
                    "%s is %s, which is no name: at most 63 lower case letters, digits%s and hyphens, with a letter or digit at both ends."
                    % (name, json.dumps(str(value), ensure_ascii=False), ", dots" if limit == 253 else "")
                )
    return found


def _name(key):
    """A key in a path, where its own problem has been or will be told."""
    return key if isinstance(key, str) else str(key)


def _number(value, path):
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueProblem("%s is no number that JSON can write; quote it if it is a text" % (path or "the value"))
    return _float(value) if isinstance(value, float) else str(int(value))


def _float(value):
    digits, exponent, power = repr(float(value)).partition("e")
    return digits + ("" if "." in digits else ".0") + exponent + power if exponent else digits


def shown(value):
    """What YAML calls such a value; never the value of a text, which may be secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "the number %s" % value
    if isinstance(value, datetime.datetime):
        return "a point in time"
    for types, name in (((Mapping,), "a mapping"), ((list, tuple), "a list"), ((str,), "a text"), ((bytes, bytearray), "binary")):
        if isinstance(value, types):
            return name
    return "of the type %s" % type(value).__name__


def _is_encrypted(value):
    """Is this a value that ansible-vault has encrypted?  Reading it as a text decrypts it."""
    return type(value).__name__ in ("EncryptedString", "AnsibleVaultEncryptedUnicode")
