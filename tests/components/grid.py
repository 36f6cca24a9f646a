"""Whether what is placed on a dashboard's grid can be seen."""

from __future__ import annotations

from collections.abc import Iterable


def all_seen(places: Iterable[tuple[int, int, int, int]], across: int) -> bool:
    """Whether no place (x, y, width, height) lies over another, and none sticks out of a grid `across` wide."""
    fields = [
        (column, row)
        for x, y, width, height in places
        for column in range(x, x + width)
        for row in range(y, y + height)
    ]
    return len(set(fields)) == len(fields) and max(column for column, _ in fields) < across
