"""What exists in the recorded project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, cast

from offline.recording.gcp import kinds_cluster, kinds_data, kinds_identity, kinds_network, kinds_watch
from offline.recording.strict import world
from offline.recording.strict.kind import Kind

KINDS: Mapping[str, Kind] = {
    kind.token: kind
    for kind in (
        *kinds_network.KINDS,
        *kinds_identity.KINDS,
        *kinds_cluster.KINDS,
        *kinds_data.KINDS,
        *kinds_watch.KINDS,
    )
}
APIS: Final = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
"""What must be on beforehand: without them pulumi-gcp can turn on no other."""


class World(world.World):
    """The Google Cloud part of a recording."""

    kinds: ClassVar[Mapping[str, Kind]] = KINDS

    def apis(self) -> list[str]:
        """The APIs that are on."""
        return cast(list[str], self.content.setdefault("apis", list(APIS)))

    def is_on(self, service: str) -> bool:
        """Whether an API is on, by the name before `.googleapis.com`."""
        return f"{service}.googleapis.com" in self.apis()

    def _exists(self, target: str, value: str) -> bool:
        # Compute Engine's own account, which nobody makes.
        if target == "account.email" and (value == "default" or value.endswith("@developer.gserviceaccount.com")):
            return True
        return super()._exists(target, value)
