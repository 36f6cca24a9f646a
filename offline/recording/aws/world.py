"""What exists in the recorded account, and what refers to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from offline.recording.aws import kinds_cluster, kinds_data, kinds_docker, kinds_network
from offline.recording.aws.kind import Kind, at, texts
from offline.resource import ResourceError
from offline.values import Map

KINDS: Mapping[str, Kind] = {
    kind.token: kind for kind in (*kinds_network.KINDS, *kinds_cluster.KINDS, *kinds_data.KINDS, *kinds_docker.KINDS)
}

MANAGED_POLICIES = frozenset(
    {
        *("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"),
        *("AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController", "AmazonEC2ContainerRegistryReadOnly"),
        *("AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy"),
        *("service-role/AmazonEBSCSIDriverPolicy", "AmazonEBSCSIDriverPolicyV2"),
        *("service-role/AmazonEFSCSIDriverPolicy", "AWSXrayWriteOnlyAccess"),
    }
)
"""Policies of AWS itself that may be attached."""


@dataclass(frozen=True)
class Thing:
    """One resource as it is."""

    kind: Kind
    id: str
    urn: str
    state: Map
    number: int = 0
    """The how manieth of its URN it is: ids follow from it."""

    def __str__(self) -> str:
        return f"{self.kind.called} {self.id}"


class World:
    """The AWS part of a recording, read while the recording is locked."""

    def __init__(self, content: Map) -> None:
        """`content` is that of a `Store`."""
        self.content = content
        self._objects = cast(dict[str, Map], content["objects"])

    def things(self, called: str = "") -> Iterator[Thing]:
        """All of a kind, or all."""
        for key, entry in self._objects.items():
            kind = KINDS.get(key.partition("::")[0])
            if kind and called in ("", kind.called):
                yield Thing(kind, entry["id"], entry["urn"], entry["state"], entry.get("number", 0))

    def thing(self, token: str, resource_id: str) -> Thing | None:
        """One, or None."""
        entry = self._objects.get(key_of(token, resource_id))
        return Thing(KINDS[token], entry["id"], entry["urn"], entry["state"], entry.get("number", 0)) if entry else None

    def put(self, thing: Thing) -> None:
        """Write one down."""
        self._objects[key_of(thing.kind.token, thing.id)] = {
            "token": thing.kind.token,
            "id": thing.id,
            "urn": thing.urn,
            "number": thing.number,
            "state": thing.state,
        }

    def strike(self, thing: Thing) -> None:
        """Strike one out."""
        self._objects.pop(key_of(thing.kind.token, thing.id), None)

    def next_number(self, urn: str) -> int:
        """One more each time that a URN is made."""
        made = cast(dict[str, int], self.content["made"])
        made[urn] = made.get(urn, 0) + 1
        return made[urn]

    def offering(self, target: str, value: str) -> Thing | None:
        """What `value` refers to, where `target` (`subnet.id`) is meant."""
        for thing in self.things():
            path = thing.kind.offered().get(target)
            if path == "id" and thing.id == value:
                return thing
            if path and path != "id" and value in texts(thing.state, path):
                return thing
        return None

    def referred(self, kind: Kind, state: Map, path: str) -> Thing | None:
        """What the (first) reference at `path` means."""
        for ref in kind.refs:
            if ref.path == path:
                for value in texts(state, path):
                    return self.offering(ref.target, value)
        return None

    def missing(self, kind: Kind, state: Map) -> Iterator[tuple[str, str]]:
        """References to what is not there."""
        for ref in kind.refs:
            for path, value in at(state, ref.path):
                if not self._exists(ref.target, str(value)):
                    yield path, f"{value!r}: there is no such {ref.target.partition('.')[0]}"

    def _exists(self, target: str, value: str) -> bool:
        if target == "policy.arn" and ":aws:policy/" in value:
            return value.partition(":aws:policy/")[2] in MANAGED_POLICIES
        if target == "key.id" and value.startswith("arn:"):
            target = "key.arn"
        if target == "log-group.name" and value in cast(Map, self.content["left"]):
            return True
        return self.offering(target, value) is not None

    def users(self, thing: Thing) -> list[Thing]:
        """Those that must be gone before `thing` can be."""
        held: set[str] = {thing.id, str(thing.state.get("arn", thing.id))}
        if thing.kind.name_key:
            held.add(str(thing.state.get(thing.kind.name_key)))
        return [
            other
            for other in self.things()
            for ref in other.kind.refs
            if ref.holds
            and ref.target in thing.kind.offered()
            and ref.target.startswith(f"{thing.kind.called}.")
            and held & set(texts(other.state, ref.path))
        ]

    def twin(self, kind: Kind, state: Map, but: str = "") -> Thing | None:
        """Another one with the same values of everything that must be unique."""
        if not kind.unique:
            return None
        mine = [list(at(state, path)) for path in kind.unique]
        if not all(mine):
            return None
        for other in self.things(kind.called):
            if other.id != but and other.kind == kind and mine == [list(at(other.state, path)) for path in kind.unique]:
                return other
        return None


def key_of(token: str, resource_id: str) -> str:
    """Where a resource is kept within `objects`."""
    return f"{token}::{resource_id}"


def kind_of(token: str) -> Kind:
    """What is known of a type. Raises `ResourceError`."""
    if token not in KINDS:
        raise ResourceError(f"the recording AWS does not know {token}; describe it in offline/recording/aws/kinds_*.py")
    return KINDS[token]


def values(thing: Thing, path: str) -> list[Any]:
    """The values at a path of a thing's state."""
    return [value for _, value in at(thing.state, path)]
