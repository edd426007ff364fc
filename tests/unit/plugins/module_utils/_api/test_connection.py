# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cluster is asked, and as whom: every way of giving credentials, against API servers that say who came."""

from __future__ import annotations

import base64
import datetime
import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.module_utils import args_common

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import client, connection, credentials
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.connection import Connection
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError

from .fake_cluster import REVIEW, FakeCluster, config, encode

REVIEW_BODY = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
SOON = 3600


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clusters")
    with FakeCluster("a", folder) as a, FakeCluster("b", folder) as b:
        yield a, b


@pytest.fixture
def a(shared):
    shared[0].seen.clear()
    shared[0].refused.clear()
    return shared[0]


@pytest.fixture
def b(shared):
    shared[1].seen.clear()
    shared[1].refused.clear()
    return shared[1]


@pytest.fixture(autouse=True)
def no_file_is_left(tmp_path, monkeypatch):
    """Nor is anything of this process read: whatever is there would lead nowhere."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_HOST", "HTTPS_PROXY", "HOME"):
        monkeypatch.setenv(name, "/nonexistent/of/the/process")
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", str(tmp_path / "no-serviceaccount"))
    before = _environment()
    yield
    assert list(folder.iterdir()) == []
    assert _environment() == before


def _environment():
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def review(api):
    """Who the API server sees, in which groups, and which one it is."""
    seen = api.post(REVIEW, REVIEW_BODY)["status"]["userInfo"]
    return seen["username"], seen["groups"], seen["uid"]


def who(options=None, environ=None, seconds=10):
    name, _groups, cluster = review(client.Api(Connection(options or {}, environ or {}), client.Deadline(seconds)))
    return name, cluster


def write(path, content):
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def plugin(folder, status, name="plugin.sh", before=""):
    """An exec plugin that returns the status."""
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    path = folder / name
    path.write_text(f"#!/bin/sh\n{before}\ncat <<END\n{json.dumps(answer)}\nEND\n")
    path.chmod(0o755)
    return str(path)


def exec_user(command, **more):
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "IfAvailable", **more}}


def timestamp(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def jwt(name, seconds):
    parts = [{"alg": "none"}, {"sub": name, "exp": datetime.datetime.now().timestamp() + seconds}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


# ----------------------------------------------------------- kubeconfigs --
def in_files(folder, cluster, user):
    """A user's certificate and the CA in files beside the kubeconfig, by relative paths."""
    found = cluster.user(user)
    for name in ("client-certificate", "client-key"):
        (folder / f"{name}.pem").write_bytes(base64.b64decode(found[f"{name}-data"]))
    (folder / "ca.crt").write_text(f"# of {cluster.name}, für alle\n{cluster.authority.pem}")
    entry = {"server": cluster.url, "certificate-authority": "ca.crt"}
    return config(entry, {"client-certificate": "client-certificate.pem", "client-key": "client-key.pem"})


def token_file(folder, cluster):
    (folder / "token").write_text("from-a-file\n")
    return config(cluster, {"tokenFile": "token"})


def plugin_beside_it(folder, cluster):
    plugin(folder, {"token": "from-a-plugin"})
    return config(cluster, exec_user("./plugin.sh"))


def plugin_with_environment(folder, cluster):
    command = plugin(folder, {"token": "$NAME-$TASK-$1"}, before='[ "$KUBERNETES_EXEC_INFO" ] || exit 1')
    return config(cluster, exec_user(command, args=["x"], env=[{"name": "NAME", "value": "me"}]))


def plugin_with_certificate(folder, cluster):
    user = cluster.user("by-plugin")
    decoded = {key: base64.b64decode(value).decode() for key, value in user.items()}
    status = {"clientCertificateData": decoded["client-certificate-data"], "clientKeyData": decoded["client-key-data"]}
    return config(cluster, exec_user(plugin(folder, status)))


def plugin_with_cluster(folder, cluster):
    program = (
        "import json, os; c = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster'];"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1beta1', 'kind': 'ExecCredential',"
        "'status': {'token': c['config']['name'] + '-' + str(len(c['certificate-authority-data']) > 100) + '-' + str(c['server'][:5])}}))"
    )
    entry = cluster.cluster(extensions=[{"name": "client.authentication.k8s.io/exec", "extension": {"name": "extended"}}])
    user = exec_user(sys.executable, args=["-c", program], provideClusterInfo=True)
    user["exec"]["apiVersion"] = "client.authentication.k8s.io/v1beta1"
    return config(entry, user)


KUBECONFIGS = {
    "a certificate": (lambda folder, a: config(a, a.user("certified")), "certified"),
    "files beside it": (lambda folder, a: in_files(folder, a, "filed"), "filed"),
    "a token": (lambda folder, a: config(a, {"token": "tok"}), "tok"),
    "a token with a newline": (lambda folder, a: config(a, {"token": "tok\n"}), "tok"),
    "a token and a password": (lambda folder, a: config(a, {"token": "tok", "username": "u", "password": "p"}), "tok"),
    "a token in a file": (token_file, "from-a-file"),
    "a password": (lambda folder, a: config(a, {"username": "basic", "password": "p"}), "basic"),
    "a plugin beside it": (plugin_beside_it, "from-a-plugin"),
    "a plugin with environment and arguments": (plugin_with_environment, "me-task-x"),
    "a plugin with a certificate": (plugin_with_certificate, "by-plugin"),
    "a plugin that is told of the cluster": (plugin_with_cluster, "extended-True-https"),
    "an id-token": (
        lambda folder, a: config(a, {"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}}}), "a.b.c",
    ),
    "an access-token": (
        lambda folder, a: config(a, {"auth-provider": {"name": "gcp", "config": {"access-token": "gcp", "expiry": timestamp(SOON)}}}), "gcp",
    ),
    "a command of a cloud": (
        lambda folder, a: config(a, {"auth-provider": {"name": "gcp", "config": {
            "cmd-path": "/bin/echo", "cmd-args": json.dumps(json.dumps({"c": {"t": "cmd", "e": timestamp(SOON)}})),
            "token-key": "{.c.t}", "expiry-key": "{.c.e}",
        }}}), "cmd",
    ),
    "somebody else": (lambda folder, a: config(a, {"token": "tok", "as": "other"}), "other"),
    "nobody": (lambda folder, a: config(a, {}), "system:anonymous"),
    "no verification": (
        lambda folder, a: config({"server": a.url, "insecure-skip-tls-verify": True}, {"token": "trusting"}), "trusting",
    ),
    "the name in the certificate": (
        lambda folder, a: config(a.cluster(**{"tls-server-name": "a.test"}), {"token": "named"}), "named",
    ),
}


def ways_of(folder, content):
    """All the ways to name a kubeconfig; with each the options and the environment."""
    path = write(folder / "config", content)
    home = folder / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube/config").symlink_to(path)
    yield {"kubeconfig": path}, {}
    yield {}, {"K8S_AUTH_KUBECONFIG": path}
    yield {}, {"KUBECONFIG": path}
    yield {}, {"KUBECONFIG": f"/nonexistent/config:{path}"}
    if "beside it" not in str(content) and not any(name in str(content) for name in ("tokenFile", "./plugin", "ca.crt")):
        yield {}, {"HOME": str(home)}
        yield {"kubeconfig": "~/.kube/config"}, {"HOME": str(home)}
        yield {"kubeconfig": content}, {}


@pytest.mark.parametrize("case", KUBECONFIGS)
def test_what_a_kubeconfig_says(case, a, b, tmp_path):
    make, expected = KUBECONFIGS[case]
    for options, environ in ways_of(tmp_path, make(tmp_path, a)):
        environ = {"PATH": os.environ["PATH"], "TASK": "task", **environ}
        assert who(options, environ) == (expected, "a")
    assert b.seen == []


# ------------------------------------------------------------------ options --
def test_options_before_variables_before_kubeconfigs(a, b, tmp_path):
    of_a, of_b = write(tmp_path / "a", config(a, {"token": "a"})), write(tmp_path / "b", config(b, {"token": "b"}))
    plain = {"host": b.url, "api_key": "opt", "ca_cert": str(b.ca)}
    environ = {"K8S_AUTH_HOST": b.url + "/", "K8S_AUTH_API_KEY": "env", "K8S_AUTH_SSL_CA_CERT": str(b.ca)}
    table = [
        ({"kubeconfig": of_a}, {"K8S_AUTH_KUBECONFIG": of_b, "KUBECONFIG": of_b}, ("a", "a")),
        ({}, {"K8S_AUTH_KUBECONFIG": of_a, "KUBECONFIG": of_b}, ("a", "a")),
        ({}, {"KUBECONFIG": of_a, "HOME": str(tmp_path)}, ("a", "a")),
        (plain, {"KUBECONFIG": of_a}, ("opt", "b")),
        (plain, environ, ("opt", "b")),
        ({}, {**environ, "KUBECONFIG": of_a}, ("env", "b")),
        ({"api_key": "opt"}, {**environ, "KUBECONFIG": of_a}, ("opt", "b")),
        # one of them alone: the rest is the kubeconfig's
        ({"api_key": "opt\n"}, {"KUBECONFIG": of_a}, ("opt", "a")),
        ({"kubeconfig": of_a, "host": b.url, "ca_cert": str(b.ca)}, {}, ("a", "b")),
        ({"kubeconfig": of_a, "host": b.url, "validate_certs": False}, {}, ("a", "b")),
        ({"kubeconfig": of_a, "host": b.url}, {"K8S_AUTH_VERIFY_SSL": "No"}, ("a", "b")),
        ({"host": b.url, "username": "me", "password": "pä:ss", "validate_certs": False}, {}, ("me", "b")),
        ({"kubeconfig": of_a, "username": "me", "password": "x"}, {}, ("me", "a")),
        # empty is not set
        ({"host": "", "context": ""}, {"K8S_AUTH_HOST": "", "K8S_AUTH_CONTEXT": "", "K8S_AUTH_KUBECONFIG": "", "KUBECONFIG": of_a}, ("a", "a")),
        ({"kubeconfig": {}}, {"KUBECONFIG": of_a}, ("a", "a")),
    ]
    for options, variables, expected in table:
        assert who(options, variables) == expected, (options, variables)


def test_certificates_by_options(a, b, tmp_path):
    found = a.user("certified")
    for name in ("client-certificate", "client-key"):
        (tmp_path / name).write_bytes(base64.b64decode(found[f"{name}-data"]))
    both = write(tmp_path / "both.pem", (tmp_path / "client-key").read_text() + (tmp_path / "client-certificate").read_text())
    files = {"client_cert": str(tmp_path / "client-certificate"), "client_key": str(tmp_path / "client-key")}
    variables = {"K8S_AUTH_CERT_FILE": files["client_cert"], "K8S_AUTH_CLIENT_KEY": files["client_key"]}
    of_a = write(tmp_path / "a", config(a, {}))
    assert who({"host": a.url, "ca_cert": str(a.ca), **files}) == ("certified", "a")
    assert who({"host": a.url, "ca_cert": str(a.ca)}, variables) == ("certified", "a")
    assert who({"kubeconfig": of_a, **files}) == ("certified", "a")
    assert who({"kubeconfig": of_a, "client_cert": both}) == ("certified", "a")
    assert who({"kubeconfig": of_a, "client_cert": "~/both.pem"}, {"HOME": str(tmp_path)}) == ("certified", "a")


@pytest.mark.parametrize(
    "options, environ, seen",
    [
        ({"impersonate_user": "jo", "impersonate_groups": ["x", "y z"]}, {}, ("jo", ["x", "y z"])),
        ({}, {"K8S_AUTH_IMPERSONATE_USER": "jo", "K8S_AUTH_IMPERSONATE_GROUPS": "x,,y"}, ("jo", ["x", "y"])),
        ({"impersonate_user": "opt"}, {"K8S_AUTH_IMPERSONATE_USER": "env", "K8S_AUTH_IMPERSONATE_GROUPS": "g"}, ("opt", ["g"])),
        ({"impersonate_groups": []}, {"K8S_AUTH_IMPERSONATE_GROUPS": "g"}, ("of-the-file", ["f"])),
    ],
)
def test_impersonation(a, options, environ, seen):
    content = config(a, {"token": "tok", "as": "of-the-file", "as-groups": ["f"]})
    name, groups, _cluster = review(client.Api(Connection({"kubeconfig": content, **options}, environ), client.Deadline(10)))
    assert (name, groups) == seen


def test_names_that_are_not_ascii_are_the_same_names_for_the_api_server(a):
    """As kubectl sends them; who reads the bytes as Latin-1, as Python does, sees this."""
    given = {"host": a.url, "api_key": "k", "ca_cert": str(a.ca), "impersonate_user": "Jürgen", "impersonate_groups": ["Łódź"]}
    api = client.Api(Connection(given, {}), client.Deadline(10))
    name, groups, _cluster = review(api)
    assert (name.encode("latin-1").decode(), groups[0].encode("latin-1").decode()) == ("Jürgen", "Łódź")
    assert api.apart == "kubernetes.core does not send impersonate_user and impersonate_groups in UTF-8"
    # websocket-client encodes by itself
    assert ("Impersonate-User", "Jürgen") in api.connection()["headers"]


def test_kubernetes_core_has_no_option_that_is_unknown_here():
    known = {*connection.OPTIONS, "proxy_headers"}
    assert set(args_common.AUTH_ARG_SPEC) == known
    for name, others in connection.OPTIONS.items():
        assert set(args_common.AUTH_ARG_SPEC[name].get("aliases", ())) == set(others)
    assert set(args_common.AUTH_PROXY_HEADERS_SPEC) == set(connection.PROXY_HEADERS)


ENVIRONMENTS = [
    {"K8S_AUTH_VALIDATE_CERTS": value} for value in ("0", "no", "False", "true", "off")
] + [
    {"K8S_AUTH_VERIFY_SSL": "no"},
    {"K8S_AUTH_HOST": "https://h", "K8S_AUTH_API_KEY": "k", "K8S_AUTH_CONTEXT": "c", "K8S_AUTH_KUBECONFIG": "/k"},
    {"K8S_AUTH_SSL_CA_CERT": "/ca", "K8S_AUTH_CERT_FILE": "/cert", "K8S_AUTH_KEY_FILE": "/key"},
    {"K8S_AUTH_CA_CERT": "/ca", "K8S_AUTH_SSL_CA_CERT": "/other", "K8S_AUTH_CLIENT_CERT": "/cert", "K8S_AUTH_CLIENT_KEY": "/key"},
    {"K8S_AUTH_USERNAME": "u", "K8S_AUTH_PASSWORD": "p", "K8S_AUTH_PERSIST_CONFIG": "yes"},
    {"K8S_AUTH_PROXY": "http://p:1", "K8S_AUTH_NO_PROXY": "x", "K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH": "u:p",
     "K8S_AUTH_PROXY_HEADERS_USER_AGENT": "ua"},
    {"K8S_AUTH_IMPERSONATE_USER": "u", "K8S_AUTH_IMPERSONATE_GROUPS": "a,b,"},
]


@pytest.mark.parametrize("environ", ENVIRONMENTS, ids=[" ".join(environ) for environ in ENVIRONMENTS])
def test_variables_mean_what_they_mean_to_kubernetes_core(monkeypatch, environ):
    """Its functions are private: if they are gone, this comparison has to be made by other means."""
    core = pytest.importorskip("ansible_collections.kubernetes.core.plugins.module_utils.k8s.client")
    with monkeypatch.context() as patched:
        for name in list(os.environ):
            if name.startswith("K8S_AUTH_"):
                patched.delenv(name)
        for name, value in environ.items():
            patched.setenv(name, value)
        theirs = {args_common.AUTH_ARG_MAP[name]: value for name, value in core._create_auth_spec().items()}
        headers = core._create_headers()
    ours = connection.options_of({}, environ)
    impersonated = {
        "Impersonate-User": ours.pop("impersonate_user", None), "Impersonate-Group": ours.pop("impersonate_groups") or None,
    }
    assert ours == theirs
    assert {name: value for name, value in impersonated.items() if value} == headers


# ------------------------------------------------------------ several files --
def test_several_files_are_merged_as_kubectl_does(a, b, tmp_path):
    first = config(a, {"token": "first"})
    second = config(b, {"token": "second"})
    second["contexts"].append({"name": "ctx2", "context": {"cluster": "c2", "user": "u2"}})
    second["clusters"].append({"name": "c2", "cluster": b.cluster()})
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/token").write_text("relative")
    second["users"].append({"name": "u2", "user": {"tokenFile": "token"}})
    apart = {"contexts": [{"name": "mixed", "context": {"cluster": "c2", "user": "u"}}], "current-context": "mixed"}
    one, two = write(tmp_path / "one", first), write(tmp_path / "sub/two", second)
    three = write(tmp_path / "three", apart)
    empty = write(tmp_path / "empty", "")
    assert who({}, {"KUBECONFIG": f"{one}:{two}"}) == ("first", "a")
    assert who({}, {"KUBECONFIG": f"{two}:{one}"}) == ("second", "b")
    assert who({}, {"KUBECONFIG": f"{one}:{two}", "K8S_AUTH_CONTEXT": "ctx2"}) == ("relative", "b")
    assert who({"context": "ctx2"}, {"KUBECONFIG": f":{empty}:/nonexistent:{one}:{two}"}) == ("relative", "b")
    # a cluster of one file, a user of another, the context of a third
    assert who({"kubeconfig": f"{three}:{one}:{two}"}) == ("first", "b")


@pytest.mark.parametrize("contexts, apart", [(("ctx", "ctx"), ""), (("ctx", None), ""), (("ctx", "other"), "kubernetes.core takes the last one")])
def test_kubernetes_core_takes_another_current_context(a, tmp_path, contexts, apart):
    paths = []
    for number, name in enumerate(contexts):
        content = config(a, {"token": "tok"}, **{"current-context": name})
        content["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "u"}})
        paths.append(write(tmp_path / f"config-{number}", content))
    environ = {"KUBECONFIG": ":".join(paths)}
    assert apart in Connection({}, environ).open(5).apart and bool(apart) == bool(Connection({}, environ).open(5).apart)
    assert Connection({"context": "ctx"}, environ).open(5).apart == ""


@pytest.mark.parametrize(
    "user, options, apart",
    [
        ({"token": "t"}, {"host": "https://other"}, "the server of the kubeconfig"),
        ({"token": "t"}, {"api_key": "k"}, "the token of the kubeconfig"),
        ({"token": "t"}, {"username": "u", "password": "p"}, "does not send"),
        ({"token": "t", "as": "x"}, {}, "does not know the field as"),
        ({"token": "t", "as": "x"}, {"impersonate_user": "y"}, ""),
        ({"token": "t"}, {"validate_certs": False}, ""),
        ({}, {"host": "https://other", "api_key": "k"}, ""),
        ({"username": "u", "password": "p"}, {"host": "https://other"}, "the server of the kubeconfig"),
    ],
)
def test_where_kubernetes_core_would_go_elsewhere(a, tmp_path, user, options, apart):
    found = Connection({"kubeconfig": write(tmp_path / "config", config(a, user)), **options}, {}).open(5).apart
    assert apart in found and bool(apart) == bool(found)


# -------------------------------------------------------------------- a pod --
@pytest.fixture
def pod(a, tmp_path, monkeypatch):
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("of-the-pod\n")
    (folder / "ca.crt").write_text(a.authority.pem)
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", str(folder))
    return folder, {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(a.server_port)}


def test_in_a_pod(a, b, pod, tmp_path):
    _folder, environ = pod
    of_b = write(tmp_path / "b", config(b, {"token": "b"}))
    assert who({}, environ) == ("of-the-pod", "a")
    # the order is kubernetes.core's
    assert who({}, {**environ, "KUBECONFIG": of_b}) == ("of-the-pod", "a")
    assert who({}, {**environ, "K8S_AUTH_KUBECONFIG": of_b}) == ("b", "b")
    assert who({"context": "ctx"}, {**environ, "KUBECONFIG": of_b}) == ("b", "b")
    assert who({}, {**environ, "KUBERNETES_SERVICE_PORT": "", "KUBECONFIG": of_b}) == ("b", "b")
    assert who({"host": b.url, "api_key": "opt", "validate_certs": False}, environ) == ("opt", "b")


def test_the_token_of_a_pod_is_read_again(a, pod, monkeypatch):
    folder, environ = pod
    api = client.Api(Connection({}, environ), client.Deadline(10))
    assert review(api)[0] == "of-the-pod"
    (folder / "token").write_text("rotated")
    assert review(api)[0] == "of-the-pod"
    monkeypatch.setattr(credentials.time, "monotonic", lambda now=credentials.time.monotonic: now() + credentials.REREAD + 1)
    assert review(api)[0] == "rotated"


# ------------------------------------------------------------------ renewal --
def counting(folder, lifetime=None, name="plugin.sh"):
    """A plugin whose token is the number of the call."""
    status = {"token": "token-$n", **({"expirationTimestamp": timestamp(lifetime)} if lifetime else {})}
    return plugin(folder, status, name, before=f'echo >>{folder}/calls; n=$(wc -l <{folder}/calls)')


def calls(folder):
    return len((folder / "calls").read_text())


def test_a_plugin_is_asked_once(a, tmp_path):
    shared = Connection({"kubeconfig": config(a, exec_user(counting(tmp_path, 3600)))}, {"PATH": os.environ["PATH"]})
    for _each in range(2):
        api = client.Api(shared, client.Deadline(10))
        assert [review(api)[0] for _each in range(2)] == ["token-1"] * 2
    assert calls(tmp_path) == 1


def test_a_plugin_is_asked_again_before_its_token_expires(a, tmp_path, monkeypatch):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path, 600)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    assert review(api)[0] == "token-1"
    now = credentials.time.monotonic
    monkeypatch.setattr(credentials.time, "monotonic", lambda: now() + 500)
    assert review(api)[0] == "token-1"
    monkeypatch.setattr(credentials.time, "monotonic", lambda: now() + 545)
    assert review(api)[0] == "token-2"


def test_a_plugin_whose_token_has_expired_already_is_not_asked_for_each_request(a, tmp_path):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path, -60)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    assert [review(api)[0] for _each in range(3)] == ["token-1"] * 3


def test_refused_credentials_are_renewed_once_for_all_threads(a, tmp_path):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    assert review(api)[0] == "token-1"
    a.refused.add("token-1")
    barrier = threading.Barrier(6)

    def ask(_number):
        barrier.wait()
        return review(api)[0]

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {"token-2"}
    assert calls(tmp_path) == 2


def test_refused_credentials_are_not_renewed_for_ever(a, tmp_path):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    a.refused.update(f"token-{number}" for number in range(10))
    with pytest.raises(client.ApiError, match="does not accept these credentials"):
        review(api)
    assert (calls(tmp_path), len(a.seen)) == (2, 2)


def test_a_watch_is_opened_with_fresh_credentials(a, tmp_path):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    a.refused.add("token-1")
    with pytest.raises(client.ApiError) as caught:
        api.open("/watched", [], read_timeout=5)
    assert caught.value.code == 404 and [name for name, _verb, _path in a.seen] == [None, "token-2"]


def test_what_goes_round_the_client_is_renewed_too(a, tmp_path):
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(counting(tmp_path)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    assert ("Authorization", "Bearer token-1") in api.connection()["headers"]
    assert api.renew()
    assert ("Authorization", "Bearer token-2") in api.connection()["headers"]


@pytest.mark.parametrize("moved", [False, True])
def test_a_kubeconfig_that_was_written_anew(a, b, tmp_path, moved):
    path = write(tmp_path / "config", config(a, {"token": "old"}))
    api = client.Api(Connection({"kubeconfig": path}, {}), client.Deadline(10))
    assert review(api)[0] == "old"
    a.refused.add("old")
    write(tmp_path / "config", config(b if moved else a, {"token": "new"}))
    if moved:
        with pytest.raises(client.ApiError, match="does not accept these credentials"):
            review(api)
        assert b.seen == []
    else:
        assert review(api)[::2] == ("new", "a")


def test_certificates_that_were_renewed_on_disk(a, b, tmp_path):
    path = write(tmp_path / "config", in_files(tmp_path, a, "old"))
    shared = Connection({"kubeconfig": path}, {})
    assert review(client.Api(shared, client.Deadline(10)))[0] == "old"
    in_files(tmp_path, a, "new")
    assert shared.renew(shared.generation, 5)
    assert review(client.Api(shared, client.Deadline(10)))[0] == "new"


def test_certificates_that_were_renewed_in_the_kubeconfig(a, tmp_path):
    path = write(tmp_path / "config", config(a, a.user("old")))
    shared = Connection({"kubeconfig": path}, {})
    assert review(client.Api(shared, client.Deadline(10)))[0] == "old"
    write(tmp_path / "config", config(a, a.user("new")))
    assert shared.renew(shared.generation, 5)
    assert review(client.Api(shared, client.Deadline(10)))[0] == "new"


def test_a_plugin_that_fails_for_a_moment_is_asked_again(a, tmp_path, monkeypatch):
    """Credentials are renewed before they expire, so that there is time for that."""
    monkeypatch.setattr(credentials, "AGAIN", 0.2)
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
        "token": "token-$n", "expirationTimestamp": timestamp(SOON),
    }}
    program = tmp_path / "plugin.sh"
    program.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/calls\nn=$(wc -l < {tmp_path}/calls)\n[ $n = 2 ] && exit 1\ncat <<END\n{json.dumps(answer)}\nEND\n"
    )
    program.chmod(0o755)
    api = client.Api(Connection({"kubeconfig": config(a, exec_user(str(program)))}, {"PATH": os.environ["PATH"]}), client.Deadline(10))
    source = api._connection._target.source
    source._until = 0
    assert [review(api)[0] for _time in range(2)] == ["token-1"] * 2
    time.sleep(0.3)
    assert review(api)[0] == "token-3"
    # not so where they are of no use any more
    (tmp_path / "calls").write_text("\n")
    a.refused.add("token-3")
    with pytest.raises(TaskError, match="failed with status 1"):
        review(api)


def test_an_id_token_is_good_until_it_expires(a, tmp_path):
    provider = {"name": "oidc", "config": {"id-token": jwt("me", 30), "refresh-token": "r", "idp-issuer-url": "http://127.0.0.1:1", "client-id": "me"}}
    for name in ("refresh-token", None):
        provider["config"].pop(name, None)
        assert who({"kubeconfig": config(a, {"auth-provider": provider})})[1] == "a"
    provider["config"]["id-token"] = jwt("me", -1)
    with pytest.raises(TaskError, match="has expired, and the kubeconfig has no refresh-token"):
        who({"kubeconfig": config(a, {"auth-provider": provider})})


def test_a_refreshed_token_is_written_where_the_user_is(a, tmp_path, monkeypatch):
    """Not into a kubeconfig that has somebody else under that name, whom nobody asks for."""
    monkeypatch.setattr(
        connection, "fetch_json", lambda url, environ, ca, limit, who, form=None: {"token_endpoint": "https://issuer/token", "id_token": "x.y.z"}
    )
    provider = {"name": "oidc", "config": {"id-token": jwt("old", 10), "refresh-token": "r", "idp-issuer-url": "https://issuer/", "client-id": "me"}}
    mine, other = config(a, {"auth-provider": provider}), config(a, {"auth-provider": {"name": "oidc", "config": {"id-token": "theirs"}}})
    paths = [write(tmp_path / "clusters", {"clusters": []}), write(tmp_path / "mine", mine), write(tmp_path / "other", other)]
    assert who({"persist_config": True}, {"KUBECONFIG": ":".join(paths)}) == ("x.y.z", "a")
    assert "x.y.z" in Path(paths[1]).read_text() and yaml.safe_load(Path(paths[2]).read_text()) == other
    write(tmp_path / "mine", mine)

    def full(path, config):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(credentials, "_write", full)
    with pytest.raises(TaskError, match=f"^The kubeconfig {paths[1]} cannot be written, which persist_config asks for: No space"):
        who({"persist_config": True}, {"KUBECONFIG": paths[1]})


def test_an_id_token_is_refreshed_and_kept(a, tmp_path, monkeypatch):
    asked = []

    def fetch(url, environ, ca, limit, who, form=None):
        asked.append((url, form))
        return {"token_endpoint": "https://issuer/token"} if form is None else {"id_token": "x.y.z", "refresh_token": "second"}

    monkeypatch.setattr(connection, "fetch_json", fetch)
    provider = {"name": "oidc", "config": {
        "id-token": jwt("old", 10), "refresh-token": "first", "idp-issuer-url": "https://issuer/", "client-id": "me", "client-secret": "s",
    }}
    path = write(tmp_path / "config", config(a, {"auth-provider": provider}))
    assert who({"kubeconfig": path, "persist_config": True}) == ("x.y.z", "a")
    assert asked == [
        ("https://issuer/.well-known/openid-configuration", None),
        ("https://issuer/token", "grant_type=refresh_token&refresh_token=first&client_id=me&client_secret=s"),
    ]
    kept = yaml.safe_load(Path(path).read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert (kept["id-token"], kept["refresh-token"], os.stat(path).st_mode & 0o777) == ("x.y.z", "second", 0o600)


# ------------------------------------------------------------------- errors --
def broken(folder, a):
    """What is wrong, and the one sentence that says so."""
    bad_plugin = plugin(folder, {}, "bad.sh", before="echo first >&2; echo 'last word' >&2; exit 3")
    silly = plugin(folder, {"token": ""}, "silly.sh")
    other = config(a, {})
    other["contexts"].append({"name": "two", "context": {"cluster": "gone", "user": "u"}})
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    file = str(folder / "config")
    text = yaml.safe_dump(config(a, {"token": "s3cret"}))
    return [
        ({"kubeconfig": "/no/a"}, {}, None, "The kubeconfig /no/a of the option kubeconfig does not exist."),
        ({}, {"K8S_AUTH_KUBECONFIG": "/no/a"}, None, "The kubeconfig /no/a that K8S_AUTH_KUBECONFIG names does not exist."),
        ({}, {"KUBECONFIG": "/no/a"}, None, "The kubeconfig /no/a that KUBECONFIG names does not exist."),
        ({}, {"KUBECONFIG": "/no/a:~/b"}, None, f"The kubeconfigs /no/a, {folder}/b that KUBECONFIG names do not exist."),
        ({}, {}, None, "There are no Kubernetes credentials: set the option kubeconfig, or K8S_AUTH_KUBECONFIG or KUBECONFIG in the "
                       f"environment, or host and api_key ({folder}/.kube/config does not exist, and this is no pod with a ServiceAccount)."),
        ({"kubeconfig": file}, {}, "a text", f"The kubeconfig {file} is no kubeconfig: it holds a text, not the fields clusters, contexts and users."),
        ({"kubeconfig": file}, {}, "[1]", f"The kubeconfig {file} is no kubeconfig: it holds a list, not the fields clusters, contexts and users."),
        ({}, {"K8S_AUTH_KUBECONFIG": file}, "$ANSIBLE_VAULT;1.1;AES256\n61\n",
         f"The kubeconfig {file} is encrypted by ansible-vault; it is decrypted if the option kubeconfig of a task on the controller names it."),
        ({"kubeconfig": file}, {}, "a: {", f"The kubeconfig {file} is no kubeconfig: it cannot be read as YAML (line 1)."),
        ({"kubeconfig": file}, {}, "", f"The kubeconfig {file} is no kubeconfig with a cluster: it has no contexts."),
        ({"kubeconfig": file}, {}, "users: 3", f"The kubeconfig {file} is no kubeconfig: users is a value, not a list."),
        ({"kubeconfig": file}, {}, "users: [3]", f"The kubeconfig {file} is no kubeconfig: an entry of users is no name with a user."),
        ({"kubeconfig": str(folder)}, {}, None, f"The kubeconfig {folder} cannot be read: Is a directory."),
        ({"kubeconfig": {"clusters": []}}, {}, None, "The option kubeconfig is no kubeconfig with a cluster: it has no contexts."),
        ({"kubeconfig": file}, {}, config(a, {"as": "x", "as-groups": "abc"}),
         f"The kubeconfig {file} is no kubeconfig: as-groups of user u is not what it has to be."),
        ({"kubeconfig": file}, {}, config(a, exec_user("true", args="abc")),
         f"The kubeconfig {file} is no kubeconfig: exec.args of user u is not what it has to be."),
        ({"kubeconfig": file}, {}, config(a.cluster(extensions=["x"]), {}),
         f"The kubeconfig {file} is no kubeconfig: extensions of cluster c is not what it has to be."),
        ({"kubeconfig": file}, {}, config(a.cluster(**{"insecure-skip-tls-verify": "perhaps"}), {}),
         f"insecure-skip-tls-verify of cluster {a.url} in the kubeconfig {file} is neither true nor false."),
        ({"kubeconfig": text}, {}, None, "The option kubeconfig holds the text of a kubeconfig; it has to be the path of a file, or fields."),
        ({}, {"K8S_AUTH_KUBECONFIG": text}, None, "The variable K8S_AUTH_KUBECONFIG holds the text of a kubeconfig; it has to be the path of a file."),
        ({}, {"KUBECONFIG": json.dumps(config(a, {"token": "s3cret"}))}, None,
         "The variable KUBECONFIG holds the text of a kubeconfig; it has to be the path of a file."),
        ({"host": a.url, "api_key": "k", "proxy": "proxy:x"}, {}, None, "The proxy http://proxy:x is no URL such as http://proxy:3128."),
        ({"host": a.url, "api_key": "k"}, {"HTTPS_PROXY": "ftp://proxy:1"}, None, "The proxy ftp://proxy:1 is no URL such as http://proxy:3128."),
        ({"kubeconfig": file, "context": "three"}, {}, other, f"The kubeconfig {file} has no context three (there is: ctx, two)."),
        ({"kubeconfig": file}, {"K8S_AUTH_CONTEXT": "three"}, other, f"The kubeconfig {file} has no context three (there is: ctx, two)."),
        ({"kubeconfig": file, "context": "two"}, {}, other, f"Context two of the kubeconfig {file} names the cluster 'gone', which is not there."),
        ({"kubeconfig": file}, {}, {**other, "current-context": ""},
         f"The kubeconfig {file} has no current context; name one with the option context or K8S_AUTH_CONTEXT (there is: ctx, two)."),
        ({"kubeconfig": file}, {}, {**config(a, {}), "users": []}, f"Context ctx of the kubeconfig {file} names the user 'u', which is not there."),
        ({"kubeconfig": file}, {}, config(a, exec_user("no-such-plugin", installHint="Get it\nthere.")),
         f"The exec plugin no-such-plugin of user u in the kubeconfig {file} is not installed: it is not in PATH. Get it there."),
        ({"kubeconfig": file}, {}, config(a, exec_user("./gone")),
         f"The exec plugin {folder}/./gone of user u in the kubeconfig {file} is not installed: {folder}/./gone does not exist."),
        ({"kubeconfig": file}, {}, config(a, exec_user(bad_plugin)),
         f"The exec plugin {bad_plugin} of user u in the kubeconfig {file} failed with status 3: last word"),
        ({"kubeconfig": file}, {}, config(a, exec_user("true")),
         f"The exec plugin true of user u in the kubeconfig {file} did not return an ExecCredential with a status."),
        ({"kubeconfig": file}, {}, config(a, exec_user(silly)),
         f"The exec plugin {silly} of user u in the kubeconfig {file} returned neither a token nor a client certificate with its key."),
        ({"kubeconfig": file}, {}, config(a, {"tokenFile": "gone"}),
         f"{folder}/gone, the tokenFile of user u in the kubeconfig {file}, cannot be read: No such file or directory."),
        ({"kubeconfig": file}, {}, config(a, {"token": "a\nb"}), f"The token of user u in the kubeconfig {file} has characters that no HTTP header can carry."),
        ({"host": "cluster:6443", "api_key": "k"}, {}, None, "cluster:6443, the option host, is no URL such as https://kubernetes.example:6443."),
        ({"host": a.url, "api_key": "k", "ca_cert": "/no/ca"}, {}, None, "/no/ca, the file of the option ca_cert, cannot be read: No such file or directory."),
        ({"host": a.url, "api_key": "k", "ca_cert": file}, {}, "text", "There is no PEM certificate in the option ca_cert."),
        ({"host": a.url, "api_key": "k", "client_cert": file}, {}, "text", "The client certificate, its key or the CA cannot be used: "),
    ], environ


#: a user of each kind, with all that a kubeconfig may say of one
USERS = [
    exec_user("/bin/true", args=["a"], env=[{"name": "A", "value": "b"}], installHint="x", provideClusterInfo=True),
    {"token": "t", "as": "u", "as-groups": ["g"], "as-uid": "1", "as-user-extra": {"k": ["v"]}, "client-certificate-data": "YQ=="},
    {"tokenFile": "/no/token", "client-certificate": "/no/cert", "client-key": "/no/key"},
    {"username": "u", "password": "p"},
    {"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c", "refresh-token": "r", "idp-issuer-url": "http://127.0.0.1:1", "client-id": "c"}}},
    {"auth-provider": {"name": "gcp", "config": {"access-token": "a", "expiry": timestamp(SOON), "cmd-path": "/bin/true", "token-key": "{.a}"}}},
]


def places(value, path=()):
    """The paths to all that is in it."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(part, (*path, key))


@pytest.mark.parametrize("user", USERS, ids=lambda user: next(iter(user)))
def test_what_a_kubeconfig_should_not_hold_is_a_mistake_and_no_crash(a, user):
    entry = a.cluster(**{
        "certificate-authority": "/no/ca", "insecure-skip-tls-verify": False, "tls-server-name": "n", "proxy-url": "http://p:1",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}],
    })
    for path in places(config(entry, user)):
        for wrong in (None, "", "text", 5, 0, True, [], {}, [5], [None], [""], {"a": 5}):
            content = json.loads(json.dumps(config(entry, user)))
            place = content
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = wrong
            try:
                connection.resolve({"kubeconfig": content}, {"PATH": os.environ["PATH"]}).source.get(1)
            except TaskError:
                pass
            except Exception as error:
                raise AssertionError(f"{wrong!r} as {path}") from error


@pytest.mark.parametrize("value, verified", [(True, False), ("true", False), (False, True), ("false", True), (None, True), ("", True)])
def test_certificates_are_verified_unless_a_kubeconfig_says_not_to(a, value, verified):
    assert connection.resolve({"kubeconfig": config(a.cluster(**{"insecure-skip-tls-verify": value}), {})}, {}).verify is verified


def test_a_protocol_in_capitals_is_the_same(a):
    assert who({"kubeconfig": config(a.cluster(server=a.url.replace("https", "HTTPS")), {"token": "t"})}) == ("t", "a")


def test_each_mistake_gets_one_sentence(a, tmp_path):
    table, common = broken(tmp_path, a)
    for options, environ, content, sentence in table:
        if content is not None:
            write(tmp_path / "config", content)
        with pytest.raises(TaskError) as caught:
            who(options, {**common, **environ})
        assert str(caught.value) == sentence or sentence.endswith(": ") and str(caught.value).startswith(sentence)
    assert a.seen == []


def test_a_plugin_that_hangs_ends_with_the_task(a, tmp_path):
    hanging = plugin(tmp_path, {}, before="exec sleep 60")
    with pytest.raises(TaskError, match="has not ended after 1 s"):
        who({"kubeconfig": config(a, exec_user(hanging))}, {"PATH": os.environ["PATH"]}, seconds=1)


def test_another_ca_is_not_trusted(a, b):
    with pytest.raises(TaskError, match="^The TLS connection to the API server .* failed: .*certificate verify failed"):
        who({"host": a.url, "api_key": "k", "ca_cert": str(b.ca)})
    assert a.seen == []


def test_the_certificate_of_another_name_is_not_trusted(tmp_path):
    with FakeCluster("elsewhere", tmp_path, addresses=["127.0.0.2"]) as elsewhere:
        with pytest.raises(TaskError, match="^The TLS connection to the API server .* failed: "):
            who({"kubeconfig": config(elsewhere, {"token": "t"})})
        named = config(elsewhere.cluster(**{"tls-server-name": "elsewhere.test"}), {"token": "t"})
        assert who({"kubeconfig": named}) == ("t", "elsewhere")


# --------------------------------------------------------- what the process has --
def test_the_state_of_the_process_stays(a, tmp_path):
    """Neither the Kubernetes client's nor Python's: in a process of its own, which has not been used for anything."""
    program = f"""
import os, sys, warnings
from kubernetes import client as theirs
from kubernetes.config import kube_config
warnings.simplefilter("error")
from ansible_collections.slipway.kubernetes.plugins.module_utils._api import client, connection
filters, environ = list(warnings.filters), dict(os.environ)
for number in range(2):
    shared = connection.Connection({{"kubeconfig": {str(tmp_path / "config")!r}, "validate_certs": False}})
    print(client.Api(shared, client.Deadline(10)).post({REVIEW!r}, {REVIEW_BODY!r})["status"]["userInfo"]["username"])
assert theirs.Configuration._default is None and kube_config._temp_files == {{}}
assert warnings.filters == filters and dict(os.environ) == environ
os._exit(0)
"""
    write(tmp_path / "config", config(a, a.user("me")))
    folder = tmp_path / "other-tmp"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-u", "-c", program], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr, done.returncode) == ("me\nme\n", "", 0)
    assert list(folder.iterdir()) == []


def test_no_warning_for_what_was_asked_for(a):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert who({"host": a.url, "api_key": "k", "validate_certs": False}) == ("k", "a")


def test_where_files_without_a_name_cannot_be_had(a, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert who({"kubeconfig": config(a, a.user("me"))}) == ("me", "a")


# ------------------------------------------------------------------- proxies --
@pytest.mark.parametrize(
    "options, environ, proxy",
    [
        ({}, {}, None),
        ({"proxy": "http://opt:1"}, {"K8S_AUTH_PROXY": "http://k8s:1", "HTTPS_PROXY": "http://env:1"}, "http://opt:1"),
        ({}, {"K8S_AUTH_PROXY": "http://k8s:1", "HTTPS_PROXY": "http://env:1"}, "http://k8s:1"),
        ({}, {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}, "http://lower:1"),
        ({}, {"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}, None),
        ({}, {"HTTP_PROXY": "http://env:1"}, None),
        ({}, {"all_proxy": "socks5://env:1"}, "socks5://env:1"),
        ({}, {"HTTPS_PROXY": "env:1"}, "http://env:1"),
        ({}, {"HTTPS_PROXY": "http://env:1", "NO_PROXY": ".cluster.test"}, None),
        ({"no_proxy": "other"}, {"HTTPS_PROXY": "http://env:1", "NO_PROXY": "*"}, "http://env:1"),
    ],
)
def test_proxies(options, environ, proxy):
    options = {"host": "https://k.cluster.test:6443", "api_key": "k", **options}
    assert connection.resolve(options, environ).proxy == proxy


def test_a_kubeconfig_names_a_proxy():
    entry = {"server": "https://k", "proxy-url": "http://me:s%20ecret@proxy:1"}
    target = connection.resolve({"kubeconfig": config(entry, {})}, {"HTTPS_PROXY": "http://env:1"})
    assert target.proxy == "http://proxy:1"
    assert base64.b64decode(target.proxy_headers["proxy-authorization"].split()[1]) == b"me:s ecret"


def test_headers_for_a_proxy():
    options = {"host": "https://k", "api_key": "k", "proxy": "http://p", "proxy_headers": {"proxy_basic_auth": "u:p", "user_agent": "x", "basic_auth": None}}
    target = connection.resolve(options, {})
    assert target.proxy_headers == {"proxy-authorization": f"Basic {encode('u:p')}", "user-agent": "x"}


@pytest.mark.parametrize(
    "no_proxy, expected",
    [
        ("", False), ("*", True), ("cluster.test", True), (".cluster.test", True), ("other, CLUSTER.test ", True), ("uster.test", False),
        ("k.cluster.test:6443", True), ("k.cluster.test:1", False), ("10.0.0.0/8", False),
    ],
)
def test_who_needs_no_proxy(no_proxy, expected):
    assert connection.bypasses("https://k.cluster.test:6443", no_proxy) is expected


@pytest.mark.parametrize("no_proxy, expected", [("10.0.0.0/8", True), ("10.1.2.3", True), ("10.1.2.4", False), ("11.0.0.0/8", False)])
def test_which_addresses_need_no_proxy(no_proxy, expected):
    assert connection.bypasses("https://10.1.2.3:6443", no_proxy) is expected
