# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._pod_attach.output import KEPT, Output


def fed(pattern, *pieces):
    output = Output(pattern)
    for stream, data in pieces:
        output.feed(stream, data)
    return output


@pytest.mark.parametrize(
    "pattern, pieces, match",
    [
        ("ready", [b"getting ready\n"], "getting ready"),
        ("ready", [b"getting re", b"ady\n"], "getting ready"),
        ("^name: $", [b"hello\nname: "], "name: "),
        # with a terminal
        ("^b$", [b"a\nb\r\nc\n"], "b"),
        ("^b$", [b"a\nb\r", b"\nc\n"], "b"),
        ("^b\\s*$", [b"a\nb\r\nc\n"], "b"),
        ("a\nb", [b"a\nb\n"], None),
        ("é", ["caf\u00e9".encode()[:4], "caf\u00e9".encode()[4:]], "café"),
        ("never", [b"a\n", b"b\n"], None),
        # of a line that is too long to be kept
        ("^b", [b"a" + b"b" * 20000, b"b"], None),
        ("^b", [b"a" + b"b" * 20000, b"b", b"b", b"b\n"], None),
        ("^b", [b"a" + b"b" * 20000, b"b\nbc"], "bc"),
        ("c$", [b"a" + b"b" * 20000, b"b", b"c\n"], "b" * 16383 + "c"),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_line_matches(stream, pattern, pieces, match):
    assert fed(pattern, *((stream, piece) for piece in pieces)).match == match


def test_a_line_is_of_one_stream():
    assert fed("ab", ("stdout", b"a"), ("stderr", b"b")).match is None


def test_result_is_that_of_a_command():
    output = fed(None, ("stdout", b"one\ntwo"), ("stderr", b"no\xff\n"), ("stdout", b"\n"))
    assert output.result() == {
        "stdout": "one\ntwo", "stdout_lines": ["one", "two"], "stderr": "no\ufffd", "stderr_lines": ["no\ufffd"],
    }


def test_half_a_character_at_the_end_is_told():
    assert fed(None, ("stdout", b"caf\xc3")).result()["stdout"] == "caf\ufffd"
    output = fed("\ufffd", ("stdout", b"caf\xc3"))
    assert output.result() and output.match == "caf\ufffd"


def test_a_flood_keeps_its_end():
    output = fed(None, *(("stdout", b"%06d " % i + b"x" * 8000 + b"\n") for i in range(400)), ("stderr", b"short"))
    assert output.shortened == {"stdout"}
    text = output.result()["stdout"]
    assert KEPT <= len(text) < KEPT + 9000 and text.splitlines()[-1].startswith("000399 ")


def test_an_endless_line_costs_no_more_the_longer_it_is():
    output = Output("$^")
    for _number in range(100):
        output.feed("stdout", b"x" * 10000)
    assert len(output._partial["stdout"]) < 1 << 15
