# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several things at once.  PRIVATE to the collection.

Not by concurrent.futures: Python waits for its threads whenever something ends - the block, the process -, whatever they
hang in.
"""

from __future__ import annotations

import contextvars
import threading

from .cancel import Cancelled, current


def parallel(function, items, threads):
    """[function(item) for item in items], so many at a time; the first error is raised after all have ended."""
    items = list(items)
    if len(items) == 1:
        return [function(items[0])]
    results, errors = [None] * len(items), {}
    left, lock = iter(range(len(items))), threading.Lock()

    def work():
        while True:
            with lock:
                index = next(left, None)
            if index is None:
                return
            try:
                results[index] = function(items[index])
            except Cancelled:
                # who waits for this thread knows
                return
            except BaseException as error:
                # raised again below
                errors[index] = error

    workers = [
        threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True) for _each in range(min(threads, len(items)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        current().join(worker)
    # one that was cancelled has no result
    current().check()
    if errors:
        raise errors[min(errors)]
    return results
