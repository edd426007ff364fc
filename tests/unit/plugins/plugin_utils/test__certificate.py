# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import socket
import ssl
import threading

import pytest
from ansible_collections.slipway.kubernetes.plugins.plugin_utils._certificate import webhook_certificate
from cryptography import x509

HOST = "web.shop.svc"
NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)


def make(data, names=(HOST,), day=0):
    return webhook_certificate(data, list(names), 365, 30, now=NOW + datetime.timedelta(days=day))


def stored(made):
    """As a Secret in the cluster has it."""
    return {name: base64.b64encode(made[name].encode()).decode() for name in ("ca", "cert", "key")}


def bundle(made):
    return x509.load_pem_x509_certificates(made["ca"].encode())


@pytest.fixture
def first():
    return make({})


def test_it_is_kept_until_it_is_time(first):
    assert first["renewed"] is False
    assert make(stored(first), day=334) == first
    second = make(stored(first), day=335)
    assert second["renewed"] is True
    assert second["cert"] != first["cert"] and second["key"] != first["key"]


def test_the_former_authority_is_trusted_for_a_while(first):
    second = make(stored(first), day=340)
    assert bundle(second)[1:] == bundle(first)
    assert make(stored(second), day=341) == second | {"renewed": False}
    third = make(stored(second), day=680)
    assert bundle(third)[1:] == bundle(second)[:1]


def test_one_that_has_ended_is_not_trusted(first):
    second = make(stored(first), day=366)
    assert len(bundle(second)) == 1
    assert second["renewed"] is False


def test_other_names_need_another_one(first):
    second = make(stored(first), [HOST, "web.shop"])
    assert bundle(second)[1:] == bundle(first)
    assert make(stored(second), ["web.shop", HOST])["cert"] == second["cert"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda held, other: held.pop("key"),
        lambda held, other: held.pop("cert"),
        lambda held, other: held.pop("ca"),
        lambda held, other: held.update({"key": other["key"]}),
        lambda held, other: held.update({"ca": other["ca"]}),
        lambda held, other: held.update({"cert": "no base64"}),
        lambda held, other: held.update({"cert": "bm8gY2VydGlmaWNhdGU="}),
    ],
)
def test_what_cannot_serve_is_replaced(first, damage):
    held = stored(first)
    damage(held, stored(make({})))
    second = make(held)
    assert second["cert"] != first["cert"]
    assert len(bundle(second)) == 1


def test_long_names_fit():
    name = "a" * 63 + "." + "b" * 63 + ".svc"
    certificate = x509.load_pem_x509_certificate(make({}, [name])["cert"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


@pytest.mark.parametrize("name, trusted", [(HOST, True), ("web.other.svc", False)])
@pytest.mark.parametrize("before", [True, False], ids=["before the pod has the new one", "after"])
def test_who_trusts_the_bundle_connects(tmp_path, name, trusted, before):
    old = webhook_certificate({}, [HOST], 20)
    new = webhook_certificate(stored(old), [HOST], 365, 30)
    serving = old if before else new
    (tmp_path / "both.pem").write_text(serving["cert"] + serving["key"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "both.pem")
    here, there = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(there, server_side=True).close()
        except OSError:
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cadata=new["ca"])
    try:
        if trusted:
            client.wrap_socket(here, server_hostname=name).close()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                client.wrap_socket(here, server_hostname=name)
    finally:
        here.close()
        thread.join(10)
