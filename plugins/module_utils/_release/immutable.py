# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do where the API server refuses a change because a field is immutable.  Pure.

PRIVATE to the collection.
"""

from __future__ import annotations

import re

from .objects import RECREATE

# The API server's words (k8s.io/kubernetes v1.37.2: apimachinery's validation, and those of core and apps).
_REFUSAL = re.compile(
    r"field is immutable|may not change once set|spec is immutable after creation"
    r"|updates to statefulset spec for fields other than"
)
_SUBJECT = re.compile(r'^\S+ "[^"]*" is invalid: ')
# The whole value, as Go prints it, which nobody can read.
_VALUE = re.compile(r"(Invalid value: ).*?(: (?:field is immutable|may not change once set))", re.S)

_BY_KIND = {
    "StatefulSet": (
        "Only replicas, template, updateStrategy and the like can be changed. Take the other changes back, or delete the set "
        "but not its pods and claims with `{delete} --cascade=orphan`, and run this again"
    ),
    "PersistentVolumeClaim": "Take the change back, or make a claim of another name and move the data",
    "ConfigMap": "Give it another name, so that pods of earlier revisions keep what they have",
    "Secret": "Give it another name, so that pods of earlier revisions keep what they have",
    "": "Take the change back, or delete it with `{delete}` and run this again; the annotation %s has that done" % RECREATE,
}


def explain(obj, message):
    """The server's message with what to do; any other message as it is."""
    if not _REFUSAL.search(message):
        return message
    meta = obj["metadata"]
    delete = "kubectl delete %s %s" % (obj["kind"].lower(), meta["name"])
    if meta.get("namespace"):
        delete += " --namespace %s" % meta["namespace"]
    words = _VALUE.sub(r"\1...\2", _SUBJECT.sub("", message)).rstrip(".")
    return "%s. %s" % (words, _BY_KIND.get(obj["kind"], _BY_KIND[""]).format(delete=delete))
