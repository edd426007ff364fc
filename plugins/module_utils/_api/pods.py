# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams to pods: running a command in a container, attaching to its process.  PRIVATE to the collection."""

from __future__ import annotations

from urllib.parse import urlencode

from .._port_forward.tunnel import Refused
from .client import CORE, Api, ApiError, Fault, object_path, refusal
from .errors import TaskError
from .stream import PROTOCOLS, STDERR, STDOUT, Broken, Stream, exit_code, message_of


def encoded(text, option="stdin"):
    """What a process is sent."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TaskError(f"{option} holds U+{ord(text[error.start]):04X}, half of a character, which cannot be sent.") from None


def find_pod(api, namespace, name):
    try:
        return api.get(object_path(CORE, namespace, "pods", name))
    except ApiError as error:
        if error.code != 404:
            raise
        raise TaskError(f"There is no Pod {name} in namespace {namespace}.") from None


class PodApi(Api):
    def execute(self, namespace, pod, container, command, stdin="", twice=True):
        """Run a command in a pod: (exit status, stdout, stderr).

        A connection that does not come about is tried again. One that breaks is not, because nobody knows then how far
        the command has come.

        :param twice: whether it may be asked for again where no answer came, so that it may run twice.
        """
        query = [("container", container), ("stdout", "true"), ("stderr", "true"), ("stdin", str(bool(stdin)).lower())]
        query += [("command", word) for word in command]
        text = encoded(stdin)
        what, received = f"{' '.join(command[:2])} in Pod {pod}", {STDOUT: bytearray(), STDERR: bytearray()}

        def take(channel, data):
            received[channel] += data

        try:
            with self._stream(namespace, pod, "exec", query, "takes no command", twice) as stream:
                status = stream.run(text, take, self._deadline)
        except Broken:
            status = {}
        if status is None:
            raise TaskError(f"{what} has not ended after {self._deadline.seconds:.0f} s.")
        code = exit_code(status)
        if code is None and status:
            raise TaskError(f"{what} has ended without an exit code: {message_of(status)}.")
        if code is None:
            raise TaskError(f"The connection to Pod {pod} broke while {' '.join(command[:2])} ran there; run the task again.")
        return code, *(bytes(received[channel]).decode("utf-8", "replace") for channel in (STDOUT, STDERR))

    def attach(self, namespace, pod, container, stdin=False, tty=False):
        """A stream to the process of a container.

        :param tty: whether the container was started with a terminal, which has one stream for all output.
        """
        flags = {"stdin": stdin, "stdout": True, "stderr": not tty, "tty": tty}
        query = [("container", container), *((name, str(value).lower()) for name, value in flags.items())]
        return self._stream(namespace, pod, "attach", query, "cannot be attached to")

    def _stream(self, namespace, pod, verb, query, otherwise, twice=True):
        # a command is started by that, a process is attached to
        starts = verb == "exec"
        path = f"{object_path(CORE, namespace, 'pods', pod, verb)}?{urlencode(query)}"
        return Stream(self._retry(lambda: self._connect(path, f"Pod {namespace}/{pod}", otherwise, starts, twice)))

    def _connect(self, path, pod, otherwise, starts, twice):
        self.requests += 1
        try:
            return self.websocket(path, PROTOCOLS, starts)
        except Refused as refused:
            if refused.code:
                body = refused.body.decode("utf-8", "replace")
                if refused.code in (429, 503):
                    # busy, so that nothing has been started
                    raise Fault(f"the API server {self.host} answered {refused.code} to a request for {pod}", answered=True)
                # The kubelet says no with 500 while a container is being started, and the API server with 502.
                raise refusal(self.host, refused.code, body, f"{pod} {otherwise}: {refused}.") from None
            if refused.silent and not twice:
                raise TaskError(f"{pod} has not answered; it is not known whether the command was started.", {"changed": True}) from None
            raise Fault(f"{pod} cannot be reached: {refused}", answered=False) from None
