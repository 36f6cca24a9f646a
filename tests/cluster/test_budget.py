"""A budget that is used up stops the samples that have not begun.

It shares the stack of test_pipeline.py, and leaves it as the tests there expect it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.stack import Stack, changed

NA12878 = {"NA12878": ("reads/NA12878_1.fastq.gz", "reads/NA12878_2.fastq.gz")}
STUB = {"profile": "stub", "prices": {"small": 50.0, "large": 50.0}, "samplesAtOnce": 1}
"""One after the other, at a price of which a second is a cent and more."""


@pytest.fixture(autouse=True)
def as_before(stack: Stack) -> Iterator[None]:
    """Leaves the stack as the tests of other files expect it."""
    yield
    stack.sheet(NA12878)
    stack.succeed()


def ledger(stack: Stack) -> Any:
    return json.loads((stack.workspace / "results" / "_stub" / "_sheets" / "sheet" / "budget.json").read_text())


def test_a_budget_that_is_used_up_stops_the_sample_that_has_not_begun(stack: Stack) -> None:
    stack.sheet({**NA12878, "SECOND": stack.good("SECOND")})
    with changed(stack, {**STUB, "budget": 0.01}):
        ended = stack.up()
    assert ended.code != 0
    assert "1 of 2 runs failed, 1 done" in ended.output
    assert "admit: budget: 0.01 USD are used up (modelled " in ended.output
    assert "not started; raise biojobs:budget and run `up` again" in ended.output
    before = ledger(stack)
    assert before["stopped"]
    with changed(stack, {**STUB, "budget": 1000}):
        stack.succeed()
    after = ledger(stack)
    assert after["modelled"] > before["modelled"]
    assert not after["stopped"]
