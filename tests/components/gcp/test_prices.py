"""What a stack on Google Cloud costs: line by line, by hand, and honest about what is not known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from components.gcp.pools import allocatable
from components.gcp.pricelist import FILE, Prices, disk_month, load, pool_hour
from components.gcp.prices import autopilot_machines, autopilot_rates, genome, idle_day, summary
from components.genome import ALIGN_VCPU_HOURS, FASTQC_HOURS, steps_a_node
from components.pools import is_spot
from settings_gcp import Pool
from tests.components.bills import amounts, matching
from tests.components.gcp.answers import settings_of

PRICES = load()
REGIONS = sorted(PRICES.regions)
Keys = Mapping[str, str]
NONE: Keys = MappingProxyType({})
AUTOPILOT: Keys = MappingProxyType({"gke": "autopilot", "region": "us-central1"})


def line(text: str, keys: Keys = NONE) -> list[float | None]:
    return matching(text, idle_day(settings_of(**keys)))


@pytest.mark.parametrize("region", REGIONS)
def test_the_defaults_have_a_price_for_everything_in_every_region_of_the_file(region: str) -> None:
    settings = settings_of(region=region)
    assert 6 < idle_day(settings).total < 9
    assert idle_day(settings).unknown == ()
    pools = settings.gcp.pools.named()
    assert not [name for name, pool in pools.items() if not pool_hour(PRICES, region, pool, spot=is_spot(name))]


def test_an_idle_day_in_the_netherlands_is_what_a_pocket_calculator_says() -> None:
    assert amounts(idle_day(settings_of())) == {
        "GKE control plane": pytest.approx(24 * 0.10),
        "Cloud NAT, nodes: 2": pytest.approx(24 * 2 * 0.0014),
        "public addresses: 1": pytest.approx(24 * 0.005),
        "pool system: 2 x e2-standard-2, 50 GiB of disk each": pytest.approx(2 * 24 * (0.07377204 + 50 * 0.11 / 730)),
        "KMS key": pytest.approx(0.06 * 24 / 730),
        "alert conditions: 8": pytest.approx(8 * 0.10 * 24 / 730),
        "images: about 1 GB": pytest.approx(0.10 * 24 / 730),
        "logs: about 1 GB": pytest.approx(0.50),
    }


def test_nat_is_paid_by_the_node_up_to_a_limit_or_not_at_all() -> None:
    many = json.dumps({"system": {"min": 40, "max": 40}})
    assert line("NAT", {"pools": many}) == [pytest.approx(24 * 0.0448)]
    none = {"network": '{"nat": false}', "mirror": "true"}
    assert line("NAT", none) == []
    assert line("addresses", none) == []
    assert line("images: about 4 GB", none) == [pytest.approx(4 * 0.10 * 24 / 730)]


def test_nodes_that_are_always_there_are_paid_spot_ones_as_listed() -> None:
    spot = json.dumps({"spotSmall": {"types": ["n2-standard-4", "n2d-standard-4"], "min": 1, "diskGib": 100}})
    machine = (0.077736 + 0.06512) / 2
    assert line("spot-small", {"pools": spot}) == [pytest.approx(24 * (machine + 100 * 0.11 / 730))]


def test_local_ssds_are_paid_by_themselves_beside_a_small_boot_disk() -> None:
    pool = Pool(types=("n2-standard-96",), local_ssds=8)
    assert disk_month(PRICES, "europe-west4", pool) == pytest.approx(50 * 0.11 + 8 * 375 * 0.088)
    assert PRICES.hour("europe-west4", "c3-standard-88-lssd") == PRICES.hour("europe-west4", "c3-standard-88")


def test_types_are_multiples_of_a_vcpu_of_their_series_unless_listed() -> None:
    assert PRICES.hour("europe-west4", "n2-standard-96") == pytest.approx(5.131968)
    assert PRICES.hour("europe-west4", "n2-highmem-32") == pytest.approx(2.307648)
    # 864 GiB, which is no multiple.
    assert PRICES.hour("europe-west4", "n2-highmem-128") == pytest.approx(8.484352)
    assert PRICES.hour("europe-west4", "n2-highmem-128", spot=True) == pytest.approx(3.084544)
    assert PRICES.hour("us-central1", "g2-standard-8") == pytest.approx(0.8536243)
    assert PRICES.hour("us-central1", "a2-highgpu-1g") is None


def test_a_type_without_a_listed_spot_price_is_planned_with_a_share() -> None:
    values = json.loads(FILE.read_text())
    del values["regions"]["europe-west4"]["spot_vcpu_hour"]["n2-standard"]
    del values["regions"]["europe-west4"]["spot_type_hour"]["n2-highmem-128"]
    prices = Prices.model_validate(values)
    assert prices.hour("europe-west4", "n2-standard-4", spot=True) == pytest.approx(0.5 * 0.213832)
    # Not by a vCPU of its series, of which it is no multiple.
    assert prices.hour("europe-west4", "n2-highmem-128", spot=True) == pytest.approx(0.5 * 8.484352)


def test_a_region_without_prices_says_unknown_and_never_nothing() -> None:
    bill = idle_day(settings_of(region="europe-north1"))
    assert [what for what in bill.unknown if "pool system" in what]
    assert all(each.usd != 0 for each in bill.lines)
    text = summary(settings_of(region="europe-north1"))
    assert "europe-north1 is not in prices.json, which has us-central1" in text
    assert "spot unknown, on-demand unknown" in text
    assert "reads unknown, BAM unknown" in text


# A genome.


def test_a_genome_on_full_nodes_pays_for_its_part_of_them() -> None:
    settings = settings_of()
    small = settings.gcp.pools.on_demand_small
    fits = steps_a_node(settings.classes.small, allocatable(small))
    disk = 512 * 0.11 / 730
    low = FASTQC_HOURS[0] * 2 / fits * (0.213832 + disk) + ALIGN_VCPU_HOURS[0] / 84 * (5.131968 + disk)
    cost = genome(settings).full["on-demand"]
    assert cost is not None
    assert cost[0] == pytest.approx(low)


def test_what_nat_would_take_is_told_where_there_is_a_nat() -> None:
    assert genome(settings_of()).nat_saved == pytest.approx((70 + 60) * 0.045)
    assert "Private Google Access" in summary(settings_of())
    assert "Private Google Access" not in summary(settings_of(network='{"nat": false}', mirror="true"))


# Autopilot.


def test_an_idle_autopilot_cluster_has_no_pools_and_pays_for_its_pods() -> None:
    assert line("pool", AUTOPILOT) == []
    assert line("Argo's pods: 0.25 vCPU", AUTOPILOT) == [pytest.approx(24 * 0.25 * 0.0445)]
    assert line("alert conditions: 2", AUTOPILOT) == [pytest.approx(2 * 0.10 * 24 / 730)]
    assert line("Argo's pods", {"gke": "autopilot"}) == [None, None], "not sourced for the Netherlands"


def test_a_compute_class_costs_the_cheapest_machine_of_its_first_family_that_the_step_fits_with_its_volumes() -> None:
    rates = autopilot_rates(settings_of(**AUTOPILOT), PRICES)
    volume = 340 * 0.10 / 730
    # 165 GiB are too much for the cheaper highcpu machine.
    assert rates["on-demand-large"].hour == pytest.approx(96 * 0.048559 + volume)
    assert rates["on-demand-large"].steps == 1
    assert rates["spot-large"].hour == pytest.approx(96 * 0.02303 + volume)


def test_autopilots_premium_is_told_as_not_counted() -> None:
    assert "Autopilot's premium on nodes" in summary(settings_of(**AUTOPILOT))
    assert "Autopilot" not in summary(settings_of())


def test_the_smallest_machine_of_each_family_of_a_class_is_known() -> None:
    machines = autopilot_machines(settings_of(**AUTOPILOT))
    assert machines["spot-large"][0] == "n2-standard-96"
    assert {kind.partition("-")[0] for kind in machines["spot-small"]} == {"n2", "n2d", "e2"}


# The text and the file.


@pytest.mark.parametrize("keys", [NONE, AUTOPILOT, {"region": "europe-north1"}])
def test_the_summary_names_its_date_its_assumption_and_what_it_leaves_out(keys: Keys) -> None:
    text = summary(settings_of(**keys))
    for words in (PRICES.read, "else at 50%", "Not counted", "12% of the nodes", "components/gcp/prices.json"):
        assert words in text
    assert all(len(each) <= 140 for each in text.splitlines()[:1] + text.splitlines()[2:])


def test_every_source_has_a_confidence() -> None:
    assert all("onfidence" in source for source in PRICES.sources.values())


def test_spot_is_cheaper_than_on_demand_everywhere() -> None:
    for region in REGIONS:
        there = PRICES.regions[region]
        for series, (price, _) in there.spot_vcpu_hour.items():
            assert price < there.vcpu_hour[series][0], (region, series)
