# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ends a call: its work, its time, a signal, an exception from outside, the death of whoever started it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._api import cancel, client, credentials
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.engine import Engine
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.errors import TaskError
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.parallel import parallel
from ansible_collections.slipway.kubernetes.plugins.module_utils._api.pods import PodApi
from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward import tunnel


@pytest.fixture(name="within")
def _within():
    """The time since the test began must stay below a bound."""
    began = time.monotonic()

    def check(seconds):
        assert time.monotonic() - began < seconds

    return check


# --------------------------------------------------------------------- work --
def test_the_work_s_result_and_errors_are_the_call_s():
    assert cancel.Call().run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        cancel.Call().run(lambda: 1 / 0)


def test_the_work_knows_its_call_in_all_its_threads():
    call = cancel.Call()
    assert set(call.run(lambda: parallel(lambda _item: cancel.current(), range(20), 4))) == {call}
    assert cancel.current() is not call


@pytest.mark.parametrize("items", [0, 1, 2, 20])
def test_parallel_keeps_the_order(items):
    assert parallel(lambda item: item * 2, range(items), 3) == [item * 2 for item in range(items)]


def test_parallel_raises_the_first_error_after_all_have_ended():
    ended = []

    def function(item):
        time.sleep(0.01 * (5 - item))
        ended.append(item)
        if item in (1, 3):
            raise TaskError(str(item))

    with pytest.raises(TaskError, match="^1$"):
        parallel(function, range(5), 5)
    assert sorted(ended) == [0, 1, 2, 3, 4]


# --------------------------------------------------------------------- over --
WAITS = {
    "sleep": lambda deadline: deadline.sleep(60),
    "backoff": lambda deadline: client.Backoff(deadline).wait(client.Fault("busy", answered=True, delay=60.0)),
    "queue": lambda deadline: deadline.get(queue.Queue(), 60),
    "threads": lambda deadline: parallel(lambda _item: time.sleep(60), range(3), 2),
    "threads that wait": lambda deadline: parallel(lambda _item: deadline.sleep(60), range(3), 2),
    "itself": lambda deadline: time.sleep(60),
}


class TaskTimeout(BaseException):
    """As Ansible's for the keyword timeout."""


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_what_is_raised_from_outside_ends_every_wait(within, wait):
    def alarm(_number, _frame):
        raise TaskTimeout

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TaskTimeout):
            cancel.Call().run(lambda: wait(client.Deadline(60)))
    finally:
        signal.signal(signal.SIGALRM, before)
    within(1.5)


@pytest.mark.parametrize("limit", [60, 0.1], ids=["the call is over", "its time is up"])
def test_a_program_that_gives_credentials_ends_with_all_that_it_has_started(tmp_path, within, limit):
    file = tmp_path / "pid"

    def work():
        cancel.current().limit(client.Deadline(60))
        credentials.run(["sh", "-c", f"sleep 60 & echo $! > {file}; wait"], {"PATH": os.environ["PATH"]}, None, limit, "The program")

    def alarm(_number, _frame):
        raise TaskTimeout

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    try:
        with pytest.raises(TaskTimeout if limit == 60 else TaskError):
            cancel.Call().run(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    until(lambda: not running(int(file.read_text())), 2)
    within(4)


def test_nothing_is_asked_or_told_any_more_once_the_call_is_over(monkeypatch):
    """Not even by work that takes whatever is raised for an error, as an on_failure would."""
    monkeypatch.setattr(cancel, "GRACE", 0)
    seen, over = [], threading.Event()

    def work():
        cancel.current().limit(client.Deadline(0.1))
        tell = cancel.current().told(seen.append)
        tell("begun")
        try:
            time.sleep(0.5)
            with cancel.current().request("PATCH it", True):
                seen.append("asked")
        except Exception:
            seen.append("an error")
        finally:
            tell("ended")
            over.set()

    with pytest.raises(TaskError, match=r"^The time of 0 s is up, and this task was ended\.$"):
        cancel.Call().run(work)
    assert over.wait(5) and seen == ["begun"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_work_unwind_and_is_handed_on(within, number):
    handed, unwound = [], []
    before = signal.signal(number, lambda *_arguments: handed.append(True))

    def work():
        try:
            client.Deadline(60).sleep(60)
        finally:
            unwound.append(True)

    timer = threading.Timer(0.2, os.kill, (os.getpid(), number))
    timer.start()
    try:
        with pytest.raises(cancel.Cancelled):
            cancel.Call().run(work)
    finally:
        signal.signal(number, before)
    assert handed and unwound
    within(1.5)


# --------------------------------------------------------------- time limit --
class Server(threading.Thread):
    """One that takes connections, and answers each by itself."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self._answer = answer
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self):
        while True:
            connection = self._listener.accept()[0]
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            self.requests.append((time.monotonic(), connection.recv(65536).split(b" ")[0].decode()))
            try:
                self._answer(connection)
            except OSError:
                pass


def hangs(connection):
    connection.recv(1)


def drips(head):
    def answer(connection):
        connection.sendall(head)
        while True:
            connection.sendall(b" ")
            time.sleep(0.3)

    return answer


ANSWERS = {
    "hangs": hangs,
    "one byte after another": drips(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"),
    "one byte of the head after another": drips(b"HTTP/1.1 200 OK\r\nX-Slow:"),
}


def ask(verb):
    def run(params, _check_mode, _want_diff, progress):
        deadline = client.Deadline(1)
        api = client.Api(params["auth"], deadline, progress=progress)
        getattr(api, verb)("/api/v1/things", *([[]] if verb == "patch" else []))

    return run


@pytest.mark.parametrize("verb, answer", [("get", "hangs"), ("patch", "one byte after another"), ("get", "one byte of the head after another")])
def test_a_call_ends_in_time_whatever_the_server_does(within, verb, answer):
    server = Server(ANSWERS[answer])
    server.start()

    def run(*arguments):
        try:
            return ask(verb)(*arguments)
        except client.Fault as fault:
            # the caller's to decide
            raise TaskError(str(fault)) from None

    result = Engine("probe", {}, run).call({"host": server.url, "api_key": "x"})
    assert result["failed"]
    within(3)
    if answer != "hangs":
        unknown = verb == "patch"
        assert f"has not ended its answer to {verb.upper()} {server.url}/api/v1/things for" in result["msg"]
        assert ("It is not known whether the change was made." in result["msg"], result["changed"]) == (unknown, unknown)


def test_what_is_late_because_of_its_credentials_is_not_sent(monkeypatch):
    """A program that gives them may take longer than the call has."""
    monkeypatch.setattr(cancel, "GRACE", 0)
    server, over = Server(hangs), threading.Event()
    server.start()

    class Slow(credentials.Fixed):
        def get(self, limit, refused=False):
            time.sleep(0.6)
            return super().get(limit, refused)

    def work():
        api = PodApi({"host": server.url, "api_key": "x"}, client.Deadline(0.3))
        api._connection._target.source = Slow(api._connection._credentials)
        try:
            verb(api)
        finally:
            over.set()

    for verb in (lambda api: api.patch("/path", []), lambda api: api.execute("ns", "pod", "main", ["true"])):
        over.clear()
        with pytest.raises(TaskError):
            cancel.Call().run(work)
        assert over.wait(5)
    assert server.requests == []


def test_a_command_may_have_been_started_where_the_server_says_nothing(within):
    server = Server(hangs)
    server.start()

    def run(params, _check_mode, _want_diff, progress):
        return PodApi(params["auth"], client.Deadline(1), progress=progress).execute("ns", "pod", "main", ["rm", "s3cret"])

    result = Engine("probe", {}, run).call({"host": server.url, "api_key": "x"})
    within(3)
    assert result["failed"] and result["changed"] and result["msg"].endswith("It is not known whether the change was made.")
    assert "/pods/pod/exec for" in result["msg"] and "s3cret" not in result["msg"]


def test_a_command_that_got_no_answer_is_not_asked_for_again(monkeypatch):
    """Unless it may run twice."""
    monkeypatch.setattr(tunnel, "OPEN_TIMEOUT", 0.2)
    server = Server(hangs)
    server.start()
    for twice, says in ((False, "it is not known whether the command was started"), (True, "cannot be reached")):
        server.requests.clear()
        api = PodApi({"host": server.url, "api_key": "x"}, client.Deadline(1))
        with pytest.raises(TaskError, match=says):
            api.execute("ns", "pod", "main", ["rm"], twice=twice)
        assert (len(server.requests) > 1) is twice


def test_what_comes_last_has_time_of_its_own(monkeypatch):
    monkeypatch.setattr(cancel, "GRACE", 0)

    def work():
        call = cancel.current()
        call.limit(client.Deadline(0.2))
        call.limit(client.Deadline(60))
        call.extend(client.Deadline(0.4))
        call.extend(client.Deadline(0.1))
        time.sleep(5)

    began = time.monotonic()
    with pytest.raises(TaskError):
        cancel.Call().run(work)
    assert 0.35 < time.monotonic() - began < 1.6


# ------------------------------------------------------------------- nobody --
PROGRAM = """
import os, sys, time
from ansible_collections.slipway.kubernetes.plugins.module_utils._api import cancel
def work():
    try:
        while True:
            time.sleep(0.05)
            cancel.current().check()
    finally:
        os.unlink(sys.argv[1])
call = cancel.Call(standard_output=True)
open(sys.argv[1], "w").close()
call.run(work)
"""


def start(file, *command, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([*command, sys.executable, "-c", PROGRAM, str(file)], env=environment, stdout=subprocess.PIPE, **options)


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_module_ends_when_nobody_reads_its_result(tmp_path):
    file = tmp_path / "there"
    process = start(file)
    until(file.exists)
    process.stdout.close()
    assert process.wait(2) == 1
    assert not file.exists()


def test_a_module_ends_when_who_started_it_is_killed(tmp_path):
    file = tmp_path / "there"
    process = start(file, "sh", "-c", '"$@" & echo $!; wait', "sh")
    until(file.exists)
    child = int(process.stdout.readline())
    process.kill()
    until(lambda: not file.exists(), 2)
    until(lambda: not running(child), 2)


def running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat", encoding="utf-8") as stat:
        # one that nobody has waited for yet
        return stat.read().rpartition(")")[2].split()[0] != "Z"
