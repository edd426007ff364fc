# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes objects and sentences fit to be shown: which keys there are and that a value is another one, never the value.

What is secret is told by where it stands (a Secret's data, a variable or field whose name says so) and by what it looks
like (a private key, a token, a URL with a password).  In doubt it is hidden: no hash of it is shown, and no length.
Pure.  PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import lru_cache

try:
    import yaml
except ImportError:
    # The kubernetes client, which is missed first, depends on it.
    yaml = None

HIDDEN = "<hidden>"
OLD = "<hidden, the old value>"
NEW = "<hidden, a new value>"

#: stands for what the other object does not have
_ABSENT = object()
#: a value of so many characters is cut out of sentences wherever it stands; a shorter one would take ordinary words along
_LONG = 6

# The words by which a name tells that its value is a secret: as a name's last word, and for variables anywhere.
_KEYS = (
    r"(?:api|app|access|account|auth|cookie|encryption|hmac|license|logged[-_. ]in|master|nonce|private|root|secret|session|shared|signing|"
    r"storage)[-_. ]?key"
)
_WORD = (
    r"(?:(?<!by)(?<!com)pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|jwt|salt|authorization|"
    rf"connection[-_.]?string|{_KEYS})s?"
)
#: words of which a field of that name tells where the key is
_KEYS_OF_VARIABLES = r"(?:aes|cipher|client|crypt|deploy|encrypt|fernet|ssh|ssl|tls|tsig|unseal|vault|webhook)[-_.]?key$"
_VARIABLE = re.compile(rf"{_WORD}|(?:^|[_.-])(?:auth|creds?|dsn|pw)$|{_KEYS_OF_VARIABLES}", re.IGNORECASE)
_FIELD = re.compile(rf"{_WORD}$|^_?auth$", re.IGNORECASE)
#: end like a secret, and name a Secret
_REFERENCES = re.compile(r"(?:^|[/.-])(?:auth(?:-tls)?|proxy-ssl|tls|image-?pull|pull)-?secrets?$", re.IGNORECASE)
#: what Kubernetes puts a variable's value in place of; and a shell, in whose text a value may be no more than a part of it
_REFERENCE = re.compile(r"\$\([\w.-]+\)")
_SHELL_REFERENCE = re.compile(rf"""\\?["']?(?:\$\(|\$\{{\w|\$\w*?{_WORD}\w*\\?["']?$)""", re.IGNORECASE)
#: what a field has whose value is no secret
_NOTHING = ("true", "false", "null", "~", "")
#: annotations of a Secret that say nothing about its values
_PLAIN_ANNOTATION = re.compile(r"(?:[^/]+\.)?(?:slipway\.kubernetes|kubernetes\.io|k8s\.io|helm\.sh)/")
#: copies of a whole object, as several tools keep them
_COPY = re.compile(r"last-(?:applied|handled)|/applied$|/original(?:-diff.*)?$", re.IGNORECASE)
_SECRET_TYPE = re.compile(
    r"Opaque|kubernetes\.io/(?:service-account-token|dockercfg|dockerconfigjson|basic-auth|ssh-auth|tls)|helm\.sh/release\.v1|"
    r"bootstrap\.kubernetes\.io/token"
)
_DOCKER = re.compile(r"\.?docker(?:cfg|configjson)|\.docker/config\.json")
_MANIFEST = re.compile(r"""^\s*(?:-\s+)?["']?kind["']?\s*:\s*["']?Secret(?:List)?["']?\s*$""", re.M)

_FLAG = re.compile(rf"--?[\w.-]*?{_WORD}", re.IGNORECASE)
_SETTING = re.compile(rf"((?:--?)?[\w.-]*?{_WORD}=)(.+)", re.IGNORECASE | re.S)
_LOGIN = re.compile(r"([^\s:]*:)(\S+)", re.S)
#: programs with a flag of one letter before a password, and those that want it in one word with the flag
_FLAGS = {"cqlsh": "-p", "redis-cli": "-a", "sshpass": "-p"}
_MYSQL = re.compile(r"(?:mysql|mariadb)[\w-]*")

_QUOTED = r""""(?:[^"\\]|\\.)*"|\\"(?:(?!\\").)*\\"|'[^']*'"""
# Each hides what its group `value` matches.
_LOOKS = tuple(
    re.compile(pattern, re.S)
    for pattern in (
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?P<value>.*?)(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        # a login in a URL; a number is a port
        r"""(?<![\w+.-])(?i:[a-z][a-z0-9+.-]*)://[^\s:/@?#"'<>]{0,256}:(?!\d+(?:[/?#\s"',;)]|$))(?P<value>[^\s"'<>]{1,1024})@(?=[^\s@]*)""",
        r"\bBearer\s+(?P<value>[\w.~+/=-]{8,})",
        r"\b(?i:bearer|basic)\s+(?=[\w.~+/=-]*[0-9A-Z=])(?P<value>[\w.~+/=-]{8,})",
        r"(?<![\w-])(?P<value>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
        r"(?<![\w-])(?P<value>gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|"
        r"[sr]k_(?:live|test)_\w{16,}|sk-[\w-]{20,}|hv[sb]\.[\w-]{20,}|s\.\w{24}|AIza[\w-]{35}|npm_\w{30,}|dckr_pat_[\w-]{20,}|"
        r"AGE-SECRET-KEY-\w+)(?![\w-])",
        # variables as JSON, YAML and Go print them
        rf"""(?i:name)\\?["']?\s*[:=]\s*\\?["']?[\w.-]*?(?i:{_WORD})[\w.-]*\\?["']?,?\s*(?:-\s+)?"""
        rf"""\\?["']?(?i:value)\\?["']?\s*[:=]\s*(?P<value>{_QUOTED}|[^\s,}}\]]+)""",
        # fields and settings
        rf"""(?<![\w-])\\?["'][\w./ -]*?(?i:{_WORD})\\?["']\s*(?:\]\s*)?(?:[:=]|=>)\s*(?P<value>{_QUOTED}|-?\d+)""",
        rf"""\bdefine\s*\(\s*\\?["'][\w./-]*?(?i:{_WORD})\\?["']\s*,\s*(?P<value>{_QUOTED})""",
        rf"""[{{,]\s*["']?[\w.-]*?(?i:{_WORD})["']?\s*:\s*(?P<value>{_QUOTED}|[^\s,{{}}\[\]"'&*<\\][^,{{}}\[\]\n]*)""",
        rf"""(?<=[{{ ])(?=[A-Z])\w*?(?i:{_WORD}):(?P<value>[^\s,{{}}\[\]()&*"'<\\]+)""",
        rf"""<[\w.:-]*?(?i:{_WORD})>(?P<value>[^<]+)</""",
        rf"""\\?["']_?auth\\?["']\s*:\s*(?P<value>{_QUOTED})""",
        rf"""(?m:^)[ \t]*(?:export[ \t]+)?[\w./-]*?(?i:{_WORD})[ \t]*=[ \t]*(?P<value>{_QUOTED}|[^\n]+)""",
        rf"""(?<![\w./-])[\w./-]*?(?i:{_WORD})\s*=>?\s*(?P<value>{_QUOTED}|[^\s&"']+)""",
        rf"""(?m:^)[ \t]*(?:- )?["']?[\w./-]*?(?i:{_WORD})["']?[ \t]*:[ \t]+[|>][-+0-9]*[ \t]*\n(?P<value>(?:[ \t]+[^\n]*(?:\n|$))+)""",
        rf"""(?m:^)[ \t]*(?:- )?["']?[\w./-]*?(?i:{_WORD})["']?[ \t]*:[ \t]+(?P<value>[^\s|>&*{{\[][^\n]*)""",
        # a sentence's last word, as of many more nobody knows which is the password
        r"""(?<![\w./-])[\w./-]*?(?i:pass(?:word|wd|phrase)|pwd)\s*:\s+(?P<value>(?!(?i:yes|no)\b)[^\s,;)<]+)(?=[,;)]|[ \t]*(?m:$))""",
        r"(?m:^)[ \t]*(?:bindpw|masterauth|requirepass|rootpw)[ \t]+(?P<value>\S+)",
        r"\b(?:machine\s+\S+\s+login\s+\S+\s+|insecure-)password\s+(?P<value>\S+)",
        # headers
        rf"""(?<![\w-])(?i:x-[\w-]*?{_WORD}|private-token)\s*:\s*(?P<value>[^\s"']+)""",
        # in quotes, for a registry's "may require authorization: server message: ..." is none
        r"""["'](?i:authorization)\s*:\s*(?P<value>[^\s"'][^"'\n]*)""",
        rf"""\b(?:proxy_set|add)_header\s+[\w-]*?(?i:{_WORD})\s+(?P<value>{_QUOTED}|[^\s;]+)""",
        # URLs that are good for whoever has them
        r"""[?&](?i:sig|signature|x-(?:amz|goog)-(?:signature|security-token))=(?P<value>[^\s&"'#]+)""",
        r"\b(?:hooks\.slack\.com/\w+|discord(?:app)?\.com/api/webhooks)/(?P<value>[\w/-]+)",
        # hashes of passwords
        r"\$(?:apr1|1|2[abxy]|5|6|7|g?y|argon2\w+|scrypt)\$(?P<value>[\w./$,=+-]{12,})",
        r"\{(?i:s?sha\d*)\}(?P<value>[\w+/=]{20,})",
        # statements
        r"""\b(?i:identified\s+(?:by|via\s+\w+\s+using)(?:\s+password)?|(?<!["'])password)\s*(?:\(\s*)?(?P<value>'(?:[^'\\]|\\.|'')*')""",
        r"""\b(?i:identified\s+by)\s*(?P<value>"(?:[^"\\]|\\.)*")""",
        # command lines
        rf"""(?<![\w-])--?[\w.-]*?(?i:{_WORD})\s+(?P<value>{_QUOTED}|[^\s"'-]\S*)""",
        r"""\b(?:mysql|mariadb)[\w-]*\b[^|;&\n]{0,500}?\s-p(?P<value>[^\s"']+)""",
        r"""\b(?:cqlsh|sshpass|(?:docker|helm|podman|skopeo)\s[\w\s-]{0,40}?login)\b[^|;&\n]{0,500}?\s-p[ =]?(?P<value>[^\s"'-][^\s"']*)""",
        r"""\bredis-cli\b[^|;&\n]{0,500}?\s-a[ =]?(?P<value>[^\s"'-][^\s"']*)""",
        r"\bpass:(?P<value>[^\s\"']+)",
        r"""(?<![\w-])(?:-u|--user)[ =]["']?[^\s:"']+:(?P<value>[^\s"']+)""",
    )
)
#: one of these is in every text in which something of the above is found
_HINTS = (
    "pass", "pwd", "secret", "token", "credential", "jwt", "salt", "auth", "key", "connection", "://", "bearer", "basic",
    "eyj", "gh", "glpat", "xox", "akia", "sk_", "rk_", "sk-", "hv", "s.", "aiza", "npm_", "dckr", "mysql", "mariadb", "identified",
    "-u", "--user", "ls0tls1crudjti", "bindpw", "rootpw", "redis-cli", "cqlsh", "login", "sig", "hooks.slack", "webhooks/", "$apr1$", "$1$", "$2",
    "$5$", "$6$", "$7$", "y$", "argon2", "scrypt", "{sha", "{ssha",
)
_ENCODED = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]+")
# The API server's words for a value that it does not take, and how Go prints one.
_INVALID = re.compile(r'((?:Invalid|Unsupported|Duplicate) value: )("(?:[^"\\]|\\.)*"|.*?(?=: )|.*$)', re.S)
_GO_VALUE = re.compile(r"(\bgot &?[\w.*]*\{Value:)[^}]*(\})|(\bexpected [\w ]+, got )(?!&?[\w.*]*\{Value:)\S+")


# ------------------------------------------------------------------ objects --
def shown(obj):
    """An object, or anything made of objects, as it may be shown."""
    return _walk(obj, _ABSENT, HIDDEN)


def both(before, after):
    """Two states of an object as they may be shown: a value unlike the other's is marked, so that they differ."""
    return _walk(before, after, OLD), _walk(after, before, NEW)


def values_of(*objects):
    """The texts that are hidden in objects, as they stand there and as base64 has them."""
    found = set()
    for obj in objects:
        _collect(obj, shown(obj), found)
    return found - {""}


def _walk(value, other, marker, secret=False):
    if isinstance(value, str):
        return _text(value, other, marker)
    if isinstance(value, dict):
        return _mapping(value, other if isinstance(other, dict) else {}, marker, secret)
    if isinstance(value, list):
        return _sequence(value, other if isinstance(other, list) else [], marker, secret)
    return value


def _mapping(value, other, marker, secret):
    secret = secret or is_secret(value)
    variable = "value" in value and _is_variable(value.get("name", value.get("key")))
    found = {}
    for key, item in value.items():
        there = other.get(key, _ABSENT)
        if key == "stringData" or (secret and key == "data") or (isinstance(key, str) and _DOCKER.fullmatch(key)):
            found[key] = _hide(item, there, marker)
        elif key == "metadata" and isinstance(item, dict):
            found[key] = _metadata(item, there, marker, secret)
        elif key == "items":
            found[key] = _walk(item, there, marker, value.get("kind") == "SecretList")
        elif (variable and key == "value") or _is_field(key):
            found[key] = _literal(item, there, marker)
        else:
            found[key] = _walk(item, there, marker)
    return found


def _metadata(value, other, marker, secret):
    # who owns which fields is of no interest, and quotes some
    rest = {key: item for key, item in value.items() if key not in ("annotations", "managedFields")}
    found, other = _mapping(rest, other if isinstance(other, dict) else {}, marker, False), other if isinstance(other, dict) else {}
    if "annotations" in value:
        found["annotations"] = _annotations(value["annotations"], other.get("annotations", _ABSENT), marker, secret)
    return {key: found[key] for key in value if key in found}


def is_secret(obj):
    """Is this a Secret?  One in a list comes without its kind."""
    if "kind" in obj:
        return obj["kind"] == "Secret"
    return isinstance(obj.get("data"), dict) and isinstance(obj.get("type"), str) and _SECRET_TYPE.fullmatch(obj["type"]) is not None


def _is_variable(name):
    return isinstance(name, str) and _speaks(_VARIABLE, name)


def _is_field(name):
    return isinstance(name, str) and _speaks(_FIELD, name) and not _speaks(_REFERENCES, name)


@lru_cache(maxsize=4096)
def _speaks(pattern, name):
    return pattern.search(name) is not None


def _sequence(value, other, marker, secret):
    named = {item["name"]: item for item in other if isinstance(item, dict) and isinstance(item.get("name"), str)}
    found, flag = [], ""
    program = value[0].rpartition("/")[2] if value and isinstance(value[0], str) else ""
    for index, item in enumerate(value):
        there = other[index] if index < len(other) else _ABSENT
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            there = named.get(item["name"], _ABSENT)
        setting = _SETTING.fullmatch(item) if isinstance(item, str) else None
        if setting and not _SHELL_REFERENCE.match(setting[2]):
            # as an argument of its own, it goes on to its end
            found.append(setting[1] + _mark(item, there, marker))
        elif isinstance(item, str) and item[:2] == "-p" and item[2:] and _MYSQL.fullmatch(program):
            found.append("-p" + _literal(item[2:], there[2:] if isinstance(there, str) else there, marker))
        elif isinstance(item, str) and (_FLAG.fullmatch(flag) or flag and flag == _FLAGS.get(program)) and not item.startswith("-"):
            found.append(_literal(item, there, marker))
        elif isinstance(item, str) and flag in ("-u", "--user") and _LOGIN.fullmatch(item):
            found.append(_LOGIN.sub(lambda match, there=there, item=item: match[1] + _mark(item, there, marker), item))
        else:
            found.append(_walk(item, there, marker, secret))
        flag = item if isinstance(item, str) else ""
    return found


def _annotations(value, other, marker, secret):
    if not isinstance(value, dict):
        return _walk(value, other, marker)
    found, other = {}, other if isinstance(other, dict) else {}
    for key, item in value.items():
        there = other.get(key, _ABSENT)
        copy = _COPY.search(str(key)) is not None
        if (secret and (copy or not _PLAIN_ANNOTATION.match(str(key)))) or (copy and _parsed(item) is None):
            found[key] = _hide(item, there, marker)
        elif _is_field(key):
            found[key] = _literal(item, there, marker)
        else:
            found[key] = _walk(item, there, marker)
    return found


def _literal(value, other, marker):
    """What a secret's name is given: hidden, unless it says where the value is to come from."""
    if isinstance(value, dict) or isinstance(value, bool) or value is None:
        return _walk(value, other, marker)
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return _walk(value, other, marker)
        return _hide(value, other, marker)
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return value
    return _mark(value, other, marker)


def _hide(value, other, marker):
    """Everything in it, whatever it is."""
    if isinstance(value, dict):
        other = other if isinstance(other, dict) else {}
        return {key: _hide(item, other.get(key, _ABSENT), marker) for key, item in value.items()}
    if isinstance(value, list):
        other = other if isinstance(other, list) else []
        return [_hide(item, other[i] if i < len(other) else _ABSENT, marker) for i, item in enumerate(value)]
    return value if value is None else _mark(value, other, marker)


def _mark(value, other, marker):
    return HIDDEN if other is _ABSENT or other == value else marker


# -------------------------------------------------------------------- texts --
def _text(value, other, marker):
    """A text of an object: an object itself, as JSON or YAML, or one in which something looks like a secret."""
    if _says_nothing(value):
        return value
    parsed = _parsed(value)
    if parsed is not None:
        there = _parsed(other) if isinstance(other, str) else None
        fit = _walk(parsed, _ABSENT if there is None else there, marker)
        return value if fit == parsed else json.dumps(fit, ensure_ascii=False)
    if _MANIFEST.search(value):
        return _manifests(value, other, marker)
    masked = sentence(value)
    if masked != value and isinstance(other, str) and other != value and sentence(other) == masked:
        return sentence(value, marker)
    return masked


def _parsed(text):
    """What a JSON text holds; None if it is none."""
    if isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return None


def _manifests(value, other, marker):
    try:
        documents = list(yaml.safe_load_all(value))
        there = list(yaml.safe_load_all(other)) if isinstance(other, str) else []
        return yaml.safe_dump_all(_walk(documents, there, marker), allow_unicode=True, sort_keys=False, width=1000)
    except (yaml.YAMLError, AttributeError, ValueError, TypeError):
        # a template of a Secret, of which nobody can say what in it is the value
        return _mark(value, other if isinstance(other, str) else _ABSENT, marker)


def sentence(text, marker=HIDDEN):
    """A text in which whatever looks like a secret is hidden."""
    if _says_nothing(text):
        return text
    for look in _LOOKS:
        text = look.sub(lambda match: _cover(match, marker), text)
    return _ENCODED.sub(lambda match: marker if _holds_key(match[0]) else match[0], text)


def _says_nothing(text):
    """Can nothing be found in a text?  Most are short and come again and again."""
    return _has_no_hint(text) if len(text) < 200 else _has_no_hint.__wrapped__(text)


@lru_cache(maxsize=16384)
def _has_no_hint(text):
    folded = text.casefold()
    return not any(hint in folded for hint in _HINTS)


def _cover(match, marker):
    value = match["value"]
    if HIDDEN[:-1] in value or _SHELL_REFERENCE.match(value) or value.strip() in _NOTHING:
        return match[0]
    start, end = match.start("value") - match.start(), match.end("value") - match.start()
    quote = re.match(r"""\\?["']""", value)
    if quote and value.endswith(quote[0]) and len(value) > len(quote[0]):
        start, end = start + len(quote[0]), end - len(quote[0])
    tail = "\n" if match[0][start:end].endswith("\n") else ""
    return f"{match[0][:start]}{marker}{tail}{match[0][end:]}"


def _holds_key(text):
    try:
        return b"PRIVATE KEY" in base64.b64decode(text[: len(text) // 4 * 4])
    except (ValueError, binascii.Error):
        return False


def message(text, *objects):
    """What the API server or a program says about objects, without the values that are hidden in these."""
    text = str(text)
    if any(isinstance(obj, dict) and is_secret(obj) for obj in objects):
        text = _INVALID.sub(lambda match: match[1] + HIDDEN, text)
        text = _GO_VALUE.sub(lambda match: f"{match[1]}{HIDDEN}{match[2]}" if match[1] else match[3] + HIDDEN, text)
    values = values_of(*objects)
    if values:
        # a name is said by everybody, whoever else has chosen it for a password
        names = {name for obj in objects for name in _names(obj)}
        for value in sorted((v for v in values if len(v) >= _LONG and v not in names), key=len, reverse=True):
            for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
                text = text.replace(form, HIDDEN)
    return sentence(text)


def _names(obj):
    meta = obj.get("metadata") or {} if isinstance(obj, dict) else {}
    return {meta.get("name"), meta.get("namespace"), *(meta.get("labels") or {}).values()}


def fit(result):
    """A module's result with all its texts as they may be shown; names of fields say nothing here."""
    if isinstance(result, dict):
        return {key: fit(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [fit(value) for value in result]
    return sentence(result) if isinstance(result, str) else result


def _collect(value, fit_value, found):
    if isinstance(value, dict) and isinstance(fit_value, dict):
        for key, item in value.items():
            if key in fit_value:
                _collect(item, fit_value[key], found)
    elif isinstance(value, list) and isinstance(fit_value, list):
        for item, fit_item in zip(value, fit_value):
            _collect(item, fit_item, found)
    elif fit_value == HIDDEN and value != HIDDEN:
        text = str(value)
        found.add(text)
        try:
            found.add(base64.b64decode(text, validate=True).decode())
        except (ValueError, binascii.Error):
            pass
        found.add(base64.b64encode(text.encode("utf-8", "replace")).decode())
    elif isinstance(value, str) and isinstance(fit_value, str) and value != fit_value:
        parsed, fit_parsed = _parsed(value), _parsed(fit_value)
        if parsed is not None and fit_parsed is not None:
            _collect(parsed, fit_parsed, found)
        else:
            for look in _LOOKS:
                found.update(match["value"].strip("\"'\\ \n") for match in look.finditer(value))
