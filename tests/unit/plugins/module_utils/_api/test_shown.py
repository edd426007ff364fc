# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import time
from copy import deepcopy

import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.module_utils._api import shown as s

CANARY = "C4nary-S3cr3t.of,the;test"
NO_SIGNS = str.maketrans("", "", "-.,;:")
LAST = "kubectl.kubernetes.io/last-applied-configuration"


def b64(text):
    return base64.b64encode(text.encode()).decode()


def secret(**fields):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, **fields}


def template(**container):
    return {"spec": {"containers": [{"name": "web", "image": "web:1", **container}]}}


def workload(pod_template, kind="Deployment"):
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {"template": pod_template}}


def config_map(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}


def annotated(obj, key, value):
    return {**obj, "metadata": {**obj["metadata"], "annotations": {key: value}}}


def forms(value):
    """Each holds the value in one way, and has to be shown without it."""
    password = [{"name": "DB_PASSWORD", "value": value}]
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{value}\n-----END RSA PRIVATE KEY-----\n"
    return {
        "data": secret(data={"password": b64(value)}),
        "stringData": secret(stringData={"password": value}),
        "data that is no mapping": secret(data=[value]),
        "a number in stringData": secret(stringData={"pin": value, "n": 1}),
        "without its kind": {"metadata": {"name": "db"}, "type": "Opaque", "data": {"p": b64(value)}},
        "last applied": annotated(secret(), LAST, json.dumps(secret(stringData={"p": value}))),
        "last applied, cut short": annotated(secret(), LAST, '{"stringData":{"p":"' + value),
        "last applied of a workload": annotated(workload(template()), LAST, json.dumps(workload(template(env=password)))),
        "last applied of a list": annotated(config_map(), LAST, json.dumps({"kind": "List", "items": [secret(data={"p": b64(value)})]})),
        "an operator's copy": annotated(secret(), "kopf.zalando.org/last-handled-configuration", json.dumps({"data": {"p": b64(value)}})),
        "kapp's copy": annotated(secret(), "kapp.k14s.io/original", json.dumps({"data": {"p": b64(value)}})),
        "rancher's copy": annotated(workload(template()), "objectset.rio.cattle.io/applied", b64(value)),
        "somebody's annotation of a Secret": annotated(secret(), "example.com/note", value),
        "an annotation that says so": annotated(config_map(), "example.com/password", value),
        "List": {"apiVersion": "v1", "kind": "List", "items": [secret(stringData={"p": value})]},
        "SecretList": {"apiVersion": "v1", "kind": "SecretList", "items": [{"metadata": {"name": "db"}, "data": {"p": b64(value)}}]},
        "in a template": {"kind": "Template", "objects": [secret(stringData={"p": value})]},
        "in a custom resource": {"kind": "ResourceSet", "spec": {"resources": [{"manifest": secret(data={"p": b64(value)})}]}},
        "a manifest in a ConfigMap": config_map(**{"db.yml": "a: 1\n---\n" + yaml.safe_dump(secret(stringData={"p": value}))}),
        "a template of a manifest": config_map(**{"db.yml": "{{ if x }}\nkind: Secret\nstringData:\n  p: " + value}),
        "a manifest as JSON": config_map(**{"db.json": json.dumps([secret(stringData={"p": value})])}),
        "env": workload(template(env=password)),
        "env of an init container": workload({"spec": {"initContainers": [{"name": "i", "env": password}]}}),
        "env of an ephemeral container": {"kind": "Pod", "spec": {"ephemeralContainers": [{"name": "e", "env": password}]}},
        "env of a Job": workload(template(env=password), "Job"),
        "env of a CronJob": {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template(env=password)}}}},
        "env of a custom resource": {"kind": "PodPreset", "spec": {"env": password}},
        "env of a ControllerRevision": {"kind": "ControllerRevision", "data": {"spec": {"template": template(env=password)}}},
        "a dollar is part of a password": workload(template(env=[{"name": "DB_PASSWORD", "value": "$" + value}])),
        "a URL in env": workload(template(env=[{"name": "DATABASE", "value": f"postgres://shop:{value}@db:5432/shop"}])),
        "a URL without a user": workload(template(env=[{"name": "REDIS", "value": f"redis://:{value}@db"}])),
        "a slash in a URL's password": workload(template(env=[{"name": "X", "value": f"amqp://shop:a/{value}@mq"}])),
        "a key in env": workload(template(env=[{"name": "TLS", "value": pem}])),
        "a key as base64": workload(template(env=[{"name": "TLS", "value": b64(pem)}])),
        "a key in a ConfigMap": config_map(**{"tls.key": pem}),
        "a kubeconfig": config_map(kubeconfig=yaml.safe_dump({"users": [{"user": {"client-key-data": b64(pem)}}]})),
        "a kubeconfig with a token": config_map(kubeconfig=yaml.safe_dump({"users": [{"user": {"token": value}}]})),
        "a header": workload(template(livenessProbe={"httpGet": {"httpHeaders": [{"name": "Authorization", "value": value}]}})),
        "a bearer token": workload(template(args=[f"--header=Authorization: Bearer {b64(value)}"])),
        "a flag": workload(template(args=[f"--password={value}"])),
        "a flag with one dash": workload(template(command=["headlamp", f"-oidc-client-secret={value}"])),
        "a flag and its value": workload(template(command=["server", "--db-password", value])),
        "a login": workload(template(command=["curl", "-u", f"shop:{value}", "http://x"])),
        "a script": workload(template(command=["sh", "-c", f"MYSQL_PWD='{value}' mysql shop"])),
        "a short option": workload(template(command=["sh", "-c", f"mysql -uroot -p{value} shop"])),
        "a preStop hook": workload(template(lifecycle={"preStop": {"exec": {"command": ["x", f"--token={value}"]}}})),
        "a field of a custom resource": {"kind": "Postgres", "spec": {"users": [{"user": "shop", "password": value}]}},
        "several in a field": {"kind": "Gate", "spec": {"apiTokens": [value]}},
        "dockerconfigjson": {"kind": "X", "spec": {".dockerconfigjson": b64(json.dumps({"auths": {"r": {"auth": b64(value)}}}))}},
        "docker's file": config_map(**{"config.json": json.dumps({"auths": {"r": {"auth": b64(value)}}})}),
        "properties": config_map(**{"app.properties": f"a=b\nspring.datasource.password={value}\nc=d"}),
        "a setting as YAML": config_map(**{"app.yml": f"db:\n  user: shop\n  password: {value}\n  port: 1\n"}),
        "a setting of several lines": config_map(**{"app.yml": f"password: |\n  {value}\n  {value}\nport: 1\n"}),
        "a constant of PHP": workload(template(env=[{"name": "CONFIG", "value": f"define('A', 'b');\ndefine( \"SMTP_PASSWORD\", '{value}' );"}])),
        "a salt of WordPress": workload(template(env=[{"name": "CONFIG", "value": f"define('LOGGED_IN_KEY', '{value}');"}])),
        "an array of PHP": config_map(**{"config.php": f"$config['db']['password'] = '{value}';"}),
        "an arrow of PHP": config_map(**{"config.php": f"['user' => 'a', 'password' => '{value}']"}),
        "a hash of Ruby": config_map(**{"config.rb": f':password => "{value}"'}),
        "a mapping in one line": config_map(**{"app.yml": f"db: {{user: shop, password: {value.replace(',', '')}}}"}),
        "an object of JavaScript": config_map(**{"app.js": f"connect({{user: 'a', password: '{value}'}})"}),
        "an element of XML": config_map(**{"settings.xml": f"<server><id>a</id><password>{value}</password></server>"}),
        "redis.conf": config_map(**{"redis.conf": f"port 6379\nrequirepass {value}\n"}),
        "netrc": config_map(**{".netrc": f"machine a login b password {value}"}),
        "a header of curl": workload(template(command=["sh", "-c", f"curl -H 'X-Api-Key: {value}' http://x"])),
        "another header of curl": workload(template(command=["sh", "-c", f'curl -H "Authorization: Token {value}" http://x'])),
        "a header of nginx": config_map(**{"nginx.conf": f'proxy_set_header X-Auth-Token "{value}";'}),
        "a statement with double quotes": config_map(**{"init.sql": f'CREATE USER a IDENTIFIED BY "{value}";'}),
        "a signature in a URL": workload(template(args=[f"https://a.blob.core.windows.net/c?sv=1&sig={value}"])),
        "a hook's URL": workload(template(args=["https://hooks.slack.com/services/T0/" + value.translate(NO_SIGNS)])),
        "a hash of a password": config_map(**{"users": "admin:$2y$10$" + value.translate(NO_SIGNS) + "abcdefghijkl"}),
        "a short option of another program": workload(template(command=["sh", "-c", f"redis-cli -p 6379 -a {value} ping"])),
        "a short option and its value": workload(template(command=["redis-cli", "-a", value, "ping"])),
        "a short option with its value": workload(template(command=["/usr/bin/mysqladmin", "ping", f"-p{value}"])),
        "a key of a variable": workload(template(env=[{"name": "TXT_ENCRYPT_AES_KEY", "value": value}])),
        "a variable in short": workload(template(env=[{"name": "ROOT_PW", "value": value}])),
        "managed fields": {**config_map(), "metadata": {"managedFields": [{"fieldsV1": {"f:x": {f'v:"{value}"': {}}}}]}},
    }


FORMS = forms(CANARY)


@pytest.mark.parametrize("obj", FORMS.values(), ids=FORMS)
def test_no_form_of_a_secret_is_shown(obj):
    given = deepcopy(obj)
    text = json.dumps(s.shown(obj)) + yaml.safe_dump(s.shown(obj))
    for form in (CANARY, b64(CANARY), "C4nary"):
        assert form not in text
    assert obj == given


@pytest.mark.parametrize("form", [form for form in FORMS if form != "managed fields"])
def test_that_a_value_is_another_one_is_seen(form):
    obj, other = FORMS[form], forms("An0ther-0ne")[form]
    before, after = s.both(obj, other)
    assert s.OLD in json.dumps(before) and s.NEW in json.dumps(after)
    assert "C4nary" not in json.dumps(before) and "An0ther" not in json.dumps(after)
    assert s.both(obj, deepcopy(obj)) == (s.shown(obj), s.shown(obj))


PLAIN = [
    config_map(greeting="hello", url="https://example.com:8443/a?b=c", mail="mailto:a@b.c", nested="[1, 2]"),
    annotated(secret(type="Opaque", immutable=True), "slipway.kubernetes/generated", "true"),
    annotated({"kind": "Ingress", "metadata": {"name": "x"}}, "nginx.ingress.kubernetes.io/auth-secret", "shop/login"),
    annotated(config_map(), LAST, json.dumps(config_map(a="b"))),
    workload(
        {
            "spec": {
                "automountServiceAccountToken": False,
                "imagePullSecrets": [{"name": "registry"}],
                "volumes": [
                    {"name": "a", "secret": {"secretName": "db", "items": [{"key": "password", "path": "password"}]}},
                    {"name": "b", "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}},
                ],
                "containers": [
                    {
                        "name": "web",
                        "env": [
                            {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                            {"name": "DB_TOKEN", "value": "$(OTHER)"},
                            {"name": "GREETING", "value": "hello"},
                        ],
                        "envFrom": [{"secretRef": {"name": "db"}}],
                        "args": ["--token-ttl=3600", "--tls-private-key-file=/certs/tls.key", "-oidc-client-secret=$(SECRET)", "--password", "--verbose"],
                        "command": ["sh", "-c", 'MYSQL_PWD="$(cat /run/secrets/password)" mysql --password "$password"'],
                    }
                ],
            }
        }
    ),
    {"kind": "Role", "rules": [{"resources": ["secrets", "serviceaccounts/token"], "resourceNames": ["db-password"], "verbs": ["get"]}]},
    {"kind": "Gateway", "spec": {"tls": {"credentialName": "shop-tls", "certificateRefs": [{"kind": "Secret", "name": "tls"}]}}},
    {"kind": "CustomResourceDefinition", "spec": {"properties": {"password": {"type": "string", "description": "The password."}}}},
]


@pytest.mark.parametrize("obj", PLAIN)
def test_what_is_no_secret_is_shown(obj):
    assert s.shown(obj) == obj


def test_keys_of_a_secret_are_shown_and_which_values_are_others():
    before = secret(data={"same": "YQ==", "changed": "YQ==", "gone": "YQ=="})
    after = secret(data={"same": "YQ==", "changed": "Yg==", "new": "Yg=="})
    assert [side["data"] for side in s.both(before, after)] == [
        {"same": s.HIDDEN, "changed": s.OLD, "gone": s.HIDDEN},
        {"same": s.HIDDEN, "changed": s.NEW, "new": s.HIDDEN},
    ]


def test_a_variable_is_compared_with_the_one_of_its_name():
    new = {"name": "API_TOKEN", "value": "x"}
    password = {"name": "DB_PASSWORD", "value": CANARY}
    before, after = s.both(workload(template(env=[password])), workload(template(env=[new, password])))
    assert s.NEW not in json.dumps(after) and s.OLD not in json.dumps(before)


@pytest.mark.parametrize("given", [None, {}, [], "", 1, True, {"kind": "Secret"}, {"kind": "Secret", "data": None, "metadata": None}, {"kind": None}])
def test_whatever_comes(given):
    assert s.shown(given) == given
    assert s.both(given, None) == (given, None)
    assert s.both({}, given) == ({}, given)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("postgres://shop:p4ss@db:5432/x", "postgres://shop:<hidden>@db:5432/x"),
        ("Get https://10.0.0.1:6443/api: refused, a@b", None),
        ('secrets "db" not found', None),
        ("Error: couldn't find key password in Secret shop/db", None),
        ('secrets is forbidden: User "x" cannot list resource "secrets" in API group "" in the namespace "shop"', None),
        ('FATAL: password authentication failed for user "shop"', None),
        ("the bearer token expired; use basic authentication", None),
        ('failed to pull "a:1": pull access denied, repository does not exist or may require authorization: server message: '
         "insufficient_scope: authorization failed", None),
        ("failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", None),
        ("Access denied for user 'shop'@'%' (using password: YES)", None),
        ("Postgres x is invalid: spec.password: Required value", None),
        ('rules: [{resources: ["secrets", "pods"], verbs: ["get"]}, {key: token, path: token}]', None),
        ("/usr/bin/redis-cli -p 6379 ping; tests pass: 3", None),
        ("connecting to db with password: hunter2", "connecting to db with password: <hidden>"),
        ("{Username:shop Password:hunter2 Port:1}", "{Username:shop Password:<hidden> Port:1}"),
        ("'user' => 'a', 'password' => 'b c'", "'user' => 'a', 'password' => '<hidden>'"),
        ("automountServiceAccountToken: true", None),
        ("tokenExpirationSeconds: 3600 bypass=true", None),
        (
            'Job.batch "x" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{core.EnvVar{Name:"DB_PASSWORD", '
            'Value:"a \\"b\\" c", ValueFrom:(*core.EnvVarSource)(nil)}}}: field is immutable',
            'Job.batch "x" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{core.EnvVar{Name:"DB_PASSWORD", '
            'Value:"<hidden>", ValueFrom:(*core.EnvVarSource)(nil)}}}: field is immutable',
        ),
        ('{"env":[{"name":"API_TOKEN","value":"abc"}', '{"env":[{"name":"API_TOKEN","value":"<hidden>"}'),
        (r'"{\"name\":\"API_TOKEN\",\"value\":\"abc\"}"', r'"{\"name\":\"API_TOKEN\",\"value\":\"<hidden>\"}"'),
        ('level=error msg="login failed" password=hunter2 user=shop', 'level=error msg="login failed" password=<hidden> user=shop'),
        ('{"level":"error","password":"hunter2","user":"shop"}', '{"level":"error","password":"<hidden>","user":"shop"}'),
        ("GET /login?user=shop&token=abc&x=1 HTTP/1.1", "GET /login?user=shop&token=<hidden>&x=1 HTTP/1.1"),
        ("ALTER USER 'a'@'%' IDENTIFIED VIA x USING PASSWORD('o''ld') OR x USING PASSWORD('new');",
         "ALTER USER 'a'@'%' IDENTIFIED VIA x USING PASSWORD('<hidden>') OR x USING PASSWORD('<hidden>');"),
        ("CREATE USER a IDENTIFIED BY 'x y'; CREATE ROLE b WITH PASSWORD = 'z' AND LOGIN = true;",
         "CREATE USER a IDENTIFIED BY '<hidden>'; CREATE ROLE b WITH PASSWORD = '<hidden>' AND LOGIN = true;"),
        ("sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_-1", "sent <hidden>"),
        ("clone with ghp_abcdefghijklmnopqrstuvwxyz0123456789", "clone with <hidden>"),
    ],
)
def test_sentence(text, expected):
    assert s.sentence(text) == (text if expected is None else expected)
    # what is fit stays as it is
    assert s.sentence(s.sentence(text)) == s.sentence(text)


@pytest.mark.parametrize(
    "text, obj, expected",
    [
        ("db: the webhook denied hunter22 as too short", secret(stringData={"p": "hunter22"}), "db: the webhook denied <hidden> as too short"),
        ("db: denied aHVudGVyMjI=", secret(stringData={"p": "hunter22"}), "db: denied <hidden>"),
        ("db: denied hunter22", secret(data={"p": "aHVudGVyMjI="}), "db: denied <hidden>"),
        ('Secret "db" is invalid: type: Invalid value: "x": field is immutable', secret(),
         'Secret "db" is invalid: type: Invalid value: <hidden>: field is immutable'),
        (".stringData.pin: expected string, got &value.valueUnstructured{Value:12345}", secret(stringData={"pin": 12345}),
         ".stringData.pin: expected string, got &value.valueUnstructured{Value:<hidden>}"),
        ("Deployment shop/web: denied S3cr3t-1", workload(template(env=[{"name": "DB_PASSWORD", "value": "S3cr3t-1"}])),
         "Deployment shop/web: denied <hidden>"),
        # a name is no secret, even if somebody has chosen it for a password
        ("Secret wordpress is wrong", {"kind": "Secret", "metadata": {"name": "wordpress"}, "stringData": {"p": "wordpress"}}, "Secret wordpress is wrong"),
        # ordinary words are left alone
        ("a yes is a yes", secret(stringData={"p": "yes"}), "a yes is a yes"),
    ],
)
def test_message(text, obj, expected):
    assert s.message(text, obj) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000, "ab:" * 30_000, "https://" * 10_000, "password" * 10_000, '"' * 50_000, "-" * 50_000, "a/" * 50_000, "mysql " * 9_000,
        "{password" * 10_000, ",token" * 15_000, "<password" * 10_000, "cqlsh " * 9_000, "docker login " * 5_000, "define('" * 10_000, "$2y$" * 20_000,
        "password" + " " * 100_000, "['password'" * 10_000 + " " * 50_000, "define(" + " " * 100_000 + "password", "," + " " * 100_000 + "password",
    ],
)
def test_no_text_takes_long(text):
    begin = time.monotonic()
    s.sentence(text)
    assert time.monotonic() - begin < 5


def test_fit_hides_in_texts_alone():
    result = {"changed": True, "images": {"vault-token": "vault:1"}, "logs": ["password=hunter2"], "n": 1, "msg": None}
    assert s.fit(result) == {**result, "logs": ["password=<hidden>"]}
