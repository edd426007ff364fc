# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every part of the embedded cluster needs: its error, its cache and its locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


class ClusterError(Exception):
    """A failure whose one sentence tells the user what to do; anything else is a bug."""


def say(message: str) -> None:
    """Progress goes to standard error: the commands' results are read from standard output."""
    print(message, file=sys.stderr, flush=True)


def cache_dir() -> Path:
    """Where built binaries and locks live, outside the work tree so that every checkout shares them."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The XDG specification has relative paths ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "slipway-kubernetes"


def version_tuple(text: str) -> tuple[int, ...]:
    """'1.26.8' -> (1, 26, 8); what follows the numbers (rc1, a vendor's suffix) is left out."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


@contextlib.contextmanager
def locked(name: str, waiting: str) -> Iterator[None]:
    """Hold the machine-wide lock `name`; say `waiting` once if another process has it."""
    path = cache_dir() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
