# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_attach import run

POD = {
    "metadata": {"namespace": "shop", "name": "console-0", "uid": "u", "resourceVersion": "1"},
    "spec": {"containers": [{"name": "console", "stdin": True, "tty": True}]},
    "status": {"phase": "Running", "containerStatuses": [{"name": "console", "state": {"running": {}}}]},
}


ANOTHER = {
    **POD,
    "metadata": {**POD["metadata"], "uid": "another"},
    "status": {"phase": "Running", "containerStatuses": [
        {"name": "console", "state": {"running": {}}, "restartCount": 1, "lastState": {"terminated": {"exitCode": 7}}}
    ]},
}


class Stream:
    """Says something, and then nothing until the time is up, or ends."""

    def __init__(self, says, unsent=0, status=None):
        self.says, self.unsent, self.status = says, unsent, status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def run(self, _stdin, take, _deadline, end):
        assert not end
        take(1, self.says)
        return self.status


def attach(monkeypatch, stream, pods=(POD,), **given):
    class Pods:
        def __init__(self, *_arguments, **_options):
            self.looks = iter(pods)

        def get(self, _path):
            return next(self.looks)

        def attach(self, *_arguments):
            return stream

    monkeypatch.setattr(run, "PodApi", Pods)
    params = {"namespace": "shop", "name": "console-0", "container": None, "stdin": "save-all", "stdin_add_newline": True}
    return run.run({**params, "search_regex": None, "wait_timeout": 1, "auth": {}, **given})


def test_a_line_of_a_terminal(monkeypatch):
    result = attach(monkeypatch, Stream(b"save-all\r\nSaved\r\n"), search_regex="^Saved$")
    assert result["match"] == "Saved" and result["stdout_lines"] == ["save-all", "Saved"] and result["changed"]


@pytest.mark.parametrize("pattern", [None, "Saved"])
def test_a_text_that_was_not_taken_whole(monkeypatch, pattern):
    with pytest.raises(TaskError) as error:
        attach(monkeypatch, Stream(b"Saved\n", unsent=3), search_regex=pattern)
    assert str(error.value) == "Container console of Pod shop/console-0 has taken no more than 6 of the text's 9 bytes within 1 s."
    assert error.value.result["changed"] and error.value.result["stdout"] == "Saved"


def test_another_pod_of_the_same_name_tells_nothing_of_the_end(monkeypatch):
    ended = Stream(b"bye\n", status={"status": "Success"})
    result = attach(monkeypatch, ended, [POD, ANOTHER])
    assert result["ended"] is True and result["exit_code"] is None
    with pytest.raises(TaskError, match="has ended: its pod has been deleted, and there is another one of its name, and no line"):
        attach(monkeypatch, ended, [POD, ANOTHER], search_regex="Saved")
