# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.slipway.kubernetes.plugins.module_utils._port_forward import run

POD = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web"}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
PARAMS = {
    "auth": {}, "state": "present", "kind": "Pod", "name": "web", "namespace": "shop", "port": "80", "local_port": 0, "address": "127.0.0.1",
    "expiration_seconds": 60, "id": None,
}


class Slot:
    """A forward that is open, whose process has said something."""

    def __init__(self, words):
        self.identity, self.words, self.done = "id", words, []

    def running(self):
        return {"address": "127.0.0.1", "local_port": 0, "namespace": "shop", "pod": "web", "port": 80, "expires": 0}

    def last_words(self):
        return self.words

    def renew(self, expires):
        self.done.append("renewed")

    def stop(self):
        self.done.append("stopped")

    def start(self, listener, note, path, connection, expires):
        self.done.append(f"started with {connection}")


@pytest.mark.parametrize(
    "words, done",
    [
        ("", ["renewed"]),
        ("2026-11-29T12:00:00Z the API server answered 500 busy", ["renewed"]),
        ("2026-11-29T12:00:00Z the API server answered 401 {}", ["stopped", "started with fresh credentials"]),
    ],
    ids=["nothing", "another trouble", "credentials that have expired"],
)
def test_a_forward_whose_credentials_have_expired_goes_on_with_those_of_the_task(monkeypatch, words, done):
    slot = Slot(words)
    api = SimpleNamespace(
        host="https://k", get=lambda path: POD, websocket=lambda path, protocols: SimpleNamespace(shutdown=lambda: None),
        connection=lambda: "fresh credentials",
    )
    monkeypatch.setattr(run, "Api", lambda *args, **kwargs: api)
    monkeypatch.setattr(run, "Slot", lambda identity: slot)
    result = run.run(PARAMS)
    assert slot.done == done
    assert result["changed"] == ("stopped" in done)
    assert ("warnings" in result) == bool(words)
