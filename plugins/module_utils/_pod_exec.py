# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod_exec module's work, apart from the door it was called through.  PRIVATE to the collection."""

from __future__ import annotations

import re

from ._api.client import Deadline
from ._api.engine import Engine, silent
from ._api.errors import TaskError
from ._api.pods import PodApi, encoded, find_pod
from ._api.shown import HIDDEN
from ._pod_attach.container import choose

#: what programs quote of the text that they do not take: a line, what is between quotes, a word that is none of a language
_QUOTED = re.compile(r"""'([^'\n]{4,})'|"([^"\n]{4,})"|([^\s'"();,]{6,})""")
_WORD = re.compile(r"[A-Za-z_.:]+|[\d.:]+")

OPTIONS = {
    "namespace": {"type": "str", "default": "default"},
    "name": {"type": "str", "required": True},
    "container": {"type": "str"},
    "argv": {"type": "list", "elements": "str", "required": True},
    "stdin": {"type": "str", "no_log": True},
    "wait_timeout": {"type": "int", "default": 300},
}


def run(params, check_mode=False, want_diff=False, progress=silent):
    """Run the command, and fail if it does."""
    if not params["argv"] or not params["argv"][0]:
        raise TaskError("argv must name a command.")
    for option in ("name", "namespace", "container"):
        if params[option] == "":
            raise TaskError(f"{option} must not be empty.")
    for option, text in [("stdin", params["stdin"] or ""), *(("argv", word) for word in params["argv"])]:
        encoded(text, option)
    if params["wait_timeout"] < 1:
        raise TaskError(f"wait_timeout must be at least 1 second, got: {params['wait_timeout']}.")
    api = PodApi(params["auth"], Deadline(params["wait_timeout"]), progress=progress)
    container = choose(find_pod(api, params["namespace"], params["name"]), params["container"])["name"]
    if check_mode:
        return {"changed": True, "container": container}
    code, out, err = api.execute(params["namespace"], params["name"], container, params["argv"], params["stdin"] or "", twice=False)
    return outcome(params, container, code, out, err)


def outcome(params, container, code, out, err):
    """As the results of ansible.builtin.command: without the last line's end."""
    result = {"changed": True, "container": container, "rc": code}
    for stream, text in (("stdout", out), ("stderr", err)):
        result[stream] = text.rstrip("\r\n")
        result[f"{stream}_lines"] = result[stream].splitlines()
    if code == 0:
        return result
    # Such as the statement in which a database finds an error.
    hidden = parts_of(params["stdin"] or "")
    for stream in ("stdout", "stderr"):
        for part in hidden:
            result[stream] = result[stream].replace(part, HIDDEN)
        result[f"{stream}_lines"] = result[stream].splitlines()
    said = next((line.strip() for line in reversed([*result["stdout_lines"], *result["stderr_lines"]]) if line.strip()), "")
    raise TaskError(
        f"{params['argv'][0]} in container {container} of Pod {params['namespace']}/{params['name']} has ended with exit code {code}"
        f"{': ' + said.rstrip('.') if said else ''}.",
        result,
    )


def parts_of(text):
    """What is not to be shown of a text, longest first, in the words of a program that quotes it."""
    lines = {line.strip() for line in text.splitlines() if len(line.strip()) >= 6}
    words = {word for match in _QUOTED.findall(text) for word in match if word and not (match[2] and _WORD.fullmatch(word))}
    return sorted(lines | words, key=len, reverse=True)


# What a command says is its caller's, who may want a secret from it.
ENGINE = Engine("pod_exec", OPTIONS, run, handed_out=("stdout", "stdout_lines", "stderr", "stderr_lines"))
