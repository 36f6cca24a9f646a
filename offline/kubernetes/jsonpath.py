"""The part of kubectl's JSONPath that `pulumi.com/waitFor` needs: `{.status.phase}=Running`."""

from __future__ import annotations

import re
from typing import Any, cast

from offline.resource import ResourceError
from offline.values import Map

_EXPRESSION = re.compile(r"^(?P<path>\{[^}]*\}|[^=]*)(?:=(?P<value>.*))?$", re.DOTALL)
_PART = re.compile(r"\.((?:\\.|[^.\[\]\\])+)|\[(\d+|\*)\]|\['((?:[^'\\]|\\.)*)'\]")


def parse(text: str) -> tuple[tuple[str | int, ...], str | None]:
    """The parts of the path and the wanted value (None: any). Raises `ResourceError` for what it does not know."""
    match = _EXPRESSION.match(text)
    path = match["path"].strip("{}").removeprefix("$") if match else ""
    if match is None or not path:
        raise ResourceError(f'pulumi.com/waitFor: jsonpath {text!r} is not understood: give "{{.path.to.field}}=value"')
    path = path if path.startswith((".", "[")) else f".{path}"
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        part = _PART.match(path, position)
        if part is None:
            raise ResourceError(f"pulumi.com/waitFor: jsonpath {text!r}: {path[position:]!r} is not understood")
        position = part.end()
        name, index, quoted = part.groups()
        parts.append(_index(index) if index else re.sub(r"\\(.)", r"\1", name or quoted))
    value = match["value"]
    return tuple(parts), value.strip("'\"") if value is not None else None


def _index(text: str) -> str | int:
    return "*" if text == "*" else int(text)


def find(value: Any, path: tuple[str | int, ...]) -> list[Any]:
    """All values at `path`."""
    if not path:
        return [] if value is None else [value]
    part, rest = path[0], path[1:]
    if part == "*":
        items = list(cast(Map, value).values()) if isinstance(value, dict) else value
        return [hit for item in cast(list[Any], items or []) for hit in find(item, rest)]
    if isinstance(part, int):
        items = cast(list[Any], value) if isinstance(value, list) else []
        return find(items[part], rest) if part < len(items) else []
    return find(cast(Map, value).get(part), rest) if isinstance(value, dict) else []
