# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real DNS servers on loopback ports of their own, and dig."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
PATIENCE = 180.0
# Where Debian keeps servers is not on everyone's path.
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


def missing() -> list[str]:
    found = {name: shutil.which(name, path=PATH) for name in ("pdns_server", "named", "dig", "setpriv")}
    return [name for name, path in found.items() if not path] + ([] if SCHEMA.exists() else [str(SCHEMA)])


def free_port() -> int:
    """A port of the loopback address that is free for TCP and UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def eventually(what: str, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What holds() returns once it is true; fails with the last thing that it returned."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what}: not after {patience:.0f} s, but {found!r}"
        time.sleep(0.2)
    return found


class Process:
    """A program with its output in a file, ended with the thread that started it, be that killed."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], env=os.environ | {"PATH": PATH} if env is None else env,
                cwd=log.parent, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def require_alive(self) -> None:
        assert self.process.poll() is None, f"{self.log.stem} has ended:\n{self.output()[-3000:]}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Server:
    """What both servers have: a port, zones, and somebody who asks them."""

    port: int
    process: Process

    def dig(self, name: str, kind: str = "A") -> list[str]:
        self.process.require_alive()
        result = subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(self.port), "+short", "+time=5", "+tries=2", name, kind],
            env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return sorted(result.stdout.splitlines())

    def status(self, name: str, kind: str = "A") -> str:
        """NOERROR, NXDOMAIN, ..."""
        result = subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(self.port), "+noall", "+comments", "+time=5", "+tries=2", name, kind],
            env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=True,
        )
        return result.stdout.split("status: ")[1].split(",")[0]

    def ttl(self, name: str, kind: str = "A") -> int:
        result = subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(self.port), "+noall", "+answer", "+time=5", "+tries=2", name, kind],
            env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=True,
        )
        return int(result.stdout.split()[1])

    def answers(self, name: str, expected: list[str], kind: str = "A") -> None:
        eventually(f"{name} {kind} is {expected}", lambda: self.dig(name, kind) == sorted(expected))

    def stop(self) -> None:
        self.process.stop()


class PowerDNS(Server):
    api_key = "open sesame"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port, self.api_port = free_port(), free_port()
        database = folder / "pdns.sqlite3"
        with sqlite3.connect(database) as connection:
            connection.executescript(SCHEMA.read_text())
        connection.close()
        settings = {
            "launch": "gsqlite3", "gsqlite3-database": database, "socket-dir": folder, "write-pid": "no",
            "local-address": "127.0.0.1", "local-port": self.port,
            "webserver": "yes", "webserver-address": "127.0.0.1", "webserver-port": self.api_port,
            "webserver-allow-from": "127.0.0.1", "api": "yes", "api-key": self.api_key,
            # Answers are asked for right after a change.
            "zone-cache-refresh-interval": 0, "cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0,
            "guardian": "no", "daemon": "no", "disable-syslog": "yes",
            # It would ask its makers for security notices.
            "security-poll-suffix": "",
        }
        self.process = Process(["pdns_server", "--no-config", *(f"--{k}={v}" for k, v in settings.items())], folder / "pdns.log")
        eventually("PowerDNS answers", self._up)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v1/servers/localhost{path}", method=method, headers={"X-API-Key": self.api_key},
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _up(self) -> bool:
        self.process.require_alive()
        try:
            self.call("GET", "")
        except OSError:
            return False
        return True

    def zone(self, name: str) -> None:
        self.call("POST", "/zones", {"name": f"{name}.", "kind": "Native", "nameservers": [f"ns.{name}."]})

    def record(self, zone: str, name: str, kind: str, content: str) -> None:
        """A record as somebody else makes it."""
        records = [{"content": content, "disabled": False}]
        rrset = {"name": f"{name}.", "type": kind, "ttl": 300, "changetype": "REPLACE", "records": records}
        self.call("PATCH", f"/zones/{zone}.", {"rrsets": [rrset]})

    def records(self, zone: str) -> dict[tuple[str, str], list[str]]:
        """All records of a zone by name and type, but for the serial number."""
        return {
            (rrset["name"].removesuffix("."), rrset["type"]): sorted(record["content"] for record in rrset["records"])
            for rrset in self.call("GET", f"/zones/{zone}.")["rrsets"]
            if rrset["type"] != "SOA"
        }


class Bind(Server):
    key_name = "externaldns-key"

    def __init__(self, folder: Path, zones: dict[str, str]) -> None:
        """`zones`: name to further lines of the zone file."""
        folder.mkdir()
        self.port = free_port()
        self.key = base64.b64encode(os.urandom(32)).decode()
        lines = [
            f'key "{self.key_name}" {{ algorithm hmac-sha256; secret "{self.key}"; }};',
            f'options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";',
            f'  managed-keys-directory "{folder}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};',
            "  recursion no; dnssec-validation no; notify no; allow-query { 127.0.0.1; }; };",
            "controls { };",
        ]
        for zone, records in zones.items():
            # A name server of another zone, whose address is not asked for.
            head = "$TTL 300\n@ SOA ns.other.test. admin.other.test. 1 3600 600 86400 1\n@ NS ns.other.test.\n"
            (folder / f"{zone}.zone").write_text(head + records)
            lines.append(
                f'zone "{zone}" {{ type primary; file "{zone}.zone"; allow-update {{ key {self.key_name}; }}; '
                f"allow-transfer {{ key {self.key_name}; }}; }};"
            )
        (folder / "named.conf").write_text("\n".join(lines))
        self.process = Process(["named", "-g", "-c", str(folder / "named.conf")], folder / "named.log")
        eventually("BIND answers", self._up)

    def _up(self) -> bool:
        self.process.require_alive()
        assert "not loaded due to errors" not in self.process.output(), self.process.output()
        return "all zones loaded" in self.process.output()
