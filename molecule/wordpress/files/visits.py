# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visit pages of a site in turn until a file appears, and print as JSON how often, and what went wrong."""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import time
import urllib.request
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", required=True, help="where the site answers")
    parser.add_argument("--host", required=True, help="name of the site")
    parser.add_argument("--stop", required=True, type=Path, help="the file")
    parser.add_argument("--seconds", required=True, type=float, help="give up after")
    parser.add_argument("pages", nargs="+", metavar="PATH=TEXT", help="a page and what is on it")
    options = parser.parse_args()

    started, visits, failed = time.monotonic(), 0, []
    for page in itertools.cycle(options.pages):
        if options.stop.exists() or time.monotonic() - started > options.seconds:
            break
        path, text = page.split("=", 1)
        visits += 1
        request = urllib.request.Request(options.at + path, headers={"Host": options.host})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                if text not in answer.read().decode():
                    failed.append(f"{path} after {time.monotonic() - started:.0f} s: without {text}")
        except (OSError, http.client.HTTPException) as error:
            failed.append(f"{path} after {time.monotonic() - started:.0f} s: {error!r}")
        time.sleep(0.2)
    print(json.dumps({"visits": visits, "failed": failed, "stopped": options.stop.exists()}))


if __name__ == "__main__":
    main()
