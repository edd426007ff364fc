# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ingresses of ingress-nginx as routes of the Gateway API.  Pure functions over plain objects.

nginx makes one server of all Ingresses that name a host, so the Ingresses are looked at together: the oldest wins a path, a
certificate counts for the host, and a canary is part of the Ingress that it is a canary of.

PRIVATE to the collection.
"""

from __future__ import annotations

from . import filters
from .annotations import BACKEND_TLS, Findings, annotations_of, classify, is_true, values_of
from .canary import rules_with_canary
from .gateways import Gateways
from .paths import Unconvertible, is_plain, path_match, rewrites
from .services import Services

API = "gateway.networking.k8s.io/v1"
LABELS = {"app.kubernetes.io/managed-by": "slipway.kubernetes", "slipway.kubernetes/migration": "ingress"}
FROM = "slipway.kubernetes/migrated-from"
MOST_RULES = 16
MOST_MATCHES = 64


class Location:
    """A path of a host, and the rule that it becomes."""

    def __init__(self, ingress, host, path, path_type, match):
        self.ingress = ingress
        self.host = host
        self.path = path
        self.path_type = path_type
        self.match = match
        self.rule = {}
        self.canary = None


class Ingress:
    def __init__(self, obj):
        meta = obj["metadata"]
        self.obj = obj
        self.spec = obj.get("spec") or {}
        self.namespace, self.name = meta.get("namespace") or "default", meta["name"]
        self.title = "%s/%s" % (self.namespace, self.name)
        self.created = str(meta.get("creationTimestamp") or "")
        self.values = values_of(obj)
        self.is_canary = is_true(self.values.get("canary", ""))
        self.findings = Findings()
        self.locations = []
        self.objects = []

    @property
    def rules(self):
        return self.spec.get("rules") or []

    def hosts(self):
        return list(dict.fromkeys(rule.get("host") or "" for rule in self.rules))

    def paths(self):
        """(host, path, type, backend) of all rules, and of the default backend for what they leave."""
        for rule in self.rules:
            for path in (rule.get("http") or {}).get("paths") or []:
                yield rule.get("host") or "", path.get("path") or "/", path.get("pathType"), path["backend"]
        if self.spec.get("defaultBackend"):
            for host in self.hosts() or [""]:
                yield host, "/", "Prefix", self.spec["defaultBackend"]

    def certificate(self, host):
        """The Secret whose certificate nginx presents for the host: "" if it is the default one, None if there is none."""
        wildcard = "*." + host.partition(".")[2]
        for entry in self.spec.get("tls") or []:
            if host and (not entry.get("hosts") or host in entry["hosts"] or wildcard in entry["hosts"]):
                return entry.get("secretName") or ""
        return None


def migrate(ingresses, services=(), gateway_class="traefik", gateway_name="ingress", features=None):
    """{"ingresses": a report of each with its routes, "gateways": what the routes attach to}."""
    return _Migration(ingresses, services, gateway_class, gateway_name, features).run()


class _Migration:
    def __init__(self, ingresses, services, gateway_class, gateway_name, features):
        # As nginx sorts them: those of one second backwards by name.
        everything = sorted((Ingress(obj) for obj in ingresses), key=lambda ingress: ingress.title, reverse=True)
        everything.sort(key=lambda ingress: ingress.created)
        self.everything = everything
        self.mains = [ingress for ingress in everything if not ingress.is_canary]
        self.canaries = [ingress for ingress in everything if ingress.is_canary]
        self.services = Services(services)
        self.support = filters.Support(features)
        self.gateways = Gateways(gateway_class, gateway_name)
        # Each host's Ingresses, as nginx sorts them.
        self.hosts = {}
        for ingress in self.mains:
            for host in ingress.hosts():
                self.hosts.setdefault(host, []).append(ingress)
        self.locations = {}
        self.matches = {}
        self.names = set()

    def run(self):
        for ingress in self.everything:
            classify(ingress.values, ingress.findings)
        paths = {host: [] for host in (*self.hosts, "")}
        for ingress in self.mains:
            for host, path, _type, _backend in ingress.paths():
                paths[host].append((path, ingress.values.get("rewrite-target"), is_true(ingress.values.get("use-regex", ""))))
        self.regex = {host: _regex(found) for host, found in paths.items()}
        for ingress in self.mains:
            self._locate(ingress)
        for ingress in self.canaries:
            self._attach(ingress)
        for ingress in self.mains:
            self._build(ingress)
        return {
            "ingresses": [_report(ingress) for ingress in sorted(self.everything, key=lambda ingress: ingress.title)],
            "gateways": self.gateways.objects(LABELS),
        }

    # -- paths -------------------------------------------------------------------------------

    def _locate(self, ingress):
        if is_true(ingress.values.get("ssl-passthrough", "")):
            self._pass_through(ingress)
            return
        for host, path, path_type, backend in ingress.paths():
            if not backend.get("service"):
                ingress.findings.refuse("%s%s leads to no Service, and nginx serves nothing else." % (host, path))
                continue
            try:
                match, notes = path_match(path, path_type, self.regex[host], ingress.values.get("rewrite-target", ""))
            except Unconvertible as error:
                ingress.findings.refuse(str(error))
                continue
            owner = self.matches.get((host, match["type"], match["value"]))
            if owner:
                if backend is not ingress.spec.get("defaultBackend"):
                    ingress.findings.note("%s%s is served by the older Ingress %s." % (host, path, owner.ingress.title))
                continue
            location = Location(ingress, host, path, path_type, match)
            location.rule = self._rule(location, backend)
            if location.rule is None:
                continue
            for note in notes:
                ingress.findings.note(note)
            self.matches[host, match["type"], match["value"]] = location
            self.locations.setdefault((host, path, path_type), location)
            ingress.locations.append(location)

    def _rule(self, location, backend):
        """The rule of a path, without what makes it a canary's.  None if it would lead nowhere."""
        ingress, values, findings = location.ingress, location.ingress.values, location.ingress.findings
        rule = {"matches": [{"path": location.match}]}
        if "temporal-redirect" in values or "permanent-redirect" in values:
            answer = filters.redirect(values, self.support, findings)
            return dict(rule, filters=[answer]) if answer else None
        found = [
            filters.forwarded_prefix(location.path, values),
            filters.rewrite(location.path, values, self.regex[location.host], self.support, findings),
            filters.cors(values, self.support, findings),
            filters.mirror(values, ingress.namespace, self.support, findings),
        ]
        if any(found):
            rule["filters"] = [entry for entry in found if entry]
        limits = filters.timeouts(values, self.support, findings)
        if limits:
            rule["timeouts"] = limits
        reference = self.services.reference(ingress.namespace, backend["service"], findings)
        if not reference:
            return None
        self._protocol(ingress, reference)
        return dict(rule, backendRefs=[reference])

    def _protocol(self, ingress, reference):
        protocol, findings = ingress.values.get("backend-protocol", "HTTP").upper(), ingress.findings
        if protocol in ("HTTPS", "GRPCS"):
            details = [name for name in ("backend-protocol", *sorted(BACKEND_TLS)) if name in ingress.values]
            findings.need("TLS to the Service %s" % reference["name"], "BackendTLSPolicy", ", ".join(details))
        if protocol in ("GRPC", "GRPCS"):
            if not self.services.speaks_h2c(ingress.namespace, reference) and protocol == "GRPC":
                findings.need(
                    "protocol of port %s of the Service %s" % (reference["port"], reference["name"]),
                    "appProtocol kubernetes.io/h2c",
                    "backend-protocol",
                )
        elif protocol not in ("HTTP", "HTTPS"):
            findings.refuse("backend-protocol %s is none that a route can speak." % protocol)

    # -- canaries ----------------------------------------------------------------------------

    def _attach(self, canary):
        for host, path, path_type, backend in canary.paths():
            location = self.locations.get((host, path, path_type))
            if location is None:
                canary.findings.refuse("There is no Ingress with the path %s%s that it could be a canary of." % (host, path))
            elif location.ingress.namespace != canary.namespace:
                canary.findings.refuse(
                    "It is a canary of Ingress %s, and a route leads to Services of another namespace only with a ReferenceGrant."
                    % location.ingress.title
                )
            elif location.canary:
                canary.findings.refuse("%s%s has a canary, that of Ingress %s, and nginx takes no second." % (host, path, location.canary[0].title))
            elif not location.rule.get("backendRefs"):
                canary.findings.refuse("Ingress %s has no backend there that it could be a canary of." % location.ingress.title)
            else:
                reference = self.services.reference(canary.namespace, backend["service"], canary.findings)
                if reference:
                    location.canary = (canary, reference)
                    canary.findings.note("It is part of the routes of Ingress %s." % location.ingress.title)

    # -- routes ------------------------------------------------------------------------------

    def _build(self, ingress):
        by_host = {}
        for location in ingress.locations:
            by_host.setdefault(location.host, []).extend(rules_with_canary(location))
        answer = filters.app_root(ingress.values, self.support, ingress.findings)
        for host in list(by_host):
            root = (host, "Exact", "/")
            if answer and root not in self.matches:
                self.matches[root] = ingress.locations[0]
                by_host[host].insert(0, {"matches": [{"path": {"type": "Exact", "value": "/"}}], "filters": [answer]})
        for host, rules in by_host.items():
            self._routes(ingress, host, rules, len(by_host) > 1)
        if not ingress.objects and not ingress.findings.cannot:
            ingress.findings.refuse("There is nothing left of it: %s" % (" ".join(ingress.findings.notes) or "it has no paths."))

    def _routes(self, ingress, host, rules, several):
        name = "%s-%s" % (ingress.name, _slug(host)) if several else ingress.name
        names = [host, *self._aliases(ingress, host)] if host else []
        certificate = self._certificate(ingress, host)
        plain, secure = [self.gateways.http(ingress.namespace)], []
        if certificate:
            secure = [self.gateways.https(ingress.namespace, other, certificate) for other in names]
        redirected = self._redirects(ingress, bool(certificate))
        self._route(ingress, name, names, secure if redirected else plain + secure, rules)
        if redirected:
            matches = list(dict.fromkeys(_key(rule["matches"][0]["path"]) for rule in rules))
            answer = [
                {"matches": [{"path": dict(match)} for match in matches[start : start + MOST_MATCHES]], "filters": [self._https(ingress)]}
                for start in range(0, len(matches), MOST_MATCHES)
            ]
            self._route(ingress, name + "-https-redirect", names, plain, answer)
        if certificate:
            for key, value in annotations_of(ingress.obj).items():
                if key.startswith("cert-manager.io/") or key == "kubernetes.io/tls-acme":
                    self.gateways.annotate(ingress.namespace, key, str(value), ingress.findings)
        self._www(ingress, host, name, plain, certificate)

    def _certificate(self, ingress, host):
        """The Secret of the namespace with the host's certificate, if there is one."""
        own = ingress.certificate(host)
        if own:
            return own
        for other in self.hosts.get(host, ()):
            certificate = other.certificate(host)
            if certificate:
                if other.namespace == ingress.namespace:
                    return certificate
                ingress.findings.refuse("The certificate for %s is that of Ingress %s, in another namespace." % (host, other.title))
                return None
        if own == "":
            ingress.findings.refuse("spec.tls names no Secret for %s, and the default certificate of nginx is not at hand." % host)
        return None

    def _redirects(self, ingress, has_certificate):
        forced = is_true(ingress.values.get("force-ssl-redirect", ""))
        if forced and not has_certificate:
            ingress.findings.refuse("force-ssl-redirect sends clients to HTTPS, for which no Ingress of the namespace has a certificate.")
        return has_certificate and (forced or is_true(ingress.values.get("ssl-redirect", "true")))

    def _https(self, ingress):
        if self.support.features is not None and "HTTPRoute308RedirectStatusCode" not in self.support.features:
            ingress.findings.note("The redirect to HTTPS is a 301, because the GatewayClass knows no 308.")
            return {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
        return filters.HTTPS_REDIRECT

    def _aliases(self, ingress, host):
        aliases = []
        for alias in ingress.values.get("server-alias", "").replace(",", " ").split():
            if alias in self.hosts:
                ingress.findings.note("server-alias %s: there is an Ingress for that host, which goes first." % alias)
            elif not filters.is_hostname(alias):
                ingress.findings.refuse("server-alias %s is no name of a host." % alias)
            else:
                aliases.append(alias)
        return aliases

    def _www(self, ingress, host, name, plain, certificate):
        if not is_true(ingress.values.get("from-to-www-redirect", "")) or not host or host.startswith("*"):
            return
        other = host[4:] if host.startswith("www.") else "www." + host
        if other in self.hosts:
            ingress.findings.note("from-to-www-redirect: there is an Ingress for %s, which goes first." % other)
            return
        if not self.support.allows(ingress.findings, "from-to-www-redirect", "HTTPRoute308RedirectStatusCode"):
            return
        parents = list(plain)
        if certificate and ingress.certificate(other):
            parents.append(self.gateways.https(ingress.namespace, other, certificate))
        elif certificate:
            ingress.findings.note("from-to-www-redirect: spec.tls does not name %s, so it is redirected from HTTP alone." % other)
        answer = {"type": "RequestRedirect", "requestRedirect": {"hostname": host, "statusCode": 308}}
        rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": [answer]}
        self._route(ingress, name + "-www-redirect", [other], parents, [rule])

    def _pass_through(self, ingress):
        """TLS goes to the backend of the path / as it comes."""
        for host, path, _path_type, backend in ingress.paths():
            if path != "/" or not backend.get("service"):
                ingress.findings.note("%s%s: with ssl-passthrough, the backend of / gets all connections." % (host, path))
                continue
            if not host:
                ingress.findings.refuse("ssl-passthrough needs a host.")
                continue
            reference = self.services.reference(ingress.namespace, backend["service"], ingress.findings)
            if not reference:
                continue
            route = self._object(ingress, "TLSRoute", "%s-%s" % (ingress.name, _slug(host)) if len(ingress.hosts()) > 1 else ingress.name)
            route["spec"] = {
                "parentRefs": [self.gateways.tls(ingress.namespace, host)],
                "hostnames": [host],
                "rules": [{"backendRefs": [reference]}],
            }
            ingress.objects.append(route)
            ingress.findings.note("ssl-passthrough: port 80 of %s is not served any more." % host)

    def _route(self, ingress, name, hostnames, parents, rules):
        """As many HTTPRoutes as it takes: one has no more than 16 rules."""
        for start in range(0, len(rules), MOST_RULES):
            route = self._object(ingress, "HTTPRoute", name if not start else "%s-%d" % (name, start // MOST_RULES + 1))
            route["spec"] = {"parentRefs": parents, "rules": rules[start : start + MOST_RULES]}
            if hostnames:
                route["spec"]["hostnames"] = hostnames
            ingress.objects.append(route)

    def _object(self, ingress, kind, name):
        name, number = name[:240], 2
        while (kind, ingress.namespace, name) in self.names:
            name, number = "%s-%d" % (name, number), number + 1
        self.names.add((kind, ingress.namespace, name))
        annotations = {FROM: "Ingress %s" % ingress.title}
        for key, value in annotations_of(ingress.obj).items():
            # What external-dns reads of a Gateway is its addresses; all else it reads of the route.
            if key.startswith("external-dns.") and not key.endswith("/target"):
                annotations[key] = str(value)
        return {
            "apiVersion": API,
            "kind": kind,
            "metadata": {"name": name, "namespace": ingress.namespace, "labels": dict(LABELS), "annotations": annotations},
        }


def _regex(paths):
    """Does nginx take the paths of a host for regular expressions, and can they be told without?"""
    if not any(use_regex or rewrites(path, target) for path, target, use_regex in paths):
        return None
    return "plain" if all(is_plain(path, target) for path, target, _use_regex in paths) else "full"


def _slug(host):
    return host.replace("*", "wildcard").replace(".", "-") or "all-hosts"


def _key(match):
    return tuple(match.items())


def _report(ingress):
    findings = ingress.findings
    return {
        "title": ingress.title,
        "namespace": ingress.namespace,
        "name": ingress.name,
        "verdict": findings.verdict,
        "needs": [
            {"policy": need["policy"], "traefik": need["traefik"], "annotations": need["source"]} for need in findings.needs
        ],
        "cannot": findings.cannot,
        "notes": findings.notes,
        "objects": ingress.objects,
    }
