"""Decides offline whether a condition of Google's IAM holds: what our conditions use of its language, CEL.

    holds("resource.name.startsWith('projects/_/buckets/x/') && assertion.ref == 'refs/heads/main'", {...})

Values are texts, lists of texts and truth values; `&&`, `||`, `!`, `==`, `!=` and `in` work on them, and the functions
of `_METHODS`. What is not understood is an error and never a guess. An attribute that a request does not have is an
error in CEL, which denies, unless the other side of `||` or `&&` decides alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

Request = Mapping[str, Mapping[str, Any]]
"""Attributes by what they are of: `resource`, `assertion`, `api`, `request`."""
_Node = Callable[[Request], Any]

_TOKEN: Final = re.compile(r"\s*(?:('[^'\\]*'|\"[^\"\\]*\")|(\|\||&&|==|!=|[!().,\[\]])|([A-Za-z_]\w*))")


class NotUnderstood(Exception):  # noqa: N818
    """A condition says something that this evaluator does not know: extend it."""


class _AbsentError(Exception):
    """The request has no such attribute."""


def holds(expression: str, request: Request) -> bool:
    """Whether a condition lets a request through."""
    rest = _tokens(expression)
    node = _either(rest)
    if rest:
        raise NotUnderstood(f"{' '.join(rest)!r} at the end of {expression!r}")
    try:
        found = node(request)
    except _AbsentError:
        return False
    if not isinstance(found, bool):
        raise NotUnderstood(f"{expression!r} is {found!r} and no truth value")
    return found


def _tokens(expression: str) -> list[str]:
    found: list[str] = []
    at = 0
    while expression[at:].strip():
        match = _TOKEN.match(expression, at)
        if match is None:
            raise NotUnderstood(f"{expression[at:]!r} in {expression!r}")
        found.append(match[0].strip())
        at = match.end()
    return found


def _either(rest: list[str]) -> _Node:
    return _chain(rest, _both, "||", True)


def _both(rest: list[str]) -> _Node:
    return _chain(rest, _compared, "&&", False)


def _chain(rest: list[str], part: Callable[[list[str]], _Node], operator: str, decides: bool) -> _Node:
    """Parts by an operator; one that is `decides` settles it, whatever the others are, absent attributes too."""
    parts = [part(rest)]
    while rest[:1] == [operator]:
        rest.pop(0)
        parts.append(part(rest))
    if len(parts) == 1:
        return parts[0]

    def node(request: Request) -> bool:
        absent: _AbsentError | None = None
        for each in parts:
            try:
                if each(request) is decides:
                    return decides
            except _AbsentError as error:
                absent = error
        if absent:
            raise absent
        return not decides

    return node


def _compared(rest: list[str]) -> _Node:
    if rest[:1] == ["!"]:
        rest.pop(0)
        inner = _compared(rest)
        return lambda request: not inner(request)
    left = _value(rest)
    if rest[:1] in (["=="], ["!="], ["in"]):
        operator, right = rest.pop(0), _value(rest)
        tests: dict[str, Callable[[Any, Any], bool]] = {
            "==": lambda one, other: one == other,
            "!=": lambda one, other: one != other,
            "in": lambda one, other: one in other,
        }
        return lambda request: tests[operator](left(request), right(request))
    return left


def _value(rest: list[str]) -> _Node:
    node = _primary(rest)
    while rest[:1] == ["."]:
        rest.pop(0)
        name = rest.pop(0)
        if rest[:1] == ["("]:
            rest.pop(0)
            node = _called(name, node, _listed(rest, ")"))
        else:
            node = _attribute(name, node)
    return node


def _primary(rest: list[str]) -> _Node:
    if not rest:
        raise NotUnderstood("the condition ends too early")
    token = rest.pop(0)
    if token[0] in "'\"":
        return lambda request: token[1:-1]
    if token == "[":
        members = _listed(rest, "]")
        return lambda request: [member(request) for member in members]
    if token == "(":
        inner = _either(rest)
        if rest[:1] != [")"]:
            raise NotUnderstood("a bracket is not closed")
        rest.pop(0)
        return inner
    if token in ("true", "false"):
        return lambda request: token == "true"
    if not token.isidentifier():
        raise NotUnderstood(f"{token!r}")
    return lambda request: _of(request, token)


def _listed(rest: list[str], end: str) -> list[_Node]:
    found: list[_Node] = []
    while rest[:1] != [end]:
        found.append(_either(rest))
        if rest[:1] == [","]:
            rest.pop(0)
        elif rest[:1] != [end]:
            raise NotUnderstood(f"a list is not closed by {end}")
    rest.pop(0)
    return found


def _attribute(name: str, of: _Node) -> _Node:
    return lambda request: _of(of(request), name)


def _of(attributes: Any, name: str) -> Any:
    if not isinstance(attributes, Mapping):
        raise NotUnderstood(f"attribute {name!r} of {attributes!r}")
    found = cast(Mapping[str, Any], attributes)
    if name not in found:
        raise _AbsentError(name)
    return found[name]


def _extracted(text: str, template: str) -> str:
    """What stands at `{...}` of the template, up to the text after it; nothing where the template does not match."""
    before, _, after = re.sub(r"\{.*\}", "\0", template).partition("\0")
    if before not in text:
        return ""
    rest = text[text.index(before) + len(before) :]
    if not after:
        return rest
    return rest.partition(after)[0] if after in rest else ""


def _has_only(members: list[str], known: list[str]) -> bool:
    return set(members) <= set(known)


def _get_attribute(attributes: Mapping[str, Any], name: str, default: Any) -> Any:
    return attributes.get(name, default)


_METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "extract": _extracted,
    "hasOnly": _has_only,
    "getAttribute": _get_attribute,
}


def _called(name: str, of: _Node, arguments: list[_Node]) -> _Node:
    if name not in _METHODS:
        raise NotUnderstood(f"function {name!r}")
    return lambda request: _METHODS[name](of(request), *(argument(request) for argument in arguments))
