"""The recorded account's registry."""

from __future__ import annotations

from offline.dockerbuild.reference import Reference
from offline.recording.aws.world import World
from offline.resource import ResourceError
from offline.values import Map


def is_fixed(content: Map, image: Reference) -> bool:
    """Whether tags of the image's repository are immutable. Raises `ResourceError` where there is none."""
    for thing in World(content).things("repository"):
        if thing.state["repositoryUrl"] == image.repository:
            return str(thing.state["imageTagMutability"]).startswith("IMMUTABLE")
    raise ResourceError(f"RepositoryNotFoundException: there is no {image.repository}")
