"""Thousands of kills while samples run: rounds of twenty samples of real reads, checked as in tests/cluster."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.cluster.chaotic import DONE, Chaotic, Trial
from tests.cluster.stack import make_env, unused_stack

KILLS = 2000
SAMPLES = 20
SECONDS = 1800.0
"""A round that takes longer hangs."""


def measure(kills: int = KILLS) -> Iterator[str]:
    """A row a round as it ends, then what was killed. The sandbox must be up and without a stack."""
    os.environ.update(make_env())
    if reason := unused_stack():
        raise SystemExit(reason)
    chaotic = Chaotic()
    rounds: list[Trial] = []
    try:
        chaotic.controls()
        yield "| round | seconds | kills | pods | runs done / not | `up` given | false successes | hangs | differing |"
        yield "|---|---|---|---|---|---|---|---|---|"
        while (left := kills - sum(made.kills.total() for made in rounds)) > 0:
            seed = len(rounds) + 1
            samples = [f"R{seed:03d}S{number:02d}" for number in range(1, SAMPLES + 1)]
            rounds.append(chaotic.trial(samples, seed, SECONDS, "--kills", str(left), "--pause", "0.5-3"))
            yield f"| {seed} | {_row(rounds[-1:])} |"
            if not rounds[-1].kills:
                raise SystemExit("a round without a kill: see whether the sandbox is well (`python -m sandbox status`)")
    finally:
        chaotic.stack.remove()
    yield f"| all | {_row(rounds)} |"
    yield from _kinds(rounds)


def _row(rounds: Sequence[Trial]) -> str:
    phases = Counter(phase == DONE for made in rounds for phase in made.phases.values())
    figures = (
        f"{sum(made.seconds for made in rounds):.0f}",
        sum(made.kills.total() for made in rounds),
        sum(made.tries for made in rounds),
        f"{phases[True]} / {phases[False]}",
        sum(len(made.ups) for made in rounds),
        sum(len(made.wrong) for made in rounds),
        sum(made.hung for made in rounds),
        sum(len(made.differing) for made in rounds),
    )
    return " | ".join(map(str, figures))


def _kinds(rounds: Sequence[Trial]) -> Iterator[str]:
    kills = sum((made.kills for made in rounds), Counter[str]())
    yield ""
    yield "| killed | times |"
    yield "|---|---|"
    for kind, count in kills.most_common():
        yield f"| {kind} | {count} |"
    yield f"| all | {kills.total()} |"
