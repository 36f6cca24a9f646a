"""Decides offline whether policy documents allow a request, by the rules of IAM's own reference.

moto has an evaluator too, and it is not used: of conditions it knows `StringEquals` alone and takes every other one,
and every key that the request does not have, as fulfilled; it hands in no condition keys but an external id. Most of
what our documents promise stands in conditions. Here an operator, an element or a variable that is not understood is
an error and never a guess.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Context = Mapping[str, str | Sequence[str]]

_ELEMENTS: Final = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"}


class NotUnderstood(Exception):  # noqa: N818
    """A document says something that this evaluator does not know: extend it."""


@dataclass(frozen=True)
class Request:
    """An action on a resource. `context` has condition keys; `principal` is such as `Service:ec2.amazonaws.com`."""

    action: str
    resource: str
    context: Context = field(default_factory=dict[str, str])
    principal: str = ""


def allows(documents: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """True when a statement of the documents allows the request and none denies it."""
    statements = [statement for document in documents for statement in _statements(document)]
    effects = {statement["Effect"] for statement in statements if _applies(statement, request)}
    return "Allow" in effects and "Deny" not in effects


def _statements(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    statements = document["Statement"]
    for statement in statements:
        if strange := set(statement) - _ELEMENTS:
            raise NotUnderstood(f"statement elements {sorted(strange)}")
        if statement["Effect"] not in ("Allow", "Deny"):
            raise NotUnderstood(f"effect {statement['Effect']!r}")
    return statements


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    """All conditions are looked at, also when the rest does not match: what is not understood never goes unnoticed."""
    conditions = [_holds(operator, keys, request.context) for operator, keys in statement.get("Condition", {}).items()]
    return (
        _one_of(statement, "Action", request.action.lower(), str.lower)
        # A trust policy is about the role that it stands on, and names no resource.
        and ("Principal" in statement or _one_of(statement, "Resource", request.resource))
        and _is_principal(statement, request.principal)
        and all(conditions)
    )


def _one_of(
    statement: Mapping[str, Any], element: str, value: str, fold: Callable[[str], str] = lambda pattern: pattern
) -> bool:
    matches = [_matches(fold(pattern), value) for pattern in _list(statement.get(element, ()))]
    if f"Not{element}" in statement:
        return not any(_matches(fold(pattern), value) for pattern in _list(statement[f"Not{element}"]))
    return any(matches)


def _is_principal(statement: Mapping[str, Any], principal: str) -> bool:
    if "Principal" not in statement:
        return True
    if statement["Principal"] == "*":
        return True
    kind, _, name = principal.partition(":")
    return name in _list(statement["Principal"].get(kind, ()))


def _list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _matches(pattern: str, value: str) -> bool:
    """`*` is any text and `?` any character, also over `/` and `:`."""
    if "${" in pattern:
        raise NotUnderstood(f"variable in {pattern!r}")
    return fnmatch.fnmatchcase(value, re.sub(r"\[", "[[]", pattern))


def _arn_matches(pattern: str, value: str) -> bool:
    """ARNs are compared part by part: a wildcard does not run over a colon of the first five."""
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(given) and all(map(_matches, wanted, given))


def _in_network(pattern: str, value: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(pattern)


def _equals(pattern: str, value: str) -> bool:
    if "${" in pattern:
        raise NotUnderstood(f"variable in {pattern!r}")
    return pattern == value


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": _equals,
    "StringLike": _matches,
    # AWS documents that both match alike.
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
    "IpAddress": _in_network,
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
}


def _holds(operator: str, keys: Mapping[str, str | Sequence[str]], context: Context) -> bool:
    """All keys of an operator must hold, each with any of its values. Names of keys know no upper and lower case."""
    known = {key.lower(): _list(value) for key, value in context.items()}
    results = [_key_holds(operator, _list(wanted), known.get(key.lower())) for key, wanted in keys.items()]
    return all(results)


def _key_holds(operator: str, wanted: Sequence[str], given: Sequence[str] | None) -> bool:
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return [given is None] == [value == "true" for value in wanted]
    test = _OPERATORS.get(_NEGATED.get(name, name))
    if test is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise NotUnderstood(f"condition operator {operator!r}")
    negated = name in _NEGATED
    if given is None:
        return rest != name or negated or quantifier == "ForAllValues"
    if not quantifier and len(given) != 1:
        raise NotUnderstood(f"{operator} on a key with {len(given)} values; IAM wants ForAllValues or ForAnyValue")
    results = [any(test(pattern, value) for pattern in wanted) is not negated for value in given]
    return any(results) if quantifier == "ForAnyValue" else all(results)
