"""What AWS offers a stack: each thing that it lacks is told with the setting and a remedy."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import versions
from tests.components.aws.answers import Answers, Refused
from tests.components.aws.conftest import ACCOUNT, REGION, ZONES
from tests.components.aws.willing import addons, checked, offerings, sold, willing


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return willing(monkeypatch)


def test_a_zone_that_the_region_has_not_is_told_with_those_that_it_has(api: Answers, tmp_path: Path) -> None:
    (result,) = checked(tmp_path, "zones", network='{"zones": ["eu-west-1a", "eu-west-1z"]}')
    assert result.state == "problem"
    assert "eu-west-1z: not in eu-west-1, which has eu-west-1a, eu-west-1b, eu-west-1c" in result.words


def test_two_zones_are_enough_and_one_is_not(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeAvailabilityZones"] = {"AvailabilityZones": [{"ZoneName": zone} for zone in ZONES[:2]]}
    assert checked(tmp_path, "zones")[0].words == "eu-west-1a, eu-west-1b"
    assert "NAT gateways: 2" in checked(tmp_path, "price", network='{"nat": "per-zone"}')[0].words
    api.given["DescribeAvailabilityZones"] = {"AvailabilityZones": [{"ZoneName": ZONES[0]}]}
    assert checked(tmp_path, "zones")[0].state == "problem"


def test_local_zones_are_not_asked_for(api: Answers, tmp_path: Path) -> None:
    checked(tmp_path, "zones")
    (asked,) = api.of("DescribeAvailabilityZones")
    assert {"Name": "opt-in-status", "Values": ["opt-in-not-required"]} in asked["Filters"]


def test_a_type_that_the_region_has_not_is_to_be_taken_out(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeInstanceTypeOfferings"] = offerings(("m7a.xlarge", "*"))
    results = checked(tmp_path, "types")
    assert results[0].state == "problem"
    assert "biojobs:pools.spotSmall.types: m7a.xlarge: EC2 has none in eu-west-1" in results[0].words
    assert "take them out" in results[0].words


def test_a_zone_without_any_type_of_a_pool_is_a_warning(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeInstanceTypeOfferings"] = offerings(("r5.8xlarge", ZONES[2]), ("m5.xlarge", ZONES[1]))
    pools = '{"huge": {"types": ["r5.8xlarge"], "max": 2}}'
    (result,) = checked(tmp_path, "types", pools=pools)
    assert result.state == "warning"
    assert "biojobs:pools.huge.types: none of them is to be had in eu-west-1c" in result.words


def test_a_version_that_eks_no_longer_sells_is_told_with_those_that_it_does(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeClusterVersions"] = sold(v1_35="EXTENDED_SUPPORT")
    (result,) = checked(tmp_path, "kubernetes")
    assert result.state == "problem"
    assert "'1.35': is extended support; EKS has 1.34, 1.36 in standard support" in result.words
    api.given["DescribeClusterVersions"] = {"clusterVersions": []}
    assert "is not sold" in checked(tmp_path, "kubernetes")[0].words


def test_a_version_that_soon_leaves_support_is_a_warning(api: Answers, tmp_path: Path) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    api.given["DescribeClusterVersions"] = {
        "clusterVersions": [
            {"clusterVersion": "1.35", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": soon}
        ]
    }
    (result,) = checked(tmp_path, "kubernetes")
    assert (result.state, str(soon.date()) in result.words) == ("warning", True)


def test_a_pinned_add_on_that_is_gone_is_told_with_what_there_is(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeAddonVersions"] = addons(coredns="v1.0.0-eksbuild.1")
    (result,) = checked(tmp_path, "add-ons")
    pinned = versions.EKS_ADDONS[versions.EKS]["coredns"]
    assert result.state == "problem"
    assert f"coredns {pinned}: EKS has v9.9.9-eksbuild.1, v1.0.0-eksbuild.1 for Kubernetes 1.35" in result.words
    (asked, *_) = api.of("DescribeAddonVersions")
    assert asked["kubernetesVersion"] == "1.35"


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ({"BucketRegion": REGION}, "ok", "reads: my-reads"),
        (Refused("404", 404), "problem", "there is no such bucket"),
        (Refused("403", 403), "problem", f"is another account's, or not yours to read; name one of account {ACCOUNT}"),
        ({"BucketRegion": "us-east-1"}, "warning", "is in us-east-1: what is read crosses regions"),
        (Refused("301", 301, {"x-amz-bucket-region": "us-east-1"}), "warning", "is in us-east-1"),
        (Refused("500", 400), "problem", "s3:ListBucket"),
    ],
)
def test_a_bucket_of_the_settings_is_looked_at(
    api: Answers, tmp_path: Path, answer: Any, state: str, said: str
) -> None:
    api.given["HeadBucket"] = answer
    (result,) = checked(tmp_path, "buckets", buckets='{"reads": "my-reads"}')
    assert result.state == state
    assert said in result.words
