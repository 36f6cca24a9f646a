"""What a genome costs by the rates of a cloud: interruptions, steps that share a node, and what stays unknown."""

from __future__ import annotations

import pytest

from components.genome import (
    ALIGN_VCPU_HOURS,
    FASTQC_HOURS,
    INDEX_HOURS,
    START_AND_STOP_HOURS,
    Rate,
    Rates,
    genome_30x,
    steps_a_node,
    usd,
    with_interruptions,
)
from components.pools import Allocatable
from settings_sizes import SizeClass


def test_a_step_that_is_interrupted_begins_anew() -> None:
    assert with_interruptions(0.1) == pytest.approx(0.1, rel=0.01)
    # The chance to get through is 0.88 an hour; the expectation is known in closed form.
    assert with_interruptions(1) == pytest.approx(1.0666, abs=1e-3)
    assert with_interruptions(10) > 20


def test_scratch_memory_and_cpu_each_limit_the_steps_of_a_node() -> None:
    node = Allocatable(millicores=95_000, memory_mib=340_000, scratch_gib=870)
    for size, steps in (
        (SizeClass(cpu="20", memory="10Gi", scratch="10Gi"), 4),
        (SizeClass(cpu="1", memory="100Gi", scratch="10Gi"), 3),
        (SizeClass(cpu="1", memory="10Gi", scratch="400Gi"), 2),
        (SizeClass(cpu="1", memory="10Gi", scratch="900Gi"), 1),
    ):
        assert steps_a_node(size, node) == steps


def test_a_sample_by_hand() -> None:
    rates: Rates = {"on-demand-small": Rate(0.2, 4), "on-demand-large": Rate(4.0), "huge": Rate(2.0)}
    costs = genome_30x(100, rates, store_gb_month=0.02, nat_gb=None)
    low = FASTQC_HOURS[0] * 2 / 4 * 0.2 + ALIGN_VCPU_HOURS[0] / 100 * 4.0
    alone = (FASTQC_HOURS[0] + START_AND_STOP_HOURS) * 0.2 + (ALIGN_VCPU_HOURS[0] / 100 + START_AND_STOP_HOURS) * 4.0
    assert set(costs.full) == {"on-demand"}, "spot pools are off"
    assert (costs.full["on-demand"] or (0,))[0] == pytest.approx(low)
    assert (costs.alone["on-demand"] or (0,))[0] == pytest.approx(alone)
    assert costs.index == pytest.approx(tuple((hours + START_AND_STOP_HOURS) * 2.0 for hours in INDEX_HOURS))
    assert costs.reads_month == pytest.approx(70 * 0.02)
    assert costs.nat_saved is None


def test_what_is_paid_by_the_step_costs_nothing_while_it_starts() -> None:
    rates: Rates = {"spot-small": Rate(0.1, idle=False), "spot-large": Rate(1.0, idle=False)}
    costs = genome_30x(100, rates, None, None)
    assert costs.alone["spot"] == costs.full["spot"]


def test_a_price_that_is_unknown_makes_the_sum_unknown() -> None:
    costs = genome_30x(100, {"spot-small": Rate(0.1), "spot-large": Rate(None)}, None, None)
    assert costs.full["spot"] is None
    assert costs.index is None


def test_nothing_that_is_paid_for_is_shown_as_free() -> None:
    assert [usd(amount) for amount in (0.0, 0.004, 1234.5, None)] == ["0.00", "< 0.01", "1,234.50", "unknown"]
