"""The recorded providers: Kubernetes with the stand-in's own code, and any other package by its inputs alone."""

from __future__ import annotations

import hashlib
import threading
from typing import Any, cast

from offline.dockerbuild.contexthash import context_hash
from offline.dockerbuild.inputs import spec
from offline.dockerbuild.reference import parse
from offline.kubernetes.api import ApiServer, Cluster
from offline.kubernetes.helm import ReleaseHandler
from offline.kubernetes.objecthandler import ObjectHandler
from offline.kubernetes.server import RELEASE
from offline.kubernetes.waiting import Waiting
from offline.paths import differences
from offline.provider import Provider
from offline.recording.api import RecordedApi
from offline.recording.store import Store
from offline.resource import Diff, Handler, Made, Request
from offline.values import UNKNOWN, Map, mark_like, reveal

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
        self._store.behave("create", request.name, self._cancelled)
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
            content["objects"][request.urn] = state
        return Made(resource_id, cast(Map, mark_like(state, request.inputs)))

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


class RecordedRelease(RecordHandler):
    """A Helm release that is always well."""

    def check(self, request: Request) -> Map:
        """As the stand-in checks it."""
        return ReleaseHandler(Cluster(), "default", None, self._cancelled).check(request)

    def outputs(self, request: Request) -> Map:
        """The status of a deployed release."""
        inputs = cast(Map, reveal(request.inputs))
        status = {key: inputs.get(key) for key in ("name", "namespace", "chart", "version")}
        return {"status": {**status, "status": "deployed", "revision": 1}, "resourceNames": {}}


class RecordedImage(RecordHandler):
    """An image whose digest is that of what it is built from."""

    def outputs(self, request: Request) -> Map:
        """As if it had been built and pushed."""
        wanted = spec(cast(Map, reveal(request.inputs)))
        content = context_hash(wanted)
        digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
        return {"contextHash": content, "digest": digest, "ref": f"{parse(wanted.tags[0]).repository}@{digest}"}


class CloudRecorder(Provider):
    """Any package: every resource exists by being written down."""

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(engine_address)
        self._store = store

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        return (RecordedImage if token == IMAGE else RecordHandler)(self._store, self.cancelled)


class KubernetesRecorder(CloudRecorder):
    """The kubernetes stand-in over an API server in a file."""

    version = "4.34.2"

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        if token == RELEASE:
            return RecordedRelease(self._store, self.cancelled)
        api = cast(ApiServer, RecordedApi(self._store, self.cancelled))
        waiting = Waiting(api, self.engine, self.cancelled)
        return ObjectHandler(api, "default", waiting, frozenset())


def _filled(value: Any, name: str) -> Any:
    return value.replace("{name}", name) if isinstance(value, str) else value
