"""A strict cloud as the engine knows it."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Generic, cast

from offline.provider import Provider
from offline.recording.store import Store
from offline.recording.strict import schema
from offline.recording.strict.cloud import Cloud, P
from offline.recording.strict.handler import StrictHandler
from offline.resource import Handler, InvalidInputsError, ResourceError
from offline.values import Map, reveal

_ADDED = {"version", "pluginDownloadURL"}  # by the engine


class StrictProvider(Provider, Generic[P]):
    """One cloud, as strict as the recording can make it. Subclasses say where it works."""

    package: ClassVar[str] = ""
    takes_assets = True

    def __init__(self, cloud: Cloud[P], store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(engine_address)
        self._cloud = cloud
        self._store = store
        self._place: P | None = None

    def place(self, settings: Map) -> P:
        """Where the provider works, by its settings."""
        raise NotImplementedError

    def problems(self, config: Map) -> list[tuple[str, str]]:
        """What is wrong with values of the settings."""
        return []

    def check_config(self, config: Map) -> None:
        """Nothing that the provider does not have."""
        known = schema.provider_settings(self.package) | _ADDED
        found = [(key, f"pulumi-{self.package} has no such setting") for key in sorted(config.keys() - known)]
        if found := [*found, *self.problems(config)]:
            raise InvalidInputsError(found)

    def configure(self, config: Map) -> None:
        """Take the place."""
        settings = cast(Map, reveal(config))
        self._place = self.place({key: parsed(value) for key, value in settings.items()})

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        return StrictHandler(self._cloud, self._cloud.kind(token), self._where(), self._store, self.cancelled)

    def invoke(self, token: str, arguments: Map) -> Map:
        """A function's answer."""
        return self._cloud.invoke(token, cast(Map, reveal(arguments)), self._store, self._where())

    def _where(self) -> P:
        if self._place is None:
            raise ResourceError(f"the {self.package} provider has not been configured")
        return self._place


def parsed(value: Any) -> Any:
    """Settings that are no texts come as JSON."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    return json.loads(value)
