"""What one kind of resource does, free of gRPC: the providers hand requests to a `Handler` and send its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from offline.values import Map

Path = tuple[str | int, ...]


class ResourceError(Exception):
    """An error for the user, said as it is."""


class InvalidInputsError(ResourceError):
    """Inputs that cannot be taken, each with its property path and reason."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        """`problems` are pairs of property path and reason."""
        super().__init__("; ".join(f"{path}: {reason}" if path else reason for path, reason in problems))
        self.problems = tuple(problems)


class NotReadyError(ResourceError):
    """The resource was made or changed, but did not become ready; its state is kept, and the next `up` tries again."""

    def __init__(self, resource_id: str, state: Map, reasons: Sequence[str]) -> None:
        """`state` is what is known of the resource; the first of `reasons` is the headline."""
        super().__init__(reasons[0])
        self.resource_id = resource_id
        self.state = state
        self.reasons = tuple(reasons)


@dataclass(frozen=True)
class Change:
    """One property that differs; `replace` if it can only change with a new resource."""

    path: Path
    kind: Literal["add", "delete", "update"]
    replace: bool = False
    of_inputs: bool = True


@dataclass(frozen=True)
class Diff:
    """The outcome of a comparison: no changes, an update, or a replacement."""

    changes: tuple[Change, ...] = ()
    delete_first: bool = False


@dataclass(frozen=True)
class Request:
    """One operation on one resource."""

    urn: str
    type: str
    name: str
    id: str = ""
    inputs: Map = field(default_factory=dict[str, Any])
    old_inputs: Map = field(default_factory=dict[str, Any])
    state: Map = field(default_factory=dict[str, Any])
    preview: bool = False
    timeout: float = 0.0
    ignore_changes: tuple[str, ...] = ()
    suffix: Callable[[], str] = lambda: ""
    """A fresh random suffix for a name that the program left to us (8 hex digits)."""


@dataclass(frozen=True)
class Made:
    """A resource after an operation; an empty id says that it is gone."""

    id: str
    state: Map
    inputs: Map | None = None


class Handler(Protocol):
    """The operations of one kind of resource. Each may raise `ResourceError`, and the first `InvalidInputsError`."""

    def check(self, request: Request) -> Map:
        """The inputs with defaults filled in."""
        ...

    def diff(self, request: Request) -> Diff:
        """What would change."""
        ...

    def create(self, request: Request) -> Made:
        """Make it, and wait until it is ready."""
        ...

    def read(self, request: Request) -> Made:
        """What there is now."""
        ...

    def update(self, request: Request) -> Made:
        """Change it, and wait until it is ready."""
        ...

    def delete(self, request: Request) -> None:
        """Take it away, and wait until it is gone."""
        ...
