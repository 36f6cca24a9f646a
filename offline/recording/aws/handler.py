"""One AWS resource: checked, made, changed and taken away in the recording."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from offline.paths import differences
from offline.recording.aws import limits, rules, rules_data
from offline.recording.aws.kind import Kind, Place, at, beneath, fill, unknown_leaves
from offline.recording.aws.world import Thing, World
from offline.recording.store import Store
from offline.resource import Change, Diff, InvalidInputsError, Made, Path, Request, ResourceError
from offline.values import UNKNOWN, Asset, Map, mark_like, reveal, transform

_DEFAULTS = "__defaults"  # pulumi-aws keeps there which inputs it chose itself


@dataclass(frozen=True)
class AwsHandler:
    """The `Handler` of one type."""

    kind: Kind
    place: Place
    store: Store
    cancelled: threading.Event

    def check(self, request: Request) -> Map:
        """The inputs with a name, or every reason why AWS would not take them."""
        inputs = {key: value for key, value in request.inputs.items() if value is not None}
        if found := list(limits.problems(self.kind, inputs)):
            raise InvalidInputsError(found)
        key = self.kind.name_key
        if not key or key in inputs or f"{key}Prefix" in inputs:
            return inputs
        chosen = key in cast(list[str], request.old_inputs.get(_DEFAULTS, []))
        name = request.old_inputs[key] if chosen else f"{request.name}-{request.suffix()[:7]}"
        return {**inputs, key: name, _DEFAULTS: [key]}

    def diff(self, request: Request) -> Diff:
        """Changed inputs; a new one comes after the old one is gone where both would have the same name."""
        changes = tuple(self._changes(request))
        key = self.kind.name_key
        fixed = bool(key) and key in request.inputs and _DEFAULTS not in request.inputs
        return Diff(changes, delete_first=fixed and request.inputs[key] == request.old_inputs.get(key))

    def _changes(self, request: Request) -> Iterator[Change]:
        old, new = _without_defaults(request.old_inputs), _without_defaults(request.inputs)
        for change in differences(old, new):
            yield Change(change.path, change.kind, self._replaces(change.path, old, new))

    def _replaces(self, path: Path, old: Map, new: Map) -> bool:
        names = [part for part in path if isinstance(part, str)]
        for fixed in self.kind.replace:
            parts = fixed.split(".")
            if names[: len(parts)] == parts:
                return True
            # The object around it came or went.
            if parts[: len(names)] == names and (any(at(old, fixed)) or any(at(new, fixed))):
                return True
        return False

    def create(self, request: Request) -> Made:
        """Make it, if AWS would."""
        if request.preview:
            return Made("", self._preview(request.inputs))
        self.store.behave("create", request.name, self.cancelled, request.urn)
        inputs = _plain(request.inputs)
        with self.store.open() as content:
            world = World(content)
            number = world.next_number(request.urn)
            thing = self._thing(world, request.urn, number, inputs)
            rules.require_makeable(self.kind, thing.state, world, self.place)
            world.put(thing)
            rules_data.after_making(self.kind, thing.state, world)
        return Made(thing.id, self._shown(thing.state, request))

    def _preview(self, inputs: Map) -> Map:
        outputs = {"arn": "", "tagsAll": "", **self.kind.outputs, **dict.fromkeys(self.kind.growing, "")}
        return beneath(cast(Map, unknown_leaves(outputs)), _without_defaults(inputs))

    def _thing(self, world: World, urn: str, number: int, inputs: Map, grown: Map | None = None) -> Thing:
        words: Map = self.place.words(urn, number)
        word = self._word(world, inputs, words)
        tags = {**self.place.default_tags, **cast(Map, inputs.get("tags") or {})}
        outputs: Map = {"tagsAll": tags} if tags else {}
        # ARNs name defaults such as a role's path; an id is an ARN, or part of one.
        words |= {key: value for key, value in self.kind.outputs.items() if isinstance(value, str) and "{" not in value}
        templates = {"id": self.kind.id, "arn": self.kind.arn}
        for key in ("arn", "id") if "{arn}" in self.kind.id else ("id", "arn"):
            words[key] = fill(templates[key], word)
        if self.kind.arn:
            outputs["arn"] = words["arn"]
        outputs |= {key: fill(value, word) for key, value in self.kind.outputs.items()}
        growing = dict.fromkeys(self.kind.growing, 1) if grown is None else grown
        outputs |= cast(dict[str, Map], world.content["outputs"]).get(self.kind.token, {})
        return Thing(self.kind, str(words["id"]), urn, beneath({**outputs, **growing}, inputs), number)

    def _word(self, world: World, inputs: Map, words: Map) -> Callable[[str], Any]:
        """What a template's name means: an input, a word of the place, or a property of what an input refers to."""

        def mean(name: str) -> Any:
            if name == "url":
                return str(inputs.get("url", "")).removeprefix("https://")
            for _, value in at(inputs, name):
                return value
            if name in words:
                return words[name]
            head, _, tail = name.rpartition(".")
            other = world.referred(self.kind, inputs, head) if head else None
            for _, value in at(other.state, tail) if other else ():
                return value
            return ""

        return mean

    def update(self, request: Request) -> Made:
        """Change it; what counts versions counts on."""
        quiet = all(change.path[0] in self.kind.quiet for change in self._changes(request))
        if request.preview:
            unknown = {} if quiet else dict.fromkeys(self.kind.growing, UNKNOWN)
            kept = {key: value for key, value in request.state.items() if key not in request.old_inputs}
            return Made(request.id, {**beneath(kept, _without_defaults(request.inputs)), **unknown})
        self.store.behave("update", request.name, self.cancelled)
        inputs = _plain(request.inputs)
        with self.store.open() as content:
            world = World(content)
            old = self._existing(world, request.id)
            grown = {key: int(old.state[key]) + (not quiet) for key in self.kind.growing}
            thing = self._thing(world, request.urn, old.number, inputs, grown)
            rules.require_makeable(self.kind, thing.state, world, self.place, but=old.id)
            world.put(Thing(self.kind, old.id, request.urn, thing.state, old.number))
            rules_data.after_making(self.kind, thing.state, world)
        return Made(request.id, self._shown(thing.state, request))

    def read(self, request: Request) -> Made:
        """What is written, or nothing."""
        with self.store.open() as content:
            thing = World(content).thing(self.kind.token, request.id)
        if thing is None:
            return Made("", {})
        inputs = {key: thing.state.get(key, value) for key, value in request.old_inputs.items()}
        marked = cast(Map, mark_like(inputs, request.old_inputs))
        return Made(request.id, cast(Map, mark_like(thing.state, request.old_inputs)), marked)

    def delete(self, request: Request) -> None:
        """Take it away, if AWS would."""
        self.store.behave("delete", request.name, self.cancelled)
        with self.store.open() as content:
            world = World(content)
            thing = world.thing(self.kind.token, request.id)
            if thing is None:
                return
            rules.require_removable(thing, world)
            world.strike(thing)
            rules_data.after_removing(thing, world)

    def _existing(self, world: World, resource_id: str) -> Thing:
        thing = world.thing(self.kind.token, resource_id)
        if thing is None:
            raise ResourceError(f"NotFound: there is no {self.kind.called} {resource_id}")
        return thing

    def _shown(self, state: Map, request: Request) -> Map:
        return cast(Map, mark_like(state, request.inputs))


def _plain(inputs: Map) -> Map:
    """The inputs as they can be written down."""
    revealed = reveal(_without_defaults(inputs))
    return cast(Map, transform(revealed, lambda item: f"content {item.hash}" if isinstance(item, Asset) else item))


def _without_defaults(inputs: Map) -> Map:
    return {key: value for key, value in inputs.items() if key != _DEFAULTS}
