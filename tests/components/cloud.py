"""A recording mock of a cloud: every resource with its inputs and options, every call with an answer.

Each cloud's `conftest.py` says what its resources and calls give back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import pulumi
from pulumi.runtime.mocks import MockMonitor

from tests.components.conftest import Recorder, drained

Answer = Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]]


class RefusedError(Exception):
    """Raised by an answer: the cloud refuses the call, as the program sees it."""


@dataclass(frozen=True)
class Options:
    """What the engine is told of a resource besides its inputs. Others are given by their names."""

    parent: str
    provider: str
    protect: bool
    retain_on_delete: bool
    depends_on: frozenset[str]
    """Also what its inputs were made from."""
    deleted_with: str
    ignore_changes: tuple[str, ...]


@dataclass
class CloudRecorder(Recorder):
    """Records inputs and options of all resources but components, and calls; fails on a call without an answer."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Those whose resources are recorded here; others are `Recorder`'s."""
    options: dict[str, Options] = field(default_factory=dict[str, Options])
    """By resource name."""
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """What calls return, by token; a function of the call's arguments where it depends on them."""
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Outputs that a test wants of a resource, by its name, over the default ones."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def made(self, token: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Id and outputs of a resource, as the cloud makes them up."""
        raise NotImplementedError

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, {}
        if args.typ.partition(":")[0] not in self.packages:
            return super().new_resource(args)
        inputs = cast(dict[str, Any], args.inputs)  # pyright: ignore[reportUnknownMemberType]
        self.resources[(args.typ.rsplit(":", 1)[-1], args.name)] = inputs
        resource_id, outputs = self.made(args.typ, args.name, inputs)
        return resource_id, {**outputs, **self.outputs.get(args.name, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        given = cast(dict[str, Any], args.args)  # pyright: ignore[reportUnknownMemberType]
        self.calls.append((args.token, given))
        if args.token not in self.answers:
            raise AssertionError(f"no answer for a call of {args.token} with {given}")
        answer = self.answers[args.token]
        try:
            return {**given, **(answer(given) if callable(answer) else answer)}
        except RefusedError as error:
            return {}, [("", str(error))]

    def names(self) -> set[str]:
        """Names of all resources."""
        return {name for _, name in self.resources}

    def build(self, make: Callable[[], object]) -> None:
        """Runs a program to the end of all its outputs; raises what it raises."""

        @drained
        def run() -> None:
            make()

        run()


class _Monitor(MockMonitor):
    """Keeps the options, which mocks are not given."""

    def __init__(self, recorder: CloudRecorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        def name(urn: str) -> str:
            return urn.rsplit("::", 1)[-1]

        self._recorder.options[request.name] = Options(
            parent=name(request.parent),
            # A provider is referred to by urn::id.
            provider=name(request.provider.rpartition("::")[0]),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            depends_on=frozenset(map(name, request.dependencies)),
            deleted_with=name(request.deletedWith),
            ignore_changes=tuple(request.ignoreChanges),
        )
        return cast(Any, super().RegisterResource(request))  # pyright: ignore[reportUnknownMemberType]


def install(recorder: CloudRecorder, stack: str) -> None:
    """Makes a recorder the engine of what is built next."""
    pulumi.runtime.set_mocks(recorder, project="biojobs", stack=stack, preview=False, monitor=_Monitor(recorder))
