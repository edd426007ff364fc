# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._release.objects import access


def service(ports, annotations=None, status=None, **spec):
    metadata = {"name": "web", "namespace": "shop", "annotations": annotations or {}}
    return {"kind": "Service", "metadata": metadata, "spec": {"ports": ports, **spec}, "status": status or {}}


def ingress(*rules, tls=()):
    spec = {"tls": [{"hosts": list(tls)}], "rules": list(rules)}
    return {"kind": "Ingress", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def route(hostnames, parents, paths=()):
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in paths]
    spec = {"hostnames": hostnames, "parentRefs": parents, "rules": [{"matches": matches}] if matches else [{}]}
    return {"kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def balanced(**address):
    return {"loadBalancer": {"ingress": [address]}}


FORWARD = "kubectl port-forward service/web 8080:%s --namespace shop   # then %s"


@pytest.mark.parametrize(
    "obj, found",
    [
        (service([{"port": 80}]), [FORWARD % (80, "http://localhost:8080/")]),
        (service([{"port": 443}]), [FORWARD % (443, "https://localhost:8080/")]),
        (service([{"port": 80}], {"slipway.kubernetes/path": "/web/"}), [FORWARD % (80, "http://localhost:8080/web/")]),
        (
            service([{"port": 9042, "name": "cql"}]),
            ["kubectl port-forward service/web 9042:9042 --namespace shop   # then localhost:9042"],
        ),
        (service([{"port": 53, "name": "dns"}]), [FORWARD % (53, "localhost:8080")]),
        (service([{"port": 53, "name": "dns", "protocol": "UDP"}]), []),
        (service([{"port": 9000, "name": "http-metrics"}]), [FORWARD % (9000, "http://localhost:8080/")]),
        (service([{"port": 3306, "appProtocol": "mysql"}]), ["kubectl port-forward service/web 3306:3306 --namespace shop   # then localhost:3306"]),
        (service([{"port": 53, "name": "dns", "protocol": "UDP", "nodePort": 31053}], type="NodePort"), ["10.0.0.7:31053 (UDP)"]),
        (service([{"port": 80, "nodePort": 31001}], type="NodePort"), ["http://10.0.0.7:31001/"]),
        (service([{"port": 443, "nodePort": 31001}], type="NodePort"), ["https://10.0.0.7:31001/"]),
        (
            service([{"port": 80, "nodePort": 31001}], {"slipway.kubernetes/path": "/web/"}, type="NodePort"),
            ["http://10.0.0.7:31001/web/"],
        ),
        (service([{"port": 80}], type="NodePort"), ["kubectl get service web --namespace shop"]),
        (service([{"port": 80, "nodePort": 31001}], type="LoadBalancer"), ["kubectl get service web --namespace shop"]),
        (service([{"port": 80}], status=balanced(ip="192.0.2.7"), type="LoadBalancer"), ["http://192.0.2.7:80/"]),
        (
            service([{"port": 443}], status=balanced(hostname="lb.example.com"), type="LoadBalancer"),
            ["https://lb.example.com:443/"],
        ),
        (service([{"port": 80}], {"slipway.kubernetes/internal": "true"}), []),
        (service([{"port": 80}], clusterIP="None"), []),
        (service([{"port": 80}], type="ExternalName"), []),
        (ingress({"host": "web.example.com"}), ["http://web.example.com/"]),
        (ingress({"host": "web.example.com"}, tls=["web.example.com"]), ["https://web.example.com/"]),
        (ingress({"host": "web.example.com"}, tls=["other.example.com"]), ["http://web.example.com/"]),
        (
            ingress({"host": "web.example.com", "http": {"paths": [{"path": "/a"}, {"path": "/b"}]}}),
            ["http://web.example.com/a", "http://web.example.com/b"],
        ),
        (ingress({"http": {"paths": [{"path": "/"}]}}), []),
        (route(["web.example.com"], [{"name": "main"}]), ["http://web.example.com/"]),
        (route(["web.example.com"], [{"name": "main", "sectionName": "https"}], ["/a"]), ["https://web.example.com/a"]),
        (route(["a.example.com", "b.example.com"], [{"port": 443}]), ["https://a.example.com/", "https://b.example.com/"]),
        ({"kind": "ConfigMap", "metadata": {"name": "web"}}, []),
    ],
)
def test_the_way_to_an_object(obj, found):
    assert access([obj], node_address="10.0.0.7") == found


def test_an_unknown_node_is_said_to_be_any():
    obj = service([{"port": 80, "nodePort": 31001}], type="NodePort")
    assert access([obj]) == ["http://<any node>:31001/"]


def test_what_leads_to_the_same_place_is_said_once():
    assert access([ingress({"host": "a.example.com"}), ingress({"host": "a.example.com"})]) == ["http://a.example.com/"]
