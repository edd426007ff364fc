# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever variables of the role app meet, an API server takes what comes out, and Pod Security has nothing to say."""

from __future__ import annotations

import json

import pytest
from ansible_collections.slipway.kubernetes.plugins.module_utils._release import objects as o
from roles.app_table import PODS, ROWS, rendered


@pytest.mark.parametrize("kind", sorted(PODS))
def test_what_is_rendered_is_accepted(api, namespace, kind):
    wanted = {}
    for row in rendered(kind, "documents"):
        for document in row["documents"]:
            document["metadata"].pop("namespace", None)
        for obj in o.prepare(row["documents"], "release", namespace):
            # HTTPRoute is not Kubernetes' own, and not served here.
            if o.is_builtin(obj["apiVersion"]):
                wanted.setdefault(json.dumps(obj, sort_keys=True), (obj, row["variables"]))

    api.resources()  # once, before the threads

    def refusal(case):
        obj, variables = case
        path = api.resource(obj["apiVersion"], obj["kind"]).path(namespace, obj["metadata"]["name"])
        try:
            _after, warnings = api.dry_run_apply(path, obj, True)
        except Exception as error:
            return f"{o.title(obj)}: {error}\n{variables}"
        bad = [text for text in warnings if "failed to find any PEM data" not in text]
        return f"{o.title(obj)}: {bad}\n{variables}" if bad else None

    assert len(wanted) > 2 * ROWS
    refusals = list(filter(None, api.parallel(refusal, wanted.values())))
    assert not refusals, "\n".join(refusals)
