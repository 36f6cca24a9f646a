"""All that one strict cloud adds to what they share: its types, its rules, its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from offline.recording.store import Store
from offline.recording.strict.kind import Kind, Place
from offline.recording.strict.world import Thing, World
from offline.resource import InvalidInputsError, ResourceError
from offline.values import Map

P = TypeVar("P", bound=Place)
Problems = Iterator[tuple[str, str]]
"""Pairs of property path and reason."""
Making = Callable[[Map, World, P], Problems]
Changing = Callable[[Thing, Map, World], Problems]
Removing = Callable[[Thing, World], Iterator[str]]
Answer = Callable[[Map, World, P], Map]


@dataclass(frozen=True)
class Cloud(Generic[P]):
    """One cloud. Tables of rules are by what kinds are called."""

    name: str
    """What messages call it: `AWS`."""
    folder: str
    """Where its types are described, for whoever misses one."""
    world: type[World]
    limits: Callable[[Kind, Map], Problems] = lambda kind, inputs: iter(())
    """What a type's own values do not say of a request alone."""
    computed: Callable[[Kind, P, Map], Map] = lambda kind, place, inputs: {}
    """Outputs that every type has, such as all of its tags; they are known before it is made."""
    always: Callable[[Kind, Map, World, P], Problems] = lambda kind, state, world, place: iter(())
    """What is checked whenever anything is made or changed."""
    making: Mapping[str, Making[P]] = field(default_factory=dict[str, Making[P]])
    changing: Mapping[str, Changing] = field(default_factory=dict[str, Changing])
    removing: Mapping[str, Removing] = field(default_factory=dict[str, Removing])
    forbids: Callable[[Thing], Iterator[str]] = lambda thing: iter(())
    """Why a thing of whatever type is not to be deleted."""
    abandons: Callable[[Thing], bool] = lambda thing: False
    """Whether it is to stay in the cloud when Pulumi forgets it."""
    after_making: Callable[[Kind, Map, World], None] = lambda kind, state, world: None
    after_removing: Callable[[Thing, World], None] = lambda thing, world: None
    answers: Mapping[str, Answer[P]] = field(default_factory=dict[str, Answer[P]])
    """Functions: arguments -> answer."""

    def kind(self, token: str) -> Kind:
        """What is known of a type. Raises `ResourceError`."""
        if token not in self.world.kinds:
            where = f"describe it in {self.folder}/kinds_*.py"
            raise ResourceError(f"the recording {self.name} does not know {token}; {where}")
        return self.world.kinds[token]

    def require_makeable(self, kind: Kind, state: Map, world: World, place: P, but: str = "") -> None:
        """Refuses what the cloud would refuse to make, or to change `but` into, with every reason."""
        found = list(self.always(kind, state, world, place)) or list(world.missing(kind, state))
        if twin := world.twin(kind, state, but):
            held = f"there is such a {kind.called} already: {twin.id} ({twin.urn or 'not ours'})"
            found.append((kind.unique[-1], held))
        old = world.thing(kind.token, but)
        if not found and old is None and world.lasts(kind, state):
            found.append((kind.unique[-1], f"ALREADY_EXISTS: there was such a {kind.called}, and its name stays taken"))
        if not found and old is None and (rule := self.making.get(kind.called)):
            found.extend(rule(state, world, place))
        if not found and old is not None and (change := self.changing.get(kind.called)):
            found.extend(change(old, state, world))
        if found:
            raise InvalidInputsError(found)

    def require_removable(self, thing: Thing, world: World) -> None:
        """Refuses what the cloud would refuse to delete."""
        reasons = [f"{user} ({user.urn}) still uses it" for user in world.users(thing)]
        reasons.extend(self.forbids(thing))
        if refusal := self.removing.get(thing.kind.called):
            reasons.extend(refusal(thing, world))
        if reasons:
            raise ResourceError(f"DependencyViolation: {thing} cannot be deleted: {'; '.join(reasons)}")

    def invoke(self, token: str, arguments: Map, store: Store, place: P) -> Map:
        """A function's answer: that of the recording's `invokes`, else the cloud's own.

        Raises `ResourceError` where the cloud would refuse, and for functions that are not known.
        """
        with store.open() as content:
            for entry in cast(dict[str, list[Map]], content["invokes"]).get(token, []):
                if cast(Map, entry.get("args", {})).items() <= arguments.items():
                    if "error" in entry:
                        raise ResourceError(str(entry["error"]))
                    return cast(Map, entry["result"])
            if token not in self.answers:
                where = f"see {self.folder}/invokes.py"
                raise ResourceError(f"the recording {self.name} has no function {token}; {where}")
            return self.answers[token](arguments, self.world(content), place)
