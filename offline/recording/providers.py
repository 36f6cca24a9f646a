"""Packages whose resources exist by being written down, and builds of images."""

from __future__ import annotations

import hashlib
import threading
from typing import Any, cast

from offline.dockerbuild.contexthash import context_hash
from offline.dockerbuild.inputs import spec
from offline.dockerbuild.reference import parse
from offline.paths import differences
from offline.provider import Provider
from offline.recording.registries import push
from offline.recording.store import Store
from offline.resource import Diff, Handler, Made, Request
from offline.values import UNKNOWN, Map, Unknown, contains, mark_like, reveal

IMAGE = "docker-build:index:Image"


class RecordHandler:
    """The `Handler` of a resource that exists by being written down."""

    def __init__(self, store: Store, cancelled: threading.Event) -> None:
        """`cancelled` ends delays."""
        self._store = store
        self._cancelled = cancelled

    def check(self, request: Request) -> Map:
        """The inputs as they are."""
        return {key: value for key, value in request.inputs.items() if value is not None}

    def diff(self, request: Request) -> Diff:
        """Changed inputs, or one that is there no more."""
        return Diff(tuple(differences(request.old_inputs, request.inputs)))

    def create(self, request: Request) -> Made:
        """Write it down."""
        if request.preview:
            return Made("", {**request.inputs, **dict.fromkeys(self.outputs(request), UNKNOWN)})
        self._store.behave("create", request.name, self._cancelled, request.urn)
        return self._write(request, request.name)

    def update(self, request: Request) -> Made:
        """Write it anew."""
        if request.preview:
            return Made(request.id, {**request.state, **request.inputs})
        self._store.behave("update", request.name, self._cancelled)
        return self._write(request, request.id)

    def _write(self, request: Request, resource_id: str) -> Made:
        state = {**cast(Map, reveal(request.inputs)), **self.outputs(request)}
        with self._store.open() as content:
            self.accept(request, state, content)
            content["objects"][request.urn] = state
        return Made(resource_id, cast(Map, mark_like(state, request.inputs)))

    def accept(self, request: Request, state: Map, content: Map) -> None:
        """Refuse it with a `ResourceError` where the recording's `content` does not allow it."""

    def outputs(self, request: Request) -> Map:
        """What it has besides its inputs; `{name}` in a text stands for the resource's name."""
        wanted = cast(Map, self._store.section("outputs").get(request.type, {}))
        return {key: _filled(value, request.name) for key, value in wanted.items()}

    def read(self, request: Request) -> Made:
        """What is written, or nothing."""
        state: Map | None = self._store.section("objects").get(request.urn)
        if state is None:
            return Made("", {})
        inputs: Map = {key: state.get(key) for key in request.old_inputs}
        marked = cast(Map, mark_like(inputs, request.old_inputs))
        return Made(request.id, cast(Map, mark_like(state, request.old_inputs)), marked)

    def delete(self, request: Request) -> None:
        """Strike it out."""
        self._store.behave("delete", request.name, self._cancelled)
        with self._store.open() as content:
            content["objects"].pop(request.urn, None)


class RecordedImage(RecordHandler):
    """An image whose digest is that of what it is built from."""

    def outputs(self, request: Request) -> Map:
        """As if it had been built and pushed."""
        if contains(request.inputs, Unknown):
            return dict.fromkeys(("contextHash", "digest", "ref"), UNKNOWN)
        wanted = spec(cast(Map, reveal(request.inputs)))
        content = context_hash(wanted)
        digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
        return {"contextHash": content, "digest": digest, "ref": f"{parse(wanted.tags[0]).repository}@{digest}"}

    def diff(self, request: Request) -> Diff:
        """Changed inputs; a renewed password is none."""
        found = differences(request.old_inputs, request.inputs)
        return Diff(tuple(change for change in found if change.path[0] != "registries"))

    def accept(self, request: Request, state: Map, content: Map) -> None:
        """It needs a repository to be pushed into."""
        for tag in cast(list[str], state["tags"]):
            push(content, tag, str(state["digest"]))


class CloudRecorder(Provider):
    """Any package: every resource exists by being written down."""

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(engine_address)
        self._store = store

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        return (RecordedImage if token == IMAGE else RecordHandler)(self._store, self.cancelled)


class ImageRecorder(CloudRecorder):
    """docker-build."""

    version = "0.0.22"


def _filled(value: Any, name: str) -> Any:
    return value.replace("{name}", name) if isinstance(value, str) else value
