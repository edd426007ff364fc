# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's folder survives every order of starting and stopping, and what somebody else has put there."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from embedded import lifecycle
from embedded.common import ClusterError
from embedded.lifecycle import Cluster, Options


class Killed(BaseException):
    """This process is no more: nothing that comes after is done, not even cleaning up."""


class Fake(Cluster):
    """A cluster of files alone."""

    killed_after: int | None = None

    def _start(self, wanted: dict[str, Any]) -> None:
        steps = [
            lambda: self.log_dir.mkdir(parents=True),
            lambda: self.gitignore.write_text("*\n", encoding="utf-8"),
            self.data_dir.mkdir,
            lambda: self.kubeconfig.write_text("new", encoding="utf-8"),
        ]
        for number, step in enumerate(steps):
            if number == self.killed_after:
                raise Killed
            step()
        if self.killed_after == len(steps):
            raise Killed

    def _kill(self, components: Any = ()) -> None:
        pass

    def running(self) -> bool:
        return self.kubeconfig.exists()

    def _repair(self, wanted: dict[str, Any]) -> bool:
        return self.kubeconfig.exists()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(lifecycle, "binaries", lambda names: {name: Path("/programs") / name for name in names})
    monkeypatch.setattr(lifecycle.settings, "configuration", lambda *arguments: "")
    return Fake(tmp_path / "a cluster")


def up(cluster: Fake) -> str:
    return cluster.up(Options())


def use(cluster: Fake) -> None:
    """What the demo does: it leaves kubeconfigs of users beside the cluster's own."""
    cluster.users_dir.mkdir(exist_ok=True)
    (cluster.users_dir / "viewer.kubeconfig").write_text("key", encoding="utf-8")


@pytest.mark.parametrize("order", [*itertools.product("ud", repeat=5)], ids="".join)
@pytest.mark.parametrize("stranger", [None, "notes.txt"])
def test_every_order_of_up_and_down(cluster: Fake, order: tuple[str, ...], stranger: str | None) -> None:
    for step in order:
        if step == "u":
            up(cluster)
            use(cluster)
            assert cluster.kubeconfig.read_text(encoding="utf-8") == "new"
            if stranger:
                (cluster.folder / stranger).write_text("mine", encoding="utf-8")
        else:
            cluster.down()
            assert not cluster.kubeconfig.exists()
            assert not cluster.users_dir.exists()
    if stranger and "u" in order:
        assert (cluster.folder / stranger).read_text(encoding="utf-8") == "mine"
    elif order[-1] == "d":
        assert not cluster.folder.exists()


def test_down_names_what_it_leaves(cluster: Fake) -> None:
    assert "no cluster in" in cluster.down()
    up(cluster)
    (cluster.folder / "notes.txt").touch()
    assert cluster.down().endswith("is down; other files are left there (notes.txt)")


@pytest.mark.parametrize("killed_after", range(5))
@pytest.mark.parametrize("then", ["up", "down"])
def test_a_start_that_was_killed_is_made_anew(cluster: Fake, killed_after: int, then: str) -> None:
    cluster.killed_after = killed_after
    with pytest.raises(Killed):
        up(cluster)
    cluster.killed_after = None
    if then == "down":
        assert cluster.down().endswith("is down")
        assert not cluster.folder.exists()
    assert "is up" in up(cluster)
    assert "running already" in up(cluster)


def test_a_stop_that_was_killed_is_gone_on_with(cluster: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    up(cluster)

    def killed(path: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(lifecycle.shutil, "rmtree", killed)
        cluster.down()
    assert cluster.folder.exists()
    assert "is up" in up(cluster)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(lifecycle.shutil, "rmtree", killed)
        cluster.down()
    assert cluster.down().endswith("is down")
    assert not cluster.folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_state_that_was_half_written(cluster: Fake, text: str) -> None:
    cluster.folder.mkdir()
    cluster.state_file.write_text(text, encoding="utf-8")
    assert "is up" in up(cluster)


@pytest.mark.parametrize("name", ["notes.txt", "kubeconfig", "users", "kwok", ".gitignore", "container-logs"])
def test_a_folder_of_somebody_else_is_left_alone(cluster: Fake, name: str) -> None:
    """Whatever the names of the files in it: they may be those that a cluster has, too."""
    cluster.folder.mkdir()
    theirs = cluster.folder / name
    theirs.write_text("theirs", encoding="utf-8")
    with pytest.raises(ClusterError, match=f"holds other files .{name}.: give the cluster a folder of its own"):
        up(cluster)
    assert "no cluster in" in cluster.down()
    assert theirs.read_text(encoding="utf-8") == "theirs"


def test_a_file_is_no_folder(cluster: Fake) -> None:
    cluster.folder.touch()
    with pytest.raises(ClusterError, match="is not a folder"):
        up(cluster)


def test_kwokctl_never_sees_a_space(cluster: Fake, tmp_path: Path) -> None:
    """It would put the cluster elsewhere, and nobody would stop it."""
    assert " " in str(cluster.data_dir) and " " not in str(cluster.kwok_dir)
    assert Cluster(tmp_path / "one").kwok_dir == tmp_path / "one/kwok"
