"""Bills, as tests look at them."""

from __future__ import annotations

from components.pricelist import Bill


def amounts(bill: Bill) -> dict[str, float | None]:
    """USD by line."""
    return {line.what: line.usd for line in bill.lines}


def matching(text: str, bill: Bill) -> list[float | None]:
    """USD of the lines with a text."""
    return [line.usd for line in bill.lines if text in line.what]
