# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._user_kubeconfig import credentials, run
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

DAY = 86400
CLUSTER = credentials.Cluster("https://kubernetes.example.com:6443", credentials.encode("authority"))
BEGIN = credentials.now().replace(microsecond=0)


def params(**changed):
    return {
        "path": "/tmp/jane", "user": "jane", "state": "present", "groups": ["developers"], "expiration_seconds": 90 * DAY,
        "renew_before": 30 * DAY, "context_namespace": "shop", "server": "", "wait_timeout": 60,
    } | changed


def issued(user="jane", groups=("developers",), days=90):
    """A key and a certificate for its request, as a cluster signs one."""
    key, request = credentials.new_key(user, groups)
    authority = ec.generate_private_key(ec.SECP256R1())
    asked = x509.load_pem_x509_csr(request.encode())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(x509.Name([]))
        .public_key(asked.public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + timedelta(days=days))
        .sign(authority, hashes.SHA256())
    )
    return key, certificate.public_bytes(credentials.serialization.Encoding.PEM).decode()


def held(namespace="shop", cluster=CLUSTER, **certificate):
    key, pem = issued(**certificate)
    user = certificate.get("user", "jane")
    return credentials.read_kubeconfig(credentials.compose(cluster, user, namespace, pem, key), "/tmp/jane", user)


def test_a_kubeconfig_comes_back_as_it_was_written():
    key, pem = issued(groups=("zoo", "developers"))
    text = credentials.compose(CLUSTER, "jane", "shop", pem, key)
    found = credentials.read_kubeconfig(text, "/tmp/jane", "jane")
    assert (found.key_pem, found.certificate_pem, found.namespace) == (key, pem, "shop")
    assert found.cluster == CLUSTER.entry()
    assert found.certificate == credentials.Certificate("jane", ("developers", "zoo"), BEGIN, BEGIN + timedelta(days=90))


@pytest.mark.parametrize(
    "days, reason",
    [
        (0, ""),
        (59.9, ""),
        (60.1, "the certificate expires at "),
        (89.9, "the certificate expires at "),
        (90, "the certificate has expired at "),
        (400, "the certificate has expired at "),
    ],
)
def test_a_certificate_is_renewed_before_it_expires(days, reason):
    found = credentials.why_renew(held(), CLUSTER, ["developers"], 30 * DAY, BEGIN + timedelta(days=days))
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_one_that_was_issued_for_less_is_not_renewed_again_and_again():
    short = held(days=1)
    assert not credentials.why_renew(short, CLUSTER, ["developers"], 30 * DAY, BEGIN + timedelta(hours=11))
    assert credentials.why_renew(short, CLUSTER, ["developers"], 30 * DAY, BEGIN + timedelta(hours=13))


@pytest.mark.parametrize(
    "cluster, groups, reason",
    [
        (CLUSTER, ["developers"], ""),
        (CLUSTER, ["developers", "admins"], "the groups were developers"),
        (CLUSTER, [], "the groups were developers"),
        (replace(CLUSTER, server="https://other.example.com"), ["developers"], "it is for another cluster"),
        (replace(CLUSTER, certificate_authority="eA=="), ["developers"], "it is for another cluster"),
        # Says how the cluster is reached, not which one it is: written anew with the same certificate.
        (replace(CLUSTER, proxy="http://proxy.example.com"), ["developers"], ""),
    ],
)
def test_what_else_makes_a_certificate_useless(cluster, groups, reason):
    assert credentials.why_renew(held(), cluster, groups, 30 * DAY, BEGIN) == reason


def test_without_a_file_there_is_nothing_to_keep():
    assert credentials.why_renew(None, CLUSTER, [], 0, BEGIN) == "there is no kubeconfig yet"


@pytest.mark.parametrize("text", ["", "a: [", "- list", "clusters: []", "{clusters: [1], users: [2], contexts: [3]}", "text"])
def test_a_file_of_another_kind_is_left_alone(text):
    with pytest.raises(TaskError, match="/tmp/jane is there and no kubeconfig that this module has written"):
        credentials.read_kubeconfig(text, "/tmp/jane", "jane")


def test_the_kubeconfig_of_somebody_else_is_left_alone():
    key, pem = issued(user="john")
    with pytest.raises(TaskError, match="/tmp/jane is the kubeconfig of user john, not of jane"):
        credentials.read_kubeconfig(credentials.compose(CLUSTER, "john", "", pem, key), "/tmp/jane", "jane")


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({"path": ""}, "path must not be empty."),
        ({"user": ""}, "user must not be empty."),
        ({"user": "j" * 65}, "is no name for a certificate, which takes 1 to 64 characters."),
        ({"groups": ["developers", ""]}, "'' is no name for a certificate"),
        ({"expiration_seconds": 599}, "expiration_seconds must be from 600 to 2147483647, got: 599."),
        ({"expiration_seconds": 2**31}, "expiration_seconds must be from 600 to 2147483647"),
        ({"renew_before": 90 * DAY}, "renew_before must be less than expiration_seconds (7776000) and not negative"),
        ({"renew_before": -1}, "renew_before must be less than"),
    ],
)
def test_bad_options(changed, sentence):
    with pytest.raises(TaskError) as error:
        run.refuse(params(**changed))
    assert sentence in str(error.value)


def test_a_certificate_for_less_time_is_a_warning():
    certificate = held(days=1).certificate
    assert run.shortened(certificate, DAY + 600) == []
    (warning,) = run.shortened(certificate, 90 * DAY)
    assert warning.startswith("The cluster issued a certificate for 86400 seconds, not for the 7776000 that were asked for")


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "users" / "jane"
    run.write(str(path), "first")
    os.chmod(path, 0o644)
    run.write(str(path), "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["jane"]


def test_each_missing_folder_is_for_the_owner_alone(tmp_path):
    path = tmp_path / "a" / "b" / "c" / "alice"
    (tmp_path / "there").mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        run.write(str(path), "text")
        run.write(str(tmp_path / "there" / "alice"), "text")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in list(path.parents)[:3]] == [0o700] * 3
    # what was there is somebody's
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o755


def test_removing_needs_no_cluster_and_happens_once(tmp_path):
    key, pem = issued()
    path = tmp_path / "jane"
    path.write_text(credentials.compose(CLUSTER, "jane", "shop", pem, key))
    absent = params(path=str(path), state="absent")
    foretold = run.run(absent, check_mode=True, want_diff=True)
    assert foretold["changed"] and path.exists()
    assert "key" not in foretold["diff"]["before"] and foretold["diff"]["after"] == {}
    assert run.run(absent)["changed"] and not path.exists()
    assert not run.run(absent)["changed"]
