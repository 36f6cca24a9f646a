"""The recording Google Cloud as the engine knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from offline.recording.gcp.cloud import GCP
from offline.recording.gcp.place import Place
from offline.recording.gcp.regions import REGIONS
from offline.recording.store import Store
from offline.recording.strict.provider import StrictProvider
from offline.values import Map, Unknown


class GcpRecorder(StrictProvider[Place]):
    """One region of one project."""

    version = "10.2.0"
    package: ClassVar[str] = "gcp"

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(GCP, store, engine_address)

    def problems(self, config: Map) -> list[tuple[str, str]]:
        """A project that is missing, a region that is none."""
        found = [] if config.get("project") else [("project", "is missing")]
        region = config.get("region")
        if not isinstance(region, Unknown) and region not in REGIONS:
            found.append(("region", f"{region!r} is no region of Google Cloud"))
        return found

    def place(self, settings: Map) -> Place:
        """Project and region, and labels of everything."""
        return Place(
            str(settings.get("region")),
            str(settings.get("project")),
            default_labels=cast(Mapping[str, str], settings.get("defaultLabels") or {}),
            billed=str(settings.get("userProjectOverride")).lower() == "true" and bool(settings.get("billingProject")),
            attributed=str(settings.get("addPulumiAttributionLabel", "true")).lower() != "false",
        )
