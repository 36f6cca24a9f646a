"""A budget for a sheet: the sheet's `await` keeps a ledger of what its runs cost, and no sample begins beyond it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from quantities import parse_cpu
from workflows.steps import Item, Step
from workflows.types import Platform, Size, SizeName
from workflows.work import Work

ADMIT: Final = "admit"
"""The step that a sample begins with."""


def admitted(work: Work, steps: Sequence[Step], sheet: str) -> list[Step]:
    """The steps of a sample behind one that lets them begin, where there is a budget. The last one records the run.

    What the steps make has the same keys as without it.
    """
    budget = work.platform.budget
    if budget is None:
        return list(steps)
    (finished,) = steps[-1].items
    args = ("--budget", usd(budget.usd), "--ledger", ledger(work.platform, sheet))
    own = {"finished": finished.record, "finished-key": finished.key}
    item = Item("{{workflow.uid}}", work.record(ADMIT), own)
    first = Step(ADMIT, "bwa-mem2", "small", args, (item,), light=True)
    return [first, *(step if step.after else replace(step, after=(ADMIT,)) for step in steps)]


def watched(platform: Platform, sheet: str, steps: Mapping[str, SizeName]) -> tuple[str, ...]:
    """The options by which `await` keeps the ledger; `steps` are the classes of the sheet's steps by their names."""
    budget = platform.budget
    if budget is None:
        return ()
    head = ("--budget", usd(budget.usd), platform.stack, ledger(platform, sheet), budget.source)
    priced: Mapping[str, SizeName] = {ADMIT: "small", **steps}
    prices = (_price(step, platform.sizes[size], budget.prices[size]) for step, size in priced.items())
    return (*head, *(word for price in prices for word in price))


def _price(step: str, size: Size, price: float) -> tuple[str, ...]:
    return ("--price", step, usd(price), str(parse_cpu(size.cpu)), str(size.memory_mib))


def ledger(platform: Platform, sheet: str) -> str:
    """URI of a sheet's ledger."""
    return f"{platform.store.results}/_sheets/{sheet}/budget.json"


def usd(amount: float) -> str:
    """An amount as the steps read it: a plain number, to a millionth."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")
