"""Time, use and cost of steps, by numbers that are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from components.hourly import PriceList, StepPrice
from reports.costs import Cost, cost_of, costs
from reports.facts import Asked, SampleFacts, SheetFacts, Try
from reports.records import Record
from reports.usage import causes, ordered, spent, step_uses
from tests.reports.sheets import GIB, NO_PRICES, PRICES, START, cohort, facts_of, sample_run

AN_HOUR_LATER = START + timedelta(hours=1)


def a_try(phase: str = "Succeeded", **fields: object) -> Try:
    """A pod of an hour on the class large, without a record."""
    usual = Try("P1", "align", "", phase, START, AN_HOUR_LATER, "large", Asked(16_000, 65_536))
    return replace(usual, **fields)  # pyright: ignore[reportArgumentType]


def a_record(begin: int = 600, end: int = 3540, **fields: object) -> Record:
    """A record of a step that worked between two seconds of that hour."""
    times = (START + timedelta(seconds=begin), START + timedelta(seconds=end))
    usual = Record("align", "P1", "run", "uri", "image", *times, memory_mib=65_536)
    return replace(usual, **fields)  # pyright: ignore[reportArgumentType]


def sheet(*tries: Try, records: tuple[Record, ...] = ()) -> SheetFacts:
    return SheetFacts("aws", "cohort", AN_HOUR_LATER, (SampleFacts("P1", "done", "run", tries, records),))


def test_a_pods_time_is_divided_by_its_record() -> None:
    time = spent(a_try(record=a_record(moved_seconds=300.0)), AN_HOUR_LATER)
    assert (time.waiting, time.running, time.moving, time.lost) == (660, 2640, 300, 0)


def test_no_part_is_longer_than_the_pod() -> None:
    time = spent(a_try(record=a_record(begin=0, end=7200, moved_seconds=9999.0)), AN_HOUR_LATER)
    assert (time.waiting, time.running, time.moving) == (0, 0, 3600)


@pytest.mark.parametrize(
    ("phase", "waiting", "running", "lost"),
    [("Pending", 3600, 0, 0), ("Running", 60, 3540, 0), ("Failed", 60, 0, 3540), ("Error", 60, 0, 3540)],
)
def test_a_pod_without_a_record_is_taken_to_have_waited_as_usual(
    phase: str, waiting: float, running: float, lost: float
) -> None:
    time = spent(a_try(phase), AN_HOUR_LATER, usual_wait=60)
    assert (time.waiting, time.running, time.lost) == (waiting, running, lost)


def test_a_pod_that_goes_on_has_lasted_until_now() -> None:
    assert a_try("Running", ended=None).seconds(AN_HOUR_LATER) == 3600
    assert a_try("Running", created=None).seconds(AN_HOUR_LATER) == 0
    assert a_try("Running", created=AN_HOUR_LATER, ended=START).seconds(START) == 0


def test_what_was_used_is_set_beside_what_was_asked_for() -> None:
    record = a_record(end=1600, peak_bytes=16 * GIB, cpu_seconds=8000.0)
    (use,) = step_uses(sheet(a_try(record=record), records=(record,)))
    assert use.memory is not None
    assert use.cpu is not None
    assert (use.memory.most, use.memory.asked, use.memory.share) == (16 * GIB, 64 * GIB, 0.25)
    assert (use.cpu.most, use.cpu.asked) == (8.0, 16.0)


def test_what_was_not_measured_is_not_shown_as_nothing() -> None:
    record = a_record(peak_bytes=None, cpu_seconds=None)
    (use,) = step_uses(sheet(a_try(record=record), records=(record,)))
    assert (use.memory, use.cpu) == (None, None)


def test_steps_stand_in_the_order_of_the_pipeline() -> None:
    assert ordered(["record", "own", "align", "fastqc", "align"]) == ["fastqc", "align", "record", "own"]


def test_tries_that_came_to_nothing_are_counted_by_cause_and_step() -> None:
    interrupted = a_try("Failed", cause="interruption", final=False)
    told = causes(sheet(interrupted, interrupted, a_try("Failed", cause="memory")))
    assert [(one.cause, one.tries, one.given_up, one.seconds) for one in told] == [
        ("interruption", 2, 0, 7200.0),
        ("memory", 1, 1, 3600.0),
    ]


def test_a_try_costs_its_share_for_as_long_as_it_worked() -> None:
    found = a_try(record=a_record(begin=0, end=1800))
    assert cost_of(found, PRICES, AN_HOUR_LATER).usd == pytest.approx(0.5 * 0.55)
    half = replace(found, asked=Asked(8000, 32_768, part=0.5))
    assert cost_of(half, PRICES, AN_HOUR_LATER).usd == pytest.approx(0.25 * 0.55)


def test_the_nodes_of_the_last_try_have_their_own_price() -> None:
    assert cost_of(a_try(last_nodes=True), PRICES, AN_HOUR_LATER).usd == pytest.approx(0.55 * 2.4)


def test_interruptions_are_told_apart_from_other_waste() -> None:
    interrupted = cost_of(a_try("Failed", cause="interruption"), PRICES, AN_HOUR_LATER)
    other = cost_of(a_try("Failed", cause="tool"), PRICES, AN_HOUR_LATER)
    assert interrupted.usd == interrupted.lost_usd == interrupted.interrupted_usd == pytest.approx(0.55)
    assert (other.lost_usd, other.interrupted_usd) == (pytest.approx(0.55), 0)


def test_a_price_that_is_not_known_is_never_nothing() -> None:
    found = cost_of(a_try(), NO_PRICES, AN_HOUR_LATER)
    assert not found.known
    assert (found.usd, found.hours, found.unpriced_hours) == (0, 1, 1)
    partly = PriceList({**NO_PRICES.steps, "large": StepPrice(1.0, None, spot=True)}, "own")
    both = cost_of(a_try(), partly, AN_HOUR_LATER) + cost_of(a_try(size="small"), partly, AN_HOUR_LATER)
    assert (both.usd, both.known) == (1.0, False)


def test_a_pod_that_only_waited_costs_nothing() -> None:
    assert cost_of(a_try("Pending", ended=None), PRICES, AN_HOUR_LATER) == Cost()


def test_interruptions_make_a_sample_dearer() -> None:
    quiet, troubled = (sample_run("P1", START, Random(5), trouble=trouble) for trouble in ("", "spot"))
    cheap, dear = (costs(facts_of([made]), PRICES)["P1"] for made in (quiet, troubled))
    assert cheap.interrupted_usd < dear.interrupted_usd
    assert dear.usd - dear.lost_usd == pytest.approx(cheap.usd - cheap.lost_usd, rel=0.5)


def test_every_sample_of_a_sheet_has_its_cost() -> None:
    facts = facts_of(cohort(20))
    found = costs(facts, PRICES)
    assert list(found) == [sample.name for sample in facts.samples]
    assert all(cost.usd > 0 and cost.known for cost in found.values())
