# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import requirements

PYTHON = "/opt/python"


@pytest.mark.parametrize(
    "found, needed, expected",
    [
        ("24.2.0", "31.0.0", True),
        ("9.0.1", "31.0.0", True),
        ("31.0.0", "31.0.0", False),
        ("31.0.0b1", "31.0.0", False),
        ("31", "31.0.0", True),
        ("37.0.2", "31.0.0", False),
        ("100.0.0", "31.0.0", False),
        ("6.2.0", "6.3.0", True),
        ("6.3.0-dev", "6.3.0", False),
        ("6.10.0", "6.3.0", False),
        ("", "6.3.0", False),
        (None, "6.3.0", False),
        ("dev", "6.3.0", False),
    ],
)
def test_older(found, needed, expected):
    assert requirements.older(found, needed) is expected


@pytest.mark.parametrize(
    "found, sentence",
    [
        ({"kubernetes": "24.2.0"}, "kubernetes 24.2.0 is too old, 31.0.0 is the oldest that works|'kubernetes>=31.0.0'"),
        (
            {"kubernetes": "28.1.0", "urllib3": "1.26.20", "websocket-client": "1.9.2"},
            "kubernetes 28.1.0 is too old, 31.0.0 is the oldest that works; urllib3 1.26.20 is too old, 2.0.7 is the oldest that works"
            "|'kubernetes>=31.0.0' 'urllib3>=2.0.7'",
        ),
    ],
)
def test_packages_that_are_too_old(found, sentence):
    too_old, install = sentence.split("|")
    assert requirements.package_problem(found, PYTHON) == (
        f"The Python package {too_old}. Where this task runs, that is: {PYTHON} -m pip install {install}"
    )


@pytest.mark.parametrize("found", [{}, requirements.PACKAGES, {"kubernetes": "37.0.2", "urllib3": "2.8.0"}])
def test_packages_that_are_enough(found):
    assert requirements.package_problem(found, PYTHON) == ""


def test_what_is_installed_is_enough():
    assert requirements.installed().keys() == requirements.PACKAGES.keys()
    assert requirements.PACKAGE_PROBLEM == ""


@pytest.mark.parametrize(
    "folder, found, error, sentence",
    [
        ("", "", "No module named x", "The collection kubernetes.core is not there, and {0} or newer is needed"),
        ("/c", "6.2.0", "cannot import name 'x'", "The collection kubernetes.core 6.2.0 in /c is too old, {0} is the oldest that works"),
        ("/c", "6.1.0", None, "The collection kubernetes.core 6.1.0 in /c is too old, {0} is the oldest that works"),
        ("/c", "", "cannot import name 'x'", "The collection kubernetes.core of unknown version in /c does not fit this one (cannot import name 'x')"),
        ("/c", "9.0.0", "cannot import name 'x'", "The collection kubernetes.core 9.0.0 in /c does not fit this one (cannot import name 'x')"),
        ("/c", "6.6.0", None, ""),
        ("/c", "", None, ""),
    ],
    ids=["missing", "too old to be imported", "too old", "a checkout that does not fit", "too new", "fits", "a checkout"],
)
def test_kubernetes_core(folder, found, error, sentence):
    said = requirements.core_problem(folder, found, error, PYTHON)
    expected = sentence.format(requirements.CORE)
    if expected:
        expected += f"; for /opt/python, run: ansible-galaxy collection install 'kubernetes.core:>={requirements.CORE}'"
    assert said == expected


def test_the_version_of_a_collection(tmp_path):
    assert requirements.core_version(tmp_path) == ""
    manifest = tmp_path / "MANIFEST.json"
    manifest.write_text("[]")
    assert requirements.core_version(tmp_path) == ""
    manifest.write_text(json.dumps({"collection_info": {"version": "6.5.0"}}))
    assert requirements.core_version(tmp_path) == "6.5.0"


def test_the_names_of_kubernetes_core_that_are_used():
    """Documented nowhere: when one goes, this says which, and what it is for."""
    from ansible_collections.kubernetes.core.plugins.module_utils import args_common

    assert {"kubeconfig", "host", "api_key", "validate_certs"} <= args_common.AUTH_ARG_SPEC.keys(), "the connection options of all modules"
    hidden = args_common.extract_sensitive_values_from_kubeconfig({"users": [{"name": "u", "user": {"token": "t0ken"}}]})
    assert hidden == {"t0ken"}, "hides secrets of a kubeconfig that is given as a dictionary"
