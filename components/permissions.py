"""What a cloud's documents of permissions are made from, whichever cloud it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence


def of(service: str, names: str, separator: str) -> tuple[str, ...]:
    """Permissions of one service: `names` stand in one text, such as `Get List`."""
    return tuple(f"{service}{separator}{name}" for name in names.split())


def needed(
    by_type: Mapping[str, Sequence[str]], more: Iterable[str] = (), want: Callable[[str], object] = bool
) -> list[str]:
    """Those of all types of resources, and `more`, that are wanted: each once, in order."""
    every = {*more, *(name for names in by_type.values() for name in names)}
    return [name for name in sorted(every) if want(name)]
