"""The evaluator of conditions: right about what it knows, and loud about what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cel import NotUnderstood, holds

REQUEST: dict[str, dict[str, Any]] = {
    "resource": {"name": "projects/p/locations/l/keyRings/dev-key-ring-1a2b/cryptoKeys/k"},
    "assertion": {"ref": "refs/heads/main", "members": ["a", "b"]},
    "api": {"granted": ["x"]},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("assertion.ref == 'refs/heads/main'", True),
        ('assertion.ref != "refs/heads/main"', False),
        ("assertion.ref.startsWith('refs/') && assertion.ref.endsWith('/main')", True),
        ("assertion.ref.startsWith('main') || assertion.ref.endsWith('x')", False),
        ("false && true || true", True),
        ("false && (true || true)", False),
        ("!(assertion.ref == 'x') && !false", True),
        ("assertion.ref in ['x', 'refs/heads/main']", True),
        ("'c' in assertion.members", False),
        ("resource.name.extract('/keyRings/{s}-key-ring-') == 'dev'", True),
        ("resource.name.extract('/keyRings/{ring}/') == 'dev-key-ring-1a2b'", True),
        ("resource.name.extract('/buckets/{b}/') == ''", True),
        ("resource.name.extract('/cryptoKeys/{k}') == 'k'", True),
        ("api.getAttribute('granted', []).hasOnly(['x', 'y'])", True),
        ("api.getAttribute('granted', []).hasOnly(['y'])", False),
        ("api.getAttribute('other', []).hasOnly(['y'])", True),
    ],
)
def test_what_is_known_is_decided(expression: str, expected: bool) -> None:
    assert holds(expression, REQUEST) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("assertion.environment == 'preview'", False),
        ("assertion.environment == 'preview' && true", False),
        ("!(assertion.environment == 'preview')", False),
        ("assertion.environment == 'preview' || true", True),
    ],
)
def test_an_attribute_that_is_not_there_denies_unless_the_other_side_decides(expression: str, expected: bool) -> None:
    assert holds(expression, REQUEST) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "assertion.ref.matches('.*')",
        "assertion.ref > 'a'",
        "assertion.ref",
        "(true",
        "true true",
        "",
        "assertion.ref.length.x == ''",
        "['a' == 'b'",
    ],
)
def test_what_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        holds(expression, REQUEST)
