# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client that writes a row and reads one at QUORUM, over and over, and tells each time how it went.

With an argument, it tells how many rows there are, and ends.
"""

from __future__ import annotations

import glob
import os
import random
import sys
import time

# The driver that cqlsh brings along: in the stand-in, and in the official image.
sys.path[:0] = ["/opt/cqlsh", *[
    f"{path}/{os.path.basename(path)[:-4].replace('-internal-only', '')}" if "driver" in path else path
    for path in glob.glob("/opt/cassandra/lib/*.zip")
]]

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile

#: How long a statement may be tried again. A node that is killed takes the statements along that it was working on.
PATIENCE = 20

cluster = Cluster(
    [os.environ["CASSANDRA_HOST"]],
    auth_provider=PlainTextAuthProvider(os.environ["CASSANDRA_USERNAME"], os.environ["CASSANDRA_PASSWORD"]),
    execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(consistency_level=ConsistencyLevel.QUORUM, request_timeout=6)},
)
session = cluster.connect("shop")
if sys.argv[1:]:
    print(f"rows={sum(row.what == f'order {row.id}' for row in session.execute('SELECT id, what FROM orders'))}")
    sys.exit()
write = session.prepare("INSERT INTO orders (id, what) VALUES (?, ?)")
read = session.prepare("SELECT what FROM orders WHERE id = ?")
written = tried = retried = failed = lost = 0
last = ""


def done(statement, values):
    """The rows, or None where the statement failed for good."""
    global retried, failed, last
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return list(session.execute(statement, values))
        except Exception as error:  # whatever it is, it is what a user would see
            last = f"{type(error).__name__}: {error}"
            if time.monotonic() > end:
                failed += 1
                return None
            retried += 1


while True:
    tried += 1
    if done(write, (written, f"order {written}")) is not None:
        written += 1
    if written:
        row = random.randrange(written)
        rows = done(read, (row,))
        if rows is not None and [found.what for found in rows] != [f"order {row}"]:
            lost += 1
    print(f"written={written} tried={tried} retried={retried} failed={failed} lost={lost} {last}", flush=True)
    time.sleep(0.2)
