# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the table of cases does not show: several namespaces, what a GatewayClass reports, limits of the API."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._ingress.convert import migrate

from .test_cases import ingress, lines, services

NGINX = "nginx.ingress.kubernetes.io/"


def rule(host, *paths, service="web", path_type="Prefix"):
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {
        "host": host,
        "http": {"paths": [{"path": path, "pathType": path_type, "backend": backend} for path in paths or ["/"]]},
    }


def annotated(**values):
    return {NGINX + name.replace("_", "-"): value for name, value in values.items()}


def reports(*ingresses, **options):
    result = migrate(list(ingresses), services(), **options)
    return {report["title"]: report for report in result["ingresses"]}, result["gateways"]


def routes(report):
    return [line for obj in report["objects"] for line in lines(obj)]


def test_the_last_name_wins_among_those_of_one_second():
    found, _gateways = reports(ingress("a", rules=[rule("x.example.com")]), ingress("b", rules=[rule("x.example.com")]))
    assert found["shop/b"]["verdict"] == "converted"
    assert found["shop/a"]["cannot"] == ["There is nothing left of it: x.example.com/ is served by the older Ingress shop/b."]


def test_same_path_of_another_type_is_another_path():
    found, _gateways = reports(
        ingress("a", 1, rules=[rule("x.example.com", "/p")]),
        ingress("b", 2, rules=[rule("x.example.com", "/p", path_type="Exact")]),
        ingress("c", 3, rules=[rule("x.example.com", "/p", path_type="ImplementationSpecific")]),
    )
    assert [found[title]["verdict"] for title in ("shop/a", "shop/b", "shop/c")] == ["converted", "converted", "cannot"]


def test_a_conflict_crosses_namespaces():
    found, gateways = reports(
        ingress("web", 2, rules=[rule("x.example.com", "/", "/more")]),
        ingress("web", 1, namespace="old", rules=[rule("x.example.com")]),
    )
    assert routes(found["old/web"]) == ["HTTPRoute web x.example.com at http: PathPrefix / to web:80"]
    assert routes(found["shop/web"]) == ["HTTPRoute web x.example.com at http: PathPrefix /more to web:80"]
    assert [gateway["metadata"]["namespace"] for gateway in gateways] == ["old", "shop"]


def test_a_certificate_of_another_namespace_is_out_of_reach():
    tls = [{"hosts": ["x.example.com"], "secretName": "x"}]
    found, _gateways = reports(
        ingress("a", 1, namespace="old", rules=[rule("x.example.com")], tls=tls),
        ingress("b", 2, rules=[rule("x.example.com", "/more")]),
    )
    assert found["shop/b"]["cannot"] == ["The certificate for x.example.com is that of Ingress old/a, in another namespace."]


def test_a_host_without_a_secret_has_the_certificate_of_another_ingress():
    found, _gateways = reports(
        ingress("a", 1, rules=[rule("x.example.com")], tls=[{"hosts": ["x.example.com"]}]),
        ingress("b", 2, rules=[rule("x.example.com", "/more")], tls=[{"hosts": ["x.example.com"], "secretName": "x"}]),
    )
    assert found["shop/a"]["verdict"] == "converted"
    assert "at https-x.example.com" in routes(found["shop/a"])[0]


def test_a_canary_of_another_namespace():
    found, _gateways = reports(
        ingress("a", 1, namespace="old", rules=[rule("x.example.com")]),
        ingress("b", 2, annotated(canary="true", canary_weight="5"), rules=[rule("x.example.com", service="canary")]),
    )
    assert "only with a ReferenceGrant" in found["shop/b"]["cannot"][0]
    assert routes(found["old/a"]) == ["HTTPRoute a x.example.com at http: PathPrefix / to web:80"]


@pytest.mark.parametrize(
    "values, feature, policy",
    [
        ({"enable_cors": "true"}, "HTTPRouteCORS", "CORS policy"),
        ({"mirror_target": "http://canary.shop.svc"}, "HTTPRouteRequestMirror", "copy of requests"),
        ({"proxy_read_timeout": "10"}, "HTTPRouteBackendTimeout", "timeout of responses"),
        ({"rewrite_target": "/x"}, "HTTPRoutePathRewrite", "path rewrite"),
        ({"upstream_vhost": "x.internal"}, "HTTPRouteHostRewrite", "host rewrite"),
    ],
)
def test_what_the_class_does_not_report_needs_a_policy(values, feature, policy):
    obj = ingress("a", 1, annotated(**values), rules=[rule("x.example.com", "/p")])
    with_it, _gateways = reports(obj, features=[feature])
    without, _gateways = reports(obj, features=["HTTPRouteQueryParamMatching"])
    assert with_it["shop/a"]["verdict"] == "converted"
    assert without["shop/a"]["verdict"] == "needs_policy"
    assert [need["policy"] for need in without["shop/a"]["needs"]] == [policy]
    # A filter that is not known makes an implementation drop the whole rule.
    assert routes(without["shop/a"]) == ["HTTPRoute a x.example.com at http: PathPrefix /p to web:80"]


def test_a_class_without_308_redirects_with_301():
    tls = [{"hosts": ["x.example.com"], "secretName": "x"}]
    found, _gateways = reports(ingress("a", 1, rules=[rule("x.example.com")], tls=tls), features=["HTTPRouteSchemeRedirect"])
    redirect = found["shop/a"]["objects"][1]["spec"]["rules"][0]["filters"][0]["requestRedirect"]
    assert redirect == {"scheme": "https", "statusCode": 301}


def test_issuers_of_one_namespace_must_agree():
    tls = [{"hosts": ["x.example.com", "y.example.com"], "secretName": "x"}]
    found, gateways = reports(
        ingress("a", 1, {"cert-manager.io/issuer": "one"}, rules=[rule("x.example.com")], tls=tls),
        ingress("b", 2, {"cert-manager.io/issuer": "two"}, rules=[rule("y.example.com")], tls=tls),
    )
    assert gateways[0]["metadata"]["annotations"] == {"cert-manager.io/issuer": "one"}
    assert found["shop/a"]["verdict"] == "converted"
    assert found["shop/b"]["verdict"] == "needs_policy"


def test_what_external_dns_reads_of_a_route_goes_along():
    obj = ingress(
        "a",
        1,
        {"external-dns.kubernetes.io/ttl": "60", "external-dns.kubernetes.io/target": "192.0.2.1", "example.com/a": "b"},
        rules=[rule("x.example.com")],
    )
    found, _gateways = reports(obj)
    assert found["shop/a"]["objects"][0]["metadata"]["annotations"] == {
        "external-dns.kubernetes.io/ttl": "60",
        "slipway.kubernetes/migrated-from": "Ingress shop/a",
    }


def test_no_object_is_larger_than_the_api_allows():
    many = [
        ingress(f"a{number}", number, rules=[rule(f"h{number}.example.com", *[f"/p{path}" for path in range(70)])],
                tls=[{"hosts": [f"h{number}.example.com"], "secretName": "x"}])
        for number in range(70)
    ]
    found, gateways = reports(*many)
    assert [len(gateway["spec"]["listeners"]) for gateway in gateways] == [64, 7]
    for report in found.values():
        for obj in report["objects"]:
            assert len(obj["spec"]["rules"]) <= 16
            assert all(len(entry["matches"]) <= 64 for entry in obj["spec"]["rules"])
    served = [line for line in routes(found["shop/a69"]) if line.endswith("to web:80")]
    assert len(served) == 70
    assert "ingress-2" == found["shop/a69"]["objects"][0]["spec"]["parentRefs"][0]["name"]


@pytest.mark.parametrize("tls", [{"secretName": "x"}, {"hosts": ["x.example.com"]}], ids=["certificates", "none"])
def test_many_cost_what_one_costs_many_times(tls):
    """Counted in calls, since times say little on a busy machine."""

    def calls(number):
        many = [
            ingress(f"a{host}", host, rules=[rule(f"h{host}.example.com")], tls=[{"hosts": [f"h{host}.example.com"], **tls}])
            for host in range(number)
        ]
        seen = []
        sys.setprofile(lambda frame, event, _arg: seen.append(frame) if "/_ingress/" in frame.f_code.co_filename else None)
        try:
            migrate(many)
        finally:
            sys.setprofile(None)
        return len(seen)

    assert calls(120) == pytest.approx(4 * calls(30), rel=0.2)


def test_nothing_is_nothing():
    assert migrate([]) == {"ingresses": [], "gateways": []}
