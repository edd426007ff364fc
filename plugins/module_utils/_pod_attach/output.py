# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container prints while it is attached to, and whether it matches yet.  Pure.  PRIVATE to the collection."""

from __future__ import annotations

import codecs
import re
from collections import deque

#: characters of each stream that are kept at least; what came before them is let go
KEPT = 1 << 20
#: characters of an unfinished line in which a match is looked for: a prompt, but no flood without an end
_PARTIAL = 1 << 14

STREAMS = ("stdout", "stderr")


class Output:
    """Takes the bytes of both streams as they come."""

    def __init__(self, pattern=None):
        self._pattern = re.compile(pattern) if pattern else None
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in STREAMS}
        self._pieces = {name: deque() for name in STREAMS}
        self._size = dict.fromkeys(STREAMS, 0)
        self._partial = dict.fromkeys(STREAMS, "")
        self._cut = dict.fromkeys(STREAMS, False)
        #: the streams whose beginning has been let go
        self.shortened = set()
        #: the line that matched the pattern
        self.match = None

    def feed(self, stream, data, final=False):
        text = self._decoders[stream].decode(data, final)
        pieces = self._pieces[stream]
        pieces.append(text)
        self._size[stream] += len(text)
        while self._size[stream] - len(pieces[0]) >= KEPT:
            self._size[stream] -= len(pieces.popleft())
            self.shortened.add(stream)
        if self._pattern and self.match is None:
            self._look(stream, text)

    def _look(self, stream, text):
        *lines, rest = (self._partial[stream] + text).split("\n")
        # the last one may be a prompt, which never ends
        for line in [*lines, rest]:
            # a terminal ends its lines with both
            line = line.rstrip("\r")
            # what is left of a long line does not begin where the line does
            start, self._cut[stream] = int(self._cut[stream]), False
            if self._pattern.search(line, start):
                self.match = line[start:]
                return
        self._cut[stream] = bool(start) or len(rest) > _PARTIAL
        self._partial[stream] = rest[-_PARTIAL:]

    def result(self):
        """As the results of ansible.builtin.command: without the last line's end."""
        result = {}
        for stream in STREAMS:
            self.feed(stream, b"", final=True)
            result[stream] = "".join(self._pieces[stream]).rstrip("\r\n")
            result[f"{stream}_lines"] = result[stream].splitlines()
        return result
