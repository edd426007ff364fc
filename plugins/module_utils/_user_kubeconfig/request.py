# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has the cluster sign a certificate.  PRIVATE to the collection."""

from __future__ import annotations

import base64
import secrets

from .._api.client import ApiError, Backoff, Fault
from .._api.errors import TaskError
from .credentials import encode

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client"
#: seconds between two looks at a request
PAUSE = 0.2


def body(request_pem, expiration_seconds):
    """The CertificateSigningRequest."""
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        # Not after the user, whose name may be none for an object. The subject tells.
        "metadata": {
            "name": f"slipway-kubernetes-{secrets.token_hex(8)}",
            "labels": {"app.kubernetes.io/managed-by": "slipway.kubernetes"},
        },
        "spec": {
            "request": encode(request_pem),
            "signerName": SIGNER,
            "expirationSeconds": expiration_seconds,
            "usages": ["digital signature", "client auth"],
        },
    }


def sign(api, request_pem, expiration_seconds, deadline):
    """The certificate as PEM, from a request that is made, approved, and taken away again."""
    request = create(api, body(request_pem, expiration_seconds))
    if api.dry_run:
        return ""
    path, uid = f"{REQUESTS}/{request['metadata']['name']}", request["metadata"]["uid"]
    try:
        approve(api, path, uid, deadline)
        return wait(api, path, deadline)
    finally:
        remove(api, path, uid)


def create(api, wanted):
    """The request as the API server has it."""
    try:
        return api.post(REQUESTS, wanted, [("dryRun", "All")] if api.dry_run else [])
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        # The name is a random one, so this is ours, from an attempt whose answer was lost.
        return api.get(f"{REQUESTS}/{wanted['metadata']['name']}")


def approve(api, path, uid, deadline):
    condition = {
        "type": "Approved",
        "status": "True",
        "reason": "ApprovedByAnsible",
        "message": "The module slipway.kubernetes.user_kubeconfig has approved its own request.",
    }
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "add", "path": "/status/conditions", "value": [condition]},
    ]
    backoff = Backoff(deadline)
    while True:
        try:
            return api.patch(f"{path}/approval", operations)
        except Fault as fault:
            api.give_up_after(fault)
            backoff.wait(fault)


def wait(api, path, deadline):
    while True:
        request = api.get(path)
        certificate = verdict(request)
        if certificate:
            return certificate
        if deadline.expired:
            raise TaskError(
                f"The request was approved, but nobody has signed it within {deadline.seconds} s. The controller manager does "
                f"for {SIGNER} if it has a key to sign with (--cluster-signing-cert-file); some managed clusters do not, and "
                "need other ways to log in."
            )
        deadline.sleep(PAUSE)


def verdict(request):
    """The certificate of a request, if it has one yet."""
    status = request.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] in ("Denied", "Failed") and condition.get("status", "True") == "True":
            raise TaskError(
                f"The certificate was refused ({condition['type']}, {condition.get('reason')}): {condition.get('message')}"
            )
    return base64.b64decode(status.get("certificate") or "").decode()


def remove(api, path, uid):
    try:
        api.delete(path, uid)
    except TaskError:
        # The cluster itself deletes requests after an hour at most.
        pass
