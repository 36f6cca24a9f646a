"""What the figures of a sheet suggest, in words that name the setting to change. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from components.hourly import PriceList
from components.pools import key as pool_key
from components.pools import pool_of
from quantities import MIB, write_bytes, write_cpu
from reports.facts import SheetFacts
from reports.text import counted, data, duration
from reports.usage import Ended, StepUse, causes, step_uses
from settings_sizes import MIN_MEMORY_MIB
from workflows.sizing import HEADROOM_PERCENT
from workflows.types import SizeName

_TOO_BIG: Final = 0.6
"""A class is too big when what would do is less than this part of it."""
_LONG_SECONDS: Final = 60
"""Times below this are not worth a word."""
_LOST: Final = 0.2
"""Part of a step's pod hours that may be lost to interruptions before it is."""
_MOVED: Final = 0.4
"""Part of a step's work that may be copies."""
_LEAST_MIB: Final = 1024
"""Memory of a class that is worth saving."""
_LEAST_CORES: Final = 2.0


def advice(facts: SheetFacts, prices: PriceList) -> list[str]:
    """Sentences, the most useful first; none where all is well."""
    uses, ended = step_uses(facts), causes(facts)
    return [
        *_out_of_memory(ended),
        *_interruptions(ended, uses),
        *_too_much_memory(facts, uses),
        *_too_many_cores(uses),
        *_waiting(facts, uses),
        *_moving(uses),
        *_stopped_by_qc(facts, ended),
        *_unpriced(facts, uses, prices),
    ]


def _of_class(uses: Sequence[StepUse], size: SizeName) -> list[StepUse]:
    return [use for use in uses if use.size == size]


def _sizes(uses: Sequence[StepUse]) -> list[SizeName]:
    return sorted({use.size for use in uses})


def _too_much_memory(facts: SheetFacts, uses: Sequence[StepUse]) -> Iterator[str]:
    for size, given in facts.memory_mib.items():
        steps = [(use, use.memory) for use in _of_class(uses, size) if use.memory]
        if not steps:
            continue
        # Where every step asks for less than its class gives, a smaller class would change nothing.
        use, memory = max(steps, key=lambda pair: pair[1].most)
        if max(one.asked for _, one in steps) < 0.9 * given * MIB:
            continue
        enough = _enough_mib(memory.most)
        if enough <= _TOO_BIG * given and given - enough >= _LEAST_MIB:
            yield (
                f"`{size}` is {given / enough:.1f} times as big as this sheet needs: `{use.step}` peaked at "
                f"{data(memory.most)} of {data(given * MIB)}; `biojobs:classes.{size}.memory: "
                f"{write_bytes(enough * MIB)}` would do."
            )


def _enough_mib(peak: float) -> int:
    """A peak with headroom, in whole GiB, or in quarters of one where it is small."""
    wanted = peak * (100 + HEADROOM_PERCENT) / 100 / MIB
    grain = 1024 if wanted > 2048 else 256
    return max(MIN_MEMORY_MIB, math.ceil(wanted / grain) * grain)


def _too_many_cores(uses: Sequence[StepUse]) -> Iterator[str]:
    for size in _sizes(uses):
        steps = [(use, use.cpu) for use in _of_class(uses, size) if use.cpu and use.typical.running >= _LONG_SECONDS]
        if not steps:
            continue
        use, cpu = max(steps, key=lambda pair: pair[1].most)
        enough = max(1000, math.ceil(cpu.most * 1.2) * 1000)
        if cpu.asked >= _LEAST_CORES and enough <= _TOO_BIG * cpu.asked * 1000:
            yield (
                f"`{use.step}` kept at most {cpu.most:.1f} of its {cpu.asked:g} cores busy; "
                f"`biojobs:classes.{size}.cpu: {write_cpu(enough)}` would do."
            )


def _out_of_memory(ended: Sequence[Ended]) -> Iterator[str]:
    for one in ended:
        if one.cause == "memory":
            again = "and was given up" if one.given_up else "and was tried again with more"
            yield (
                f"`{one.step}` ran out of memory {_times(one.tries)} {again}; raise the memory of its class "
                "(`biojobs:classes`) so that the first try suffices."
            )


def _interruptions(ended: Sequence[Ended], uses: Sequence[StepUse]) -> Iterator[str]:
    for one in ended:
        if one.cause != "interruption":
            continue
        use = next(use for use in uses if use.step == one.step)
        worked = use.spent.running + use.spent.moving
        if one.seconds < max(_LONG_SECONDS, _LOST * (worked + one.seconds)):
            continue
        remedy = (
            "shorter shards lose less (`biojobs:variants.shardMinutes`)"
            if one.step == "call"
            else f"on-demand machines, or other types in `{pool_key(pool_of(use.size), 'types')}`, may be cheaper"
        )
        yield (
            f"`{one.step}` was interrupted {_times(one.tries)} and lost {duration(one.seconds)} beside "
            f"{duration(worked)} of work: {remedy}."
        )


def _waiting(facts: SheetFacts, uses: Sequence[StepUse]) -> Iterator[str]:
    slow = [
        use
        for use in uses
        if facts.live
        and use.typical.waiting >= _LONG_SECONDS
        and use.typical.waiting > use.typical.running + use.typical.moving
    ]
    if slow:
        use = max(slow, key=lambda use: use.spent.waiting)
        others = f" ({', '.join(f'`{other.step}`' for other in slow if other is not use)} too)" if len(slow) > 1 else ""
        yield (
            f"`{use.step}` waits longer than it runs: typically {duration(use.typical.waiting)} for "
            f"{duration(use.typical.running + use.typical.moving)} of work{others}. More nodes (in a cloud "
            f"`{pool_key(pool_of(use.size), 'max')}`) or a higher `biojobs:quota` let more pods run at once."
        )


def _moving(uses: Sequence[StepUse]) -> Iterator[str]:
    for use in uses:
        work = use.typical.running + use.typical.moving
        if use.typical.moving >= _LONG_SECONDS and use.typical.moving > _MOVED * work:
            remedy = "; `biojobs:readsAccess: stream` spares the copy of the reads" if use.step == "align" else ""
            part = f"{use.typical.moving / work:.0%} of its time"
            yield f"`{use.step}` spends {part} on copies from and to the store{remedy}."


def _stopped_by_qc(facts: SheetFacts, ended: Sequence[Ended]) -> Iterator[str]:
    stopped = sum(one.given_up for one in ended if one.cause == "qc")
    if stopped and stopped * 4 >= len(facts.samples) > 1:
        yield (
            f"The QC gate stopped {stopped} of {counted(len(facts.samples), 'sample')}: look at the verdicts below, "
            "and at the rules of `biojobs:qc`."
        )


def _unpriced(facts: SheetFacts, uses: Sequence[StepUse], prices: PriceList) -> Iterator[str]:
    missing = [size for size in _sizes(uses) if prices.steps[size].usual is None]
    if missing:
        keys = ", ".join(f"`biojobs:prices.{size}`" for size in missing)
        yield f"Cost is not modelled for {' and '.join(missing)}: no price is known. Set {keys} (USD an hour)."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
