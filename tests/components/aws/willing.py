"""AWS that will have a stack, and a project of one, for tests to take away from."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import versions
from components.aws.check import check
from components.checks import Result
from tests.components.aws.answers import Answers, answering, keys_of
from tests.components.aws.conftest import REGION, ZONES
from tests.components.aws.test_quotas import NOTHING_USED
from tests.components.stackfile import written


def project(folder: Path, **keys: str) -> Path:
    """A project of one stack, `dev`."""
    return written(folder, keys_of(**keys))


def offerings(*missing: tuple[str, str]) -> Any:
    """Every type in every zone, but those; a missing zone `*` is all of them."""

    def answer(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        (wanted,) = parameters["Filters"]
        return {
            "InstanceTypeOfferings": [
                {"InstanceType": kind, "Location": zone}
                for kind in wanted["Values"]
                for zone in ZONES
                if (kind, zone) not in missing and (kind, "*") not in missing
            ]
        }

    return answer


def sold(**states: str) -> Mapping[str, Any]:
    end = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
    return {
        "clusterVersions": [
            {"clusterVersion": version, "versionStatus": state, "endOfStandardSupportDate": end}
            for version, state in {
                **{f"v{name}"[1:]: "STANDARD_SUPPORT" for name in versions.EKS_STANDARD},
                **{name.removeprefix("v").replace("_", "."): state for name, state in states.items()},
            }.items()
        ]
    }


def addons(**changed: str) -> Mapping[str, Any]:
    pinned = {**versions.EKS_ADDONS[versions.EKS], "amazon-cloudwatch-observability": versions.EKS_OBSERVABILITY}
    named = {**pinned, **{name.replace("_", "-"): version for name, version in changed.items()}}
    return {
        "addons": [
            {"addonName": name, "addonVersions": [{"addonVersion": "v9.9.9-eksbuild.1"}, {"addonVersion": version}]}
            for name, version in named.items()
        ]
    }


def willing(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """AWS that has whatever the default settings want."""
    made = answering(monkeypatch)
    made.given |= {
        **NOTHING_USED,
        "GetServiceQuota": {"Quota": {"Value": 1e6}},
        "DescribeAvailabilityZones": {"AvailabilityZones": [{"ZoneName": zone} for zone in ZONES]},
        "DescribeInstanceTypeOfferings": offerings(),
        "DescribeClusterVersions": sold(),
        "DescribeAddonVersions": addons(),
        "HeadBucket": {"BucketRegion": REGION},
    }
    return made


def nothing(_: object) -> list[str]:
    return []


def broken(*_: object) -> None:
    raise ZeroDivisionError


def checked(folder: Path, topic: str, **keys: str) -> list[Result]:
    return [result for result in check("dev", project(folder, **keys)) if result.topic == topic]
