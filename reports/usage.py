"""How each step spent its time, and what it used of what it asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reports.facts import SheetFacts, Try
from reports.records import Record
from workflows.failures import Cause
from workflows.types import SizeName

ORDER: Final = (
    *("admit", "lookup", "index", "fastqc", "gate", "lane", "align", "sort", "shards", "call", "gather"),
    *("record", "await", "multiqc", "notify"),
)
"""Steps as a sample goes through them; others come after, by name."""


@dataclass(frozen=True)
class Spent:
    """Seconds of a try: until its step began (and until Argo had seen its end), in its work, in copies, for nothing."""

    waiting: float = 0.0
    running: float = 0.0
    moving: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True)
class Used:
    """What the pods of a step used at the most and typically (the median), and what they asked for."""

    most: float
    typical: float
    asked: float

    @property
    def share(self) -> float:
        """The most that was used, of what was asked for."""
        return self.most / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class StepUse:
    """A step over all samples. Times are in seconds; `memory` is in bytes, `cpu` in cores, None if not measured."""

    step: str
    size: SizeName
    pods: int
    spent: Spent
    typical: Spent
    """Of a pod that did its work: medians."""
    memory: Used | None
    cpu: Used | None
    moved_bytes: int


def ordered(steps: Iterable[str]) -> list[str]:
    """Step names in the pipeline's order, each once."""
    places = {step: place for place, step in enumerate(ORDER)}
    return sorted(set(steps), key=lambda step: (places.get(step, len(ORDER)), step))


def spent(found: Try, now: datetime, usual_wait: float = 0.0) -> Spent:
    """How a try spent its time. One without a record is taken to have waited `usual_wait`."""
    whole = found.seconds(now)
    if found.phase == "Pending":
        return Spent(waiting=whole)
    record = found.record
    work = min(whole, record.seconds) if record and record.seconds is not None else None
    if work is None:
        waiting = min(usual_wait, whole)
        rest = whole - waiting
        return Spent(waiting, lost=rest) if found.failed else Spent(waiting, running=rest)
    moving = min(work, (record.moved_seconds if record else None) or 0.0)
    return Spent(whole - work, work - moving, moving)


def usual_waits(tries: Iterable[Try], now: datetime) -> dict[str, float]:
    """The median of the time until a step's pods began, by step, where records tell it."""
    waits: dict[str, list[float]] = {}
    for found in tries:
        if found.record and found.record.seconds is not None:
            waits.setdefault(found.step, []).append(spent(found, now).waiting)
    return {step: statistics.median(values) for step, values in waits.items()}


def step_uses(facts: SheetFacts) -> list[StepUse]:
    """Every step that ran or has left records, in the pipeline's order."""
    tries: dict[str, list[Try]] = {}
    records: dict[str, list[Record]] = {}
    for found in facts.tries:
        tries.setdefault(found.step, []).append(found)
    for sample in (*facts.samples, *facts.shared):
        for record in sample.records:
            records.setdefault(record.step, []).append(record)
    waits = usual_waits(facts.tries, facts.now)
    return [
        _use(step, tries.get(step, []), records.get(step, []), facts.now, waits)
        for step in ordered([*tries, *records])
        if step in tries
    ]


def _use(
    step: str, tries: Sequence[Try], records: Sequence[Record], now: datetime, waits: Mapping[str, float]
) -> StepUse:
    each = [(found, spent(found, now, waits.get(step, 0.0))) for found in tries]
    good = [one for found, one in each if found.phase == "Succeeded"]
    asked = [found.asked for found in tries if found.asked]
    cores = max((one.millicores for one in asked), default=0) / 1000
    mib = max(
        [one.memory_mib for one in asked] + [record.memory_mib for record in records if record.memory_mib], default=0
    )
    return StepUse(
        step=step,
        size=tries[0].size,
        pods=len(tries),
        spent=_over(sum, [one for _, one in each]),
        typical=_over(statistics.median, good) if good else Spent(),
        memory=_used([record.peak_bytes for record in records], mib * 2**20),
        cpu=_used([_cores(record) for record in records], cores),
        moved_bytes=sum(record.moved_bytes or 0 for record in records),
    )


def _over(combine: Callable[[list[float]], float], parts: Sequence[Spent]) -> Spent:
    return Spent(
        waiting=combine([one.waiting for one in parts]),
        running=combine([one.running for one in parts]),
        moving=combine([one.moving for one in parts]),
        lost=combine([one.lost for one in parts]),
    )


def _used(values: Iterable[float | None], asked: float) -> Used | None:
    known = [value for value in values if value is not None]
    return Used(max(known), statistics.median(known), asked) if known and asked else None


def _cores(record: Record) -> float | None:
    """CPU over the step's time. Of less than two seconds it says nothing: clocks of records count whole seconds."""
    if record.cpu_seconds is None or record.seconds is None or record.seconds < 2:
        return None
    return record.cpu_seconds / record.seconds


@dataclass(frozen=True)
class Ended:
    """Tries of a step that came to nothing for one cause: how many, how many of them were the last, and seconds."""

    cause: Cause
    step: str
    tries: int
    given_up: int
    seconds: float


def causes(facts: SheetFacts) -> list[Ended]:
    """Why tries came to nothing, the most frequent first."""
    groups: dict[tuple[Cause, str], list[Try]] = {}
    for found in facts.tries:
        if found.failed and found.cause:
            groups.setdefault((found.cause, found.step), []).append(found)
    told = [
        Ended(cause, step, len(group), sum(one.final for one in group), sum(one.seconds(facts.now) for one in group))
        for (cause, step), group in groups.items()
    ]
    return sorted(told, key=lambda ended: (-ended.tries, ended.step, ended.cause))
