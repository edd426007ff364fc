# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the annotations of ingress-nginx mean for a migration.  Pure functions over plain objects.

Every annotation is one of: converted (the other modules read it), without effect on routing, in need of a policy that the
Gateway API leaves to implementations, or impossible.  One that is not known counts as impossible.

PRIVATE to the collection.
"""

from __future__ import annotations

PREFIX = "nginx.ingress.kubernetes.io/"

CONVERTED = frozenset(
    (
        "app-root",
        "backend-protocol",
        "canary",
        "canary-by-cookie",
        "canary-by-header",
        "canary-by-header-pattern",
        "canary-by-header-value",
        "canary-weight",
        "canary-weight-total",
        "cors-allow-credentials",
        "cors-allow-headers",
        "cors-allow-methods",
        "cors-allow-origin",
        "cors-expose-headers",
        "cors-max-age",
        "enable-cors",
        "force-ssl-redirect",
        "from-to-www-redirect",
        "mirror-host",
        "mirror-request-body",
        "mirror-target",
        "permanent-redirect",
        "permanent-redirect-code",
        "proxy-read-timeout",
        "rewrite-target",
        "server-alias",
        "ssl-passthrough",
        "ssl-redirect",
        "temporal-redirect",
        "temporal-redirect-code",
        "upstream-vhost",
        "use-regex",
        "x-forwarded-prefix",
    )
)

# They tune or watch nginx itself.  Clients and backends see the same without them.
WITHOUT_EFFECT = frozenset(
    (
        "affinity-canary-behavior",
        "client-body-buffer-size",
        "connection-proxy-header",
        "enable-access-log",
        "enable-opentelemetry",
        "enable-opentracing",
        "enable-rewrite-log",
        "http2-push-preload",
        "opentelemetry-operation-name",
        "opentelemetry-trust-incoming-span",
        "preserve-trailing-slash",
        "proxy-buffer-size",
        "proxy-buffering",
        "proxy-buffers-number",
        "proxy-busy-buffers-size",
        "proxy-http-version",
        "proxy-max-temp-file-size",
        "proxy-request-buffering",
        "service-upstream",
        "use-port-in-redirects",
    )
)

# (policy, what it is called with Traefik, annotations that ask for it, annotations that only say more about it)
_POLICIES = (
    ("rate limit", "Middleware rateLimit", ("limit-rps", "limit-rpm"), ("limit-burst-multiplier", "limit-whitelist", "limit-allowlist")),
    ("limit of connections", "Middleware inFlightReq", ("limit-connections",), ()),
    (
        "external authentication",
        "Middleware forwardAuth",
        ("auth-url",),
        (
            "auth-always-set-cookie",
            "auth-cache-duration",
            "auth-cache-key",
            "auth-keepalive",
            "auth-keepalive-requests",
            "auth-keepalive-share-vars",
            "auth-keepalive-timeout",
            "auth-method",
            "auth-proxy-set-headers",
            "auth-request-redirect",
            "auth-response-headers",
            "auth-signin",
            "auth-signin-redirect-param",
            "enable-global-auth",
        ),
    ),
    ("password", "Middleware basicAuth or digestAuth", ("auth-type",), ("auth-realm", "auth-secret", "auth-secret-type")),
    (
        "client certificate",
        "TLSOption clientAuth",
        ("auth-tls-secret",),
        (
            "auth-tls-error-page",
            "auth-tls-match-cn",
            "auth-tls-pass-certificate-to-upstream",
            "auth-tls-verify-client",
            "auth-tls-verify-depth",
        ),
    ),
    ("list of allowed clients", "Middleware ipAllowList", ("whitelist-source-range", "allowlist-source-range"), ()),
    ("list of denied clients", "none", ("denylist-source-range",), ()),
    ("limit of request bodies", "Middleware buffering", ("proxy-body-size",), ()),
    (
        "session affinity",
        "annotation traefik.io/service.sticky.cookie of the Service",
        ("affinity",),
        (
            "affinity-mode",
            "session-cookie-change-on-failure",
            "session-cookie-conditional-samesite-none",
            "session-cookie-domain",
            "session-cookie-expires",
            "session-cookie-max-age",
            "session-cookie-name",
            "session-cookie-path",
            "session-cookie-samesite",
            "session-cookie-secure",
        ),
    ),
    ("error page", "Middleware errors", ("custom-http-errors",), ("default-backend",)),
    ("retry", "Middleware retry", ("proxy-next-upstream",), ("proxy-next-upstream-timeout", "proxy-next-upstream-tries")),
    ("timeout of connections", "ServersTransport forwardingTimeouts", ("proxy-connect-timeout", "proxy-send-timeout"), ()),
    ("set of response headers", "Middleware headers", ("custom-headers",), ()),
    (
        "kind of load balancing",
        "TraefikService",
        ("load-balance", "upstream-hash-by"),
        ("upstream-hash-by-subset", "upstream-hash-by-subset-size"),
    ),
    ("choice of ciphers", "TLSOption cipherSuites", ("ssl-ciphers",), ("ssl-prefer-server-ciphers",)),
    (
        "web application firewall",
        "a plugin",
        ("enable-modsecurity", "enable-owasp-core-rules"),
        ("modsecurity-transaction-id",),
    ),
)
# These say more about a backend that TLS is spoken to, and nothing about one that it is not.
BACKEND_TLS = frozenset(
    "proxy-ssl-" + name for name in ("ciphers", "name", "protocols", "secret", "server-name", "verify", "verify-depth")
)

_POLICY_OF = {name: (policy, traefik) for policy, traefik, asking, _more in _POLICIES for name in asking}
_DETAILS = frozenset(name for _policy, _traefik, _asking, more in _POLICIES for name in more) | BACKEND_TLS

# With these values, an annotation asks for what is so without it.
_IDLE = {
    "affinity": ("",),
    "auth-type": ("",),
    "custom-headers": ("",),
    "enable-modsecurity": ("false",),
    "enable-owasp-core-rules": ("false",),
    "limit-connections": ("0",),
    "limit-rpm": ("0",),
    "limit-rps": ("0",),
    "load-balance": ("", "round_robin"),
    "proxy-body-size": ("0",),
    "proxy-next-upstream": ("error timeout", "error  timeout"),
}

_SNIPPET = "is a piece of nginx' own configuration, which has to be expressed by hand"
IMPOSSIBLE = {
    "auth-snippet": _SNIPPET,
    "configuration-snippet": _SNIPPET,
    "limit-rate": "limits bytes per second, for which there is neither a filter nor a common policy",
    "limit-rate-after": "limits bytes per second, for which there is neither a filter nor a common policy",
    "modsecurity-snippet": _SNIPPET,
    "proxy-cookie-domain": "changes cookies of the backend, which no filter can",
    "proxy-cookie-path": "changes cookies of the backend, which no filter can",
    "proxy-redirect-from": "changes redirects of the backend, which no filter can",
    "proxy-redirect-to": "changes redirects of the backend, which no filter can",
    "satisfy": "lets one of several conditions be enough, but filters are all applied",
    "server-snippet": _SNIPPET,
    "stream-snippet": _SNIPPET,
}
# proxy-redirect-* by these values only say what is so without them.
_HARMLESS = {
    "proxy-redirect-from": ("off", "default"),
    "proxy-redirect-to": ("off", "default"),
    "satisfy": ("all",),
}
# What nginx reads of a canary besides the canary annotations.
_CANARY_READS = frozenset(("affinity", "load-balance", "upstream-hash-by"))


class Findings:
    """What there is to say about one Ingress."""

    def __init__(self):
        self.needs = []
        self.cannot = []
        self.notes = []

    def need(self, policy, traefik, source):
        """A policy that has to be made by hand, whatever it is called by the implementation."""
        for need in self.needs:
            if need["policy"] == policy:
                if source not in need["source"].split(", "):
                    need["source"] += ", " + source
                return
        self.needs.append({"policy": policy, "traefik": traefik, "source": source})

    def refuse(self, sentence):
        if sentence not in self.cannot:
            self.cannot.append(sentence)

    def note(self, sentence):
        if sentence not in self.notes:
            self.notes.append(sentence)

    @property
    def verdict(self):
        return "cannot" if self.cannot else "needs_policy" if self.needs else "converted"


def annotations_of(ingress):
    return (ingress.get("metadata") or {}).get("annotations") or {}


def values_of(ingress):
    """The annotations of ingress-nginx, by their names without the prefix."""
    return {
        key[len(PREFIX) :]: str(value).strip() for key, value in annotations_of(ingress).items() if key.startswith(PREFIX)
    }


def is_true(value):
    return str(value).lower() in ("true", "1", "t")


def classify(values, findings):
    """Say what the annotations need that are not converted."""
    canary = is_true(values.get("canary", ""))
    idle = []
    for name, value in sorted(values.items()):
        if name in CONVERTED or name in _DETAILS:
            continue
        if canary and name not in _CANARY_READS:
            findings.note("%s: nginx does not read it from a canary." % name)
        elif name in WITHOUT_EFFECT or value.lower() in _HARMLESS.get(name, ()):
            idle.append(name)
        elif name in _POLICY_OF:
            if value.lower() not in _IDLE.get(name, ()):
                findings.need(*_POLICY_OF[name], name)
        elif name in IMPOSSIBLE:
            findings.refuse("%s %s." % (name, IMPOSSIBLE[name]))
        else:
            findings.refuse("%s is not an annotation that is known here." % name)
    if idle:
        findings.note("%s: without effect on routing, left out." % ", ".join(idle))
