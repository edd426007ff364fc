# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an annotation turns into in a rule of an HTTPRoute: filters, timeouts, redirects.  Pure functions.

PRIVATE to the collection.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .annotations import is_true
from .paths import prefix_rewrite, rewrites

_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ORIGIN = re.compile(r"\*|https?://((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:\d{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"))
_CLUSTER_HOST = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc(\.cluster\.local)?")
# What ingress-nginx answers where an Ingress says no more than enable-cors.
_CORS = {
    "cors-allow-origin": "*",
    "cors-allow-methods": "GET, PUT, POST, DELETE, PATCH, OPTIONS",
    "cors-allow-headers": (
        "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization"
    ),
    "cors-expose-headers": "",
    "cors-allow-credentials": "true",
    "cors-max-age": "1728000",
}
HTTPS_REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 308}}

# What a GatewayClass has to report for a field to do something; without it, what to make by hand instead.
FEATURES = {
    "HTTPRouteBackendTimeout": ("timeout of responses", "ServersTransport forwardingTimeouts"),
    "HTTPRouteCORS": ("CORS policy", "Middleware headers"),
    "HTTPRouteHostRewrite": ("host rewrite", "Middleware headers"),
    "HTTPRoutePathRedirect": ("redirect", "Middleware redirectRegex"),
    "HTTPRoutePathRewrite": ("path rewrite", "Middleware replacePath"),
    "HTTPRoutePortRedirect": ("redirect", "Middleware redirectRegex"),
    "HTTPRouteRequestMirror": ("copy of requests", "TraefikService mirroring"),
    "HTTPRouteSchemeRedirect": ("redirect to HTTPS", "Middleware redirectScheme"),
    "HTTPRoute303RedirectStatusCode": ("redirect", "Middleware redirectRegex"),
    "HTTPRoute307RedirectStatusCode": ("redirect", "Middleware redirectRegex"),
    "HTTPRoute308RedirectStatusCode": ("redirect", "Middleware redirectRegex"),
}


def is_hostname(name):
    return bool(_HOSTNAME.fullmatch(name.removeprefix("*.")))


class Support:
    """What the GatewayClass can do.  Without a report of its own, all that the standard knows."""

    def __init__(self, features=None):
        self.features = None if features is None else frozenset(features)

    def allows(self, findings, source, *features):
        """May a field be used that needs these features?  What is missing becomes a need."""
        if self.features is None:
            return True
        missing = [feature for feature in features if feature not in self.features]
        for feature in missing:
            policy, traefik = FEATURES[feature]
            findings.need(policy, traefik, source)
            findings.note("%s: the GatewayClass does not report %s." % (source, feature))
        return not missing


def redirect(values, support, findings):
    """The filter of an Ingress that answers with a redirect, else None.  The temporary one comes first, as in nginx."""
    for name, default, codes in (
        ("temporal-redirect", "302", ("301", "302", "303", "307")),
        ("permanent-redirect", "301", ("301", "302", "303", "307", "308")),
    ):
        if name not in values:
            continue
        code = values.get(name + "-code") or default
        if code not in codes:
            findings.refuse("%s-code %s is none that a redirect of an HTTPRoute can have." % (name, code))
            return None
        return _redirect_to(values[name], name, int(code), support, findings)
    return None


def _redirect_to(url, name, code, support, findings):
    keeps_path = url.endswith("$request_uri")
    parts = urlsplit(url.removesuffix("$request_uri"))
    try:
        port = parts.port
    except ValueError:
        port = None
    if "$" in url.removesuffix("$request_uri") or parts.query or parts.fragment or keeps_path and parts.path:
        findings.refuse("%s %s has a query or nginx' variables, which a redirect of an HTTPRoute cannot." % (name, url))
        return None
    if parts.scheme not in ("http", "https", "") or not (parts.hostname or parts.path.startswith("/")) or (
        parts.hostname and not _HOSTNAME.fullmatch(parts.hostname)
    ):
        findings.refuse("%s %s is no URL that an HTTPRoute can redirect to." % (name, url))
        return None
    target, features = {"statusCode": code}, []
    if parts.scheme:
        target["scheme"] = parts.scheme
        features.append("HTTPRouteSchemeRedirect")
    if parts.hostname:
        target["hostname"] = parts.hostname
    if port:
        target["port"] = port
        features.append("HTTPRoutePortRedirect")
    if not keeps_path:
        target["path"] = {"type": "ReplaceFullPath", "replaceFullPath": parts.path or "/"}
        features.append("HTTPRoutePathRedirect")
    if code not in (301, 302):
        features.append("HTTPRoute%dRedirectStatusCode" % code)
    if not support.allows(findings, name, *features):
        return None
    return {"type": "RequestRedirect", "requestRedirect": target}


def app_root(values, support, findings):
    """The filter that sends requests for / elsewhere, else None."""
    path = values.get("app-root")
    if not path:
        return None
    if not path.startswith("/") or "?" in path or "$" in path:
        findings.refuse("app-root %s is no path that an HTTPRoute can redirect to." % path)
        return None
    if not support.allows(findings, "app-root", "HTTPRoutePathRedirect"):
        return None
    return {
        "type": "RequestRedirect",
        "requestRedirect": {"statusCode": 302, "path": {"type": "ReplaceFullPath", "replaceFullPath": path}},
    }


def rewrite(path, values, regex, support, findings):
    """The URLRewrite filter for a path and for the name of the host, else None."""
    change = _host_rewrite(values, support, findings)
    target = values.get("rewrite-target")
    if rewrites(path, target):
        replaced = prefix_rewrite(path, target) if regex == "plain" else None
        if replaced:
            if replaced[0] != replaced[1] and support.allows(findings, "rewrite-target", "HTTPRoutePathRewrite"):
                change["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": replaced[1]}
        elif "$" in target:
            findings.need("rewrite by regular expression", "Middleware replacePathRegex", "rewrite-target")
        elif not target.startswith("/") or "?" in target:
            findings.refuse("rewrite-target %s is no path." % target)
        elif support.allows(findings, "rewrite-target", "HTTPRoutePathRewrite"):
            change["path"] = {"type": "ReplaceFullPath", "replaceFullPath": target}
    return {"type": "URLRewrite", "urlRewrite": change} if change else None


def _host_rewrite(values, support, findings):
    host = values.get("upstream-vhost")
    if not host:
        return {}
    if not _HOSTNAME.fullmatch(host):
        findings.refuse("upstream-vhost %s is no name of a host." % host)
        return {}
    return {"hostname": host} if support.allows(findings, "upstream-vhost", "HTTPRouteHostRewrite") else {}


def forwarded_prefix(path, values):
    """The filter for X-Forwarded-Prefix, which nginx sends with a rewrite only, else None."""
    prefix = values.get("x-forwarded-prefix")
    if not prefix or not rewrites(path, values.get("rewrite-target")):
        return None
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-Forwarded-Prefix", "value": prefix}]}}


def cors(values, support, findings):
    """The CORS filter, else None."""
    if not is_true(values.get("enable-cors", "")):
        return None
    given = {name: values.get(name) or default for name, default in _CORS.items()}
    wrong = [
        "%s %s" % (name, item)
        for name, valid in (
            ("cors-allow-origin", _ORIGIN.fullmatch),
            ("cors-allow-methods", _METHODS.__contains__),
            ("cors-allow-headers", _TOKEN.fullmatch),
            ("cors-expose-headers", _TOKEN.fullmatch),
            ("cors-max-age", re.compile(r"[1-9]\d*").fullmatch),
        )
        for item in _items(given[name])
        if not valid(item)
    ]
    if wrong:
        findings.refuse("%s: the CORS filter cannot take it." % ", ".join(wrong))
        return None
    if not support.allows(findings, "enable-cors", "HTTPRouteCORS"):
        return None
    origins = _items(given["cors-allow-origin"])
    policy = {
        "allowOrigins": ["*"] if "*" in origins else origins,
        "allowMethods": _one_star(_items(given["cors-allow-methods"])),
        "allowHeaders": _one_star(_items(given["cors-allow-headers"])),
        "maxAge": int(given["cors-max-age"]),
    }
    if given["cors-expose-headers"]:
        policy["exposeHeaders"] = _items(given["cors-expose-headers"])
    if is_true(given["cors-allow-credentials"]):
        if "*" in origins:
            # Browsers refuse nginx' answer to such a request; a Gateway would make one up that they accept.
            findings.note("cors-allow-credentials: without effect for all origins (*), and so left out.")
        else:
            policy["allowCredentials"] = True
    return {"type": "CORS", "cors": policy}


def _items(text):
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _one_star(items):
    return ["*"] if "*" in items else items


def mirror(values, namespace, support, findings):
    """The RequestMirror filter, else None.  It can send to a Service of the same namespace alone."""
    target = values.get("mirror-target")
    if not target:
        return None
    parts = urlsplit(target.replace("$request_uri", ""))
    found = _CLUSTER_HOST.fullmatch(parts.hostname or "")
    if parts.scheme != "http" or not found or found[2] != namespace or "$" in parts.netloc or parts.path.strip("/"):
        findings.refuse("mirror-target %s is no Service of namespace %s, and a filter mirrors to nothing else." % (target, namespace))
        return None
    if not support.allows(findings, "mirror-target", "HTTPRouteRequestMirror"):
        return None
    if values.get("mirror-host", parts.hostname) != parts.hostname:
        findings.note("mirror-host: copies of requests keep the name of the host.")
    return {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": found[1], "port": parts.port or 80}}}


def timeouts(values, support, findings):
    """The timeouts of a rule, else None."""
    seconds = values.get("proxy-read-timeout", "").removesuffix("s")
    if not seconds:
        return None
    if not seconds.isdigit() or not 0 < int(seconds) < 100000:
        findings.refuse("proxy-read-timeout %s is no number of seconds." % values["proxy-read-timeout"])
        return None
    if not support.allows(findings, "proxy-read-timeout", "HTTPRouteBackendTimeout"):
        return None
    findings.note("proxy-read-timeout was the time between two pieces of a response, now it is that of the whole response.")
    return {"backendRequest": "%ss" % int(seconds)}
