# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod_attach module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

import queue
import re

from .._api.client import CORE, Deadline, object_path
from .._api.engine import Engine, silent
from .._api.errors import TaskError
from .._api.pods import PodApi, encoded, find_pod
from .._api.stream import STDOUT, Broken, message_of
from .._api.watch import Watch
from . import container as c
from .output import KEPT, STREAMS, Output

#: seconds that a container's end may take to show in its pod's status
_STATUS_DELAY = 2

OPTIONS = {
    "namespace": {"type": "str", "default": "default"},
    "name": {"type": "str", "required": True},
    "container": {"type": "str"},
    "stdin": {"type": "str"},
    "stdin_add_newline": {"type": "bool", "default": True},
    "search_regex": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 10},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Attach to a container, hand it a text, and return what it prints."""
    _check_params(params)
    return Attachment(params, progress).result(check_mode)


def _check_params(params):
    for option in ("name", "namespace", "container", "search_regex"):
        if params[option] == "":
            raise TaskError(f"{option} must not be empty.")
    if params["wait_timeout"] < 1:
        raise TaskError(f"wait_timeout must be at least 1 second, got: {params['wait_timeout']}.")
    try:
        re.compile(params["search_regex"] or "")
    except re.error as e:
        raise TaskError(f"search_regex is not a regular expression: {e}.") from None


class Attachment:
    """One call of the module."""

    def __init__(self, params, progress):
        self.params = params
        self.deadline = Deadline(params["wait_timeout"])
        self.api = PodApi(params["auth"], self.deadline, progress=progress)
        self.progress = progress
        self.title = f"Pod {params['namespace']}/{params['name']}"
        self.stdin = _text(params)

    def result(self, check_mode):
        pod = self._get()
        container = c.choose(pod, self.params["container"])
        if self.stdin:
            c.refuse_input(pod, container)
        found = c.obstacle(pod, container)
        if found and found[1]:
            raise TaskError(f"{c.title(pod, container)} {found[0]}; kubernetes.core.k8s_log reads what it has printed.")
        result = {"changed": bool(self.stdin), "container": container["name"]}
        # a text that is not sent has no effect that could be seen
        if check_mode and self.stdin:
            return result
        if found:
            pod = self._running(pod, container)
        output = Output(self.params["search_regex"])
        try:
            status, unsent = self._attach(container, output)
        except Broken as e:
            again = "how much of the text has arrived is not known" if self.stdin else "run the task again"
            raise TaskError(f"{c.title(pod, container)}: {e}; {again}.", {**result, **output.result()}) from None
        if status is not None and status.get("status") != "Success":
            raise TaskError(f"{c.title(pod, container)} cannot be attached to: {message_of(status)}.", {**result, **output.result()})
        if status is None and unsent:
            sent = f"{len(self.stdin) - unsent} of the text's {len(self.stdin)} bytes"
            raise TaskError(
                f"{c.title(pod, container)} has taken no more than {sent} within {self.deadline.seconds:.0f} s.", {**result, **output.result()}
            )
        return self._judge(pod, container, output, status is not None, result)

    def _attach(self, container, output):
        def take(channel, data):
            output.feed(STREAMS[channel - STDOUT], data)
            return output.match is not None

        namespace, name = self.params["namespace"], self.params["name"]
        with self.api.attach(namespace, name, container["name"], bool(self.stdin), bool(container.get("tty"))) as stream:
            status = stream.run(self.stdin, take, self.deadline, end=c.takes_one_input(container))
            return status, stream.unsent

    def _judge(self, pod, container, output, ended, result):
        result.update(output.result(), ended=ended)
        if ended:
            words, result["exit_code"] = self._ending(pod, container)
        if output.shortened:
            result["warnings"] = [
                f"More than {KEPT >> 20} MiB came in {' and '.join(sorted(output.shortened))}: its beginning is left out."
            ]
        # a node swallows what it cannot hand on, and nobody can be asked whether it has
        lost = "" if not (self.stdin and c.takes_one_input(container)) else (
            "It takes one input only (stdinOnce): its stdin is closed if somebody has attached with one before."
        )
        wanted = self.params["search_regex"]
        if wanted is None:
            if lost and not (ended or result["stdout"] or result["stderr"]):
                result.setdefault("warnings", []).append(f"{c.title(pod, container)} has printed nothing. {lost}")
            return result
        if output.match is not None:
            return {**result, "match": output.match}
        why = words if ended else f"has printed no such line after {self.deadline.seconds:.0f} s"
        sentence = f'{c.title(pod, container)} {why}, and no line of its output matched "{wanted}".'
        raise TaskError(f"{sentence} {lost}" if lost and not ended else sentence, result)

    # -------------------------------------------------------------- the pod --
    def _get(self):
        return find_pod(self.api, self.params["namespace"], self.params["name"])

    def _running(self, pod, container):
        """Wait until the container runs; returns the pod as it is then."""
        events = queue.Queue()
        path, query = object_path(CORE, self.params["namespace"], "pods"), [("fieldSelector", f"metadata.name={self.params['name']}")]
        watch = Watch(self.api, path, query, pod["metadata"]["resourceVersion"], events, "pod", self.deadline)
        watch.opened()
        try:
            while found := c.obstacle(pod, container):
                reason, final = found
                if final:
                    raise TaskError(f"{c.title(pod, container)} {reason}; kubernetes.core.k8s_log reads what it has printed.")
                self.progress(f"{c.title(pod, container)} {reason}")
                pod = self._next(events, f"{c.title(pod, container)} {reason}", pod)
        finally:
            watch.stop()
        return pod

    def _next(self, events, reason, pod):
        uid = pod["metadata"]["uid"]
        while True:
            try:
                _tag, kind, news = self.deadline.get(events, self.deadline.left())
            except queue.Empty:
                raise TaskError(f"{reason}; gave up after {self.deadline.seconds:.0f} s.") from None
            if kind == "ERROR":
                raise news
            if kind == "SYNC":
                news = next((item for item in news if item["metadata"]["uid"] == uid), None)
            if news is None or kind == "DELETED":
                raise TaskError(f"{self.title} has been deleted.")
            if news["metadata"]["uid"] == uid:
                return news

    def _ending(self, pod, container):
        """How the container has ended: C((words, exit code or None)).  Its pod's status says so a moment after the stream ends."""
        patience = Deadline(_STATUS_DELAY)
        while True:
            try:
                now = self._get()
            except TaskError:
                return "has ended: its pod has been deleted, or cannot be read any more", None
            if now["metadata"]["uid"] != pod["metadata"]["uid"]:
                return "has ended: its pod has been deleted, and there is another one of its name", None
            if (ended := c.ending(pod, now, container)) or patience.expired:
                return ended or ("has closed its streams", None)
            patience.sleep(0.2)


def _text(params):
    """What is sent."""
    text = params["stdin"]
    if text is not None and params["stdin_add_newline"] and not text.endswith("\n"):
        text += "\n"
    return encoded(text or "")


# What a container prints is its caller's, who may want a secret from it.
ENGINE = Engine(
    "pod_attach", OPTIONS, run, handed_out=("stdout", "stdout_lines", "stderr", "stderr_lines", "match")
)
