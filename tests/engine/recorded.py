"""A strict cloud by itself, asked as the engine would ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from offline.recording.clusters import require_cluster
from offline.recording.store import Store
from offline.recording.strict.cloud import Cloud
from offline.recording.strict.handler import StrictHandler
from offline.recording.strict.kind import Place
from offline.resource import Made, Request, ResourceError
from offline.values import Map

P = TypeVar("P", bound=Place)


def check_cluster(store: Store, address: str, give_nodes: Callable[[], object]) -> None:
    """Asserts that a cluster without nodes answers at its address and runs pods once it is given some."""
    with store.open() as content:
        require_cluster(content, address, "Namespace", "n")
        with pytest.raises(ResourceError, match="has no node to run its pods on"):
            require_cluster(content, address, "Release", "argo")
    give_nodes()
    with store.open() as content:
        require_cluster(content, address, "Release", "argo")
        with pytest.raises(ResourceError, match="no cluster answers at https://gone"):
            require_cluster(content, f"{address.partition(' ')[0]} https://gone", "Namespace", "n")


class Recorded(Generic[P]):
    """Operations as the engine would ask for them."""

    def __init__(self, cloud: Cloud[P], place: P, store: Store) -> None:
        self.cloud = cloud
        self.place = place
        self.store = store
        self._inputs: dict[str, Map] = {}

    def handler(self, token: str) -> StrictHandler[P]:
        return StrictHandler(self.cloud, self.cloud.kind(token), self.place, self.store, threading.Event())

    def invoke(self, token: str, **arguments: Any) -> Map:
        return self.cloud.invoke(token, arguments, self.store, self.place)

    def request(self, token: str, name: str, **more: Any) -> Request:
        return Request(
            urn=f"urn:pulumi:s::p::{token}::{name}", type=token, name=name, suffix=lambda: "0a1b2c3d", **more
        )

    def make(self, token: str, resource: str, **inputs: Any) -> Made:
        handler = self.handler(token)
        checked = handler.check(self.request(token, resource, inputs=inputs))
        made = handler.create(self.request(token, resource, inputs=checked))
        self._inputs[made.id] = checked
        return made

    def change(self, token: str, resource: str, made: Made, **inputs: Any) -> Made:
        old = self._inputs[made.id]
        handler = self.handler(token)
        new = handler.check(self.request(token, resource, inputs={**old, **inputs}, old_inputs=old))
        request = self.request(token, resource, id=made.id, inputs=new, old_inputs=old, state=made.state)
        return handler.update(request)

    def replaced(self, token: str, made: Made, **inputs: Any) -> dict[str, bool]:
        """Changed properties, and whether each takes a new resource."""
        old = self._inputs[made.id]
        request = self.request(token, "x", id=made.id, inputs={**old, **inputs}, old_inputs=old)
        return {str(change.path[0]): change.replace for change in self.handler(token).diff(request).changes}

    def remove(self, token: str, made: Made, resource: str = "x") -> None:
        self.handler(token).delete(self.request(token, resource, id=made.id))
