"""The recording Docker as the engine knows it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from offline.recording.docker.kinds import KINDS
from offline.recording.registries import push
from offline.recording.store import Store
from offline.recording.strict.cloud import Cloud
from offline.recording.strict.kind import Kind, digits
from offline.recording.strict.provider import StrictProvider, parsed
from offline.recording.strict.world import World
from offline.values import Map, reveal


class DockerWorld(World):
    """Copies of images that were made."""

    kinds: ClassVar[Mapping[str, Kind]] = {kind.token: kind for kind in KINDS}


@dataclass(frozen=True)
class Nowhere:
    """Docker is wherever the engine is."""

    def words(self, urn: str, number: int) -> dict[str, Any]:
        """Digits."""
        return {"sha": digits(urn, number)}


def _image(arguments: Map, world: World, place: Nowhere) -> Map:
    name = str(arguments["name"])
    return {"sha256Digest": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}", "name": name, "id": name}


def _after_making(kind: Kind, state: Map, world: World) -> None:
    if kind.called == "registry-image":
        push(world.content, str(state["name"]), str(state["sha256Digest"]))


DOCKER: Final = Cloud[Nowhere](
    name="Docker",
    folder="offline/recording/docker",
    world=DockerWorld,
    after_making=_after_making,
    answers={"docker:index/getRegistryImage:getRegistryImage": _image},
)


class DockerRecorder(StrictProvider[Nowhere]):
    """Copies of images between registries."""

    version = "5.2.0"
    package: ClassVar[str] = "docker"

    def __init__(self, store: Store, engine_address: str = "") -> None:
        """`store` has what exists."""
        super().__init__(DOCKER, store, engine_address)

    def config_differs(self, old: Map, new: Map) -> bool:
        """Not where registries are the same, whoever logs in: pulumi-docker leaves that out too."""
        return _registries(old) != _registries(new)

    def place(self, settings: Map) -> Nowhere:
        """No place."""
        return Nowhere()


def _registries(config: Map) -> list[Any]:
    logins = cast(list[Map], parsed(reveal(config).get("registryAuth")) or [])
    return [login.get("address") for login in logins]
