"""The recording AWS, and the recording Docker that copies images into it, as the engine knows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from offline.provider import Provider
from offline.recording.aws import schema
from offline.recording.aws.handler import AwsHandler
from offline.recording.aws.invokes import invoke
from offline.recording.aws.kind import Place
from offline.recording.aws.world import kind_of
from offline.recording.aws.zones import REGIONS
from offline.recording.store import Store
from offline.resource import Handler, InvalidInputsError, ResourceError
from offline.values import Map, Unknown, reveal

_ADDED = {"version", "pluginDownloadURL"}  # by the engine


class AwsRecorder(Provider):
    """One region of one account, as strict as the recording can make it."""

    version = "7.51.1"
    takes_assets = True

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(engine_address)
        self._store = store
        self._place: Place | None = None

    def check_config(self, config: Map) -> None:
        """A region, and nothing that the provider does not have."""
        known = schema.provider_settings("aws") | _ADDED
        problems = [(key, "pulumi-aws has no such setting") for key in sorted(config.keys() - known)]
        region = config.get("region")
        if not isinstance(region, Unknown) and region not in REGIONS:
            problems.append(("region", f"{region!r} is no region of AWS"))
        if problems:
            raise InvalidInputsError(problems)

    def configure(self, config: Map) -> None:
        """Region, and tags of everything."""
        settings = cast(Map, reveal(config))
        region = str(settings.get("region"))
        partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
        defaults = cast(Map, _parsed(settings.get("defaultTags")) or {})
        self._place = Place(region, partition, default_tags=cast(Mapping[str, str], defaults.get("tags") or {}))

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        return AwsHandler(kind_of(token), self._where(), self._store, self.cancelled)

    def invoke(self, token: str, arguments: Map) -> Map:
        """A function's answer."""
        return invoke(token, cast(Map, reveal(arguments)), self._store, self._where())

    def _where(self) -> Place:
        if self._place is None:
            raise ResourceError("the aws provider has not been configured")
        return self._place


def _parsed(value: Any) -> Any:
    """Settings that are no texts come as JSON."""
    return json.loads(value) if isinstance(value, str) else value


class DockerRecorder(AwsRecorder):
    """Copies of images between registries."""

    version = "5.2.0"

    def check_config(self, config: Map) -> None:
        """Nothing that the provider does not have."""
        known = schema.provider_settings("docker") | _ADDED
        if problems := [(key, "pulumi-docker has no such setting") for key in sorted(config.keys() - known)]:
            raise InvalidInputsError(problems)

    def config_differs(self, old: Map, new: Map) -> bool:
        """Not where registries are the same, whoever logs in: pulumi-docker leaves that out too."""
        return _registries(old) != _registries(new)

    def configure(self, config: Map) -> None:
        """No place."""
        self._place = Place("")


def _registries(config: Map) -> list[Any]:
    logins = cast(list[Map], _parsed(reveal(config).get("registryAuth")) or [])
    return [login.get("address") for login in logins]
