# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries connections to a local port into a pod.

The whole of this file is also the program that does so in the background, apart from Ansible
(process.py starts it): it has to get by with Python and websocket-client, which the Kubernetes client
brings.  One tunnel, a WebSocket to C(pods/portforward), carries one connection.
PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import contextlib
import os
import select
import socket
import ssl
import sys
import tempfile
import threading
import time
from urllib.parse import unquote, urlsplit

try:
    import websocket
except ImportError:
    # the Kubernetes client is missing, too, and says so
    websocket = None

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
CONTINUATION, BINARY, CLOSE, PING, PONG = 0x0, 0x2, 0x8, 0x9, 0xA
#: seconds to open a tunnel
OPEN_TIMEOUT = 20
#: seconds that a tunnel still waits for an answer once the local side sends nothing more: the protocol has no way to
#: pass that on
LINGER = 10
#: bytes on their way in one direction, beyond which no more are taken
HIGH_WATER = 1 << 20
CHUNK = 1 << 15
#: seconds between looks at whether the forward has come to its end
TICK = 0.5


class Refused(Exception):
    """The tunnel could not be opened.  C(code) is the HTTP status, 0 without one; C(body) the answer.

    C(silent) tells that it was asked for, and no answer came: it may have been opened at the other end.
    """

    def __init__(self, message, code=0, body=b"", silent=False):
        super().__init__(message)
        self.code = code
        self.body = body
        self.silent = silent


def tls(connection):
    """The TLS settings of a connection to the API server; client.py's C(connection) says what that is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not connection["verify"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif connection["ca"]:
        # as kubectl: every certificate in it is trusted
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=connection["ca"])
    elif any(places := connection.get("ca_places") or ()):
        context.load_verify_locations(*places)
    else:
        context.load_default_certs()
    if connection["certificate"]:
        with unnamed(f"{connection['key'] or ''}\n{connection['certificate']}") as path:
            context.load_cert_chain(path, password=no_passphrase)
    return context


def no_passphrase():
    raise ValueError("the key of the client certificate has a passphrase, which nobody can be asked for")


@contextlib.contextmanager
def unnamed(text):
    """The path of a file with that content, which is in no folder and gone with the block, or with the process.

    Python reads a client's key from a file only.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("slipway.kubernetes")
        try:
            with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
                file.write(text)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    # Where there are no files without a name (macOS): one that is there for this moment.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        yield path


def proxy(connection):
    """The proxy's part in what websocket-client takes, which must not look into the environment of this process."""
    if not connection["proxy"]:
        return {"http_no_proxy": ["*"]}
    url = urlsplit(connection["proxy"])
    socks = url.scheme.startswith("socks")
    options = {
        "http_proxy_host": url.hostname,
        "http_proxy_port": url.port or (1080 if socks else 80),
        "http_proxy_timeout": OPEN_TIMEOUT,
        "proxy_type": url.scheme if socks else "http",
        # an empty list would be looked up
        "http_no_proxy": [""],
    }
    scheme, _blank, secret = connection["proxy_headers"].get("proxy-authorization", "").partition(" ")
    if scheme == "Basic":
        options["http_proxy_auth"] = tuple(base64.b64decode(secret).decode().split(":", 1))
    elif socks and url.username:
        options["http_proxy_auth"] = (unquote(url.username), unquote(url.password or ""))
    return options


def open_websocket(connection, context, path, protocols):
    """Open a WebSocket to a path of the API server, on which nothing has been read or written yet."""
    client = websocket.WebSocket(
        sslopt={"context": context, "server_hostname": connection["server_name"]} if connection["server_name"] else {"context": context}
    )
    try:
        client.connect(
            "ws" + connection["host"][len("http"):] + path,
            subprotocols=protocols,
            header=[f"{name}: {value}" for name, value in connection["headers"]],
            suppress_origin=True,
            # the credentials are for this server
            redirect_limit=0,
            timeout=OPEN_TIMEOUT,
            **proxy(connection),
        )
    except websocket.WebSocketBadStatusException as error:
        raise Refused(f"the API server answered {error.status_code}", error.status_code, error.resp_body or b"") from None
    except (websocket.WebSocketException, OSError, ValueError) as error:
        # one that cannot connect in time is Python's own
        silent = isinstance(error, websocket.WebSocketTimeoutException)
        raise Refused(str(error).strip(".") or type(error).__name__, silent=silent) from None
    return client


def open_tunnel(connection, context, path):
    """Open a tunnel; returns its socket."""
    return open_websocket(connection, context, path, [PROTOCOL]).sock


class Frames:
    """The messages in the bytes that come out of a tunnel."""

    def __init__(self):
        self._bytes = bytearray()
        self._channel = None
        #: each channel begins with the number of its port
        self._greeted = set()

    def feed(self, data):
        """What is complete now: a list of (channel or opcode's name, bytes)."""
        self._bytes += data
        found = []
        while (frame := self._next()) is not None:
            opcode, payload = frame
            if opcode in (CLOSE, PING):
                found.append(("close" if opcode == CLOSE else "ping", payload))
                continue
            if opcode == BINARY:
                self._channel, payload = payload[0] if payload else None, payload[1:]
            if opcode in (BINARY, CONTINUATION) and self._channel is not None:
                if self._channel in self._greeted:
                    found.append((self._channel, payload))
                self._greeted.add(self._channel)
        return found

    def _next(self):
        data = self._bytes
        if len(data) < 2:
            return None
        # servers do not mask what they send
        length, start = data[1] & 0x7F, 2
        if length > 125:
            start += 2 if length == 126 else 8
            if len(data) < start:
                return None
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            return None
        frame = data[0] & 0x0F, bytes(data[start:start + length])
        del data[:start + length]
        return frame


def frame(payload, opcode=BINARY):
    """A message to send into a tunnel."""
    return websocket.ABNF.create_frame(payload, opcode).format()


class Pipe:
    """One end of a carried connection, with what still has to be written to it."""

    def __init__(self, end):
        self.end = end
        self.waiting = bytearray()
        self.readable = True
        end.setblocking(False)

    def events(self, other):
        wanted = select.POLLIN if self.readable and len(other.waiting) < HIGH_WATER else 0
        return wanted | (select.POLLOUT if self.waiting else 0)

    def read(self):
        """What there is to read; nothing at the end."""
        try:
            return self.end.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def write(self):
        try:
            del self.waiting[:self.end.send(bytes(self.waiting[:CHUNK]))]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def pending(self):
        """Has TLS decrypted more than was read?  That makes no socket readable."""
        return isinstance(self.end, ssl.SSLSocket) and self.end.pending() > 0


def carry(local_socket, tunnel_socket, say):
    """Pass bytes on between a local connection and a tunnel until one side has ended and all is delivered."""
    local, tunnel, frames = Pipe(local_socket), Pipe(tunnel_socket), Frames()
    last = time.monotonic()
    while tunnel.readable or local.waiting:
        if not local.readable and not tunnel.waiting and time.monotonic() - last > LINGER:
            return
        poll = select.poll()
        for pipe, other in ((local, tunnel), (tunnel, local)):
            if events := pipe.events(other):
                poll.register(pipe.end, events)
        more = tunnel.pending() and tunnel.events(local) & select.POLLIN
        happened = dict(poll.poll(0 if more else 1000))

        def has(pipe, event):
            return happened.get(pipe.end.fileno(), 0) & (event | select.POLLERR | select.POLLHUP)

        if tunnel.waiting and has(tunnel, select.POLLOUT):
            tunnel.write()
        if local.waiting and has(local, select.POLLOUT):
            local.write()
        if more or tunnel.events(local) & select.POLLIN and has(tunnel, select.POLLIN):
            data = tunnel.read()
            if data is not None:
                last = time.monotonic()
                tunnel.readable = bool(data)
                for what, payload in frames.feed(data):
                    if what == DATA:
                        local.waiting += payload
                    elif what == ERROR:
                        say(payload.decode("utf-8", "replace"))
                        tunnel.readable = False
                    elif what == "close":
                        tunnel.readable = False
                    elif what == "ping":
                        tunnel.waiting += frame(payload, PONG)
        if local.events(tunnel) & select.POLLIN and has(local, select.POLLIN):
            data = local.read()
            if data:
                tunnel.waiting += frame(bytes([DATA]) + data)
            elif data is not None:
                local.readable, last = False, time.monotonic()


def serve(listener, job):
    """Carry every connection to the listener, until the time in the state file's mtime, or that is gone, or the pod is."""
    context, gone = tls(job["connection"]), threading.Event()

    def say(line):
        sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
        sys.stderr.flush()

    def one(local_socket):
        with local_socket:
            try:
                with open_tunnel(job["connection"], context, job["path"]) as tunnel_socket:
                    carry(local_socket, tunnel_socket, say)
            except Refused as refusal:
                say(f"{refusal} {refusal.body.decode('utf-8', 'replace')}")
                if refusal.code == 404:
                    gone.set()
            except OSError as error:
                say(error)

    listener.settimeout(TICK)
    while not gone.is_set():
        try:
            if os.stat(job["state"]).st_mtime < time.time():
                return
            accepted = listener.accept()[0]
        except FileNotFoundError:
            return
        except socket.timeout:
            continue
        threading.Thread(target=one, args=(accepted,), daemon=True).start()


def main(job):
    """The program's body.  The state file is this process's for as long as it holds the lock that it was started with."""
    with socket.socket(fileno=job["listener"]) as listener:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        # who has started this reads until the end
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        try:
            serve(listener, job)
        finally:
            for file in (job["state"], job["log"]):
                try:
                    os.unlink(file)
                except FileNotFoundError:
                    pass
