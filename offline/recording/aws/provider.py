"""The recording AWS as the engine knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from offline.recording.aws.cloud import AWS
from offline.recording.aws.place import Place
from offline.recording.aws.zones import REGIONS
from offline.recording.store import Store
from offline.recording.strict.provider import StrictProvider
from offline.values import Map, Unknown


class AwsRecorder(StrictProvider[Place]):
    """One region of one account."""

    version = "7.51.1"
    package: ClassVar[str] = "aws"

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(AWS, store, engine_address)

    def problems(self, config: Map) -> list[tuple[str, str]]:
        """A region that is none."""
        region = config.get("region")
        if isinstance(region, Unknown) or region in REGIONS:
            return []
        return [("region", f"{region!r} is no region of AWS")]

    def place(self, settings: Map) -> Place:
        """Region, and tags of everything."""
        region = str(settings.get("region"))
        partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
        defaults = cast(Map, settings.get("defaultTags") or {})
        return Place(region, partition, default_tags=cast(Mapping[str, str], defaults.get("tags") or {}))
