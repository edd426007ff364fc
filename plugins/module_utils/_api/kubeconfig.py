# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs: reading them, merging several, and what a context of theirs means.

As kubectl does it (k8s.io/client-go/tools/clientcmd), which differs from the Python client where several files are
merged: the first that names a current context wins there, the last one here (C(Merged.last_context)).
PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from copy import deepcopy
from dataclasses import dataclass, field

try:
    import yaml
except ImportError:
    # client.py says that it is missing
    yaml = None

from .errors import TaskError

#: the lists of a kubeconfig, and what an entry of each holds
_LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
#: what merged kubeconfigs keep of where they came from, when they are handed on as one
FOLDER, LAST_CONTEXT = "slipway.kubernetes/folder", "slipway.kubernetes/last-context"
#: what names a file, relative to the kubeconfig's folder
_FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}
#: what the fields are that are more than a text; kubectl reads no others
_SHAPES = {
    "cluster": {"extensions": [{}]},
    "user": {
        "as-groups": [str],
        "as-user-extra": {"*": [str]},
        "auth-provider": {"config": {"*": str}},
        "exec": {"args": [str], "env": [{}]},
    },
}


@dataclass
class Merged:
    """What one or more kubeconfigs say together.  The entries are by name; files in them are absolute."""

    origin: str
    clusters: dict = field(default_factory=dict)
    contexts: dict = field(default_factory=dict)
    users: dict = field(default_factory=dict)
    current_context: str = ""
    #: what the Python client, and so kubernetes.core, takes for the current context
    last_context: str = ""


@dataclass
class Chosen:
    """A context with what it leads to.  C(user) is None where the context names none, or one that is not there."""

    context: str
    cluster: dict
    user: dict | None
    user_name: str


def expand(path, environ):
    """An absolute path: C(~) is the home in that environment, what is relative is of its folder C(PWD), not of the process's."""
    home = environ.get("HOME")
    if home and (path == "~" or path.startswith("~/")):
        path = home.rstrip("/") + path[1:]
    return os.path.join(environ.get("PWD") or "", os.path.expanduser(path))


def expand_variables(path, environ):
    """A path as Ansible's options of type path take it, with the variables of that environment."""

    def value(found):
        name = found.group(1)
        return environ.get(name.strip("{}"), found.group(0))

    return expand(re.sub(r"\$(\w+|\{[^}]*\})", value, path), environ)


def is_path(text):
    """Rather than the text of a kubeconfig, of which no message may tell."""
    return not re.search(r"\n|: |^\s*\{", text)


def parse(text, name):
    """A kubeconfig's text as plain data."""
    if text.startswith("$ANSIBLE_VAULT;"):
        raise TaskError(
            f"{name} is encrypted by ansible-vault; it is decrypted if the option kubeconfig of a task on the controller names it."
        )
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        # what the line holds may be a secret
        raise TaskError(f"{name} is no kubeconfig: it cannot be read as YAML{where}.") from None
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise TaskError(f"{name} is no kubeconfig: it holds {_kind(config)}, not the fields clusters, contexts and users.")
    return config


def read(path):
    """The text of a file that belongs to a connection."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def load(path, name):
    """The kubeconfig in a file; None if there is no such file."""
    try:
        return parse(read(path), name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise TaskError(f"{name} is no kubeconfig: it is no text.") from None
    except OSError as error:
        raise TaskError(f"{name} cannot be read: {error.strerror}.") from None


def merge(documents, origin):
    """Several kubeconfigs as one.  C(documents) are pairs of the plain data and the folder of its file."""
    merged = Merged(origin)
    for config, folder in documents:
        for plural, kind in _LISTS.items():
            entries = getattr(merged, plural)
            for name, entry in _entries(config, plural, kind, origin).items():
                entries.setdefault(name, _absolute(entry, kind, folder))
        current = config.get("current-context")
        if current is not None:
            merged.current_context = merged.current_context or str(current)
            merged.last_context = str(config.get(LAST_CONTEXT) or current)
    return merged


def plain(merged):
    """A kubeconfig that says the same in one, for whoever takes plain data."""
    config = {
        plural: [{"name": name, kind: entry} for name, entry in getattr(merged, plural).items()]
        for plural, kind in _LISTS.items()
    }
    config["current-context"] = merged.current_context
    if merged.last_context != merged.current_context:
        config[LAST_CONTEXT] = merged.last_context
    return {"apiVersion": "v1", "kind": "Config", **deepcopy(config)}


def choose(merged, context=None):
    """What a context means: the given one, else the current one."""
    wanted = context or merged.current_context
    there = ", ".join(merged.contexts) or "none"
    if not wanted:
        if not merged.contexts and not merged.clusters:
            raise TaskError(f"{_sentence(merged.origin)} is no kubeconfig with a cluster: it has no contexts.")
        raise TaskError(
            f"{_sentence(merged.origin)} has no current context; name one with the option context or K8S_AUTH_CONTEXT (there is: {there})."
        )
    if wanted not in merged.contexts:
        raise TaskError(f"{_sentence(merged.origin)} has no context {wanted} (there is: {there}).")
    found = merged.contexts[wanted]
    cluster = str(found.get("cluster") or "")
    if cluster not in merged.clusters:
        raise TaskError(f"Context {wanted} of {merged.origin} names the cluster '{cluster}', which is not there.")
    if not merged.clusters[cluster].get("server"):
        raise TaskError(f"Cluster {cluster} of {merged.origin} has no server.")
    user = str(found.get("user") or "")
    for kind, name, entry in (("cluster", cluster, merged.clusters[cluster]), ("user", user, merged.users.get(user) or {})):
        wrong = _misfit(entry, {"*": str, **_SHAPES[kind]})
        if wrong:
            raise TaskError(f"{_sentence(merged.origin)} is no kubeconfig: {wrong} of {kind} {name} is not what it has to be.")
    return Chosen(wanted, merged.clusters[cluster], merged.users.get(user), user)


def _misfit(value, shape, path=""):
    """The path to what does not fit: fields are as a dict says, C(*) being any, elements as a list says, the rest is no list and no fields."""
    if value is None or value == "":
        return None
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return path
        parts = [(f"{path}.{name}".lstrip("."), part, shape.get(name, shape.get("*"))) for name, part in value.items()]
        return next((wrong for name, part, wanted in parts if wanted is not None and (wrong := _misfit(part, wanted, name))), None)
    if isinstance(shape, list):
        if not isinstance(value, list) or not all(isinstance(item, dict) if shape[0] == {} else item is not None for item in value):
            return path
        return next((wrong for item in value if (wrong := _misfit(item, shape[0], path))), None)
    return path if isinstance(value, (dict, list)) else None


def content(entry, name, what):
    """The text of C(<name>-data), else of the file C(<name>); None where the entry has neither."""
    data = entry.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode(data, validate=False).decode()
        except (binascii.Error, ValueError, TypeError):
            raise TaskError(f"{name}-data of {what} is no base64 of a text.") from None
    path = entry.get(name)
    return content_of_file(path, f"{name} of {what}") if path else None


def content_of_file(path, what):
    try:
        return read(path)
    except OSError as error:
        raise TaskError(f"{path}, the {what}, cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise TaskError(f"{path}, the {what}, is no text.") from None


def _entries(config, plural, kind, origin):
    found = config.get(plural) or []
    if not isinstance(found, list):
        raise TaskError(f"{_sentence(origin)} is no kubeconfig: {plural} is {_kind(found)}, not a list.")
    entries = {}
    for item in found:
        if not isinstance(item, dict) or not item.get("name") or not isinstance(item.get(kind) or {}, dict):
            raise TaskError(f"{_sentence(origin)} is no kubeconfig: an entry of {plural} is no name with a {kind}.")
        name = str(item["name"])
        if name in entries:
            raise TaskError(f"{_sentence(origin)} has two {plural} named {name}.")
        entries[name] = item.get(kind) or {}
    return entries


def _absolute(entry, kind, folder):
    entry = dict(entry)
    for name in _FILES.get(kind, ()):
        if entry.get(name):
            entry[name] = os.path.join(folder, str(entry[name]))
    plugin = entry.get("exec") if kind == "user" else None
    if isinstance(plugin, dict):
        command = str(plugin.get("command") or "")
        entry["exec"] = {FOLDER: folder, **plugin}
        # a name alone is looked for in PATH
        if os.sep in command:
            entry["exec"]["command"] = os.path.join(folder, command)
    return entry


def _sentence(text):
    return text[0].upper() + text[1:]


def _kind(value):
    return {str: "a text", list: "a list", dict: "fields"}.get(type(value), "a value")
