"""Tables that sort by a click on a heading and are searched by words. Cells of numbers carry them for sorting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.markup import Html, joined, tag

MOST_ROWS = 3000
"""Rows of a table; what is beyond is counted and not shown."""
_SEARCHED_FROM = 12


@dataclass(frozen=True)
class Cell:
    """A cell: what is shown, what it is sorted by where that is a number, and its class."""

    text: str
    number: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class Column:
    """A heading and the class of its column: `n` for numbers, `turn` for one that is written upright."""

    name: str
    kind: str = ""


def number(text: str, value: float | None) -> Cell:
    """A number as it is shown; what is not known sorts last."""
    return Cell(text, -1.0 if value is None else value, "n")


def table(name: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], classes: str = "") -> Html:
    """A table in a box that scrolls, with a field to search it where it has many rows."""
    shown = rows[:MOST_ROWS]
    head = tag("thead", tag("tr", *(_heading(column) for column in columns)))
    body = tag("tbody", *(tag("tr", *map(_cell, row)) for row in shown))
    box = tag("div", tag("table", head, body, id=name, class_=classes), class_="scroll")
    return joined([_tools(name, len(shown)), box, _rest(len(rows) - len(shown))])


def _heading(column: Column) -> Html:
    inner = tag("span", column.name) if "turn" in column.kind else column.name
    return tag("th", inner, class_=column.kind or False, data_sort=True, tabindex="0", scope="col")


def _cell(cell: Cell) -> Html:
    value = f"{cell.number:.6g}" if cell.number is not None else False
    return tag("td", cell.text, class_=cell.kind or False, data_v=value)


def _tools(name: str, rows: int) -> Html:
    if rows < _SEARCHED_FROM:
        return Html()
    label = f"Search {rows} rows"
    search = tag("input", type="search", placeholder=label, aria_label=label, data_of=name).removesuffix("</input>")
    return tag("div", Html(search), tag("span", id=f"{name}-told", class_="muted small"), class_="tools")


def _rest(rows: int) -> Html:
    return tag("p", f"{rows:,} more rows are not shown.", class_="muted small") if rows > 0 else Html()
