"""Availability zones of regions."""

from __future__ import annotations

from collections.abc import Mapping

from offline.recording.strict.zones import zones
from offline.values import Map

# A new account sees two zones in us-west-1; letters are not always the first ones.
_LETTERS: Mapping[str, str] = {
    "us-east-1": "abcdef",
    "us-west-1": "bc",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
}

REGIONS = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
        *("ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
        *("ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1"),
        *("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2"),
        *("eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1"),
        *("us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"),
    }
)


def of(region: str, content: Map) -> list[str]:
    """Names of the region's zones, in their order; the recording may have others."""
    return zones(region, (f"{region}{letter}" for letter in _LETTERS.get(region, "abc")), content)
