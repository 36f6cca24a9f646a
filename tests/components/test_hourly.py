"""What an hour of a step costs, by the clouds' lists and by one's own prices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from components.hourly import SIZE_NAMES, price_list, share, step_hour
from components.pools import Allocatable
from settings import Settings, SettingsError, load
from settings_sizes import SizeClass

ROOT = Path(__file__).parents[2]
NODE = Allocatable(millicores=8_000, memory_mib=32 * 1024, scratch_gib=100)


def settings(stack: str, **config: object) -> Settings:
    written = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in written.items()}
    return load(
        {
            **values,
            **{
                f"biojobs:{key}": value if isinstance(value, str) else json.dumps(value)
                for key, value in config.items()
            },
        },
        stack,
        ROOT,
    )


@pytest.mark.parametrize(
    ("cpu", "memory", "scratch", "part"),
    [
        ("2", "4Gi", "10Gi", 0.25),
        ("1", "16Gi", "10Gi", 0.5),
        ("1", "4Gi", "75Gi", 0.75),
        ("16", "4Gi", "10Gi", 1.0),
    ],
)
def test_a_step_takes_the_largest_of_its_parts_of_a_node(cpu: str, memory: str, scratch: str, part: float) -> None:
    assert share(SizeClass(cpu=cpu, memory=memory, scratch=scratch), NODE) == pytest.approx(part)


def test_a_step_with_one_of_four_gpus_takes_a_quarter() -> None:
    assert share(SizeClass(cpu="1", memory="1Gi", scratch="1Gi", gpus=1), NODE, gpus=4) == pytest.approx(0.25)


def test_a_local_stack_has_no_price_until_it_names_one() -> None:
    assert step_hour(settings("local")) == dict.fromkeys(SIZE_NAMES)
    assert price_list(settings("local")).source == ""
    own = price_list(settings("local", prices={"large": 0.8}))
    assert (own.steps["large"].usual, own.steps["small"].usual) == (0.8, None)
    assert own.source == "biojobs:prices (large)"


@pytest.mark.parametrize(("stack", "read"), [("aws", "2026-10"), ("gcp", "2026-07-30")])
def test_a_cloud_prices_steps_by_its_dated_list(stack: str, read: str) -> None:
    prices = price_list(settings(stack))
    assert read in prices.source
    assert f"components/{stack}/prices.json" in prices.source
    for size in ("small", "large"):
        price = prices.steps[size]
        assert price.usual is not None
        assert price.last_try is not None
        assert price.spot
        assert 0 < price.usual < price.last_try  # the last try is on machines that nobody takes away
    assert not prices.steps["huge"].spot


def test_an_own_price_of_a_node_goes_before_the_list() -> None:
    listed, own = (price_list(settings("aws", prices=prices)) for prices in ({}, {"small": 100.0}))
    assert own.steps["small"].usual == own.steps["small"].last_try
    assert (own.steps["small"].usual or 0) > 1
    assert own.steps["large"] == listed.steps["large"]
    assert own.source.startswith("biojobs:prices (small); list prices of AWS")


def test_autopilot_prices_steps_with_their_volumes() -> None:
    hours = step_hour(settings("gcp", gke="autopilot"))
    assert all((hours[size] or 0) > 0 for size in ("small", "large", "huge"))


def test_a_region_without_prices_is_unknown_and_not_free() -> None:
    hours = step_hour(settings("aws", region="ap-south-2"))
    assert hours["small"] is None
    assert hours["large"] is None


@pytest.mark.parametrize("price", [-1, "NaN", "much", 1e9])
def test_a_price_that_is_none_is_refused_by_its_key(price: object) -> None:
    with pytest.raises(SettingsError, match=r"biojobs:prices\.small"):
        settings("local", prices={"small": price})
