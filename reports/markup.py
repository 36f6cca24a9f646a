"""HTML that cannot be broken out of: plain text is escaped wherever it goes, and only `Html` is taken as it is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | bool) -> Html:
    """An element. Attributes: `class_` is `class`, `data_v` is `data-v`; True is one without a value, False is none."""
    inner = "".join(map(escaped, children))
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not False)
    return Html(f"<{name}{given}>{inner}</{name}>")


def escaped(text: str) -> str:
    """A text as HTML shows it; what is HTML already stays."""
    return text if isinstance(text, Html) else html.escape(text)


def joined(parts: Iterable[str]) -> Html:
    """Several texts and elements one after the other."""
    return Html("".join(map(escaped, parts)))


def prose(text: str) -> Html:
    """A sentence in which `words` in backticks are code."""
    return joined(tag("code", part) if at % 2 else part for at, part in enumerate(re.split("`", text)))


def script_json(value: object) -> Html:
    """JSON that may stand within a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Html(text)


def _attribute(key: str, value: str | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
