# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates for what only the API server calls: webhooks and aggregated APIs.  PRIVATE to the collection.

Each has an authority of its own, whose key nobody keeps: whoever trusts the authority trusts this one certificate and
nothing else.
"""

from __future__ import annotations

import base64
import binascii
import datetime

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # ansible-core requires it, so it is there wherever this runs; ansible-test imports without it
    pass

AUTHORITY, CERTIFICATE, KEY = "ca", "cert", "key"
#: clocks differ
BACKDATED = datetime.timedelta(hours=1)


def webhook_certificate(data, names, days, renew_before_days=0, now=None):
    """What a Secret should hold: what it holds, while that serves for another while, else something new.

    Whoever serves gets a new certificate later than whoever verifies it, so the authorities then are both.
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    held = _decoded(data or {})
    former = _serving(held, now)
    if former is not None:
        lasts = former.not_valid_after_utc - datetime.timedelta(days=renew_before_days) > now
        if lasts and _names(former) == sorted(names):
            return {name: held[name] for name in (AUTHORITY, CERTIFICATE, KEY)} | {"renewed": False}
    made = _new(names, now, days)
    if former is not None:
        made[AUTHORITY] += _pem(_authority(held, former))
    return made | {"renewed": former is not None}


def _decoded(data):
    try:
        return {name: base64.b64decode(value, validate=True).decode() for name, value in data.items()}
    except (binascii.Error, UnicodeDecodeError):
        return {}


def _serving(held, now):
    """The certificate, if somebody could be served with it today."""
    try:
        certificate = x509.load_pem_x509_certificate(held[CERTIFICATE].encode())
        key = serialization.load_pem_private_key(held[KEY].encode(), None)
    except (KeyError, TypeError, ValueError):
        return None
    if certificate.public_key() != key.public_key() or now >= certificate.not_valid_after_utc:
        return None
    return certificate if _authority(held, certificate) else None


def _authority(held, certificate):
    """The one of the bundle that has signed the certificate."""
    try:
        bundle = x509.load_pem_x509_certificates(held[AUTHORITY].encode())
    except (KeyError, ValueError):
        return None
    for authority in bundle:
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, TypeError, ValueError):
            continue
        return authority
    return None


def _names(certificate):
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return sorted(extension.value.get_values_for_type(x509.DNSName))


def _new(names, now, days):
    until = now + datetime.timedelta(days=days)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _number in range(2))
    # A common name has room for 64 characters; it is the alternative names that count.
    subject = _name(names[0][:64])
    # Two authorities of one bundle must differ in name, or the wrong one may be tried.
    serial = x509.random_serial_number()
    issuer = _name(f"authority {serial:x}"[:64])
    authority = (
        _unsigned(issuer, issuer, authority_key, now, until, serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _unsigned(subject, issuer, key, now, until, x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        # RFC 5280 wants it, and so does whoever verifies strictly, as Python 3.13 does.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {AUTHORITY: _pem(authority), CERTIFICATE: _pem(certificate), KEY: pem.decode()}


def _unsigned(subject, issuer, key, now, until, serial):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
    )


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(**wanted):
    usages = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
        "crl_sign", "encipher_only", "decipher_only",
    )
    return x509.KeyUsage(**{usage: wanted.get(usage, False) for usage in usages})


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
