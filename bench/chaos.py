"""Thousands of kills while samples run: rounds of twenty samples of real reads, checked as in tests/cluster."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.cluster.chaotic import DONE, Chaotic, Trial, kills_table
from tests.cluster.stack import make_env, unused_stack

KILLS = 2000
KILLS_A_ROUND = 100
"""With more the samples' tries are used up, and what is left to kill is the platform alone."""
SAMPLES = 20
SECONDS = 1800.0
"""A round that takes longer hangs."""


def measure(kills: int = KILLS, **settings: Any) -> Iterator[str]:
    """A row a round as it ends, then what was killed; Ctrl-C ends it with the rounds so far. The sandbox must be up and
    without a stack. `settings` are the stack's, beside those of the tests."""
    os.environ.update(make_env())
    if reason := unused_stack():
        raise SystemExit(reason)
    chaotic = Chaotic(**settings)
    rounds: list[Trial] = []
    try:
        chaotic.controls()
        yield "| round | seconds | kills | pods | runs done / not | `up` given | false successes | hangs | differing |"
        yield "|---|---|---|---|---|---|---|---|---|"
        while (left := kills - _killed(rounds)) > 0:
            rounds.append(_round(chaotic, len(rounds) + 1, min(left, KILLS_A_ROUND)))
            yield f"| {len(rounds)} | {_row(rounds[-1:])} |"
            if not rounds[-1].kills:
                raise SystemExit("a round without a kill: see whether the sandbox is well (`python -m sandbox status`)")
    except KeyboardInterrupt:
        yield f"| | interrupted in round {len(rounds) + 1}, which does not count | | | | | | | |"
    finally:
        chaotic.stack.remove()
    yield f"| all | {_row(rounds)} |"
    yield ""
    yield from kills_table(sum((made.kills for made in rounds), Counter[tuple[str, str]]()))


def _round(chaotic: Chaotic, seed: int, kills: int) -> Trial:
    samples = [f"R{seed:03d}S{number:02d}" for number in range(1, SAMPLES + 1)]
    return chaotic.trial(samples, seed, SECONDS, "--kills", str(kills), "--pause", "0.5-2.5")


def _killed(rounds: Sequence[Trial]) -> int:
    return sum(made.kills.total() for made in rounds)


def _row(rounds: Sequence[Trial]) -> str:
    phases = Counter(phase == DONE for made in rounds for phase in made.phases.values())
    figures = (
        f"{sum(made.seconds + made.completing for made in rounds):.0f}",
        _killed(rounds),
        sum(made.tries for made in rounds),
        f"{phases[True]} / {phases[False]}",
        sum(len(made.ups) for made in rounds),
        sum(len(made.wrong) for made in rounds),
        sum(made.hung for made in rounds),
        sum(len(made.differing) for made in rounds),
    )
    return " | ".join(map(str, figures))
