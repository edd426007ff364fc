# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API servers that know who asks: TLS with a CA of their own, client certificates, tokens, basic authentication, impersonation.

Any token is good, and its bearer's name is the token, unless it is among C(refused).  A review of oneself, and a token that is
asked for, say who asked and on which cluster.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Authority:
    """Makes certificates."""

    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key.public_key(), ca=True)
        self.pem = pem(self.certificate)

    def issue(self, name, addresses=(), names=()):
        """A certificate and its key, both as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key.public_key(), addresses=addresses, names=names)
        return pem(certificate), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def _sign(self, name, public_key, ca=False, addresses=(), names=()):
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if ca else self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        alternatives = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses] + [x509.DNSName(each) for each in names]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class FakeCluster(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name, folder, addresses=("127.0.0.1",)):
        self.name, self.seen, self.refused = name, [], set()
        self.authority = Authority(f"CA of {name}")
        self.ca = folder / f"{name}-ca.crt"
        self.ca.write_text(self.authority.pem)
        certificate, key = self.authority.issue(name, addresses, [f"{name}.test"])
        (folder / f"{name}.pem").write_text(key + certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / f"{name}.pem")
        self.context.load_verify_locations(cadata=self.authority.pem)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.shutdown()
        self.server_close()

    def get_request(self):
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        """Whoever does not trust this server goes away."""

    def cluster(self, **changed):
        """It as an entry of a kubeconfig."""
        return {"server": self.url, "certificate-authority-data": encode(self.authority.pem), **changed}

    def user(self, name):
        """Somebody with a certificate, as an entry of a kubeconfig."""
        certificate, key = self.authority.issue(name)
        return {"client-certificate-data": encode(certificate), "client-key-data": encode(key)}


def encode(text):
    return base64.b64encode(text.encode()).decode()


def config(cluster, user, **more):
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster.cluster() if isinstance(cluster, FakeCluster) else cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "ctx",
        **more,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def who(self):
        """The name of whoever asks; None if that is nobody who may."""
        certificate = self.connection.getpeercert()
        kind, _blank, secret = (self.headers.get("Authorization") or "").partition(" ")
        if certificate:
            name = dict(pair[0] for pair in certificate["subject"])["commonName"]
        elif kind == "Bearer":
            name = None if secret in self.server.refused else secret
        elif kind == "Basic":
            name = base64.b64decode(secret).decode().partition(":")[0]
        else:
            name = "system:anonymous"
        return name if name is None else self.headers.get("Impersonate-User", name)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.who()
        self.server.seen.append((name, self.command, self.path))
        groups = self.headers.get_all("Impersonate-Group") or []
        if name is None:
            return self.say(401, {"kind": "Status", "message": "Unauthorized", "reason": "Unauthorized"})
        if self.path.startswith(REVIEW):
            return self.say(201, {"status": {"userInfo": {"username": name, "groups": groups, "uid": self.server.name}}})
        if "/serviceaccounts/" in self.path:
            token = f"{name} on {self.server.name}" + (f" in {','.join(groups)}" if groups else "")
            spec = {**json.loads(body)["spec"], "audiences": []}
            return self.say(201, {"spec": spec, "status": {"token": token, "expirationTimestamp": "2030-01-01T00:00:00Z"}})
        return self.say(404, {"kind": "Status", "message": f"{self.path} not found", "reason": "NotFound"})

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def say(self, code, answer):
        data = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass
