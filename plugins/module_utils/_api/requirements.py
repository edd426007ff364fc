# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is too old to work with, in one sentence and before anything is done.

The versions are those of meta/support.yml, which a module cannot read where it runs.  PRIVATE to the collection.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, version

#: the oldest versions of Python packages; the first brings the others, in versions of which not all are new enough
PACKAGES = {"kubernetes": "31.0.0", "urllib3": "2.0.7", "websocket-client": "1.6.0"}
#: the oldest version of the collection kubernetes.core
CORE = "6.3.0"


def older(found, needed):
    """Whether a version comes before another.  One that says nothing, as of a checkout, is none that is too old."""
    numbers = [[int(number) for number in re.findall(r"\d+", re.match(r"[\d.]*", version).group())] for version in (found or "", needed)]
    return bool(numbers[0]) and numbers[0] < numbers[1]


def package_problem(found, python=sys.executable):
    """Why the Python packages of these versions are not enough, or an empty text.  What is missing says so where it is needed."""
    old = [name for name, needed in PACKAGES.items() if older(found.get(name), needed)]
    if not old:
        return ""
    too_old = "; ".join(f"{name} {found[name]} is too old, {PACKAGES[name]} is the oldest that works" for name in old)
    wanted = " ".join(f"'{name}>={PACKAGES[name]}'" for name in old)
    return f"The Python package {too_old}. Where this task runs, that is: {python} -m pip install {wanted}"


def installed():
    """The versions of the packages of the Python that runs this."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass
    return found


#: Of this process, once: looking takes milliseconds.
PACKAGE_PROBLEM = package_problem(installed())


def core_problem(folder, found, error=None, python=sys.executable):
    """Why the collection kubernetes.core of that version is not enough, or an empty text.

    :param folder: where it was found; empty where it is nowhere.
    :param error: why it could not be imported.
    """
    install = f"for {python}, run: ansible-galaxy collection install 'kubernetes.core:>={CORE}'"
    if not folder:
        return f"The collection kubernetes.core is not there, and {CORE} or newer is needed; {install}"
    if older(found, CORE):
        return f"The collection kubernetes.core {found} in {folder} is too old, {CORE} is the oldest that works; {install}"
    if error:
        return f"The collection kubernetes.core {found or 'of unknown version'} in {folder} does not fit this one ({error}); {install}"
    return ""


def core_version(folder):
    """The version of a collection that was installed, or an empty text: a checkout has no manifest."""
    try:
        with open(f"{folder}/MANIFEST.json", encoding="utf-8") as file:
            return json.load(file)["collection_info"]["version"] or ""
    except (OSError, ValueError, LookupError, TypeError):
        return ""
