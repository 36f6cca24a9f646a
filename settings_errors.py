"""Words for settings that cannot be used: every message names the key, the value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

_REMEDIES = {
    "missing": "is missing; set it",
    "bool_parsing": "write true or false",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_parsing": "write a number",
    "string_type": "write a text",
    "string_too_short": "must not be empty",
    "tuple_type": "write a YAML list",
    "model_type": "write a YAML mapping",
    "model_attributes_type": "write a YAML mapping",
    "dict_type": "write a YAML mapping",
}

_SECRET = ("notify",)
"""Keys whose values are told to nobody."""


def _path(location: tuple[int | str, ...]) -> str:
    return "biojobs:" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)[1:]


def _remedy(kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind == "value_error":
        return str(context.get("error", message))
    if kind == "literal_error":
        return f"use one of {context.get('expected', message)}"
    if kind == "string_pattern_mismatch":
        return f"must match {context.get('pattern')}"
    if kind == "extra_forbidden":
        return "is not a key here; remove it, or see docs/settings.md"
    return _REMEDIES.get(kind, message[:1].lower() + message[1:])


def shown(key: str, value: object) -> str:
    """A key's value as a message shows it."""
    return "(a secret)" if key in _SECRET else repr(value)


def explain(error: ValidationError) -> list[str]:
    """One line for every problem that pydantic found."""
    lines: list[str] = []
    for problem in error.errors():
        remedy = _remedy(problem["type"], problem["msg"], problem.get("ctx", {}))
        if not problem["loc"]:
            # What keys together make impossible: the message begins with one of them.
            lines.append(f"biojobs:{remedy}")
            continue
        value = "" if problem["type"] == "missing" else f" {shown(str(problem['loc'][0]), problem['input'])}:"
        lines.append(f"{_path(problem['loc'])}:{value} {remedy}")
    return lines


def unknown_key(
    key: str, value: object, cloud: str, common: Collection[str], by_cloud: Mapping[str, Collection[str]]
) -> str:
    """A line for a key that this stack does not know: another cloud's key, or a slip of the pen."""
    # A webhook under a wrong key is as secret there
    said = "(an address)" if "://" in str(value) else repr(value)
    owners = [name for name, keys in by_cloud.items() if key in keys]
    if owners:
        where = " and ".join(owners)
        return f"biojobs:{key}: {said}: is a key of {where}, and this stack is on {cloud}; remove it"
    near = difflib.get_close_matches(key, [*common, *by_cloud[cloud]], n=1)
    hint = f"did you mean biojobs:{near[0]}?" if near else "remove it, or see docs/settings.md for the keys"
    return f"biojobs:{key}: {said}: is not a key; {hint}"
