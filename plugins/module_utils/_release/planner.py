# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of a release would change, worked out before anything is changed.

Every object is looked at, and goes through the API server's own dry run, so that whatever the server would refuse - a taken
node port, an immutable field, a missing permission - is known while the cluster is untouched.  What is deleted, the inventory
names: no kind of the cluster is searched, but once, when a release from before there were records is taken over.
Reads and dry runs only.  PRIVATE to the collection.
"""

from __future__ import annotations

import functools

from .._api.client import FIELD_MANAGER, ApiError
from .._api.errors import TaskError
from .._api.shown import message
from .._rollout.objects import name_problem
from .._rollout.workloads import Histories, Target
from . import checks
from . import objects as o
from . import record as r
from .fields import ADOPTED, lost, parse_conflicts, without
from .immutable import explain
from .ownership import Claim, whose
from .steps import CREATE, DELETE, KEEP, RECREATE, UNCHANGED, UPDATE, Step

#: of so many objects of a kind in one namespace on, they are listed
_LISTED = 8
#: how often an object that moves between the look and the dry run is looked at again
_LOOKS = 5

#: the conflict over what an autoscaler, which is a part of that, has set
_AUTOSCALERS = {"manager": "kube-controller-manager", "field": ".spec.replicas"}


class Planner:
    """Plans one run of one release.

    :param takeover: the release has no record yet, and may have objects from before there were any.
    :param resume: go on with a paused rollout whose template changes.
    :param prefix: how the variables begin by which a role has what is an option here, for sentences that name one.
    :param managers: field managers whose fields become the release's with an object that it adopts, beside those of kubectl and the like.
    """

    def __init__(self, api, record, adopt=False, force_conflicts=False, takeover=False, resume=False, managers=(), prefix=""):
        self._api, self._record = api, record
        self._prefix = prefix
        self._adopt, self._force, self._resume, self._managers = adopt, force_conflicts, resume, ADOPTED.union(managers)
        self.claim = Claim.of(record, takeover, functools.cache(api.is_orphaned))
        self.errors, self.warnings = [], []
        #: workloads of which an autoscaler decides on the replicas, and those of which one did that this run deletes
        self._scaled, self._freed, self._prune = set(), set(), True
        #: entries for claims of StatefulSets that go, which the record does not name yet
        self.entered = ()

    # ----------------------------------------------------------------- present --
    def present(self, definitions, absent_namespaces=(), prune=True, requires=()):
        """The steps for all definitions, and for the objects that are no longer among them.

        :param absent_namespaces: those that are yet to be made.
        :param requires: kinds and objects that the release uses, though they are not part of it.
        :raises TaskError: something stands in the way; the message names all that does.
        """
        self._prune = prune
        return self.planned(definitions, absent_namespaces, requires) + self.superfluous(definitions, prune)

    def planned(self, definitions, absent_namespaces=(), requires=()):
        """The steps for the definitions alone."""
        self.errors += checks.not_served(self._api, definitions) + checks.not_there(self._api, requires, self._record.identity.name)
        self._raise_errors()
        self.errors += checks.taken_node_ports(self._api, definitions)
        self._raise_errors()
        return self.tried(definitions, absent_namespaces)

    def tried(self, definitions, absent_namespaces=()):
        """The steps for definitions of which all is there that they need."""
        wanted = [self._labelled(obj) for obj in definitions]
        self._scaled |= self._autoscaled(wanted, set(absent_namespaces))
        live = self._look(wanted, set(absent_namespaces))
        steps = self._api.parallel(lambda obj: self._examine(obj, live, absent_namespaces), wanted)
        self._check_names(steps)
        self._raise_errors()
        return steps

    def digests(self, steps, live):
        """For the record: by which the next run sees, without a dry run, that an object is as it should be.

        :param live: what the run has made, by identity.
        """
        found = {}
        for step in steps:
            now = live.get(step.identity) or (step.live if step.action == UNCHANGED else None)
            if now and step.wanted:
                found[_key(step.identity)] = [step.wanted, r.digest(self._record.key, o.settled(now))]
        return found

    def _is_settled(self, step, live):
        """Is the same wanted as when the object was seen to be so, and has nothing happened to it since?

        Then an apply would change nothing, as it did not then: a dry run would only say so again.
        """
        known = self._record.digests.get(_key(step.identity))
        return bool(known) and known == [step.wanted, r.digest(self._record.key, o.settled(live))]

    def recorded(self, obj):
        """A definition as it is remembered: an autoscaler's number of replicas is nothing to go back to."""
        if o.identity(obj) not in self._scaled or "replicas" not in obj["spec"]:
            return obj
        return {**obj, "spec": {key: value for key, value in obj["spec"].items() if key != "replicas"}}

    def _raise_errors(self):
        if self.errors:
            raise TaskError("\n".join(sorted(set(self.errors))))

    def _labelled(self, obj):
        """With the release's id on its own metadata; selectors and templates stay as they are, since they are immutable."""
        obj = o.plain(obj)
        if obj["kind"] != "Namespace" or o.label(obj, o.RELEASE) is not None:
            obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), o.RELEASE_ID: self.claim.id}
        return obj

    def _autoscaled(self, definitions, absent_namespaces):
        """The workloads of which an autoscaler decides on the replicas: one of this run, or one of anybody that is there.

        One of the release's own that this run does not render is deleted before they are applied.
        """
        scalers = [obj for obj in definitions if obj["kind"] == o.AUTOSCALER]
        rendered = {o.identity(obj) for obj in scalers}
        namespaces = {obj["metadata"].get("namespace") or "" for obj in definitions if obj["kind"] in o.SCALED} - absent_namespaces
        resource = self._api.any_version(("autoscaling", o.AUTOSCALER))
        for namespace in sorted(namespaces) if resource else ():
            try:
                items, _version = self._api.list(resource.path(namespace))
            except ApiError as error:
                if error.code != 403:
                    raise
                # Whoever may not look is told by the fields' owner.
                continue
            for item in items:
                live = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
                if o.identity(live) in rendered or not self._prune or not self.claim.owns(live):
                    scalers.append(live)
                else:
                    self._freed.add(o.scaled_by(live))
        return {o.scaled_by(scaler) for scaler in scalers}

    def _look(self, definitions, absent_namespaces):
        """What is there of the definitions, by identity, None for what is not; what is missing here is looked at one by one.

        Of many objects of a kind in a namespace, the release's own come in one list. A release that has none yet asks for names.
        """
        groups = {}
        for obj in definitions:
            resource = self._api.resource(obj["apiVersion"], obj["kind"])
            namespace = obj["metadata"].get("namespace") or ""
            if resource is not None and namespace not in absent_namespaces:
                groups.setdefault((resource, namespace), []).append(obj)
        large = [key for key, members in groups.items() if len(members) >= _LISTED]
        ask = self._not_there if self.claim.takeover else self._own
        listed = self._api.parallel(lambda key: ask(*key, groups[key]), large) if large else []
        return {identity: obj for objects in listed for identity, obj in objects.items()}

    def _not_there(self, resource, namespace, wanted):
        try:
            names = self._api.names(resource.path(namespace))
        except ApiError as error:
            if error.code != 403:
                raise
            # Whoever may not list may get.
            return {}
        return {o.identity(obj): None for obj in wanted if obj["metadata"]["name"] not in names}

    def _own(self, resource, namespace, _wanted):
        try:
            items, _version = self._api.list(resource.path(namespace), [("labelSelector", f"{o.RELEASE_ID}={self.claim.id}")])
        except ApiError as error:
            if error.code != 403:
                raise
            return {}
        own = [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in items]
        return {o.identity(obj): obj for obj in own}

    def _examine(self, obj, live, absent_namespaces):
        """The step of one definition."""
        resource = self._api.resource(obj["apiVersion"], obj["kind"])
        step = Step(UNCHANGED, o.title(obj), resource, obj, last=o.annotation(obj, o.PHASE) == "last")
        step.autoscaled = o.identity(obj) in self._scaled
        step.wanted = r.digest(self._record.key, [obj, step.autoscaled])
        if resource is None or obj["metadata"].get("namespace") in absent_namespaces:
            step.definition = _sent(obj)
            step.action = CREATE
            return step
        try:
            identity = o.identity(obj)
            seen = live[identity] if identity in live else self._live(resource, obj)
            for _attempt in range(_LOOKS):
                done = self._compare(step, obj, seen)
                if done:
                    return done
                seen = self._live(resource, obj)
            self.errors.append(f"{step.title}: it is changed by somebody else again and again; try again when that has ended")
        except ApiError as error:
            if obj["kind"] == "Namespace" and error.code == 403:
                # Whoever may only work inside a namespace is given one by somebody else.
                step.action = KEEP
                return step
            self.errors.append(f"{step.title}: {explain(obj, message(error, obj))}")
        return step

    def _live(self, resource, obj):
        meta = obj["metadata"]
        live = self._api.lookup(resource.path(meta.get("namespace") or "", meta["name"]))
        return live and {**live, "apiVersion": obj["apiVersion"], "kind": obj["kind"]}

    def _compare(self, step, obj, live):
        """The step, or None when the object has moved since the look."""
        step.live = live
        if live and not self._may_change(step, obj, live):
            return step
        if live and self._is_settled(step, live):
            return step
        if live and o.is_shared(obj) and not self._may_set_level(step, obj, live):
            return step
        definition = _sent(obj)
        if live and o.is_generated(obj):
            # What was generated once stays; only what is missing is added.
            definition["data"] = {**(definition.get("data") or {}), **(live.get("data") or {})}
        if step.resumed:
            definition["spec"]["paused"] = False
        step.definition = definition
        if o.is_shared(obj):
            step.managers = None
        elif live and (step.reason == "adopted" or self.claim.takeover and self.claim.owns(live)):
            step.managers = self._managers
        try:
            step.after, warnings = predicted(self._api, step, live)
        except ApiError as error:
            if "does not support dry run" in str(error):
                step.action = UPDATE if live else CREATE
                return step
            if moved(error):
                return None
            if error.code == 422 and live and o.is_true(o.annotation(obj, o.RECREATE)):
                return self._recreate(step, definition, error)
            conflicts = parse_conflicts(str(error)) if error.code == 409 else []
            if not conflicts or not self._may_override(step, conflicts):
                if conflicts:
                    return step
                raise
            return self._compare(step, obj, live)
        self.warnings += [f"{step.title}: {message(text, obj)}" for text in warnings]
        if live is None:
            step.action = CREATE
        elif o.clean(live) != o.clean(step.after):
            step.action = UPDATE
            if step.rolls and step.after["spec"].get("paused") and "paused" not in obj["spec"]:
                if self._resume:
                    step.resumed = True
                    return self._compare(step, obj, live)
                self.errors.append(
                    f"{step.title} is paused, so that the change of its pods would not be rolled out; set {self._prefix}resume to resume it"
                )
                return step
            if step.rolls:
                step.revision = live_revision(self._api, live)
        return step

    def _may_change(self, step, obj, live):
        if live["metadata"].get("deletionTimestamp"):
            self.errors.append(f"{step.title} is being deleted; run this again when it is gone")
            return False
        if o.is_shared(obj):
            return True
        if not self.claim.owns(live):
            if not self._adopt:
                self.errors.append(f"{step.title} {whose(live, self.claim)}; set {self._prefix}adopt to take it over")
                return False
            step.reason = "adopted"
        elif self.claim.replaced(live):
            self.warnings.append(f"{step.title} is another one than the release has made, as after a restore; it is taken for it from now on")
        return True

    def _may_set_level(self, step, obj, live):
        """May the release give its namespace another Pod Security level?

        One that somebody else has made is theirs.  One that this collection has made got its level with it, and while other
        releases are there a new one is not for one of them to set.
        """
        now, wanted = o.label(live, o.ENFORCE) or "", o.label(obj, o.ENFORCE) or ""
        if o.label(live, o.MANAGED_BY) != o.MANAGER or wanted in ("", now):
            return False
        others = r.others(self._api.records(live["metadata"]["name"]), self._record.identity)
        if not others:
            return True
        known = f"{step.title} has the Pod Security level {now or 'none'}, and {', '.join(others)} is there as well"
        # A level that is none of Kubernetes' own cannot be compared.
        if now not in o.LEVELS or o.LEVELS.index(wanted) > o.LEVELS.index(now):
            self.errors.append(f"{known}; this release's level {wanted} is stricter: give all of them the same, or namespaces of their own")
        else:
            self.warnings.append(f"{known}; this release's level {wanted} is not set: where its pods need it, give all of them the same")
        return False

    def _may_override(self, step, conflicts):
        # What is adopted is adopted with what those have written who made it.
        taken = {FIELD_MANAGER, *(step.managers or ())}
        foreign = [
            conflict for conflict in conflicts
            if conflict["manager"] not in taken and not (step.resumed and conflict["field"] == ".spec.paused")
            and not (step.identity in self._freed and conflict == _AUTOSCALERS)
        ]
        if foreign and not self._force:
            fields = ", ".join(f"{conflict['field']} ({conflict['manager']})" for conflict in foreign)
            self.errors.append(
                f"{step.title}: other field managers hold values unlike this release's: {fields}; set "
                f"{self._prefix}force_conflicts to take these fields over"
            )
            return False
        step.force, step.overrides = True, conflicts
        own = [conflict["field"] for conflict in conflicts if conflict["manager"] == FIELD_MANAGER]
        if own:
            self.warnings.append(f"{step.title}: the release takes back what a rollout task has set: {', '.join(own)}")
        return True

    def _recreate(self, step, definition, error):
        """An object that cannot become what it should be, and may be made anew - if that is possible.

        The server is asked about a new object, which needs another name for as long as this one exists.
        """
        stand_in = {**definition, "metadata": {**definition["metadata"], "name": definition["metadata"]["name"][:200] + "-anew"}}
        path = step.resource.path(definition["metadata"].get("namespace") or "", stand_in["metadata"]["name"])
        try:
            self._api.dry_run_apply(path, stand_in, False)
        except ApiError:
            raise error from None
        step.action = RECREATE
        return step

    def _check_names(self, steps):
        """Names that the API server takes, and that the pods of a new revision cannot have."""
        for step in steps:
            meta = step.subject["metadata"]
            problem = name_problem(step.kind, meta["name"])
            if problem and step.subject["apiVersion"].startswith("apps/") and (step.action == CREATE or step.rolls):
                self.errors.append(f"{step.title}: {problem}")

    # ----------------------------------------------------------------- removals --
    def superfluous(self, definitions, prune):
        """The steps for what the inventory names and this run does not render; data stays."""
        wanted = {o.identity(obj) for obj in definitions}
        steps = self._removals([entry for key, entry in self.claim.inventory.items() if key not in wanted])
        steps = [step for step in steps if step.kind != "Namespace"]
        self._enter_claims([step.live for step in steps if step.action == DELETE])
        for step in steps:
            if o.is_data(step.live):
                step.action = KEEP
            elif not prune and step.action == DELETE:
                step.action, step.reason = KEEP, f"{self._prefix}prune is false"
                self.warnings.append(f"{step.title} is no longer among the release's objects, and is left, since {step.reason}")
        return [step for step in steps if step.action == DELETE or step.reason]

    def absent(self, delete_data=False):
        """The steps for everything that the inventory names, in the order to delete it."""
        steps = self._removals(list(self.claim.inventory.values()))
        steps = [step for step in steps if step.kind != "Namespace"]
        self._enter_claims([step.live for step in steps if step.action == DELETE] + list(self._record.objects))
        steps += self._removals(self.entered)
        for step in steps:
            if step.action == DELETE and o.is_data(step.live) and not delete_data:
                step.action, step.reason = KEEP, "it holds data"
        return sorted(steps, key=lambda step: o.delete_rank(step.live))

    def _enter_claims(self, objects):
        """What StatefulSets made of their claim templates is the release's, and data.

        It has the labels that the templates have, and a name by the template, the set and a number; not the release's id, which
        a template cannot be given once the set is there.
        """
        made = {}
        for obj in objects:
            for template in (obj.get("spec") or {}).get("volumeClaimTemplates") or [] if obj["kind"] == "StatefulSet" else []:
                name = f"{template['metadata']['name']}-{obj['metadata']['name']}"
                made.setdefault(obj["metadata"].get("namespace") or "", set()).add(name)
        selector = o.release_selector(self.claim.name, self.claim.namespace)
        for namespace, names in sorted(made.items()):
            resource = self._api.resource("v1", "PersistentVolumeClaim")
            try:
                items = self._api.metadata(resource.path(namespace), [("labelSelector", selector)])
            except ApiError as error:
                if error.code != 403:
                    raise
                self.warnings.append(f"The claims that StatefulSets have made in namespace {namespace} may not be listed, and are left")
                continue
            for item in items:
                claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": item["metadata"]}
                name, _dash, ordinal = item["metadata"]["name"].rpartition("-")
                if name in names and ordinal.isdecimal() and o.identity(claim) not in self.claim.inventory:
                    entry = r.Entry.of(claim)
                    self.claim.inventory[entry.identity] = entry
                    self.entered += (entry,)

    def _removals(self, entries):
        """A step for each entry that is there; one that is not the release's own is kept and named."""
        steps = self._api.parallel(self._removal, entries) if entries else []
        self._raise_errors()
        return [step for step in steps if step is not None]

    def _removal(self, entry):
        title = f"{entry.kind} {'/'.join(filter(None, (entry.namespace, entry.name)))}"
        resource = self._api.resource(entry.api_version, entry.kind) or self._api.any_version(entry.identity)
        if resource is None:
            # A kind that is not served any more has taken its objects with it.
            return None
        if not resource.fresh:
            # Its objects are not seen, not gone.
            self.errors.append(f"{title} cannot be looked at, because what serves {resource.api_version} does not answer")
            return None
        try:
            live = self._api.lookup(resource.path(entry.namespace, entry.name))
        except ApiError as error:
            self.errors.append(f"{title}: {error}")
            return None
        if live is None:
            return None
        live = {**live, "apiVersion": resource.api_version, "kind": resource.kind}
        step = Step(DELETE, title, resource, live=live)
        if not self.claim.owns(live):
            step.action, step.reason = KEEP, whose(live, self.claim)
        elif entry.uid and self.claim.replaced(live):
            # It was made by somebody, for instance by a restore: never deleted before it was entered.
            step.action, step.reason = KEEP, "it is another one than the release has made"
        elif o.is_controlled(live):
            step.action = UNCHANGED
        elif live["metadata"].get("deletionTimestamp"):
            step.action, step.reason = UNCHANGED, "it is being deleted"
        return step


def _key(identity):
    return "/".join(identity)


def moved(error):
    """Is this the API server's word that an object is not the one, or not as it was, when it was looked at?

    A wrong uid is "field is immutable" to an apply, a uid whose object is gone a conflict, as is a resourceVersion that has passed.
    """
    text = str(error)
    return (
        error.code == 409 and not parse_conflicts(text)
        or error.code == 422 and "metadata.uid" in text
    )


def predicted(api, step, live):
    """What an object will be, and the server's warnings: a dry run, and what goes with the fields of second owners."""
    after, warnings = api.dry_run_apply(step.path, step.at(live), step.force)
    after.update(apiVersion=step.definition["apiVersion"], kind=step.kind)
    if live and step.managers is not None:
        before, managed = (obj["metadata"].get("managedFields") or [] for obj in (live, after))
        going = lost(before, managed, step.managers)
        if going:
            after = without(after, going)
    return after, warnings


def _sent(obj):
    """A definition without what only instructs this collection."""
    obj = o.plain(obj)
    annotations = obj["metadata"].get("annotations") or {}
    for instruction in (o.PHASE, o.RECREATE):
        annotations.pop(instruction, None)
    return obj


def live_revision(api, workload):
    """The name of the revision that is live, which an undo goes back to; None where it cannot be told."""
    try:
        current = Histories(api, [Target(workload)]).current(workload)
    except ApiError as error:
        if error.code != 403:
            raise
        return None
    return current.name if current else None
