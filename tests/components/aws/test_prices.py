"""What a stack costs: line by line, by hand, and honest about what is not known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from components.aws.pools import allocatable
from components.aws.pricelist import FILE, Prices, load, volume_month
from components.aws.prices import genome, idle_day, summary
from components.genome import ALIGN_VCPU_HOURS, FASTQC_HOURS, START_AND_STOP_HOURS, steps_a_node
from components.pricelist import PriceError
from settings_aws import InterfaceEndpoint, Pool
from tests.components.aws.answers import settings_of
from tests.components.bills import amounts, matching

PRICES = load()
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1"]


Keys = Mapping[str, str]


def lines(text: str, keys: Keys, zones: int = 3) -> list[float | None]:
    return matching(text, idle_day(settings_of(**keys), zones))


def network(**keys: object) -> dict[str, str]:
    # Without NAT nothing is to be had but by the mirror.
    return {"network": json.dumps(keys), "mirror": json.dumps(keys.get("nat") == "none")}


@pytest.mark.parametrize("region", REGIONS)
def test_an_idle_day_of_the_defaults_has_a_price_for_everything(region: str) -> None:
    bill = idle_day(settings_of(region=region))
    assert bill.unknown == ()
    assert 8 < bill.total < 12


@pytest.mark.parametrize("region", REGIONS)
def test_every_default_pool_has_a_price(region: str) -> None:
    for name, pool in settings_of(region=region).aws.pools.named().items():
        assert any(PRICES.hour(region, kind) for kind in pool.types), name


def test_an_idle_day_in_ireland_is_what_a_pocket_calculator_says() -> None:
    assert amounts(idle_day(settings_of())) == {
        "EKS control plane": pytest.approx(24 * 0.10),
        "NAT gateways: 1": pytest.approx(24 * 0.048),
        "public addresses: 1": pytest.approx(24 * 0.005),
        # Half an m6i.xlarge, and 50 GiB of gp3 at its base speed.
        "pool system: 2 x m6i.large, 50 GiB of disk each": pytest.approx(2 * 24 * (0.214 / 2 + 50 * 0.088 / 730)),
        "KMS key": pytest.approx(24 / 730),
        "alarms: 7": pytest.approx(7 * 0.10 * 24 / 730),
        "images: about 1 GB": pytest.approx(0.10 * 24 / 730),
        "logs: about 1 GB": pytest.approx(0.57),
    }


def test_nat_is_paid_by_zone_once_or_not_at_all() -> None:
    assert lines("NAT", network(nat="single")) == [pytest.approx(24 * 0.048)]
    assert lines("NAT", network(nat="per-zone")) == [pytest.approx(3 * 24 * 0.048)]
    assert lines("NAT", network(nat="per-zone"), zones=2) == [pytest.approx(2 * 24 * 0.048)]
    assert lines("public addresses", network(nat="per-zone")) == [pytest.approx(3 * 24 * 0.005)]
    assert lines("NAT", network(nat="none")) == []
    assert lines("public addresses", network(nat="none")) == []


def test_interface_endpoints_are_paid_by_zone_all_of_them_without_nat() -> None:
    assert lines("endpoints", {}) == []
    assert lines("endpoints", network(nat="none"), zones=2) == [
        pytest.approx(len(get_args(InterfaceEndpoint)) * 2 * 24 * 0.011)
    ]
    assert lines("endpoints", network(endpoints=["sts", "logs"])) == [pytest.approx(2 * 3 * 24 * 0.011)]


def test_an_existing_vpc_is_not_paid_again() -> None:
    given = network(vpcId="vpc-12345678", privateSubnetIds=["subnet-1", "subnet-2"])
    assert lines("network", given) == [0.0]
    assert lines("NAT", given) == []


def test_nodes_that_are_always_there_are_paid_spot_ones_by_their_share() -> None:
    spot = json.dumps(
        {"spotSmall": {"types": ["m5.xlarge", "m5a.xlarge"], "min": 1, "diskGib": 100, "throughput": 125}}
    )
    machine = PRICES.spot.share * (0.214 + 0.192) / 2
    assert lines("spot-small", {"pools": spot}) == [pytest.approx(24 * (machine + 100 * 0.088 / 730))]


def test_a_fast_volume_costs_more_than_its_size() -> None:
    pool = Pool(types=("m5.xlarge",), disk_gib=100, throughput=1000)
    # 1,000 MiB/s take 4,000 IOPS; 125 MiB/s and 3,000 IOPS are in the price.
    assert volume_month(PRICES, "eu-west-1", pool) == pytest.approx(100 * 0.088 + 875 * 0.044 + 1000 * 0.0055)


def test_a_region_without_prices_says_unknown_and_never_nothing() -> None:
    bill = idle_day(settings_of(region="eu-north-1"))
    assert "NAT gateways: 1" in bill.unknown
    assert all(line.usd != 0 for line in bill.lines)
    text = summary(settings_of(region="eu-north-1"))
    assert "eu-north-1 is not in prices.json, which has us-east-1" in text
    assert "at least, as 3 prices are unknown" in text
    assert "spot unknown, on-demand unknown" in text


def test_prices_that_hold_everywhere_do_not_hold_in_china() -> None:
    assert PRICES.item("eu-north-1", "eks_cluster_hour") == 0.10
    assert PRICES.item("cn-north-1", "eks_cluster_hour") is None


def test_an_unknown_instance_type_is_not_priced_by_another() -> None:
    assert PRICES.hour("eu-west-1", "m6i.24xlarge") == pytest.approx(24 * 0.214)
    assert PRICES.hour("eu-west-1", "m6i.metal") is None
    assert PRICES.hour("eu-west-1", "m9z.xlarge") is None
    # GPU machines are no multiples of each other.
    assert PRICES.hour("us-east-1", "g5.2xlarge") == 1.212
    assert PRICES.hour("us-east-1", "g5.48xlarge") is None


def test_a_genome_on_full_nodes_pays_for_its_part_of_them() -> None:
    settings = settings_of()
    costs = genome(settings)
    small, large = settings.aws.pools.on_demand_small, settings.aws.pools.on_demand_large
    fits = steps_a_node(settings.classes.small, allocatable(small))
    assert fits > 1
    assert steps_a_node(settings.classes.large, allocatable(large)) == 1
    disk = (512 * 0.088 + 375 * 0.044) / 730
    low = FASTQC_HOURS[0] * 2 / fits * (0.214 + disk) + ALIGN_VCPU_HOURS[0] / 94 * (24 * 0.214 + disk)
    cost = costs.full["on-demand"]
    assert cost is not None
    assert cost[0] == pytest.approx(low)
    assert cost[0] < cost[1]


def test_spot_costs_less_than_on_demand_also_with_interruptions() -> None:
    costs = genome(settings_of())
    spot, on_demand = costs.full["spot"], costs.full["on-demand"]
    assert spot is not None
    assert on_demand is not None
    assert spot[1] < on_demand[0]


def test_the_high_end_of_spot_has_the_interruptions_and_that_of_on_demand_has_none() -> None:
    classes = json.dumps({"large": {"cpu": "8", "memory": "20Gi", "scratch": "100Gi"}})
    costs = genome(settings_of(classes=classes))
    spot, on_demand = costs.full["spot"], costs.full["on-demand"]
    assert spot is not None
    assert on_demand is not None
    # Fifteen hours on eight threads are interrupted more than once at the worst.
    assert spot[1] / spot[0] > 2 * on_demand[1] / on_demand[0]


def test_one_sample_alone_also_pays_for_nodes_that_start_and_stop() -> None:
    costs = genome(settings_of())
    full, alone = costs.full["on-demand"], costs.alone["on-demand"]
    assert full is not None
    assert alone is not None
    assert alone[0] - full[0] > START_AND_STOP_HOURS * 24 * 0.214


def test_fewer_threads_take_longer_and_cost_the_same_where_they_share_a_node() -> None:
    classes = json.dumps({"large": {"cpu": "47", "memory": "85Gi", "scratch": "200Gi"}})
    half, whole = genome(settings_of(classes=classes)), genome(settings_of())
    assert half.align_hours[0] == pytest.approx(2 * whole.align_hours[0])


def test_the_gateway_endpoint_spares_what_nat_would_take() -> None:
    costs = genome(settings_of())
    assert costs.nat_saved == pytest.approx((70 + 60) * 0.048)
    assert "S3's gateway endpoint" in summary(settings_of())
    assert "S3's gateway endpoint" not in summary(settings_of(**network(nat="none")))


def test_a_type_that_does_not_exist_is_told() -> None:
    pools = json.dumps({"spotLarge": {"types": ["m5.25xlarge"]}})
    with pytest.raises(LookupError, match="is not an instance type"):
        summary(settings_of(pools=pools))


def test_the_summary_names_its_date_its_assumption_and_what_it_leaves_out() -> None:
    text = summary(settings_of())
    for words in (PRICES.read, "spot at 40% of on-demand (an assumption)", "Not counted", "12% of the nodes"):
        assert words in text
    assert all(len(line) <= 140 for line in text.splitlines())


# The price file.


def test_every_price_has_a_described_source_and_a_confidence() -> None:
    assert all("onfidence" in source for source in PRICES.sources.values())
    for region in PRICES.regions.values():
        for _, source in (*region.items.values(), *region.xlarge_hour.values(), *region.type_hour.values()):
            assert source in PRICES.sources


def own(tmp_path: Path, values: object) -> Path:
    file = tmp_path / "own.json"
    file.write_text(values if isinstance(values, str) else json.dumps(values))
    return file


def test_prices_of_ones_own_are_laid_over_the_file(tmp_path: Path) -> None:
    values = {"sources": {"mine": "our contract"}, "regions": {"eu-west-1": {"items": {"nat_hour": [0.01, "mine"]}}}}
    mine = load(own(tmp_path, values))
    assert mine.item("eu-west-1", "nat_hour") == 0.01
    assert mine.item("eu-west-1", "nat_gb") == 0.048
    assert mine.item("us-east-1", "nat_hour") == 0.045


def test_a_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    values = {"sources": {"mine": "credits"}, "regions": {"eu-west-1": {"items": {"nat_hour": [0, "mine"]}}}}
    assert load(own(tmp_path, values)).item("eu-west-1", "nat_hour") == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"regions": {"eu-west-1": {"items": {"nat_hour": [-1, "s3"]}}}}, "nat_hour"),
        ({"regions": {"eu-west-1": {"items": {"nat_hour": "free"}}}}, "'free'"),
        ({"regions": {"eu-west-1": {"items": {"nat_hour": [1, "hearsay"]}}}}, "'hearsay'"),
        ({"spot": {"share": 40}}, "spot.share: 40"),
        ({"region": {}}, "region"),
        ("{", "is not JSON"),
        ("[]", "is no mapping"),
    ],
)
def test_a_price_file_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path, values: Any, said: str) -> None:
    file = own(tmp_path, values)
    with pytest.raises(PriceError) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


def test_a_price_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_the_file_itself_is_valid() -> None:
    assert isinstance(Prices.model_validate_json(FILE.read_text()), Prices)
