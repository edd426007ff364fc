# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a call of a module is over: its work has ended, its time is up, it was cancelled, or nobody is there any more.

The work is done in a thread of its own, while the one that Ansible called waits.  So whatever the work hangs in - an answer
that comes byte by byte, a name server that is silent - the call ends in time, and what Ansible raises where it called
(TaskTimeoutError for the keyword C(timeout)) meets no C(except) of ours.  From then on the work may ask the API server
nothing more: Cancelled, which no C(except Exception) takes for an error, unwinds it.
PRIVATE to the collection.
"""

from __future__ import annotations

import contextvars
import multiprocessing
import os
import queue
import select
import signal
import threading
import time
from contextlib import contextmanager

from .errors import TaskError

#: seconds between two looks at whether the call is over
LOOK = 0.1
#: seconds that the work gets to unwind once it is
UNWIND = 0.3
#: seconds after its time limit within which a call has said by itself that the time is up, or is ended
GRACE = 1.2

_current = contextvars.ContextVar("slipway.kubernetes.call")


class Cancelled(BaseException):
    """The call is over: nobody waits for what this thread does."""


class _Stopped(BaseException):
    """A signal came that ends this process."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


class Parent:
    """The process that started this one, and is to outlive it."""

    def __init__(self):
        # A worker of ansible-playbook knows who forked it, even if that has died since.
        known = multiprocessing.parent_process()
        self._pid = known.pid if known else os.getppid()

    def gone(self):
        return os.getppid() != self._pid


class Call:
    """One call of a module.

    :param standard_output: whether the result goes there, so that nobody is there any more once nobody reads it.
    """

    def __init__(self, standard_output=False):
        self._over = threading.Event()
        self._end = None
        self._seconds = 0.0
        self._requests = {}
        self._lock = threading.Lock()
        self._parent = Parent()
        self._reader = _Reader() if standard_output else None
        self.wrote = False

    # ------------------------------------------------------ asked by the work --
    def check(self):
        """Go on only if the call does."""
        if self._over.is_set():
            raise Cancelled

    def sleep(self, seconds):
        self._over.wait(seconds)
        self.check()

    def get(self, events, timeout):
        """The next item of a queue.

        :raises queue.Empty: there was none within the time.
        """
        end = time.monotonic() + timeout
        while True:
            self.check()
            left = max(0.0, end - time.monotonic())
            try:
                return events.get(timeout=min(LOOK, left))
            except queue.Empty:
                if left <= LOOK:
                    raise

    def join(self, thread):
        while thread.is_alive():
            self.check()
            thread.join(LOOK)

    @contextmanager
    def request(self, what, writes):
        """Around each request.  C(what) names it."""
        self.check()
        key = object()
        with self._lock:
            self._requests[key] = (what, writes, time.monotonic())
            self.wrote = self.wrote or writes
        try:
            yield
        finally:
            with self._lock:
                del self._requests[key]

    def told(self, progress):
        """A progress that says nothing once the call is over."""

        def tell(line):
            if not self._over.is_set():
                progress(line)

        return tell

    # --------------------------------------------------------- its time limit --
    def limit(self, deadline):
        """The first deadline of a call is its time limit."""
        if self._end is None:
            self.extend(deadline)

    def extend(self, deadline):
        """What comes last, such as an undo, has time of its own."""
        end = time.monotonic() + deadline.left()
        if self._end is None or end > self._end:
            self._end, self._seconds = end, self._seconds + deadline.seconds

    # ---------------------------------------------------------------- running --
    def run(self, work):
        """work(), in another thread.

        :raises TaskError: it has not ended in its time.
        """
        outcome, done = [], threading.Event()
        context = contextvars.copy_context()
        context.run(_current.set, self)

        def body():
            try:
                outcome.append((work(), None))
            except BaseException as error:
                # raised again below, where it is waited for
                outcome.append((None, error))
            finally:
                done.set()

        with _signals():
            try:
                threading.Thread(target=context.run, args=(body,), daemon=True, name="work").start()
                while not done.wait(LOOK):
                    self._look(done)
            finally:
                self._over.set()
                done.wait(UNWIND)
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    def _look(self, done):
        if self._parent.gone() or self._reader and self._reader.gone():
            self._over.set()
            done.wait(UNWIND)
            end_process()
        if self._end is not None and time.monotonic() > self._end + GRACE:
            raise TaskError(self._too_late(), {"changed": True} if self.wrote else {})

    def _too_late(self):
        with self._lock:
            pending = sorted(self._requests.values(), key=lambda request: request[2])
        sentence = f"The time of {self._seconds:.0f} s is up, and this task was ended"
        if pending:
            what, _writes, since = pending[0]
            sentence += f", because the API server has not ended its answer to {what} for {time.monotonic() - since:.0f} s"
        unknown = " It is not known whether the change was made." if any(writes for _what, writes, _since in pending) else ""
        return f"{sentence}.{unknown}"


class _Reader:
    """Whoever reads what this process prints; a file or a terminal is always there."""

    def __init__(self):
        self._poll = select.poll()
        self._poll.register(1, 0)

    def gone(self):
        return any(event & (select.POLLERR | select.POLLHUP) for _fd, event in self._poll.poll(0))


@contextmanager
def _signals():
    """Within it, a signal that ends this process lets the work unwind first."""
    if threading.current_thread() is not threading.main_thread():
        # only the main thread is told
        yield
        return

    def stop(number, _frame):
        raise _Stopped(number)

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN):
                before[number] = handler
                signal.signal(number, stop)
        yield
    except _Stopped as stopped:
        _restore(before)
        os.kill(os.getpid(), stopped.number)
        # in case that the handler from before does not end the process
        raise Cancelled from None
    finally:
        _restore(before)


def _restore(handlers):
    for number, handler in handlers.items():
        signal.signal(number, handler)


def end_process():
    """End this process, and what it has started if it leads a group of its own, as a worker of ansible-playbook does."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
        time.sleep(UNWIND)
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


#: where no call is running, as in a test of a part of one
_NONE = Call()


def current():
    """The call that this thread works for."""
    return _current.get(_NONE)
