"""Quotas: what the settings want, what the account has, and what to do where that is too little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from components.aws.quotas import Finding, Quota, compare, describe, wanted
from tests.components.aws.answers import Answers, Refused, account_of, answering, settings_of

SPOT, ON_DEMAND, GPU_SPOT = "L-34B43A08", "L-1216C47A", "L-3819A6DF"
NAT, EIP, VPC, CLUSTERS, BUCKETS, GP3 = (
    "L-FE5A380F",
    "L-0263D0A3",
    "L-F678F1CE",
    "L-1194D53C",
    "L-DC2B2D3D",
    "L-7A658B76",
)
OURS = [{"Key": "project", "Value": "biojobs"}, {"Key": "stack", "Value": "dev"}]
NOTHING_USED: Mapping[str, Any] = {
    "DescribeVpcs": {"Vpcs": []},
    "DescribeAddresses": {"Addresses": []},
    "DescribeNatGateways": {"NatGateways": []},
    "ListClusters": {"clusters": []},
    "ListBuckets": {"Buckets": []},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = answering(monkeypatch)
    made.given |= {**NOTHING_USED, "GetServiceQuota": {"Quota": {"Value": 1e6}}}
    return made


def by_code(keys: Mapping[str, str] = MappingProxyType({}), zones: int = 3) -> dict[str, Quota]:
    return {quota.code: quota for quota in wanted(settings_of(**keys), zones)}


def found(code: str) -> Finding:
    (finding,) = compare([by_code()[code]], account_of(), "dev")
    return finding


def values(**by_code: float) -> Any:
    def answer(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        code = parameters["QuotaCode"].replace("-", "_")
        return {"Quota": {"Value": by_code.get(code, 1e6)}}

    return answer


def test_vcpus_are_wanted_for_all_pools_of_a_kind_at_their_most() -> None:
    quotas = by_code()
    assert quotas[SPOT].wanted == 20 * 4 + 20 * 96
    # What a first sample takes: one node of the larger pool.
    assert quotas[SPOT].least == 96
    assert quotas[ON_DEMAND].wanted == 4 * 2 + 20 * 4 + 20 * 96 + 2 * 32
    # The system's two nodes, which are always there, and one more.
    assert quotas[ON_DEMAND].least == 2 * 2 + 96
    assert GPU_SPOT not in quotas


def test_gpus_have_a_quota_of_their_own() -> None:
    quotas = by_code({"pools": json.dumps({"gpu": {"types": ["g5.2xlarge"], "max": 3}})})
    assert quotas[GPU_SPOT].wanted == 24
    assert quotas[SPOT].wanted == 2000


def test_addresses_follow_the_nat_gateways() -> None:
    assert EIP in by_code()
    assert by_code({"network": '{"nat": "per-zone"}'})[EIP].wanted == 3
    assert by_code({"network": '{"nat": "per-zone"}'}, zones=2)[EIP].wanted == 2
    assert not {NAT, EIP} & set(by_code({"network": '{"nat": "none"}', "mirror": "true"}))


def test_an_existing_vpc_wants_no_network_of_the_account() -> None:
    network = '{"vpcId": "vpc-12345678", "privateSubnetIds": ["subnet-1", "subnet-2"]}'
    assert not {VPC, NAT, EIP} & set(by_code({"network": network}))


def test_buckets_that_exist_are_not_wanted_again() -> None:
    assert by_code()[BUCKETS].wanted == 3
    assert by_code({"buckets": '{"reads": "my-reads"}'})[BUCKETS].wanted == 2
    assert BUCKETS not in by_code({"buckets": '{"reads": "a-1", "reference": "a-2", "results": "a-3"}'})


def test_disks_of_all_nodes_together_are_counted_in_tebibytes() -> None:
    assert by_code()[GP3].wanted == pytest.approx((4 * 50 + (20 * 4 + 2) * 512) / 1024)


def test_enough_is_told_without_a_remedy(api: Answers) -> None:
    finding = found(SPOT)
    assert finding.verdict == "enough"
    assert "request-service-quota-increase" not in describe(finding, "eu-west-1")


def test_fewer_than_wanted_run_with_fewer_nodes(api: Answers) -> None:
    api.given["GetServiceQuota"] = values(L_34B43A08=256)
    finding = found(SPOT)
    assert finding.verdict == "some"
    words = describe(finding, "eu-west-1")
    assert "wants 2,000, has 256: fewer nodes than the settings allow" in words
    assert "lower biojobs:pools.spotSmall.max, pools.spotLarge.max" in words
    command = "--region eu-west-1 --service-code ec2 --quota-code L-34B43A08 --desired-value 2000"
    assert f"`aws service-quotas request-service-quota-increase {command}`" in words


@pytest.mark.parametrize("value", [0, 5, 95])
def test_a_quota_of_nothing_or_of_less_than_one_node_is_too_little_for_a_first_sample(
    api: Answers, value: float
) -> None:
    api.given["GetServiceQuota"] = values(L_34B43A08=value)
    finding = found(SPOT)
    assert finding.verdict == "none"
    assert f"has {value}: too little for a first sample, which takes 96" in describe(finding, "eu-west-1")


def test_where_access_is_denied_awss_default_is_taken_and_the_doubt_told(api: Answers) -> None:
    api.given["GetServiceQuota"] = Refused("AccessDeniedException", 400)
    finding = found(SPOT)
    assert (finding.have, finding.verdict) == (5, "none")
    assert "AWS's default: servicequotas:GetServiceQuota is denied" in describe(finding, "eu-west-1")


def test_a_value_that_was_never_changed_is_asked_of_awss_defaults(api: Answers) -> None:
    api.given["GetServiceQuota"] = Refused("NoSuchResourceException", 404)
    api.given["GetAWSDefaultServiceQuota"] = {"Quota": {"Value": 640.0}}
    finding = found(SPOT)
    assert finding.have == 640
    assert "no value for the account" in finding.doubt


def test_what_others_use_is_not_there_for_the_stack(api: Answers) -> None:
    api.given["GetServiceQuota"] = values(L_F678F1CE=5)
    api.given["DescribeVpcs"] = {"Vpcs": [{"VpcId": f"vpc-{n}"} for n in range(5)]}
    finding = found(VPC)
    assert finding.verdict == "none"
    words = describe(finding, "eu-west-1")
    assert "has 5 less 5 in use by others" in words
    assert "--desired-value 6" in words


def test_what_the_stack_has_already_counts_as_its_own(api: Answers) -> None:
    api.given["GetServiceQuota"] = values(L_F678F1CE=5, L_0263D0A3=1, L_1194D53C=1, L_DC2B2D3D=3)
    api.given["DescribeVpcs"] = {"Vpcs": [{"VpcId": f"vpc-{n}"} for n in range(4)] + [{"VpcId": "vpc-9", "Tags": OURS}]}
    api.given["DescribeAddresses"] = {"Addresses": [{"AllocationId": "eipalloc-1", "Tags": OURS}]}
    api.given["ListClusters"] = {"clusters": ["biojobs-dev"]}
    api.given["ListBuckets"] = {"Buckets": [{"Name": f"biojobs-dev-{role}-1"} for role in ("a", "b", "c")]}
    for code in (VPC, EIP, CLUSTERS, BUCKETS):
        assert found(code).verdict == "enough", code


def test_gateways_are_counted_in_the_zone_that_has_most(api: Answers) -> None:
    gateways = [{"NatGatewayId": f"nat-{n}", "SubnetId": f"subnet-{n % 3}"} for n in range(5)]
    api.given["DescribeNatGateways"] = {"NatGateways": gateways}
    places = {"subnet-0": "a", "subnet-1": "a", "subnet-2": "b"}
    api.given["DescribeSubnets"] = {
        "Subnets": [{"SubnetId": subnet, "AvailabilityZone": zone} for subnet, zone in places.items()]
    }
    assert found(NAT).used == 4


def test_what_cannot_be_counted_is_left_open(api: Answers) -> None:
    api.given["DescribeVpcs"] = Refused("UnauthorizedOperation", 403)
    assert found(VPC).used is None
    assert found(VPC).verdict == "enough"


def test_all_quotas_of_a_stack_are_asked_for_at_once(api: Answers) -> None:
    findings = compare(wanted(settings_of()), account_of(), "dev")
    assert [each.verdict for each in findings] == ["enough"] * 8
    assert {each["QuotaCode"] for each in api.of("GetServiceQuota")} == set(by_code())


def test_buckets_are_asked_of_the_one_region_that_counts_them(api: Answers) -> None:
    assert by_code()[BUCKETS].asked == "us-east-1"
    api.given["GetServiceQuota"] = values(L_DC2B2D3D=1)
    assert "--region us-east-1 --service-code s3" in describe(found(BUCKETS), "eu-west-1")
