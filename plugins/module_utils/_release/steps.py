# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of a release does to one object, and in which order.  Pure.  PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import fields
from . import objects as o

CREATE, UPDATE, RECREATE, DELETE, KEEP, UNCHANGED = "create", "update", "recreate", "delete", "keep", "unchanged"
#: actions that write
WRITES = frozenset((CREATE, UPDATE, RECREATE, DELETE))


@dataclass
class Step:
    """One object and what is to happen to it.

    :param definition: what is sent; None for one that is deleted or kept.
    :param live: as it was looked at; None where there is none.
    :param after: what the API server would make of it, where it was asked.
    :param revision: of a workload that the step rolls, the name of the revision that is live.
    :param wanted: a digest of what is wanted.
    :param autoscaled: whether an autoscaler decides on the number of replicas.
    :param managers: those whose fields become the release's, beside what its own tasks have written;
        None where not even that does.
    :param resumed: whether a paused rollout is to go on with it.
    :param last: whether it waits for the workloads.
    :param force: take over the fields of other managers that stand in the way, which are those in C(overrides).
    """

    action: str
    title: str
    resource: object = None
    definition: dict | None = None
    live: dict | None = None
    after: dict | None = None
    force: bool = False
    wanted: str = ""
    autoscaled: bool = False
    managers: tuple | None = ()
    resumed: bool = False
    last: bool = False
    revision: str | None = None
    reason: str = ""
    overrides: list = field(default_factory=list)

    @property
    def subject(self):
        return self.definition or self.live

    @property
    def identity(self):
        return o.identity(self.subject)

    @property
    def kind(self):
        return self.subject["kind"]

    @property
    def path(self):
        meta = self.subject["metadata"]
        return self.resource.path(meta.get("namespace") or "", meta["name"])

    def at(self, live):
        """What to send, to be taken only if the object is as it was looked at; a new one can only be created.

        An autoscaler's number of replicas is sent as it is, as long as nobody but the release has the field: left out, it would
        be taken back. Once the autoscaler has it, the release has it no more.
        """
        meta, definition = dict(self.definition["metadata"]), self.definition
        if live:
            meta.update(uid=live["metadata"]["uid"], resourceVersion=live["metadata"]["resourceVersion"])
        if live and self.autoscaled:
            spec = {key: value for key, value in definition["spec"].items() if key != "replicas"}
            if not fields.others_have(live["metadata"].get("managedFields") or [], fields.REPLICAS) and "replicas" in live["spec"]:
                spec["replicas"] = live["spec"]["replicas"]
            definition = {**definition, "spec": spec}
        return {**definition, "metadata": meta}

    @property
    def writes(self):
        return self.action in WRITES

    @property
    def predicted(self):
        """Could the API server not be asked, since a namespace or a definition is yet to be made?"""
        return self.action == CREATE and self.after is None

    @property
    def rolls(self):
        return bool(self.live and self.after and o.rolls(self.live, self.after))


#: the stages of a run, in order
DEFINITIONS, GUARDS_GO, MAIN, LAST, GONE = "definitions", "guards go", "main", "last", "gone"


def stage_of(step):
    """In which stage of a deployment the step is carried out."""
    if step.action == DELETE:
        # While they exist and nobody answers them any more, requests to the API server fail; an autoscaler would take back the
        # number of replicas. Everything else is of use until what takes its place is there.
        return GUARDS_GO if o.is_guard(step.live) or step.kind == o.AUTOSCALER else GONE
    if step.kind == "CustomResourceDefinition":
        return DEFINITIONS
    return LAST if step.last else MAIN


def ranks(steps):
    """The steps of a stage in groups; those of a group do not depend on each other."""
    groups = {}
    for step in steps:
        rank = o.delete_rank(step.live) if step.action == DELETE else o.rank(step.definition)
        groups.setdefault(rank, []).append(step)
    return [groups[rank] for rank in sorted(groups)]
