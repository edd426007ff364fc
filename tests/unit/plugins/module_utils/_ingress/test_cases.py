# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every Ingress of cases.yml is converted as it says there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.module_utils._ingress.convert import migrate

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "cases.yml").read_text(encoding="utf-8"))


def services():
    found = yaml.safe_load((HERE / "services.yml").read_text(encoding="utf-8"))
    return [{**service, "metadata": {**service["metadata"], "namespace": "shop"}} for service in found]


def ingress(name, number=0, annotations=None, namespace="shop", **spec):
    meta = {"name": name, "namespace": namespace, "creationTimestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"}
    if annotations:
        meta["annotations"] = annotations
    return {"metadata": meta, "spec": {"ingressClassName": "nginx", **spec}}


def lines(obj):
    """An object in one line for each of its rules."""
    spec = obj["spec"]
    hosts = " ".join(spec.get("hostnames", ["*"]))
    parents = " ".join(parent["sectionName"] for parent in spec["parentRefs"])
    for rule in spec["rules"]:
        parts = [match_text(match) for match in rule.get("matches", [])]
        text = f"{obj['kind']} {obj['metadata']['name']} {hosts} at {parents}: {' | '.join(parts)}"
        for entry in rule.get("filters", []):
            text += " " + json.dumps({key: value for key, value in entry.items() if key != "type"})
        if "timeouts" in rule:
            text += " " + json.dumps(rule["timeouts"])
        if "backendRefs" in rule:
            text += " to " + ", ".join(map(backend_text, rule["backendRefs"]))
        yield text.replace(":  to", ": to")


def match_text(match):
    headers = "".join(f" {header['name']} {header['type']} {header['value']}" for header in match.get("headers", []))
    return f"{match['path']['type']} {match['path']['value']}{headers}"


def backend_text(backend):
    return f"{backend['name']}:{backend['port']}" + (f" ({backend['weight']})" if "weight" in backend else "")


@pytest.fixture(scope="module")
def result():
    found = [
        ingress(case["name"], number, case.get("annotations"), **case["spec"]) for number, case in enumerate(CASES)
    ]
    # In whatever order the API server gives them.
    return migrate(found[::-1], services())


@pytest.fixture(scope="module")
def reports(result):
    return {report["name"]: report for report in result["ingresses"]}


def test_there_are_enough():
    assert len(CASES) >= 30
    assert {case["verdict"] for case in CASES} == {"converted", "needs_policy", "cannot"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_report(reports, case):
    report = reports[case["name"]]
    assert report["verdict"] == case["verdict"]
    assert [need["policy"] for need in report["needs"]] == case.get("needs", [])
    assert case.get("cannot", "") in " ".join(report["cannot"])
    assert bool(report["cannot"]) == ("cannot" in case)
    assert case.get("notes", "") in " ".join(report["notes"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_routes(reports, case):
    found = [line for obj in reports[case["name"]]["objects"] for line in lines(obj)]
    assert found == case.get("routes", [])


def test_every_route_attaches_to_a_listener_that_is_there(result):
    listeners = {
        (gateway["metadata"]["namespace"], gateway["metadata"]["name"], listener["name"])
        for gateway in result["gateways"]
        for listener in gateway["spec"]["listeners"]
    }
    used = {
        (obj["metadata"]["namespace"], parent["name"], parent["sectionName"])
        for report in result["ingresses"]
        for obj in report["objects"]
        for parent in obj["spec"]["parentRefs"]
    }
    assert used == listeners


def test_names_are_unique(result):
    names = [(obj["kind"], obj["metadata"]["name"]) for report in result["ingresses"] for obj in report["objects"]]
    assert len(set(names)) == len(names)
