# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks and modules run in pods with a secret: tried in a shell here, with programs that note what they are given."""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import time
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.slipway.kubernetes.plugins.module_utils._cassandra import decommission

ROOT = Path(__file__).resolve().parents[2]
NAME, SECRET = "adm in", "p4ss wörd%s'\"$HOME"
STATEMENT = f"SELECT '{SECRET}';\n"

# Notes its arguments, the files that they name with their modes, and its input.
PROGRAM = r"""#!/bin/sh
{
  printf '%s\n' "$0 $*"
  for argument in "$@"; do
    if test -f "$argument"; then stat -c 'mode %a' "$argument" >&3; cat "$argument" >&3; fi
  done
  cat >&3
} > "$NOTES/arguments" 3> "$NOTES/read"
test -z "$SLOW" || sleep "$SLOW"
exit "${CODE:-0}"
"""


def script(file, name):
    variables = yaml.safe_load((ROOT / "playbooks/vars" / file).read_text(encoding="utf-8"))
    # with the root password where it is in the pod
    text = jinja2.Template(variables[name]).render(variables)
    return text.replace("/run/secrets/mariadb/root_password", "$ROOT_PASSWORD_FILE")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


LOGIN = f"{NAME}\n{SECRET}\n"
COMMANDS = {
    "statements of the playbooks": ([script("cassandra.yml", "__run_cql")], LOGIN + encoded(STATEMENT) + "\n", "cqlsh"),
    "a statement of cassandra_decommission": ([decommission.CQL, "ALTER KEYSPACE x"], LOGIN, "cqlsh"),
    "a statement of the database": ([script("wordpress.yml", "__run_sql")], encoded(STATEMENT) + "\n", "mariadb"),
    "a page of WordPress": ([script("wordpress.yml", "__run_php"), "sh", "set"], encoded(STATEMENT) + "\n", "php"),
}
SHELLS = ["sh", "bash"]


@pytest.fixture
def pod(tmp_path):
    for folder in ("bin", "tmp", "notes"):
        (tmp_path / folder).mkdir()
    for program in ("cqlsh", "mariadb", "php"):
        (tmp_path / "bin" / program).write_text(PROGRAM, encoding="utf-8")
        (tmp_path / "bin" / program).chmod(0o755)
    (tmp_path / "root").write_text("r00t", encoding="utf-8")
    return tmp_path


def start(pod, shell, argv, **more):
    environment = {
        "PATH": f"{pod}/bin:/usr/bin:/bin",
        "TMPDIR": f"{pod}/tmp",
        "NOTES": f"{pod}/notes",
        "ROOT_PASSWORD_FILE": f"{pod}/root",
        "LC_ALL": "C.UTF-8",
        **more,
    }
    return subprocess.Popen([shell, "-c", *argv], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def notes(pod, name):
    file = pod / "notes" / name
    return file.read_text(encoding="utf-8") if file.exists() else None


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", ["0", "3"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_secret_is_in_no_argument_and_no_file_is_left(pod, shell, command, code):
    argv, stdin, program = COMMANDS[command]
    process = start(pod, shell, argv, CODE=code)
    _out, err = process.communicate(stdin.encode())
    assert process.returncode == int(code), err
    arguments, read = notes(pod, "arguments"), notes(pod, "read")
    assert arguments.startswith(f"{pod}/bin/{program}") and SECRET not in arguments and "r00t" not in arguments
    assert SECRET in read
    assert set(re.findall("(?m)^mode .*", read)) <= {"mode 600"}
    assert list((pod / "tmp").iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_of_what_does_not_come_whole_nothing_is_run(pod, command):
    """The run is killed, or its connection breaks, in the middle of the text."""
    argv, stdin, _program = COMMANDS[command]
    process = start(pod, "sh", argv)
    process.communicate(stdin.encode()[:-3])
    # What is piped to starts at once, and reads nothing.
    assert (notes(pod, "read") or "").strip() == ""
    assert list((pod / "tmp").iterdir()) == []


@pytest.mark.parametrize("command", [name for name in COMMANDS if COMMANDS[name][2] == "cqlsh"])
def test_files_go_with_a_shell_that_is_ended(pod, command):
    argv, stdin, _program = COMMANDS[command]
    process = start(pod, "sh", argv, SLOW="1")
    process.stdin.write(stdin.encode())
    process.stdin.close()
    while not notes(pod, "read"):
        time.sleep(0.05)
    assert list((pod / "tmp").iterdir()) != []
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) != 0
    assert list((pod / "tmp").iterdir()) == []


def test_two_at_once_have_files_of_their_own(pod):
    argv, stdin, _program = COMMANDS["statements of the playbooks"]
    processes = [start(pod, "sh", argv, SLOW="1") for _number in range(3)]
    for process in processes:
        process.stdin.write(stdin.encode())
        process.stdin.close()
    seen = 0
    while any(process.poll() is None for process in processes):
        seen = max(seen, len(list((pod / "tmp").iterdir())))
        time.sleep(0.05)
    assert seen == 3 and [process.returncode for process in processes] == [0, 0, 0]


FILES = [file for folder in ("playbooks", "roles") for file in sorted((ROOT / folder).rglob("*.*")) if file.suffix in (".yml", ".j2", ".sh")]
# A fixed name below /tmp that something is written to, or a secret among the arguments of a program.
FORBIDDEN = {
    "a file of a fixed name": re.compile(r"(?:>|remote_path:|--file|tar [^\n]*)\s*\"?/tmp/\w"),
    "a password as an argument": re.compile(r"--?(?:[\w-]*(?:password|secret|token))[= ][\"']?(?:\$\(|\$\w|\{\{)", re.IGNORECASE),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_else_does_so(what):
    # An example says what to look at, and has no secret.
    files = [file for file in FILES if "examples" not in file.parts]
    found = {str(file.relative_to(ROOT)): FORBIDDEN[what].findall(file.read_text(encoding="utf-8")) for file in files}
    assert {file: matches for file, matches in found.items() if matches} == {}
