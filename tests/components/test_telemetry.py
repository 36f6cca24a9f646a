"""What is watched on every cloud: grid, texts, and logs that are kept."""

from __future__ import annotations

import pulumi
import pytest

from components import telemetry
from tests.components.grid import all_seen


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (1, 2), (5, 2), (6, 2), (7, 3)])
def test_widgets_lie_beside_each_other_and_what_comes_below_starts_under_them(count: int, columns: int) -> None:
    placed = telemetry.placed([{"title": str(number)} for number in range(count)], 24, columns, 6)
    assert [one["title"] for one in placed] == [str(number) for number in range(count)]
    places = [(one["x"], one["y"], one["width"], one["height"]) for one in placed]
    under = telemetry.below(placed, columns, 6)
    assert all_seen([*places, (0, under, 24, 6)], 24)
    assert under == max(y + height for _, y, _, height in places)


def test_widgets_that_lie_over_each_other_or_stick_out_are_noticed() -> None:
    assert not all_seen([(0, 0, 12, 6), (11, 5, 12, 6)], 24)
    assert not all_seen([(12, 0, 13, 6)], 24)


@pytest.mark.parametrize("keep", [True, False])
def test_logs_that_are_kept_stay_protected_in_the_state(keep: bool) -> None:
    options = telemetry.kept(pulumi.ResourceOptions(ignore_changes=["x"]), keep)
    assert (options.protect, options.retain_on_delete, options.ignore_changes) == (keep, keep, ["x"])


def test_a_pool_at_its_most_nodes_is_told_with_how_long_and_what_to_do() -> None:
    said = telemetry.at_max_text("spot-large", 7)
    assert said.startswith("The pool spot-large has had its 7 nodes for 30 minutes")
    assert "raise its max" in said
