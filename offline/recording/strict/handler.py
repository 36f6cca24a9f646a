"""One resource of a strict cloud: checked, made, changed and taken away in the recording."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, cast

from offline.paths import differences
from offline.recording.store import Store
from offline.recording.strict import limits
from offline.recording.strict.cloud import Cloud, P
from offline.recording.strict.kind import Kind, at, beneath, fill, unknown_leaves
from offline.recording.strict.world import Thing, World
from offline.resource import Change, Diff, InvalidInputsError, Made, Path, Request, ResourceError
from offline.values import UNKNOWN, Asset, Map, mark_like, reveal, transform

_DEFAULTS = "__defaults"  # bridged providers keep there which inputs it chose itself


@dataclass(frozen=True)
class StrictHandler(Generic[P]):
    """The `Handler` of one type."""

    cloud: Cloud[P]
    kind: Kind
    place: P
    store: Store
    cancelled: threading.Event

    def check(self, request: Request) -> Map:
        """The inputs with a name, or every reason why the cloud would not take them."""
        inputs = {key: value for key, value in request.inputs.items() if value is not None}
        if found := list(limits.problems(self.cloud, self.kind, inputs)):
            raise InvalidInputsError(found)
        key = self._own_name()
        if not key or key in inputs or f"{key}Prefix" in inputs:
            return inputs
        chosen = key in cast(list[str], request.old_inputs.get(_DEFAULTS, []))
        fresh = f"{request.name}{self.kind.separator}{request.suffix()[:7]}"
        named = {**inputs, key: request.old_inputs[key] if chosen else fresh}
        if found := list(limits.name_problems(self.cloud.name, self.kind, named)):
            raise InvalidInputsError(found)
        return {**named, _DEFAULTS: [key]}

    def diff(self, request: Request) -> Diff:
        """Changed inputs; a new one comes after the old one is gone where both would have the same name."""
        changes = tuple(self._changes(request))
        key = self._own_name()
        fixed = bool(key) and key in request.inputs and _DEFAULTS not in request.inputs
        return Diff(changes, delete_first=fixed and request.inputs[key] == request.old_inputs.get(key))

    def _own_name(self) -> str:
        return self.kind.name_key if self.kind.named_by_pulumi else ""

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
        """Make it, if the cloud would."""
        if request.preview:
            return Made("", self._preview(request.inputs))
        self.store.behave("create", request.name, self.cancelled, request.urn)
        inputs = _plain(request.inputs)
        with self.store.open() as content:
            world = self.cloud.world(content)
            number = world.next_number(request.urn)
            thing = self._thing(world, request.urn, number, inputs)
            self.cloud.require_makeable(self.kind, thing.state, world, self.place)
            world.put(thing)
            self.cloud.after_making(self.kind, thing.state, world)
        return Made(thing.id, self._shown(thing.state, request))

    def _preview(self, inputs: Map) -> Map:
        outputs = {**self.kind.outputs, **dict.fromkeys(self.kind.growing, "")}
        unknown = cast(Map, unknown_leaves({"arn": "", **outputs} if self.kind.arn else outputs))
        known = self.cloud.computed(self.kind, self.place, inputs)
        return beneath({**unknown, **known}, _without_defaults(inputs))

    def _thing(self, world: World, urn: str, number: int, inputs: Map, grown: Map | None = None) -> Thing:
        words: Map = self.place.words(urn, number)
        word = self._word(world, inputs, words)
        outputs = self.cloud.computed(self.kind, self.place, inputs)
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
            if name.endswith("|bare"):
                return str(mean(name.removesuffix("|bare"))).partition("://")[2]
            if name.endswith("|last"):
                return str(mean(name.removesuffix("|last"))).rpartition("/")[2]
            for _, value in at(inputs, name):
                return value
            if name in words:
                return words[name]
            head, _, tail = name.rpartition(".")
            other = world.referred(self.kind, inputs, head) if head else None
            if other and tail == "id":
                return other.id
            for _, value in at(other.state, tail) if other else ():
                return value
            return ""

        return mean

    def update(self, request: Request) -> Made:
        """Change it; what counts versions counts on."""
        quiet = all(change.path[0] in self.kind.quiet for change in self._changes(request))
        if request.preview:
            unknown = {} if quiet else dict.fromkeys(self.kind.growing, UNKNOWN)
            kept = _computed(request.state, request.old_inputs)
            return Made(request.id, {**beneath(kept, _without_defaults(request.inputs)), **unknown})
        self.store.behave("update", request.name, self.cancelled)
        inputs = _plain(request.inputs)
        with self.store.open() as content:
            world = self.cloud.world(content)
            old = self._existing(world, request.id)
            grown = {key: int(old.state[key]) + (not quiet) for key in self.kind.growing}
            thing = self._thing(world, request.urn, old.number, inputs, grown)
            self.cloud.require_makeable(self.kind, thing.state, world, self.place, but=old.id)
            world.put(Thing(self.kind, old.id, request.urn, thing.state, old.number))
            self.cloud.after_making(self.kind, thing.state, world)
        return Made(request.id, self._shown(thing.state, request))

    def read(self, request: Request) -> Made:
        """What is written, or nothing."""
        with self.store.open() as content:
            thing = self.cloud.world(content).thing(self.kind.token, request.id)
        if thing is None:
            return Made("", {})
        inputs = {key: thing.state.get(key, value) for key, value in request.old_inputs.items()}
        marked = cast(Map, mark_like(inputs, request.old_inputs))
        return Made(request.id, cast(Map, mark_like(thing.state, request.old_inputs)), marked)

    def delete(self, request: Request) -> None:
        """Take it away, if the cloud would."""
        self.store.behave("delete", request.name, self.cancelled)
        with self.store.open() as content:
            world = self.cloud.world(content)
            thing = world.thing(self.kind.token, request.id)
            if thing is None:
                return
            if self.cloud.abandons(thing):
                return
            self.cloud.require_removable(thing, world)
            world.strike(thing)
            self.cloud.after_removing(thing, world)

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


def _computed(state: Map, inputs: Map) -> Map:
    """What a state has besides inputs, also within objects that are partly theirs."""
    kept: Map = {}
    for key, value in state.items():
        given = reveal(inputs.get(key))
        if given is None:
            kept[key] = value
        elif isinstance(value, dict) and isinstance(given, dict):
            kept[key] = _computed(cast(Map, value), cast(Map, given))
    return kept
