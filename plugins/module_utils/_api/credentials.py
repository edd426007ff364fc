# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials: where they come from, and when they have to be got anew.

A source has C(get), which returns Credentials and does so again only when they are about to expire, or when the API
server has refused them (C(refused=True)).  Everything is run and read in the environment of the task.
PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

try:
    import yaml
except ImportError:
    # client.py says that it is missing
    yaml = None

from . import kubeconfig
from .cancel import LOOK, current
from .errors import TaskError

#: seconds after which a token in a file is read again
REREAD = 10
#: seconds before they expire that credentials are renewed, unless they live so shortly that it is less
EARLY = 60
#: seconds after which getting them anew is tried again
AGAIN = 5
#: seconds that a plugin gets at most
PLUGIN = 60
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass
class Credentials:
    """What is sent: the value of the header Authorization, a client certificate with its key, or both."""

    authorization: str | None = None
    certificate: str | None = None
    key: str | None = None


class Fixed:
    """Credentials that were given, and do not change."""

    renewable = False

    def __init__(self, credentials):
        self._credentials = credentials

    def get(self, limit, refused=False):
        return self._credentials


class Renewed:
    """Credentials that are got anew."""

    renewable = True

    def __init__(self):
        self._credentials, self._until = None, None

    def get(self, limit, refused=False):
        if refused or self._credentials is None or (self._until is not None and time.monotonic() > self._until):
            try:
                self._credentials, left = self.fetch(limit, refused)
            except TaskError:
                # These are good for a while yet; if they are not, the API server says so.
                if refused or self._credentials is None:
                    raise
                self._until = time.monotonic() + AGAIN
                return self._credentials
            self._until = None if left is None or left <= 0 else time.monotonic() + left - min(EARLY, left / 5)
        return self._credentials

    def fetch(self, limit, refused):
        """The credentials, and how many seconds they are good for; None for as long as they are accepted."""
        raise NotImplementedError


class TokenFile(Renewed):
    """A token in a file that somebody else keeps fresh, as a kubelet does."""

    def __init__(self, path, what):
        super().__init__()
        self._path, self._what = path, what

    def fetch(self, limit, refused):
        token = kubeconfig.content_of_file(self._path, self._what).strip()
        if not token:
            raise TaskError(f"{self._path}, the {self._what}, is empty.")
        return Credentials(bearer(token, self._path)), REREAD * 5 / 4


class CertificateFiles(Renewed):
    """A client certificate.  When it is refused, all is read again: somebody may have renewed it, in its files or in the kubeconfig."""

    renewable = False

    def __init__(self, read):
        super().__init__()
        self._read = read

    def fetch(self, limit, refused):
        return self._read(), None


class Plugin(Renewed):
    """What a program says (C(users[].user.exec))."""

    def __init__(self, spec, cluster, who, environ):
        super().__init__()
        self._spec, self._cluster, self._who, self._environ = spec, cluster, who, environ
        self.name = str(spec.get("command") or "")
        if not self.name:
            raise TaskError(f"The exec plugin of {who} has no command.")
        if spec.get("apiVersion") not in _VERSIONS:
            raise TaskError(
                f"The exec plugin {self.name} of {who} has apiVersion {spec.get('apiVersion')!r}; known are: {', '.join(_VERSIONS)}."
            )
        if spec.get("interactiveMode") == "Always":
            raise TaskError(f"The exec plugin {self.name} of {who} wants a terminal (interactiveMode: Always), and a task has none.")

    def fetch(self, limit, refused):
        status = self._status(limit)
        if status.get("token"):
            authorization = bearer(str(status["token"]).strip(), f"exec plugin {self.name}")
        elif status.get("clientCertificateData") and status.get("clientKeyData"):
            authorization = None
        else:
            raise TaskError(f"The exec plugin {self.name} of {self._who} returned neither a token nor a client certificate with its key.")
        credentials = Credentials(authorization, status.get("clientCertificateData"), status.get("clientKeyData"))
        return credentials, seconds_until(status.get("expirationTimestamp"))

    def environment(self):
        """What the program gets: the task's own environment, and what the kubeconfig adds."""
        spec = {"interactive": False}
        if self._spec.get("provideClusterInfo"):
            spec["cluster"] = _cluster_info(self._cluster, self._who)
        added = {}
        for item in self._spec.get("env") or []:
            if item.get("name"):
                added[str(item["name"])] = str(item.get("value") or "")
        info = {"apiVersion": self._spec["apiVersion"], "kind": "ExecCredential", "spec": spec}
        return {**self._environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _status(self, limit):
        whose = f"The exec plugin {self.name} of {self._who}"
        arguments = [self.name, *(str(argument) for argument in self._spec.get("args") or [])]
        output = run(
            arguments, self.environment(), self._spec.get(kubeconfig.FOLDER) or None, limit, whose, self._spec.get("installHint")
        )
        try:
            answer = json.loads(output)
            version, kind, status = answer["apiVersion"], answer["kind"], answer["status"]
        except (ValueError, TypeError, KeyError):
            raise TaskError(f"{whose} did not return an ExecCredential with a status.") from None
        if version != self._spec["apiVersion"]:
            raise TaskError(f"{whose} returned apiVersion {version}, not {self._spec['apiVersion']}.")
        if kind != "ExecCredential" or not isinstance(status, dict):
            raise TaskError(f"{whose} did not return an ExecCredential with a status.")
        return status


class Provider(Renewed):
    """What C(users[].user.auth-provider) says: C(oidc), and what is left of providers of clouds.

    C(persist) is called with fields that have changed.
    """

    def __init__(self, spec, who, environ, persist=None):
        super().__init__()
        self.name = str(spec.get("name") or "")
        self._config, self._who, self._environ, self._persist = dict(spec.get("config") or {}), who, environ, persist

    def fetch(self, limit, refused):
        if self.name == "oidc":
            return self._oidc(limit, refused)
        return self._cloud(limit, refused)

    def _oidc(self, limit, refused):
        token = self._config.get("id-token")
        left = seconds_until_jwt(token) if token else 0
        if refused or not token or (left is not None and left <= EARLY):
            try:
                changed = self._refresh(limit)
            except TaskError:
                # good for a moment yet
                if refused or not token or left <= 0:
                    raise
            else:
                token = changed["id-token"]
                self._config.update(changed)
                if self._persist:
                    self._persist(changed)
            left = seconds_until_jwt(token)
        return Credentials(bearer(token, f"id-token of {self._who}")), left

    def _refresh(self, limit):
        # which imports this file
        from . import connection

        missing = [name for name in ("refresh-token", "idp-issuer-url", "client-id") if not self._config.get(name)]
        if missing:
            raise TaskError(f"The id-token of {self._who} has expired, and the kubeconfig has no {missing[0]} to get another one with.")
        issuer = str(self._config["idp-issuer-url"]).rstrip("/")
        ca = kubeconfig.content(self._config, "idp-certificate-authority", self._who)
        found = connection.fetch_json(f"{issuer}/.well-known/openid-configuration", self._environ, ca, limit, f"The issuer {issuer}")
        endpoint = str(found.get("token_endpoint") or "")
        form = {"grant_type": "refresh_token", "refresh_token": self._config["refresh-token"], "client_id": self._config["client-id"]}
        if self._config.get("client-secret"):
            form["client_secret"] = self._config["client-secret"]
        answer = connection.fetch_json(endpoint, self._environ, ca, limit, f"The issuer {issuer}", urlencode(form))
        if not answer.get("id_token"):
            raise TaskError(f"The issuer {issuer} gave no new id-token for {self._who}.")
        return {"id-token": answer["id_token"], "refresh-token": answer.get("refresh_token") or self._config["refresh-token"]}

    def _cloud(self, limit, refused):
        token, expiry = self._config.get("access-token"), self._config.get("expiry") or self._config.get("expires-on")
        left = seconds_until(expiry)
        command = str(self._config.get("cmd-path") or "")
        if command and (refused or not token or (left is not None and left <= 0)):
            arguments = shlex.split(command)
            if "cmd-args" in self._config:
                arguments = [command, *shlex.split(str(self._config["cmd-args"] or ""))]
            whose = f"The command {arguments[0]} of {self._who}"
            try:
                answer = json.loads(run(arguments, self._environ, None, limit, whose))
                token = _dig(answer, self._config.get("token-key") or "{.credential.access_token}")
                left = seconds_until(_dig(answer, self._config.get("expiry-key") or "{.credential.token_expiry}"))
            except (ValueError, TypeError, KeyError):
                raise TaskError(f"{whose} did not return a token.") from None
        elif not token or (left is not None and left <= 0):
            raise TaskError(
                f"{self._who[0].upper() + self._who[1:]} has the auth-provider '{self.name}' without a token that is still valid; "
                f"it was removed from Kubernetes 1.26: use an exec plugin."
            )
        return Credentials(bearer(str(token), f"access-token of {self._who}")), left


def bearer(token, origin):
    """The header for a token."""
    return header(f"Bearer {token}", f"The token of {origin}")


def header(value, what, encoding="latin-1"):
    """A value that is fit for an HTTP header."""
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        value = "\n"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise TaskError(f"{what} has characters that no HTTP header can carry.")
    return value


def run(arguments, environ, folder, limit, whose, hint=None):
    """What a program writes to its standard output; its name and last words where it fails."""
    seconds = max(1.0, min(PLUGIN, limit))
    command = arguments[0]
    if os.sep not in command:
        command = shutil.which(command, path=environ.get("PATH", os.defpath))
    if command is None:
        raise TaskError(f"{whose} is not installed: it is not in PATH." + (f" {_line(hint)}" if hint else ""))
    try:
        # Of a session of its own, with which what it has started ends, too.
        # pylint: disable-next=ansible-bad-function  # there is no module here that could run it, and the environment is the task's
        process = subprocess.Popen(
            [command, *arguments[1:]], env=environ, cwd=folder or environ.get("PWD") or None, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
    except FileNotFoundError:
        raise TaskError(f"{whose} is not installed: {command} does not exist." + (f" {_line(hint)}" if hint else "")) from None
    except OSError as error:
        raise TaskError(f"{whose} cannot be started: {error.strerror}.") from None
    with process:
        try:
            output, said = _outcome(process, seconds)
        except BaseException as error:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TaskError(f"{whose} has not ended after {seconds:.0f} s.") from None
            raise
    if process.returncode:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise TaskError(f"{whose} failed with status {process.returncode}: {_line(words[-1]) if words else 'it said nothing'}")
    return output


def _outcome(process, seconds):
    """What it writes to its standard output and error."""
    call, end = current(), time.monotonic() + seconds
    while True:
        try:
            return process.communicate(timeout=LOOK)
        except subprocess.TimeoutExpired:
            call.check()
            if time.monotonic() > end:
                raise


def seconds_until(timestamp):
    """How far away an RFC 3339 time is; None where there is none."""
    if not timestamp:
        return None
    if not isinstance(timestamp, datetime.datetime):
        text = str(timestamp).replace(" ", "T")
        try:
            timestamp = datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1] in "Zz" else text)
        except ValueError:
            return None
    if timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=datetime.timezone.utc)
    return timestamp.timestamp() - time.time()


def seconds_until_jwt(token):
    """How long a JSON Web Token is good for; None where it does not say so."""
    try:
        payload = str(token).split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]) - time.time()
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def persist(paths, user, changed):
    """Write what an auth-provider has got anew into the kubeconfig it came from (option persist_config): the first that has the user."""
    for path in paths:
        config = kubeconfig.load(path, path)
        found = next((item for item in (config or {}).get("users") or [] if str(item.get("name")) == user), None)
        if found is not None:
            break
    else:
        return
    try:
        found["user"]["auth-provider"]["config"].update(changed)
        _write(os.path.realpath(path), config)
    except (KeyError, TypeError, AttributeError):
        # somebody has changed the user since
        return
    except OSError as error:
        raise TaskError(f"The kubeconfig {path} cannot be written, which persist_config asks for: {error.strerror}.") from None


def _write(path, config):
    # made with mode 0600
    descriptor, temporary = tempfile.mkstemp(prefix=".kubeconfig-", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, default_flow_style=False)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _cluster_info(cluster, who):
    ca = kubeconfig.content(cluster, "certificate-authority", who)
    info = {
        "server": cluster["server"],
        "tls-server-name": cluster.get("tls-server-name"),
        "insecure-skip-tls-verify": cluster.get("insecure-skip-tls-verify"),
        "certificate-authority-data": base64.b64encode(ca.encode()).decode() if ca else None,
        "proxy-url": cluster.get("proxy-url"),
    }
    for extension in cluster.get("extensions") or []:
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return {name: value for name, value in info.items() if value is not None}


def _dig(value, path):
    for name in path.strip("{}").strip(".").split("."):
        value = value[name]
    return value


def _line(text):
    return " ".join(str(text).split())[:300]
