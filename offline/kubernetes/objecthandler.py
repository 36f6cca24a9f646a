"""Any Kubernetes object as a Pulumi resource: server-side apply, honest diffs, waits, deletion."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import cast

from offline.kubernetes import conventions, objects
from offline.kubernetes.api import ApiServer, Kind
from offline.kubernetes.errors import DELETE_UNREACHABLE, ApiError, UnknownKindError, UnreachableError
from offline.kubernetes.ready import readiness
from offline.kubernetes.rules import CLUSTER_SCOPED, needs_replacement
from offline.kubernetes.waiting import WaitError, Waiting
from offline.paths import differences, format_path, get
from offline.resource import Change, Diff, InvalidInputsError, Made, NotReadyError, Request, ResourceError
from offline.values import Map, Unknown, contains, reveal

# Fields that people changed with kubectl, or that were applied before us, are taken back without asking.
_YIELDING_MANAGERS = ("kubectl", "before-first-apply", conventions.MANAGER)
CRD_SECONDS = 30
DRIFT_TOLD = 5
GONE = Made("", {})


@dataclass(frozen=True)
class ObjectHandler:
    """The `Handler` of every Kubernetes kind. `mutable`: kinds of `rules.needs_replacement`."""

    api: ApiServer
    namespace: str
    waiting: Waiting
    mutable: frozenset[str]
    delete_unreachable: bool = False

    def check(self, request: Request) -> Map:
        """Name and namespace filled in; the object itself is checked by the server, in the dry run."""
        inputs = objects.named(request)
        version, kind = conventions.version_and_kind(request, inputs)
        inputs |= {"apiVersion": version, "kind": kind}
        if kind.endswith("List") or kind.endswith("Patch"):
            raise InvalidInputsError([("kind", f"{kind} is not understood by the stand-in provider; list each object")])
        if inputs["metadata"].get("namespace") is None and self._namespaced(version, kind):
            inputs["metadata"]["namespace"] = self.namespace
        return inputs

    def diff(self, request: Request) -> Diff:
        """Differences of identity and fixed fields by the inputs; all others by a dry run against the live object."""
        by_inputs = [
            Change(c.path, c.kind, needs_replacement(c.path, request.inputs, self.mutable))
            for c in differences(request.old_inputs, request.inputs)
        ]
        if any(change.replace for change in by_inputs):
            same_place = objects.object_id(request.inputs) == request.id
            autonamed = objects.annotation(request.inputs, objects.AUTONAMED) == "true"
            return Diff(tuple(by_inputs), delete_first=same_place and not autonamed)
        if contains(request.inputs, Unknown):
            return Diff(tuple(by_inputs))
        try:
            return Diff(tuple(self._drift(request)))
        except (UnreachableError, UnknownKindError) as error:
            self._warn(request, error)
            return Diff(tuple(by_inputs))

    def _drift(self, request: Request) -> list[Change]:
        """What applying the inputs would change in the live object, whoever changed it."""
        live, result = self._dry_run(request.inputs, request)
        if live is None:
            return [Change(("metadata", "name"), "add")]
        changed_inputs = {change.path for change in differences(request.old_inputs, request.inputs)}
        wanted = (objects.body_of(request.inputs), objects.body_of(request.old_inputs))
        found = [replace(c, of_inputs=c.path in changed_inputs) for c in conventions.relevant(live, result, wanted)]
        self._tell_drift(request, [format_path(c.path) for c in found if not c.of_inputs])
        return found

    def _tell_drift(self, request: Request, paths: list[str]) -> None:
        """The engine shows what is stored against what is wanted: both are the same where others changed it."""
        if paths and self.waiting.engine:
            more = f" and {len(paths) - DRIFT_TOLD} more" if len(paths) > DRIFT_TOLD else ""
            told = ", ".join(paths[:DRIFT_TOLD])
            self.waiting.engine.info(request.urn, f"changed in the cluster since the last `up`: {told}{more}")

    def _dry_run(self, inputs: Map, request: Request) -> tuple[Map | None, Map]:
        body = objects.body_of(inputs)
        kind = self.api.kind(body["apiVersion"], body["kind"])
        namespace, name = objects.split_id(request.id)
        live = self.api.get(kind, namespace, name)
        if live is None:
            return None, body
        return live, self.api.apply(kind, body, conventions.manager_of(request), force=True, dry_run=True)

    def create(self, request: Request) -> Made:
        """Make the object; one that exists already is an error, as in pulumi-kubernetes >= 4.29."""
        if request.preview:
            return Made("", self._preview_create(request))
        body = objects.body_of(request.inputs)
        kind = self.api.eventually((body["apiVersion"], body["kind"]), CRD_SECONDS)
        existing = self.api.get(kind, objects.namespace_of(body), objects.name_of(body))
        if existing is not None and get(existing, "metadata", "deletionTimestamp"):
            self.waiting.until_gone(request, kind, existing)  # the one that this one replaces, say
            existing = None
        # One that we made ourselves is from an `up` that was killed before it could write it down.
        if existing is not None and not objects.is_managed_by(existing, conventions.manager_of(request)):
            raise ResourceError(conventions.exists_already(kind, objects.object_id(body)))
        live = self.api.apply(
            kind, body, conventions.manager_of(request), force=conventions.forced(body), dry_run=False
        )
        return self._await(request, kind, live, body)

    def _preview_create(self, request: Request) -> Map:
        """What the server would make of the inputs, or the inputs where it cannot tell yet."""
        untold = objects.preview_state(request.inputs, request.inputs, live=False)
        if contains(request.inputs, Unknown):
            return untold
        body = objects.body_of(request.inputs)
        try:
            kind = self.api.kind(body["apiVersion"], body["kind"])
            result = self._dry_create(request, kind, body)
        except (UnreachableError, UnknownKindError) as error:
            self._warn(request, error)
            return untold
        except ApiError as error:
            if error.code not in (403, 404):
                raise
            return untold  # not allowed, or not there: that may change in this very `up`
        result["metadata"] |= {"name": body["metadata"]["name"]}
        return objects.preview_state(result, request.inputs, live=False)

    def _dry_create(self, request: Request, kind: Kind, body: Map) -> Map:
        """Ask about the object under a name that is free: it may be about to replace the one that has its name."""
        name, namespace = objects.name_of(body), objects.namespace_of(body)
        metadata = dict(body["metadata"])
        if self.api.get(kind, namespace, name) is not None:
            metadata["name"] = f"{name}-preview"
        try:
            return self._dry(request, kind, {**body, "metadata": metadata})
        except ApiError as error:
            if not error.lacks_namespace():
                raise
        # The namespace comes with this very `up`: ask about the object as if it were in `default`.
        result = self._dry(request, kind, {**body, "metadata": {**metadata, "namespace": "default"}})
        result["metadata"]["namespace"] = namespace
        return result

    def _dry(self, request: Request, kind: Kind, body: Map) -> Map:
        return self.api.apply(kind, body, conventions.manager_of(request), force=True, dry_run=True)

    def read(self, request: Request) -> Made:
        """The live object; inputs keep the program's words wherever the object still says the same."""
        version, kind_name = conventions.version_and_kind(request, request.old_inputs)
        namespace, name = objects.split_id(request.id)
        try:
            kind = self.api.kind(version, kind_name)
            live = self.api.get(kind, namespace, name)
        except UnknownKindError:
            return GONE
        except UnreachableError:
            if self._may_forget():
                return GONE
            raise
        if live is None:
            return GONE
        imported = not request.old_inputs
        inputs = objects.comparable(live) if imported else self._inputs_of(live, request)
        return Made(request.id, objects.state_of(live, inputs, conventions.manager_of(request)), inputs)

    def _inputs_of(self, live: Map, request: Request) -> Map:
        """The old inputs, with what drifted replaced by what is there."""
        wanted = cast(Map, reveal(request.old_inputs))
        try:
            _, result = self._dry_run(request.old_inputs, request)
            drifted = [c.path for c in conventions.relevant(live, result, (objects.body_of(wanted),))]
        except ApiError:  # what we once applied is not valid any more: compare with our own eyes
            drifted = [c.path for c in differences(live, wanted) if get(wanted, *c.path) is not None]
        if not drifted:
            return request.old_inputs
        return objects.protect(objects.with_live(wanted, live, drifted), request.old_inputs)

    def update(self, request: Request) -> Made:
        """Apply the inputs; fields of other managers are left alone unless the object asks for force."""
        if request.preview:
            return Made(request.id, self._preview_update(request))
        body = objects.body_of(request.inputs)
        kind = self.api.eventually((body["apiVersion"], body["kind"]), CRD_SECONDS)
        live = self._apply(kind, body, conventions.manager_of(request))
        return self._await(request, kind, live, body)

    def _preview_update(self, request: Request) -> Map:
        if contains(request.inputs, Unknown):
            return {**request.state, **request.inputs}
        try:
            live, result = self._dry_run(request.inputs, request)
        except (UnreachableError, UnknownKindError) as error:
            self._warn(request, error)
            return objects.preview_state(request.inputs, request.inputs, live=False)
        return objects.preview_state(result, request.inputs, live=live is not None)

    def _apply(self, kind: Kind, body: Map, manager: str) -> Map:
        try:
            return self.api.apply(kind, body, manager, force=conventions.forced(body), dry_run=False)
        except ApiError as error:
            managers = error.conflicting_managers
            if error.code != 409 or not managers:
                raise
            if all(owner.startswith(_YIELDING_MANAGERS) for owner in managers):
                return self.api.apply(kind, body, manager, force=True, dry_run=False)
            raise ResourceError(
                f"{error}\nRemove these fields from the program, let the other manager give them up, "
                f'or set the annotation {conventions.PATCH_FORCE}: "true" to take them over.'
            ) from None

    def _await(self, request: Request, kind: Kind, live: Map, body: Map) -> Made:
        """Wait until the object is ready; where it does not become so, its state is kept all the same."""
        manager = conventions.manager_of(request)
        condition = readiness(body)
        if condition is None:
            return Made(objects.object_id(live), objects.state_of(live, request.inputs, manager))
        try:
            ready = self.waiting.until_ready(request, kind, live, condition)
        except WaitError as failed:
            state = objects.state_of(failed.live or live, request.inputs, manager)
            raise NotReadyError(objects.object_id(live), state, failed.reasons) from None
        return Made(objects.object_id(ready), objects.state_of(ready, request.inputs, manager))

    def delete(self, request: Request) -> None:
        """Delete this very object and wait until it is gone. None there is as good."""
        version, kind_name = conventions.version_and_kind(request, request.old_inputs or request.state)
        namespace, name = objects.split_id(request.id)
        try:
            kind = self.api.kind(version, kind_name)
            live = self.api.get(kind, namespace, name)
        except UnknownKindError:
            return
        except UnreachableError:
            if self._may_forget():
                return
            raise
        uid = get(request.state, "metadata", "uid")
        if live is None or (uid and live["metadata"]["uid"] != uid):
            return
        body = objects.body_of(request.old_inputs)
        self.api.delete(kind, namespace, name, conventions.propagation(body), live["metadata"]["uid"])
        if objects.annotation(body, "pulumi.com/skipAwait") != "true":
            self.waiting.until_gone(request, kind, live)

    def _warn(self, request: Request, error: ResourceError) -> None:
        if isinstance(error, UnreachableError):
            self.waiting.warn_unreachable(request.urn, error)

    def _may_forget(self) -> bool:
        return self.delete_unreachable or os.environ.get(DELETE_UNREACHABLE, "").lower() == "true"

    def _namespaced(self, version: str, kind: str) -> bool:
        try:
            return self.api.kind(version, kind).namespaced
        except (UnreachableError, UnknownKindError):
            return kind not in CLUSTER_SCOPED
