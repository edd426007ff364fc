# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The background processes that hold forwards open on this machine, one for each, and where they are noted down.

A process holds a lock on its state file for as long as it lives, so that no process ID has to be believed.  The file's
modification time is when the forward ends.
PRIVATE to the collection.
"""

from __future__ import annotations

import errno
import fcntl
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from .._api.cancel import current
from .._api.errors import TaskError
from . import tunnel

#: seconds for a process to start, and to end before it is killed
PATIENCE = 10


class Slot:
    """The place of one forward: C(identity) names it, and nothing has to be open there."""

    def __init__(self, identity):
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", identity):
            raise TaskError(f"{identity!r} is no id of a forward.")
        self.identity = identity
        self._state = os.path.join(_folder(), f"{identity}.json")
        self._log = os.path.join(_folder(), f"{identity}.log")

    def running(self):
        """What is noted about the forward that is open, with its C(expires); None if there is none."""
        lock = self._lock(create=False)
        if lock is not None:
            # whoever held it has died
            lock.close()
            return None
        try:
            with open(self._state, encoding="utf-8") as file:
                return {**json.load(file), "expires": os.stat(self._state).st_mtime}
        except (OSError, ValueError):
            return None

    def last_words(self):
        """The last line of the process's log - what went wrong with a connection - which is told once."""
        try:
            with open(self._log, "r+", encoding="utf-8", errors="replace") as file:
                lines = file.read().strip().splitlines()
                file.truncate(0)
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def renew(self, expires):
        os.utime(self._state, (expires, expires))

    def start(self, listener, note, path, connection, expires):
        """Start the process that serves the listener; returns what is noted about it."""
        lock = self._lock(create=True)
        if lock is None:
            raise TaskError(f"Forward {self.identity} is being opened by another task at this moment.")
        job = {"listener": listener.fileno(), "path": path, "connection": connection, "state": self._state, "log": self._log}
        with lock, open(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "wb") as log:
            # pylint: disable-next=ansible-bad-function  # it is to outlive the module, which waits for what it runs
            process = subprocess.Popen(
                # The program and its credentials come in by standard input: nobody sees those, and the program is there
                # even where it was unpacked for this task only.
                [sys.executable, "-", "slipway.kubernetes.port_forward", self.identity],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                # The folder that Python looks for modules in, too.
                cwd="/", start_new_session=True, pass_fds=(listener.fileno(), lock.fileno()),
            )
            note = {**note, "pid": process.pid}
            lock.write(json.dumps(note))
            lock.flush()
            self.renew(expires)
            try:
                process.stdin.write(f"{inspect.getsource(tunnel)}\n\nmain({job!r})\n".encode())
                process.stdin.close()
                ready = process.stdout.read() == b"ready\n"
            except BrokenPipeError:
                ready = False
        if not ready:
            process.kill()
            process.wait()
            words = self.last_words()
            self._remove()
            raise TaskError(f"The process that was to forward the port ended: {words or 'it said nothing'}.")
        process.stdout.close()
        # It is not this process's to wait for.
        process.returncode = 0
        return note

    def stop(self):
        """End the process, if there is one; returns what was noted about it."""
        noted = self.running()
        if noted is None:
            return None
        deadline = time.monotonic() + PATIENCE
        number = signal.SIGTERM
        while (lock := self._lock(create=False)) is None and os.path.exists(self._state):
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            try:
                os.kill(noted["pid"], number)
            except ProcessLookupError:
                pass
            current().sleep(0.02)
        self._remove()
        if lock is not None:
            lock.close()
        return noted

    def _remove(self):
        for file in (self._state, self._log):
            try:
                os.unlink(file)
            except FileNotFoundError:
                pass

    def _lock(self, create):
        """The state file, locked; None if it is locked by another process or - unless C(create) - not there."""
        try:
            file = open(os.open(self._state, os.O_RDWR | (os.O_CREAT if create else 0), 0o600), "r+", encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        file.truncate(0)
        return file


def listen(address, port):
    """A socket that connections to the address and port reach."""
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise TaskError(f"{address} is no address of this machine: {error.strerror}.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise TaskError(f"Port {port} of {address} is in use; choose another local_port, or 0 for any free one.") from None
        raise TaskError(f"Cannot listen on port {port} of {address}: {error.strerror}.") from None
    return listener


def _folder():
    """The user's own folder for state files."""
    folder = os.path.join(tempfile.gettempdir(), f"slipway.kubernetes.port_forward.{os.getuid()}")
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(folder)
    if found.st_uid != os.getuid() or found.st_mode & 0o7777 != 0o700:
        # anybody may create anything in the folder for temporary files
        raise TaskError(f"{folder} is not a folder of this user alone; remove it.")
    return folder
