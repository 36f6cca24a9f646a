"""Property paths: how they are written for the user, and where two values differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

from offline.resource import Change, Path
from offline.values import Map, Secret, Unknown, contains, reveal

_TOKEN = re.compile(r'([A-Za-z_][\w-]*)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]')


def format_path(path: Path) -> str:
    """`spec.containers[0]["a.b"]`, as Pulumi writes it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def parse_path(text: str) -> Path:
    """The parts of a path written as `format_path` does; `[*]` stays `*`."""
    parts: list[str | int] = []
    for name, index, quoted in _TOKEN.findall(text):
        if index:
            parts.append("*" if index == "*" else int(index))
        else:
            parts.append(name or re.sub(r"\\(.)", r"\1", quoted))
    return tuple(parts)


def within(path: Path, roots: Iterable[str]) -> bool:
    """Whether `path` is one of `roots` or inside one of them; `*` in a root stands for any part."""
    return any(_starts(path, parse_path(root)) for root in roots)


def _starts(path: Path, root: Path) -> bool:
    return len(root) <= len(path) and all(want in ("*", part) for want, part in zip(root, path, strict=False))


def get(value: Any, *path: str | int) -> Any:
    """The value at `path`, or None where there is nothing."""
    for part in path:
        if isinstance(value, Secret):
            value = value.value
        if isinstance(value, dict):
            value = cast(Map, value).get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(cast(list[Any], value)):
            value = cast(list[Any], value)[part]
        else:
            return None
    return value


def speaks_of(value: Any, path: Path) -> bool:
    """Whether `value` sets what is at `path`, or the list that it is an element of."""
    parent = reveal(get(value, *path[:-1]))
    if isinstance(parent, list):
        return True
    return isinstance(parent, dict) and path[-1] in parent


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """Where `new` differs from `old`; an unknown value always does. Absent and null are the same."""
    if contains(new, Unknown) and not isinstance(new, dict | list):
        yield Change(path, _kind(old, new))
        return
    old, new = reveal(old), reveal(new)
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast(Map, old), cast(Map, new)
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        first, second = cast(list[Any], old), cast(list[Any], new)
        for index in range(max(len(first), len(second))):
            pair = [items[index] if index < len(items) else None for items in (first, second)]
            yield from differences(pair[0], pair[1], (*path, index))
    elif old != new:
        yield Change(path, _kind(old, new))


def _kind(old: Any, new: Any) -> Literal["add", "delete", "update"]:
    if old is None:
        return "add"
    return "delete" if new is None else "update"
