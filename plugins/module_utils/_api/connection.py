# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection of one call: which API server, as whom.

It is worked out for that call from the task's options and the task's environment, which is handed in. Nothing that
belongs to the process is read or changed: neither the Kubernetes client's default configuration, nor the place of the
kubeconfig that it has noted when it was imported, nor its temporary files, nor the environment. So it cannot be that of
another task or of an earlier item of a loop. No file is written: Python reads a client's key from a file only, which
here is one without a name.

The options, the variables K8S_AUTH_* and the order in which they count are kubernetes.core's; what a kubeconfig means is
as with kubectl. Where kubernetes.core would go elsewhere, C(Connection.apart) says so.
PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import re
import ssl
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlencode, urlsplit

from ansible.module_utils.parsing.convert_bool import boolean

try:
    import urllib3
    from urllib3.connection import HTTPSConnection

    try:
        from urllib3 import HTTPHeaderDict
    except ImportError:
        # urllib3 1.26
        from urllib3._collections import HTTPHeaderDict

    class _Unverified(HTTPSConnection):
        """Verifies no certificate, because it was asked not to: no warning is due."""

        def connect(self):
            super().connect()
            self.is_verified = True

    class _UnverifiedPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = _Unverified

except ImportError:
    # client.py says that it is missing
    urllib3 = None

from .._port_forward import tunnel
from . import kubeconfig
from .credentials import CertificateFiles, Credentials, Fixed, Plugin, Provider, TokenFile, bearer, header, persist
from .errors import TaskError

#: where a pod finds the credentials of its ServiceAccount
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
USER_AGENT = "slipway.kubernetes"
DEFAULT_KUBECONFIG = "~/.kube/config"

#: kubernetes.core's options with the other names of theirs that K8S_AUTH_* may have (args_common.py's AUTH_ARG_MAP)
OPTIONS = {
    "kubeconfig": (),
    "context": (),
    "host": (),
    "api_key": (),
    "username": (),
    "password": (),
    "validate_certs": ("verify_ssl",),
    "ca_cert": ("ssl_ca_cert",),
    "client_cert": ("cert_file",),
    "client_key": ("key_file",),
    "proxy": (),
    "no_proxy": (),
    "persist_config": (),
    "impersonate_user": (),
    "impersonate_groups": (),
}
PROXY_HEADERS = ("proxy_basic_auth", "basic_auth", "user_agent")
_BOOLEANS = ("validate_certs", "persist_config")
_FALSE = ("0", "false", "no")
#: protocols by which a proxy is spoken to
_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass
class Target:
    """What the options and the environment lead to."""

    host: str
    #: in words
    origin: str
    source: object
    verify: bool = True
    ca: str | None = None
    server_name: str | None = None
    proxy: str | None = None
    proxy_headers: dict = field(default_factory=dict)
    #: where CAs are looked for without one: a file and a folder, or the system's
    ca_places: tuple = (None, None)
    #: besides Authorization, as pairs: a name may be there several times
    headers: list = field(default_factory=list)
    #: why kubernetes.core would go elsewhere with the same options, or as somebody else
    apart: str = ""

    def settings(self, credentials=Credentials()):
        """The connection as plain data, as tunnel.py takes it."""
        return {
            "host": self.host,
            "headers": self.headers + ([("Authorization", credentials.authorization)] if credentials.authorization else []),
            "verify": self.verify,
            "ca": self.ca,
            "ca_places": self.ca_places,
            "certificate": credentials.certificate,
            "key": credentials.key,
            "server_name": self.server_name,
            "proxy": self.proxy,
            "proxy_headers": dict(self.proxy_headers),
        }

    def same_place(self, other):
        return (self.host, self.ca, self.verify, self.headers) == (other.host, other.ca, other.verify, other.headers)


# ------------------------------------------------------------------ options --
def options_of(given, environ):
    """The connection options: those of the task, else K8S_AUTH_*.  What is empty is not set."""
    options = {}
    for name, others in OPTIONS.items():
        value = given.get(name)
        if value is None:
            value = next((environ[key] for key in _variables(name, others) if environ.get(key)), None)
            if value is not None and name in _BOOLEANS:
                value = value.lower() not in _FALSE
            if value is not None and name == "impersonate_groups":
                value = value.split(",")
        if value is not None and value not in ("", {}):
            options[name] = value
    headers = given.get("proxy_headers")
    if headers is None:
        headers = {name: environ.get(f"K8S_AUTH_PROXY_HEADERS_{name.upper()}") for name in PROXY_HEADERS}
    options["proxy_headers"] = {name: value for name, value in headers.items() if value}
    options["impersonate_groups"] = [str(group) for group in options.get("impersonate_groups") or [] if group != ""]
    return options


def _variables(name, others):
    return [f"K8S_AUTH_{each.upper()}" for each in (name, *others)]


# ------------------------------------------------------------------ resolve --
def resolve(given, environ):
    """Where the options and the environment lead.  Programs are not run, and nobody is asked."""
    options = options_of(given, environ)

    def has(*names):
        return all(options.get(name) for name in names)

    if has("host") and (has("api_key") or has("username", "password") or has("client_cert", "client_key")):
        target = Target(_host(options["host"], "the option host"), "the option host", Fixed(Credentials()))
    elif has("kubeconfig") or has("context"):
        target = _from_kubeconfig(options, environ, given)
    else:
        target = _from_pod(environ) or _from_kubeconfig(options, environ, given)
    _override(target, options, environ)
    _set_proxy(target, options, environ)
    target.ca_places = _ca_places(environ)
    return target


def _ca_places(environ):
    return (environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None)


def _override(target, options, environ):
    """What the options say goes before what a kubeconfig says."""
    own_token = _token(target.source)
    if "host" in options:
        host = _host(options["host"], "the option host")
        if own_token and host != target.host:
            target.apart = f"kubernetes.core takes the server of {target.origin} ({target.host}) rather than that of the option host"
        target.host = host
    if "ca_cert" in options:
        target.ca = _certificates(_file(options["ca_cert"], "ca_cert", environ), "the option ca_cert")
    if "validate_certs" in options:
        target.verify = bool(options["validate_certs"])
    authorization = None
    if "api_key" in options:
        authorization = bearer(str(options["api_key"]).strip(), "the option api_key")
        if own_token:
            target.apart = target.apart or f"kubernetes.core takes the token of {target.origin} rather than the option api_key"
    elif "username" in options and "password" in options:
        authorization = _basic(options["username"], options["password"])
        target.apart = target.apart or "kubernetes.core does not send the options username and password"
    if authorization or "client_cert" in options or "client_key" in options:
        target.source = _Overridden(target.source, authorization, lambda: [
            _file(options[name], name, environ) if name in options else None for name in ("client_cert", "client_key")
        ])
    headers = _impersonation(options.get("impersonate_user"), options["impersonate_groups"])
    if headers:
        target.headers = headers
        if target.apart.startswith(_AS):
            target.apart = ""
        if not all(value.isascii() for _name, value in headers):
            target.apart = target.apart or "kubernetes.core does not send impersonate_user and impersonate_groups in UTF-8"


class _Overridden:
    """Credentials of which the options replace a part."""

    renewable = True

    def __init__(self, source, authorization, read):
        # A token that was given spares the program that would get another one.
        self._source = getattr(source, "certificates", Fixed(Credentials())) if authorization and _token(source) else source
        self._authorization, self._read, self._pair = authorization, read, None

    def get(self, limit, refused=False):
        found = self._source.get(limit, refused)
        if self._pair is None or refused:
            self._pair = self._read()
        certificate, key = self._pair
        return Credentials(
            self._authorization or found.authorization, certificate or found.certificate, key or (None if certificate else found.key)
        )


def _token(source):
    """Does the Python client's loader hold a token, which it puts before what was set since?"""
    return getattr(source, "bears_token", False)


def _impersonation(user, groups, uid=None, extra=None):
    headers = []
    if user:
        headers.append(("Impersonate-User", header(str(user), "impersonate_user", "utf-8")))
    headers += [("Impersonate-Group", header(str(group), "impersonate_groups", "utf-8")) for group in groups or []]
    if uid:
        headers.append(("Impersonate-Uid", header(str(uid), "as-uid", "utf-8")))
    for name, values in (extra or {}).items():
        headers += [(f"Impersonate-Extra-{quote(str(name), safe='')}", header(str(value), "as-user-extra", "utf-8")) for value in values or []]
    return headers


_AS = "kubernetes.core does not know the field as"


# -------------------------------------------------------------- kubeconfigs --
def _from_kubeconfig(options, environ, given):
    merged, paths = _merged(options, environ, given)
    chosen = kubeconfig.choose(merged, options.get("context"))
    cluster, user = chosen.cluster, chosen.user
    where = f"cluster {cluster['server']} in {merged.origin}"
    if user is None and chosen.user_name and not ({"api_key", "username", "client_cert"} & set(options)):
        raise TaskError(f"Context {chosen.context} of {merged.origin} names the user '{chosen.user_name}', which is not there.")
    user = user or {}
    target = Target(
        _host(cluster["server"], f"the server of {merged.origin}"),
        merged.origin,
        _source(user, f"user {chosen.user_name} in {merged.origin}", cluster, environ, _writer(options, paths, chosen.user_name)),
        verify=not _flag(cluster, "insecure-skip-tls-verify", where),
        server_name=cluster.get("tls-server-name") or None,
        proxy=cluster.get("proxy-url") or None,
    )
    if target.host.startswith("https"):
        ca = kubeconfig.content(cluster, "certificate-authority", where)
        target.ca = _certificates(ca, f"certificate-authority of {where}") if ca else None
    target.headers = _impersonation(user.get("as"), user.get("as-groups"), user.get("as-uid"), user.get("as-user-extra"))
    if target.headers:
        target.apart = f"{_AS} of {merged.origin}, and would act as user {chosen.user_name} itself"
    if not options.get("context") and merged.last_context not in ("", merged.current_context):
        target.apart = (
            f"the kubeconfigs have different current contexts, and kubernetes.core takes the last one ({merged.last_context}), "
            f"this task the first one ({merged.current_context}), as kubectl does"
        )
    return target


def _flag(entry, name, where):
    """A boolean, which templates make a text: C("false") is none that is true."""
    try:
        return boolean(entry.get(name) or False)
    except TypeError:
        raise TaskError(f"{name} of {where} is neither true nor false.") from None


def _merged(options, environ, given):
    """The kubeconfig, and the files that it is made of."""
    wanted = options.get("kubeconfig")
    if isinstance(wanted, dict):
        return kubeconfig.merge([(wanted, environ.get("PWD") or "")], "the option kubeconfig"), []
    if wanted is not None and not isinstance(wanted, (str, os.PathLike)):
        raise TaskError("The option kubeconfig must be a path or the fields of a kubeconfig.")
    if wanted:
        named = str(wanted)
        by = "of the option kubeconfig" if given.get("kubeconfig") else "that K8S_AUTH_KUBECONFIG names"
    elif environ.get("KUBECONFIG"):
        named, by = environ["KUBECONFIG"], "that KUBECONFIG names"
    else:
        named, by = DEFAULT_KUBECONFIG, None
    if not kubeconfig.is_path(named):
        which = "option kubeconfig" if given.get("kubeconfig") else "variable K8S_AUTH_KUBECONFIG" if wanted else "variable KUBECONFIG"
        raise TaskError(f"The {which} holds the text of a kubeconfig; it has to be the path of a file{', or fields' if 'option' in which else ''}.")
    paths = [kubeconfig.expand(path, environ) for path in named.split(os.pathsep) if path]
    found = []
    for path in paths:
        config = kubeconfig.load(path, f"The kubeconfig {path}")
        if config is not None:
            found.append((config, os.path.dirname(os.path.abspath(path)), path))
    if not found and by is None:
        raise TaskError(
            f"There are no Kubernetes credentials: set the option kubeconfig, or K8S_AUTH_KUBECONFIG or KUBECONFIG in the environment, "
            f"or host and api_key ({paths[0]} does not exist, and this is no pod with a ServiceAccount)."
        )
    if not found:
        which = f"kubeconfig {paths[0]}" if len(paths) == 1 else f"kubeconfigs {', '.join(paths)}"
        raise TaskError(f"The {which} {by} {'does' if len(paths) == 1 else 'do'} not exist.")
    names = [path for _config, _folder, path in found]
    origin = f"the kubeconfig {names[0]}" if len(names) == 1 else f"the kubeconfigs {', '.join(names)}"
    return kubeconfig.merge([(config, folder) for config, folder, _path in found], origin), names


def _writer(options, paths, user):
    if not options.get("persist_config"):
        return None

    return lambda changed: persist(paths, user, changed)


def _source(user, who, cluster, environ, write):
    """Where the credentials of a user come from.  What several are there for is decided as the Python client does."""
    authorization = None

    def pair():
        return Credentials(authorization, *(kubeconfig.content(user, f"client-{part}", who) for part in ("certificate", "key")))

    certified = user.get("client-certificate-data") or user.get("client-certificate")
    source = None
    provider, plugin = user.get("auth-provider"), user.get("exec")
    if isinstance(provider, dict) and provider.get("name") in ("oidc", "gcp", "azure"):
        source = Provider(provider, who, environ, write)
    elif user.get("token"):
        source = Fixed(Credentials(bearer(str(user["token"]).strip(), who)))
    elif user.get("tokenFile"):
        source = TokenFile(user["tokenFile"], f"tokenFile of {who}")
    elif isinstance(plugin, dict):
        source = Plugin(plugin, cluster, who, environ)
    if source is not None:
        source.bears_token = True
        return _Combined(source, CertificateFiles(pair)) if certified else source
    if user.get("username") and user.get("password"):
        authorization = _basic(user["username"], user["password"])
    source = CertificateFiles(pair) if certified else Fixed(Credentials(authorization))
    source.bears_token = bool(authorization)
    return source


class _Combined:
    """A token, and a certificate unless the plugin has one of its own."""

    bears_token = renewable = True

    def __init__(self, source, certificates):
        self._source, self.certificates = source, certificates

    def get(self, limit, refused=False):
        found = self._source.get(limit, refused)
        if found.certificate:
            return found
        pair = self.certificates.get(limit, refused)
        return Credentials(found.authorization, pair.certificate, pair.key)


# --------------------------------------------------------------- in a pod ----
def _from_pod(environ):
    """The ServiceAccount of the pod that this runs in; None where it is none, or has none."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token, ca = os.path.join(SERVICE_ACCOUNT, "token"), os.path.join(SERVICE_ACCOUNT, "ca.crt")
    if not (host and port and _filled(token) and _filled(ca)):
        return None
    if ":" in host:
        host = f"[{host}]"
    source = TokenFile(token, "token of the pod's ServiceAccount")
    source.bears_token = True
    return Target(f"https://{host}:{port}", "the pod's ServiceAccount", source, ca=_certificates(kubeconfig.read(ca), ca))


def _filled(path):
    return os.path.isfile(path) and os.path.getsize(path) > 0


# -------------------------------------------------------------------- proxy --
def _set_proxy(target, options, environ):
    target.proxy = str(options.get("proxy") or target.proxy or _proxy_of(environ, target.host) or "").strip() or None
    no_proxy = options.get("no_proxy") or environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if target.proxy and bypasses(target.host, no_proxy):
        target.proxy = None
    if not target.proxy:
        return
    if "://" not in target.proxy:
        target.proxy = f"http://{target.proxy}"
    try:
        url = urlsplit(target.proxy)
        right = url.scheme in _PROXIES and url.hostname and (url.port or True)
    except ValueError:
        right = False
    if not right:
        raise TaskError(f"The proxy {target.proxy} is no URL such as http://proxy:3128.")
    target.proxy_headers = urllib3.util.make_headers(**options["proxy_headers"])
    if url.username and "proxy-authorization" not in target.proxy_headers and not url.scheme.startswith("socks"):
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
        target.proxy_headers.update(urllib3.util.make_headers(proxy_basic_auth=login))
        target.proxy = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def _proxy_of(environ, host):
    """The proxy that the environment names for the API server, as urllib has it."""
    scheme = urlsplit(host).scheme
    for name in (scheme, "all"):
        for variable in (f"{name}_proxy", f"{name.upper()}_PROXY"):
            # a lower-case one that is empty says that there is none
            if variable in environ:
                if environ[variable]:
                    return environ[variable]
                break
    return None


def bypasses(url, no_proxy):
    """Is that host among those (names, domains, addresses, networks, *) that no proxy is used for?"""
    parts = urlsplit(url)
    name, whole = (parts.hostname or "").lower(), parts.netloc.lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        address = None
    for entry in (entry.strip().lower() for entry in no_proxy.split(",")):
        if not entry:
            continue
        if entry == "*":
            return True
        if address is not None:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                pass
        entry = entry.lstrip(".")
        if any(each == entry or each.endswith(f".{entry}") for each in (name, whole)):
            return True
    return False


# ---------------------------------------------------------------- the rest ----
def _host(host, what):
    host = str(host).strip().rstrip("/")
    try:
        parts = urlsplit(host)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        right = False
    if not right or any(letter.isspace() for letter in host):
        raise TaskError(f"{host}, {what}, is no URL such as https://kubernetes.example:6443.")
    return parts.scheme + host[len(parts.scheme):]


def _file(path, option, environ):
    return kubeconfig.content_of_file(kubeconfig.expand(str(path), environ), f"file of the option {option}")


def _basic(user, password):
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _certificates(text, what):
    """The certificates in a PEM file, without the comments around them."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    if not found:
        raise TaskError(f"There is no PEM certificate in {what}.")
    return "\n".join(found) + "\n"


def _tls(settings):
    """TLS as kubectl has it: every certificate in the CA is trusted, and X.509's finer points are not insisted on."""
    try:
        return tunnel.tls(settings)
    except ValueError as error:
        raise TaskError(f"The client certificate cannot be used: {error}.") from None
    except ssl.SSLError as error:
        # whose text names the file that has no name
        raise TaskError(f"The client certificate, its key or the CA cannot be used: {error.reason or error}.") from None
    except OSError as error:
        raise TaskError(f"The CAs that SSL_CERT_FILE and SSL_CERT_DIR name cannot be read: {error.strerror or error}.") from None


def fetch_json(url, environ, ca, limit, who, form=None):
    """What a token's issuer answers."""
    timeout = urllib3.Timeout(connect=5, read=max(1.0, min(20.0, limit)))
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    target = Target(_host(url, "the URL of the issuer"), who, None, ca_places=_ca_places(environ))
    target.ca = _certificates(ca, who) if ca else None
    _set_proxy(target, {"proxy_headers": {}}, environ)
    with _pool(target, Credentials()) as pool:
        try:
            response = pool.request("GET" if form is None else "POST", url, body=form, headers=headers, timeout=timeout, redirect=False)
            if response.status == 200 and isinstance(answer := json.loads(response.data), dict):
                return answer
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise TaskError(f"{who} cannot be asked for a token: {error}.") from None
    raise TaskError(f"{who} gave no token: it answered {response.status}.")


def _pool(target, credentials):
    context = _tls(target.settings(credentials))
    if urllib3.__version__.startswith("1."):
        # It compares the name in the certificate by itself, and does not say which one it is where it is an address.
        context.check_hostname = False
    # We retry ourselves: urllib3 would obey any Retry-After, and never retries a PATCH.
    arguments = {"num_pools": 2, "maxsize": 16, "retries": False, "ssl_context": context}
    if target.server_name:
        arguments["server_hostname"] = target.server_name
    if not target.proxy:
        pool = urllib3.PoolManager(**arguments)
    elif target.proxy.startswith("socks"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError:
            raise TaskError(
                f"The proxy {target.proxy} needs the Python package PySocks where this task runs; install it with pip."
            ) from None
        pool = SOCKSProxyManager(target.proxy, **arguments)
    else:
        if target.proxy.startswith("https"):
            arguments["proxy_ssl_context"] = _tls(Target(target.proxy, "", None, ca_places=target.ca_places).settings())
        pool = urllib3.ProxyManager(target.proxy, proxy_headers=target.proxy_headers, **arguments)
    if not target.verify:
        pool.pool_classes_by_scheme = {**pool.pool_classes_by_scheme, "https": _UnverifiedPool}
    return pool


class Connection:
    """The connection of one call, shared by whatever talks to the API server within it.

    :param given: the connection options of the task.
    :param environ: the environment of the task, in whose PWD relative paths are; None for that of this process.
    """

    def __init__(self, given, environ=None):
        self.given = dict(given)
        # PWD may be that of whoever started this process
        self.environ = {**os.environ, "PWD": os.path.abspath("")} if environ is None else dict(environ)
        self._lock = threading.RLock()
        self._target = self._credentials = self._manager = None
        #: which credentials these are, counted from the first
        self.generation = 0

    def open(self, limit):
        """Work out where to and as whom; a program that has to be asked for that gets C(limit) seconds."""
        with self._lock:
            if self._target is None:
                self._target = resolve(self.given, self.environ)
            self._fresh(limit)
        return self

    def close(self):
        with self._lock:
            if self._manager is not None:
                self._manager.clear()

    @property
    def host(self):
        return self._target.host

    @property
    def apart(self):
        return self._target.apart

    def request(self, verb, path, query=(), body=None, headers=None, connect=5, read=20, limit=20, stream=False, check=lambda: None):
        """One request; its answer, and which credentials it was made with.

        :param check: called when it is about to be sent, which getting credentials may have delayed.
        """
        with self._lock:
            self._fresh(limit)
            manager, generation = self._manager, self.generation
            sent = self._headers()
        for name, value in (headers or {}).items():
            sent.add(name, value)
        url = self.host + path
        if query:
            url += "?" + urlencode([(name, str(value)) for name, value in query], quote_via=quote)
        check()
        response = manager.request(
            verb.upper(), url, body=body, headers=sent, timeout=urllib3.Timeout(connect=connect, read=read),
            redirect=False, preload_content=not stream, enforce_content_length=True,
        )
        return response, generation

    def renew(self, refused, limit):
        """Get other credentials for those that were refused; False if there are none."""
        with self._lock:
            if self.generation != refused:
                # another thread has
                return True
            source, before = self._target.source, self._credentials
            if not source.renewable:
                # A kubeconfig may have been written anew.
                try:
                    again = resolve(self.given, self.environ)
                except TaskError:
                    return False
                if not again.same_place(self._target):
                    return False
                source = again.source
            after = source.get(limit, refused=True)
            if after == before:
                return False
            self._target.source = source
            self._use(after)
            return True

    def settings(self, limit):
        """What connects to the API server without this: for a tunnel, which is no request and answer."""
        with self._lock:
            self._fresh(limit)
            return self._target.settings(self._credentials)

    def _headers(self):
        # a name may be there several times
        headers = HTTPHeaderDict({"User-Agent": USER_AGENT})
        for name, value in self._target.settings(self._credentials)["headers"]:
            # Python sends these characters as bytes of that number; what is meant is UTF-8, as kubectl sends it
            headers.add(name, value.encode().decode("latin-1"))
        return headers

    def _fresh(self, limit):
        credentials = self._target.source.get(limit)
        if credentials != self._credentials:
            self._use(credentials)

    def _use(self, credentials):
        before = self._credentials
        if before is None or (credentials.certificate, credentials.key) != (before.certificate, before.key):
            self._manager = _pool(self._target, credentials)
        self._credentials = credentials
        self.generation += 1
