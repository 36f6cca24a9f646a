"""The recorded project's registry."""

from __future__ import annotations

from offline.dockerbuild.reference import Reference
from offline.recording.gcp.rules_data import address_of
from offline.recording.gcp.world import World
from offline.recording.strict.kind import at
from offline.recording.strict.world import Thing
from offline.resource import ResourceError
from offline.values import Map


def repository_of(content: Map, image: Reference) -> Thing:
    """The repository that an image belongs to. Raises `ResourceError` where there is none."""
    for thing in World(content).things("repository"):
        if image.repository.startswith(f"{address_of(thing.state, str(thing.state['project']))}/"):
            return thing
    raise ResourceError(f"name unknown: there is no repository for {image.repository}")


def is_fixed(content: Map, image: Reference) -> bool:
    """Whether tags of the image's repository are immutable. Raises `ResourceError` where nothing can be pushed."""
    thing = repository_of(content, image)
    if thing.state.get("mode") != "STANDARD_REPOSITORY" or thing.state["format"] != "DOCKER":
        raise ResourceError(f"denied: {thing.id} takes no images: it is {thing.state.get('mode')}")
    return any(value for _, value in at(thing.state, "dockerConfig.immutableTags"))
