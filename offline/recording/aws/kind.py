"""What is known of a resource type, as values; and the templates that its outputs are made from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from offline.values import UNKNOWN, Map, Secret, Unknown

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Ref:
    """A property that names another resource: `path` within the inputs, `target` such as `subnet.id`."""

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
    name_key: str = ""
    """The property with its physical name, which Pulumi chooses where the program does not."""
    longest: int = 0
    """Most characters of that name."""
    charset: str = ""
    unique: tuple[str, ...] = ()
    """Properties of which no two resources of the type have the same values."""
    replace: tuple[str, ...] = ()
    """Paths that only a new resource can change."""
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    cidrs: tuple[str, ...] = ()
    policies: Mapping[str, int] = field(default_factory=dict[str, int])
    """Path of a policy document -> most characters without white space."""
    refs: tuple[Ref, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Templates; an input of the same name comes before."""
    growing: tuple[str, ...] = ()
    """Outputs that count the versions: from 1, one more with every update of anything but `quiet`."""
    quiet: tuple[str, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further things that come with it and can be referred to: `sg.id` -> output's path."""

    def offered(self) -> Mapping[str, str]:
        """What others may refer to it by -> path within its state."""
        own = {f"{self.called}.id": "id", f"{self.called}.arn": "arn"}
        return {**own, **({f"{self.called}.name": self.name_key} if self.name_key else {}), **self.offers}


@dataclass(frozen=True)
class Place:
    """Where the provider works: what templates may name besides inputs."""

    region: str
    partition: str = "aws"
    account: str = ACCOUNT
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def words(self, urn: str, number: int) -> dict[str, str]:
        """Digits that are the same in every run for the `number`th resource of a URN."""
        digits = hashlib.sha256(f"{urn} {number}".encode()).hexdigest()
        return {
            "sha": digits,
            "hex": digits[:17],
            "hex2": digits[17:34],
            "hex3": digits[34:51],
            "HEX": digits[:32].upper(),
            "uuid": f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}",
            "ip": f"203.0.113.{int(digits[:2], 16)}",
            "region": self.region,
            "partition": self.partition,
            "account": self.account,
        }


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
