"""`docker-build:index:Image`: built when what it is built from changes, pushed, known by its digest."""

from __future__ import annotations

import threading
from typing import Any, cast

from offline.dockerbuild import registry
from offline.dockerbuild.builder import build_and_push
from offline.dockerbuild.contexthash import context_hash
from offline.dockerbuild.inputs import Spec, problems, spec
from offline.dockerbuild.reference import parse
from offline.engine import Engine
from offline.paths import differences
from offline.resource import Change, Diff, InvalidInputsError, Made, Request
from offline.values import UNKNOWN, Map, Unknown, contains, mark_like, reveal

_NOT_BUILT_FROM = ("buildOnPreview", "registries")  # a renewed password is no reason to build


class ImageHandler:
    """The `Handler` of images."""

    def __init__(self, engine: Engine | None, cancelled: threading.Event) -> None:
        """`cancelled` ends builds."""
        self._engine = engine
        self._cancelled = cancelled

    def check(self, request: Request) -> Map:
        """Refuse what is not understood, and files that do not exist."""
        inputs = {key: value for key, value in request.inputs.items() if value is not None}
        found = problems(cast(Map, reveal(inputs)))
        if found:
            raise InvalidInputsError(found)
        return inputs

    def diff(self, request: Request) -> Diff:
        """Changed inputs, changed content of the contexts, or an image that the registry has lost."""
        inputs: Any = reveal(request.inputs)
        changes = [c for c in differences(request.old_inputs, inputs) if c.path[0] not in _NOT_BUILT_FROM]
        if contains(inputs, Unknown):
            return Diff(tuple(changes))
        wanted = spec(inputs)
        if context_hash(wanted) != request.state.get("contextHash"):
            changes.append(Change(("contextHash",), "update", of_inputs=False))
        if not self._in_registry(wanted, str(request.state.get("ref") or "")):
            changes.append(Change(("ref",), "update", of_inputs=False))
        return Diff(tuple(changes))

    def _in_registry(self, wanted: Spec, ref: str) -> bool:
        """Yes where the registry does not answer: only a clear no is a reason to build."""
        try:
            return bool(ref) and registry.digest_of(parse(ref), wanted.registries) is not None
        except OSError:
            return True

    def create(self, request: Request) -> Made:
        """Build and push."""
        return self.update(request)

    def update(self, request: Request) -> Made:
        """Build and push; a preview only tells that there will be a new digest."""
        inputs: Any = reveal(request.inputs)
        if request.preview:
            known = UNKNOWN if contains(inputs, Unknown) else context_hash(spec(inputs))
            return Made(request.id, {**request.inputs, "contextHash": known, "digest": UNKNOWN, "ref": UNKNOWN})
        wanted = spec(inputs)
        # Before the build: a file changed while it runs then counts as changed the next time.
        built_from = context_hash(wanted)
        digest = build_and_push(wanted, lambda word: self._tell(request.urn, word), self._cancelled)
        ref = f"{parse(wanted.tags[0]).repository}@{digest}"
        state = {**inputs, "contextHash": built_from, "digest": digest, "ref": ref}
        return Made(request.id or digest, cast(Map, mark_like(state, request.inputs)))

    def _tell(self, urn: str, word: str) -> None:
        if self._engine:
            self._engine.status(urn, word)

    def read(self, request: Request) -> Made:
        """The image as it was built, or nothing if the registry has lost it, so that it is built again."""
        ref = request.state.get("ref")
        if not isinstance(ref, str):
            return Made("", {})
        logins: Any = reveal(request.old_inputs).get("registries") or []
        try:
            there = registry.digest_of(parse(ref), logins) is not None
        except OSError:
            there = True  # an expired password or a registry that is away has lost nothing
        return Made(request.id, request.state) if there else Made("", {})

    def delete(self, request: Request) -> None:
        """Take the manifest out of the registry, if it is there and lets us."""
        ref = request.state.get("ref")
        if isinstance(ref, str):
            logins: Any = reveal(request.old_inputs).get("registries") or []
            registry.delete(parse(ref), logins)
