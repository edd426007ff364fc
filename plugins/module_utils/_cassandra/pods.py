# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running commands in pods.  PRIVATE to the collection."""

from __future__ import annotations

from .._api.client import Api, Fault, refusal
from .._api.errors import TaskError

try:
    import websocket
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream
except ImportError:
    # the Kubernetes client is missing, and says so
    stream = None

#: seconds that a connection gets to come about
CONNECT = 20


class PodApi(Api):
    def execute(self, namespace, pod, container, command, stdin=""):
        """Run a command in a pod: (exit status, stdout, stderr).

        A connection that does not come about is tried again. One that breaks is not, because nobody knows then how far
        the command has come.
        """
        connection = self._retry(lambda: self._connect(namespace, pod, container, command, bool(stdin)))
        if stdin:
            connection.write_stdin(stdin)
        out, err = [], []
        while connection.is_open():
            connection.update(timeout=1)
            out.append(connection.read_stdout() if connection.peek_stdout() else "")
            err.append(connection.read_stderr() if connection.peek_stderr() else "")
            if self._deadline.expired:
                connection.close()
                raise TaskError(f"{' '.join(command[:2])} in Pod {pod} has not ended after {self._deadline.seconds:.0f} s.")
        try:
            return connection.returncode, "".join(out), "".join(err)
        except (KeyError, TypeError, ValueError):
            raise TaskError(f"The connection to Pod {pod} broke while {' '.join(command[:2])} ran there; run the task again.") from None

    def _connect(self, namespace, pod, container, command, stdin):
        self.requests += 1
        try:
            return stream(
                CoreV1Api(self._client.client).connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=command,
                stdin=stdin,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
                _request_timeout=CONNECT,
            )
        except ApiException as error:
            cause = error.__context__
            if isinstance(cause, websocket.WebSocketBadStatusException):
                answer = refusal(self.host, cause.status_code, cause.resp_body or b"", f"Pod {namespace}/{pod} takes no command: {cause}.")
                # The kubelet says no with 500 while a container is being started, and the API server with 502.
                raise answer from None
            raise Fault(f"Pod {namespace}/{pod} cannot be reached: {error.reason}", answered=False) from None
