"""Regions and their zones."""

from __future__ import annotations

from collections.abc import Mapping

from offline.recording.strict.zones import zones
from offline.values import Map

# Letters are not always the first ones.
_LETTERS: Mapping[str, str] = {
    "us-central1": "abcf",
    "us-east1": "bcd",
    "europe-west1": "bcd",
}

REGIONS = frozenset(
    {
        *("africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"),
        *("asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3"),
        *("australia-southeast1", "australia-southeast2", "europe-central2", "europe-north1", "europe-north2"),
        *("europe-southwest1", "europe-west1", "europe-west10", "europe-west12", "europe-west2", "europe-west3"),
        *("europe-west4", "europe-west6", "europe-west8", "europe-west9", "me-central1", "me-central2", "me-west1"),
        *("northamerica-northeast1", "northamerica-northeast2", "northamerica-south1", "southamerica-east1"),
        *("southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1"),
        *("us-west2", "us-west3", "us-west4"),
    }
)


def zones_of(region: str, content: Map) -> list[str]:
    """Names of the region's zones, in their order; the recording may have others."""
    return zones(region, (f"{region}-{letter}" for letter in _LETTERS.get(region, "abc")), content)
