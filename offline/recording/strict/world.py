"""What exists in a recorded cloud, and what refers to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from offline.recording.strict.kind import Kind, at, texts
from offline.values import Map


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
    """One cloud's part of a recording, read while the recording is locked."""

    kinds: ClassVar[Mapping[str, Kind]] = {}
    """Its resource types, by token."""

    def __init__(self, content: Map) -> None:
        """`content` is that of a `Store`."""
        self.content = content
        self._objects = cast(dict[str, Map], content["objects"])

    def things(self, called: str = "") -> Iterator[Thing]:
        """All of a kind, or all."""
        for key, entry in self._objects.items():
            kind = self.kinds.get(key.partition("::")[0])
            if kind and called in ("", kind.called):
                yield Thing(kind, entry["id"], entry["urn"], entry["state"], entry.get("number", 0))

    def thing(self, token: str, resource_id: str) -> Thing | None:
        """One, or None."""
        entry = self._objects.get(key_of(token, resource_id))
        if entry is None:
            return None
        return Thing(self.kinds[token], entry["id"], entry["urn"], entry["state"], entry.get("number", 0))

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
        """Strike one out; some names stay taken."""
        self._objects.pop(key_of(thing.kind.token, thing.id), None)
        if thing.kind.lasting:
            cast(Map, self.content["taken"])[_taken(thing.kind, thing.state)] = True

    def lasts(self, kind: Kind, state: Map) -> bool:
        """Whether the name is taken by what is gone."""
        return kind.lasting and _taken(kind, state) in cast(Map, self.content["taken"])

    def next_number(self, urn: str) -> int:
        """One more each time that a URN is made."""
        made = cast(dict[str, int], self.content["made"])
        made[urn] = made.get(urn, 0) + 1
        return made[urn]

    def offering(self, target: str, value: str) -> Thing | None:
        """What `value` refers to, where `target` (`subnet.id`, or `subnet` for any of its names) is meant."""
        for thing in self.things():
            if value in names_of(thing, target):
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
        """Clouds have some things without anyone making them."""
        return self.offering(target, value) is not None

    def users(self, thing: Thing) -> list[Thing]:
        """Those that must be gone before `thing` can be."""
        found: list[Thing] = []
        for other in self.things():
            for ref in other.kind.refs:
                called = ref.target.partition(".")[0]
                if ref.holds and called == thing.kind.called and _named(thing, texts(other.state, ref.path)):
                    found.append(other)
                    break
        return found

    def twin(self, kind: Kind, state: Map, but: str = "") -> Thing | None:
        """Another one with the same values of everything that must be unique."""
        if not kind.unique:
            return None
        mine = _unique(kind, state)
        if mine is None:
            return None
        for other in self.things(kind.called):
            if other.id != but and other.kind == kind and mine == _unique(kind, other.state):
                return other
        return None


def key_of(token: str, resource_id: str) -> str:
    """Where a resource is kept within `objects`."""
    return f"{token}::{resource_id}"


def names_of(thing: Thing, target: str) -> list[str]:
    """What it may be referred to by, where `target` is meant."""
    offered = thing.kind.offered()
    paths = [path for name, path in offered.items() if target in (name, name.partition(".")[0])]
    return [name for path in paths for name in ([thing.id] if path == "id" else texts(thing.state, path))]


def _named(thing: Thing, found: list[str]) -> bool:
    return bool({thing.id, *names_of(thing, thing.kind.called)} & set(found))


def _unique(kind: Kind, state: Map) -> list[list[Any]] | None:
    """The values that must be its own, or None where one is missing that must be there."""
    found = [[value for _, value in at(state, path.removesuffix("?"))] for path in kind.unique]
    there = all(values or path.endswith("?") for path, values in zip(kind.unique, found, strict=True))
    return found if there else None


def _taken(kind: Kind, state: Map) -> str:
    return f"{kind.token} {_unique(kind, state)}"


def values(thing: Thing, path: str) -> list[Any]:
    """The values at a path of a thing's state."""
    return [value for _, value in at(thing.state, path)]
