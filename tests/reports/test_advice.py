"""Advice: what figures suggest, with the setting to change; and nothing where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from components.hourly import PriceList, StepPrice
from reports.advice import advice
from reports.facts import Asked, SampleFacts, SheetFacts, Try
from reports.records import Record
from tests.reports.sheets import GIB, NO_PRICES, PRICES, START
from workflows.failures import Cause
from workflows.types import SizeName

GIVES = {"small": Asked(1000, 4096), "large": Asked(16_000, 65_536)}


def pod(
    step: str = "align",
    size: SizeName = "large",
    *,
    wait: float = 10,
    work: float = 3000,
    peak_gib: float = 50,
    cores: float = 15,
    moved: float = 0,
) -> Try:
    """A pod that did its work, using so much."""
    begin, end = START + timedelta(seconds=wait), START + timedelta(seconds=wait + work)
    asked = GIVES[size]
    record = Record(
        *(step, "P1", "run", f"{step}.json", "image", begin, end),
        memory_mib=asked.memory_mib,
        peak_bytes=int(peak_gib * GIB),
        cpu_seconds=cores * work,
        moved_seconds=moved,
    )
    return Try("P1", step, "", "Succeeded", START, end, size, asked, record=record)


def lost(cause: Cause, seconds: float, count: int = 1, *, final: bool = False, step: str = "align") -> list[Try]:
    end = START + timedelta(seconds=seconds)
    size: SizeName = "large" if step == "align" else "small"
    one = Try("P1", step, "", "Failed", START, end, size, GIVES[size], cause=cause, final=final)
    return [one] * count


def told(*tries: Try, prices: PriceList = PRICES, samples: int = 1, live: bool = True) -> str:
    records = tuple(found.record for found in tries if found.record)
    first = SampleFacts("P1", "done", "run", tries, records)
    others = [replace(first, name=f"P{number}", tries=(), records=()) for number in range(2, samples + 1)]
    memory: dict[SizeName, int] = {"small": 4096, "large": 65_536}
    now = START + timedelta(hours=2)
    return "\n".join(advice(SheetFacts("aws", "cohort", now, (first, *others), live=live, memory_mib=memory), prices))


def test_where_all_is_well_nothing_is_said() -> None:
    assert told(pod()) == ""
    assert told() == ""


def test_a_class_that_is_too_big_is_told_with_what_would_do() -> None:
    said = told(pod(peak_gib=5.1), pod(peak_gib=4.0))
    assert "`large` is 10.7 times as big as this sheet needs" in said
    assert "`align` peaked at 5.1 GiB of 64 GiB" in said
    assert "`biojobs:classes.large.memory: 6Gi` would do" in said


@pytest.mark.parametrize("peak", [34.0, 60.0])
def test_a_class_that_is_a_little_too_big_is_left_alone(peak: float) -> None:
    assert "times as big" not in told(pod(peak_gib=peak))


def test_a_class_is_as_big_as_its_hungriest_step_needs() -> None:
    assert "times as big" not in told(pod(peak_gib=1), pod("sort", peak_gib=50))


def test_a_class_of_which_steps_ask_for_a_part_only_is_left_alone() -> None:
    found = pod(peak_gib=1)
    assert found.record is not None
    part = replace(found, asked=Asked(16_000, 8192), record=replace(found.record, memory_mib=8192))
    assert "times as big" not in told(part)


def test_cores_that_stood_idle() -> None:
    assert "`align` kept at most 4.0 of its 16 cores busy; `biojobs:classes.large.cpu: 5` would do" in told(
        pod(cores=4)
    )
    assert "cores" not in told(pod(cores=4, work=30))  # too short to tell


def test_steps_that_wait_longer_than_they_run() -> None:
    said = told(pod("fastqc", "small", wait=900, work=300, peak_gib=3, cores=0.9))
    assert "`fastqc` waits longer than it runs: typically 15 min for 5.0 min of work" in said
    assert "biojobs:pools.spotSmall.max" in said
    assert "waits longer" not in told(pod("fastqc", "small", wait=50, work=3, peak_gib=3))
    assert "waits longer" not in told(pod(wait=900, work=300), live=False)


def test_interruptions_that_cost_a_good_part() -> None:
    said = told(pod(), *lost("interruption", 1000, 4))
    assert "`align` was interrupted 4 times and lost 1.1 h beside 50 min of work" in said
    assert "biojobs:pools.spotLarge.types" in said
    assert "interrupted" not in told(pod(), *lost("interruption", 100, 2))
    assert "biojobs:variants.shardMinutes" in told(
        pod("call", "small", peak_gib=3), *lost("interruption", 2000, 2, step="call")
    )


def test_memory_that_ran_out() -> None:
    assert "`align` ran out of memory twice and was tried again with more" in told(pod(), *lost("memory", 50, 2))
    assert "once and was given up" in told(*lost("memory", 50, final=True))


def test_copies_that_take_most_of_the_time() -> None:
    assert "`align` spends 60% of its time on copies" in told(pod(moved=1800))
    assert "biojobs:readsAccess: stream" in told(pod(moved=1800))
    assert "copies" not in told(pod(moved=300))


def test_a_gate_that_stops_many() -> None:
    stopped = lost("qc", 5, 2, final=True, step="gate")
    assert "The QC gate stopped 2 of 4 samples" in told(pod(), *stopped, samples=4)
    assert "QC gate" not in told(pod(), *stopped, samples=40)


def test_prices_that_are_missing_are_asked_for_by_their_keys() -> None:
    assert "no price is known. Set `biojobs:prices.large`" in told(pod(), prices=NO_PRICES)
    known = PriceList({**NO_PRICES.steps, "large": StepPrice(1.0, 1.0, spot=False)}, "own")
    assert "no price" not in told(pod(), prices=known)
