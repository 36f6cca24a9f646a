"""What is known of a resource type, as values; and the templates that its outputs are made from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from offline.values import UNKNOWN, Map, Secret, Unknown


@dataclass(frozen=True)
class Ref:
    """A property that names another resource: `path` within the inputs, `target` such as `subnet.id`.

    A target without a property, such as `network`, is meant by any of the names that such a resource has.
    """

    path: str
    target: str
    holds: bool = False
    """Whether the other one cannot be deleted while this one is there."""


@dataclass(frozen=True)
class Kind:
    """A resource type. Paths are written `a.b[].c`; templates name inputs and what `Place.words` adds."""

    token: str
    called: str
    """What references call it: `vpc`, `role`."""
    id: str
    """Template of the physical id."""
    arn: str = ""
    """Template of the name that is its alone in the world, on AWS."""
    service: str = ""
    """The API that must be switched on, on Google Cloud."""
    name_key: str = ""
    """The property with its physical name, which Pulumi chooses where the program does not."""
    named_by_pulumi: bool = True
    """Whether it does. Where it does not, it does not know either that the old one must go before a new one comes."""
    separator: str = "-"
    """What Pulumi puts between the resource's name and its own digits."""
    longest: int = 0
    """Most characters of that name."""
    charset: str = ""
    unique: tuple[str, ...] = ()
    """Properties of which no two resources of the type have the same values; `?` after those that may be missing."""
    lasting: bool = False
    """Whether they stay taken after the resource is gone."""
    replace: tuple[str, ...] = ()
    """Paths that only a new resource can change."""
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    cidrs: tuple[str, ...] = ()
    policies: Mapping[str, int] = field(default_factory=dict[str, int])
    """Path of an AWS policy document -> most characters without white space."""
    refs: tuple[Ref, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Templates; an input of the same name comes before."""
    growing: tuple[str, ...] = ()
    """Outputs that count the versions: from 1, one more with every update of anything but `quiet`."""
    quiet: tuple[str, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further names of it, and things that come with it: `sg.id` -> output's path."""

    def offered(self) -> Mapping[str, str]:
        """What others may refer to it by -> path within its state."""
        own = {f"{self.called}.id": "id", f"{self.called}.arn": "arn"}
        return {**own, **({f"{self.called}.name": self.name_key} if self.name_key else {}), **self.offers}


class Place(Protocol):
    """Where a provider works: what templates may name besides inputs."""

    def words(self, urn: str, number: int) -> dict[str, Any]:
        """Names and their meanings for the `number`th resource of a URN: `digits`, and what the place has."""
        ...


def digits(urn: str, number: int) -> str:
    """64 hex digits that are the same in every run for the `number`th resource of a URN."""
    return hashlib.sha256(f"{urn} {number}".encode()).hexdigest()


def uuid_of(text: str) -> str:
    """The first 32 of some hex digits in the form of a UUID."""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def fill(template: Any, word: Callable[[str], Any]) -> Any:
    """A template of texts, lists and objects with its names filled in; a name alone keeps its type."""
    if isinstance(template, str):
        alone = re.fullmatch(r"\{([^{}]+)\}", template)
        return word(alone[1]) if alone else re.sub(r"\{([^{}]+)\}", lambda found: str(word(found[1])), template)
    if isinstance(template, dict):
        return {key: fill(value, word) for key, value in cast(Map, template).items()}
    if isinstance(template, list):
        return [fill(value, word) for value in cast(list[Any], template)]
    return template


def beneath(template: Map, inputs: Map) -> Map:
    """Outputs with the inputs put over them, object by object."""
    merged = dict(template)
    for key, value in inputs.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = beneath(cast(Map, below), cast(Map, value))
        elif value is not None:
            merged[key] = value
    return merged


def unknown_leaves(template: Any) -> Any:
    """The template with everything but objects unknown, for a preview."""
    if isinstance(template, dict):
        return {key: unknown_leaves(value) for key, value in cast(Map, template).items()}
    return UNKNOWN


def at(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value at a path such as `a.b[].c`, with the path of its own; what is unknown or missing is left out."""
    yield from _at(value, path.replace("[]", ".[]").split("."), "")


def _at(value: Any, parts: list[str], path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Secret):
        value = value.value
    if value is None or isinstance(value, Unknown):
        return
    if not parts:
        yield path, value
    elif parts[0] == "[]" and isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from _at(item, parts[1:], f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _at(cast(Map, value).get(parts[0]), parts[1:], f"{path}.{parts[0]}" if path else parts[0])


def texts(value: Any, path: str) -> list[str]:
    """The texts at a path."""
    return [item for _, item in at(value, path) if isinstance(item, str)]
