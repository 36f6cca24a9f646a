"""Quotas of Compute Engine: what the settings want, what the project has, and what to do where that is too little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from components.gcp import offers
from components.gcp.quotas import Finding, Quota, describe, findings, metric_of, starved, wanted
from tests.components.gcp.answers import Answers, Asked, account_of, settings_of
from tests.components.gcp.conftest import PROJECT, REGION
from tests.components.gcp.willing import quotas, region, whole, willing

Keys = Mapping[str, str]
NONE: Keys = MappingProxyType({})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return willing(monkeypatch)


def by_metric(keys: Keys = NONE, *, spot_quota: bool = True) -> dict[str, Quota]:
    return {quota.metric: quota for quota in wanted(settings_of(**keys), spot_quota=spot_quota)}


def compared(keys: Keys = NONE) -> dict[str, Finding]:
    account = account_of()
    found = findings(settings_of(**keys), account, offers.region_of(account))
    return {finding.quota.metric: finding for finding in found}


def pools(**types: list[str]) -> Keys:
    return {"pools": json.dumps({name: {"types": kinds} for name, kinds in types.items()})}


def test_vcpus_are_wanted_by_family_and_those_of_spot_machines_together() -> None:
    quota = by_metric()
    assert quota["PREEMPTIBLE_CPUS"].wanted == 20 * 4 + 20 * 96
    # What a first sample takes: one node of the larger pool.
    assert quota["PREEMPTIBLE_CPUS"].least == 96
    assert quota["CPUS"].wanted == 4 * 2
    # The system's two nodes, which are always there, and one more.
    assert quota["CPUS"].least == 2 * 2 + 2
    assert quota["N2_CPUS"].wanted == 20 * 4 + 20 * 96 + 2 * 32
    assert "C3_CPUS" not in quota


def test_a_family_of_several_in_a_pool_is_not_needed_and_one_alone_is() -> None:
    assert by_metric()["N2_CPUS"].least == 0
    alone = by_metric(pools(onDemandLarge=["n2-standard-96"]))
    assert (alone["N2_CPUS"].least, alone["N2D_CPUS"].wanted) == (96, 20 * 4 + 2 * 32)


def test_without_a_quota_for_spot_its_machines_count_as_all_others_do() -> None:
    quota = by_metric(spot_quota=False)
    assert "PREEMPTIBLE_CPUS" not in quota
    assert quota["C3_CPUS"].wanted == 20 * 88
    assert quota["N2_CPUS"].wanted == 2 * (20 * 4 + 20 * 96) + 2 * 32


def test_all_regions_together_have_a_quota_of_the_project() -> None:
    quota = by_metric()["CPUS_ALL_REGIONS"]
    assert quota.everywhere
    assert quota.wanted == 4 * 2 + 2 * (20 * 4 + 20 * 96) + 2 * 32
    assert quota.least == 2 * 2 + 96


@pytest.mark.parametrize(
    ("kind", "spot", "metric"),
    [
        ("e2-standard-4", False, "CPUS"),
        ("n2d-highmem-8", False, "N2D_CPUS"),
        ("c3-standard-88-lssd", False, "C3_CPUS"),
        ("n2d-highmem-8", True, "PREEMPTIBLE_CPUS"),
        ("g2-standard-8", True, "PREEMPTIBLE_NVIDIA_L4_GPUS"),
        ("g2-standard-8", False, "NVIDIA_L4_GPUS"),
        ("a2-highgpu-1g", False, "NVIDIA_A100_GPUS"),
    ],
)
def test_each_type_counts_against_its_quota(kind: str, spot: bool, metric: str) -> None:
    assert metric_of(kind, spot=spot) == metric


def test_gpus_are_counted_and_not_their_vcpus() -> None:
    quota = by_metric({"pools": json.dumps({"gpu": {"types": ["g2-standard-24"], "max": 3}})})
    assert quota["PREEMPTIBLE_NVIDIA_L4_GPUS"].wanted == 6
    assert quota["PREEMPTIBLE_CPUS"].wanted == 2000


def test_disks_are_counted_and_those_of_the_nodes_that_gke_begins_with() -> None:
    quota = by_metric()["SSD_TOTAL_GB"]
    assert quota.wanted == 4 * 50 + (20 * 4 + 2) * 512
    assert quota.least == 2 * 50 + 512
    small = json.dumps({name: {"diskGib": 50} for name in ("spotSmall", "onDemandSmall", "spotLarge", "onDemandLarge")})
    assert by_metric({"pools": json.dumps({**json.loads(small), "huge": {"diskGib": 50}})})["SSD_TOTAL_GB"].least == 300


def test_local_ssds_are_counted_where_there_are_some() -> None:
    assert "LOCAL_SSD_TOTAL_GB" not in by_metric()
    keys = {"pools": json.dumps({"huge": {"types": ["n2-highmem-32"], "localSsds": 4, "max": 2}})}
    quota = by_metric(keys)
    assert (quota["LOCAL_SSD_TOTAL_GB"].least, quota["LOCAL_SSD_TOTAL_GB"].wanted) == (1500, 3000)
    # Their nodes boot from a small disk.
    assert quota["SSD_TOTAL_GB"].wanted == 4 * 50 + 20 * 4 * 512 + 2 * 50


def test_an_existing_network_and_no_nat_want_none_of_the_projects() -> None:
    assert {"NETWORKS", "ROUTERS", "IN_USE_ADDRESSES"} <= set(by_metric())
    assert "NETWORKS" not in by_metric({"network": '{"name": "default"}'})
    assert not {"ROUTERS", "IN_USE_ADDRESSES"} & set(by_metric({"network": '{"nat": false}', "mirror": "true"}))


def test_autopilot_wants_room_for_a_node_of_each_class() -> None:
    quota = by_metric({"gke": "autopilot"})
    assert quota["PREEMPTIBLE_CPUS"].least == 96
    assert quota["N2_CPUS"].wanted > 96
    assert quota["INSTANCES"].least == 1


# Compared.


def told(metric: str, verdict: str) -> str:
    """What is said of a quota, which has this verdict."""
    finding = compared()[metric]
    assert finding.verdict == verdict
    return describe(finding, account_of())


def test_enough_is_told_without_a_remedy(api: Answers) -> None:
    finding = compared()["PREEMPTIBLE_CPUS"]
    assert finding.verdict == "enough"
    assert describe(finding, account_of()) == "vCPUs of spot machines: wants 2,000, has 1e+06"


def test_fewer_than_wanted_run_with_fewer_nodes(api: Answers) -> None:
    api.given[f"GET regions/{REGION}"] = region(PREEMPTIBLE_CPUS=256)
    words = told("PREEMPTIBLE_CPUS", "some")
    assert "wants 2,000, has 256: fewer nodes than the settings allow" in words
    assert "lower biojobs:pools.spotSmall.max, pools.spotLarge.max" in words
    command = "--quota-id PREEMPTIBLE-CPUS-per-project-region --preferred-value 2000 --dimensions region=europe-west4"
    assert command in words


def test_a_quota_of_the_project_is_asked_for_without_a_region(api: Answers) -> None:
    api.given[f"GET compute/v1/projects/{PROJECT}"] = whole(CPUS_ALL_REGIONS=32)
    words = told("CPUS_ALL_REGIONS", "none")
    assert "has 32: too little for a first sample, which takes 100" in words
    assert "--quota-id CPUS-ALL-REGIONS-per-project --preferred-value 4072`" in words


def test_a_project_without_a_quota_for_spot_is_compared_by_families(api: Answers) -> None:
    api.given[f"GET regions/{REGION}"] = region(PREEMPTIBLE_CPUS=0, C3_CPUS=0)
    found = compared()
    assert "PREEMPTIBLE_CPUS" not in found
    assert found["C3_CPUS"].verdict == "some", "n2 and n2d have enough"


def test_a_quota_that_is_not_listed_is_in_doubt_and_no_problem(api: Answers) -> None:
    api.given[f"GET regions/{REGION}"] = region(N2D_CPUS=-1)
    finding = compared()["N2D_CPUS"]
    assert finding.have == finding.quota.default
    assert "Google's default: Compute Engine lists no such quota" in describe(finding, account_of())


def test_a_pool_of_which_no_type_has_a_quota_for_one_node_is_told(api: Answers) -> None:
    api.given[f"GET regions/{REGION}"] = region(N2_CPUS=95, N2D_CPUS=0)
    found = compared().values()
    told = list(starved(settings_of(), found))
    assert [line.partition(":")[0] for line in told] == ["pools.onDemandLarge.max"]
    assert "N2_CPUS has 95 of 96, N2D_CPUS has 0 of 96" in told[0]
    api.given[f"GET regions/{REGION}"] = region(N2_CPUS=96, N2D_CPUS=0)
    assert list(starved(settings_of(), compared().values())) == []


# What is in use.


def in_use(api: Answers, **used: float) -> None:
    limits = dict.fromkeys(used, 100.0)
    api.given[f"GET regions/{REGION}"] = {**region(), "quotas": [*region()["quotas"], *quotas(limits, used)]}


def instance(kind: str, *, spot: bool = False) -> Mapping[str, Any]:
    return {
        "machineType": f"https://compute/v1/projects/{PROJECT}/zones/{REGION}-a/machineTypes/{kind}",
        "scheduling": {"provisioningModel": "SPOT" if spot else "STANDARD"},
        "disks": [{"type": "PERSISTENT", "diskSizeGb": "512"}],
    }


def of_cluster(*instances: Mapping[str, Any]) -> Any:
    def answer(asked: Asked) -> Mapping[str, Any]:
        assert asked.query["filter"] == 'labels.goog-k8s-cluster-name = "biojobs-dev"'
        return {"items": {f"zones/{REGION}-a": {"instances": list(instances)}}}

    return answer


def test_what_others_use_is_not_there_for_the_stack(api: Answers) -> None:
    in_use(api, PREEMPTIBLE_CPUS=60)
    finding = compared()["PREEMPTIBLE_CPUS"]
    assert (finding.used, finding.free) == (60, 40)
    assert "has 100 less 60 in use by others" in describe(finding, account_of())
    assert "--preferred-value 2060" in describe(finding, account_of())


def test_what_the_stack_has_already_counts_as_its_own(api: Answers) -> None:
    in_use(api, PREEMPTIBLE_CPUS=60, SSD_TOTAL_GB=1024, N2_CPUS=4, INSTANCES=2)
    api.given["GET aggregated/instances"] = of_cluster(
        instance("n2-standard-48", spot=True), instance("n2-standard-4"), instance("unheard-of-1")
    )
    found = compared()
    assert found["PREEMPTIBLE_CPUS"].used == 60 - 48
    assert found["N2_CPUS"].used == 0
    assert found["SSD_TOTAL_GB"].used == 0


def test_the_stacks_own_network_and_router_are_its_own(api: Answers) -> None:
    limits = {"NETWORKS": 5.0, "ROUTERS": 10.0, "CPUS_ALL_REGIONS": 1e6}
    api.given[f"GET compute/v1/projects/{PROJECT}"] = {"quotas": quotas(limits, {"NETWORKS": 5.0, "ROUTERS": 1.0})}
    assert compared()["NETWORKS"].verdict == "none"
    api.given["GET global/networks"] = {"items": [{"name": "default"}, {"name": "biojobs-dev"}]}
    api.given["GET aggregated/routers"] = {"items": {f"regions/{REGION}": {"routers": [{"name": "biojobs-dev"}]}}}
    found = compared()
    assert (found["NETWORKS"].used, found["ROUTERS"].used) == (4, 0)
    assert found["NETWORKS"].verdict == "enough"
