# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server works out of other fields, when an object is made and never again.  Pure.  PRIVATE to the collection.

Nobody owns such a field, so that it stays when what it was worked out of is another: an image that gets the tag latest would not
be pulled each time.
"""

from __future__ import annotations

#: where kinds have their pods' spec
_POD_SPEC = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), ("spec", "template", "spec")),
}


def pull_policy(image):
    """The imagePullPolicy of a container that says nothing: SetDefaults_Container in Kubernetes' pkg/apis/core/v1/defaults.go."""
    name, _at, digest = image.partition("@")
    _name, _colon, tag = name.rpartition("/")[2].partition(":")
    return "Always" if (tag or ("" if digest else "latest")) == "latest" else "IfNotPresent"


def say_pull_policies(obj):
    """Give each container of an object the policy that it would get if the object was new."""
    spec = obj
    for key in _POD_SPEC.get(obj["kind"], ("",)):
        spec = spec.get(key) if isinstance(spec, dict) else None
    for name in ("initContainers", "containers") if isinstance(spec, dict) else ():
        containers = spec.get(name)
        for container in containers if isinstance(containers, list) else ():
            # What is none is for the API server to refuse.
            if isinstance(container, dict) and isinstance(container.get("image"), str) and not container.get("imagePullPolicy"):
                container["imagePullPolicy"] = pull_policy(container["image"])
