# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's key, certificate and kubeconfig, as values.  PRIVATE to the collection."""

from __future__ import annotations

import base64
import binascii
import json
import traceback
from dataclasses import dataclass
from datetime import datetime, timezone

from .._api.errors import TaskError

try:
    import yaml
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()


@dataclass(frozen=True)
class Certificate:
    """What the API server reads in a certificate, and for how long it accepts it."""

    user: str
    groups: tuple
    begins: datetime
    ends: datetime

    @property
    def seconds(self):
        return (self.ends - self.begins).total_seconds()


@dataclass(frozen=True)
class Cluster:
    """How the API server is reached, and trusted."""

    server: str
    certificate_authority: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    proxy: str = ""

    def entry(self):
        fields = {
            "server": self.server,
            "certificate-authority-data": self.certificate_authority,
            "insecure-skip-tls-verify": self.insecure,
            "tls-server-name": self.tls_server_name,
            "proxy-url": self.proxy,
        }
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True)
class Held:
    """What a kubeconfig holds that this module has written."""

    cluster: dict
    namespace: str
    certificate: Certificate
    certificate_pem: str
    key_pem: str


def now():
    return datetime.now(timezone.utc)


def timestamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_key(user, groups):
    """A private key and the request to sign it, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    names.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem.decode(), request.public_bytes(serialization.Encoding.PEM).decode()


def read_certificate(pem):
    """The facts of a PEM certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())

    def values(oid):
        return tuple(attribute.value for attribute in certificate.subject.get_attributes_for_oid(oid))

    return Certificate(
        (values(NameOID.COMMON_NAME) or ("",))[0],
        tuple(sorted(values(NameOID.ORGANIZATION_NAME))),
        _utc(certificate, "not_valid_before"),
        _utc(certificate, "not_valid_after"),
    )


def _utc(certificate, name):
    # cryptography has the aware ones since 42
    aware = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def compose(cluster, user, namespace, certificate_pem, key_pem):
    """The text of a kubeconfig."""
    context = {"cluster": "kubernetes", "user": user}
    if namespace:
        context["namespace"] = namespace
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": cluster.entry()}],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": encode(certificate_pem), "client-key-data": encode(key_pem)},
            }
        ],
        "contexts": [{"name": user, "context": context}],
        "current-context": user,
    }
    # By way of JSON: Ansible's own texts are of a type that YAML does not know.
    return yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False)


def read_kubeconfig(text, path, user):
    """What a kubeconfig of the user holds.  Anybody else's is not to be overwritten, or deleted."""
    try:
        config = yaml.safe_load(text)
        (cluster,), (entry,), (context,) = config["clusters"], config["users"], config["contexts"]
        certificate_pem = _decode(entry["user"]["client-certificate-data"])
        held = Held(
            cluster["cluster"],
            context["context"].get("namespace", ""),
            read_certificate(certificate_pem),
            certificate_pem,
            _decode(entry["user"]["client-key-data"]),
        )
    except (yaml.YAMLError, binascii.Error, UnicodeDecodeError, TypeError, KeyError, ValueError, AttributeError):
        raise TaskError(
            f"{path} is there and no kubeconfig that this module has written; choose another path, or move the file away."
        ) from None
    if held.certificate.user != user:
        raise TaskError(
            f"{path} is the kubeconfig of user {held.certificate.user}, not of {user}; choose another path, or move the file away."
        )
    return held


def _decode(text):
    return base64.b64decode(text, validate=True).decode()


def why_renew(held, cluster, groups, renew_before, at):
    """The reason why a new certificate is needed, or nothing."""
    if held is None:
        return "there is no kubeconfig yet"
    certificate = held.certificate
    for key in ("server", "certificate-authority-data"):
        if held.cluster.get(key) != cluster.entry().get(key):
            return "it is for another cluster"
    if certificate.groups != tuple(sorted(groups)):
        return f"the groups were {', '.join(certificate.groups) or 'none'}"
    left = (certificate.ends - at).total_seconds()
    if left <= 0:
        return f"the certificate has expired at {timestamp(certificate.ends)}"
    # One that the cluster has issued for less time than that would be renewed again and again.
    if left < min(renew_before, certificate.seconds / 2):
        return f"the certificate expires at {timestamp(certificate.ends)}"
    return ""
