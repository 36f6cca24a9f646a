"""What is watched on every cloud, and what is said of it: failed runs, pools at their most nodes, money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

PHASE_CHANGED: Final = "updated phase"
BAD_ENDS: Final = ("toPhase=Failed", "toPhase=Error")
"""What the line has that Argo's controller logs when a run ends badly, in its text format."""

PERIOD_SECONDS: Final = 300
AT_MAX_PERIODS: Final = 6
"""For so many periods may a pool have all its nodes before somebody is told."""
FORECAST_PERCENT: Final = 80
ACTUAL_PERCENT: Final = 100
"""Of the budget: foreseen, and spent."""


def failed_run_text(stack: str) -> str:
    """What an alarm says of a run that failed."""
    return f"A run of the stack {stack} failed: `argo list --status Failed` tells which"


def at_max_text(pool: str, most: int) -> str:
    """What an alarm says of a pool that has had its `most` nodes for long."""
    minutes = PERIOD_SECONDS * AT_MAX_PERIODS // 60
    return f"The pool {pool} has had its {most} nodes for {minutes} minutes: steps may be waiting; raise its max"


def kept(options: pulumi.ResourceOptions, keep: bool) -> pulumi.ResourceOptions:
    """Options of logs that outlive the stack if `keep`.

    They stay in the state (`destroy --exclude-protected`), or the next `up` would find their name taken.
    """
    return pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep))


def placed(widgets: Sequence[dict[str, Any]], across: int, columns: int, high: int) -> list[dict[str, Any]]:
    """Each widget with its `x`, `y`, `width` and `height`, row by row, on a grid that is `across` wide."""
    width = across // columns
    return [
        {"x": index % columns * width, "y": index // columns * high, "width": width, "height": high, **widget}
        for index, widget in enumerate(widgets)
    ]


def below(widgets: Sequence[object], columns: int, high: int) -> int:
    """The first row of the grid below them."""
    return -(-len(widgets) // columns) * high
