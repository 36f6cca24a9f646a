"""Decides offline whether a log entry is found by a query: what our filters use of Cloud Logging's query language.

`=` with one value or several, `:` for a part of a text, `:*` for a field that is there, `log_id`, AND, OR, NOT and
brackets. Anything else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

_TERM: Final = re.compile(
    r'log_id\("(?P<log>[^"]*)"\)'
    r'|(?P<field>[\w.]+)(?P<operator>[=:])(?:"(?P<text>[^"]*)"|(?P<any>\*)|\((?P<several>"[^"]*"(?: OR "[^"]*")*)\))'
)


def found(query: str, entry: Mapping[str, Any]) -> bool:
    """Whether the query finds the entry, which is as the API gives it, with `logName` in full."""

    def term(match: re.Match[str]) -> str:
        if match["log"] is not None:
            return str(entry["logName"].rpartition("/logs/")[2] == match["log"])
        values = _values(entry, match["field"].split("."))
        if match["any"]:
            return str(bool(values))
        wanted = re.findall(r'"([^"]*)"', match["several"]) if match["several"] else [match["text"]]
        if match["operator"] == ":":
            return str(any(want.lower() in value.lower() for value in values for want in wanted))
        return str(any(value.lower() == want.lower() for value in values for want in wanted))

    terms = _TERM.sub(term, query)
    assert re.fullmatch(r"(True|False|AND|OR|NOT|[() ])+", terms), f"not understood: {terms}"
    return bool(eval(terms.replace("AND", "and").replace("NOT", "not").replace("OR", "or")))


def _values(value: Any, path: list[str]) -> list[Any]:
    """What stands at a path, of every member where a list stands on the way."""
    if isinstance(value, list):
        return [found for each in cast(list[Any], value) for found in _values(each, path)]
    if not path:
        return [value]
    if not isinstance(value, Mapping) or path[0] not in value:
        return []
    return _values(cast(Mapping[str, Any], value)[path[0]], path[1:])
