"""Pushes into the recorded account's registry."""

from __future__ import annotations

import re
from typing import cast

from offline.dockerbuild.reference import parse
from offline.recording.aws.world import World
from offline.resource import ResourceError
from offline.values import Map

_HOST = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")


def push(content: Map, image: str, digest: str) -> None:
    """Write an image into its repository, as `repository:tag`. Other registries take everything.

    Raises `ResourceError` where ECR refuses: there is no such repository, or an immutable tag means another image.
    """
    reference = parse(image)
    if not _HOST.fullmatch(reference.host):
        return
    repository = next(
        (
            thing
            for thing in World(content).things("repository")
            if thing.state["repositoryUrl"] == reference.repository
        ),
        None,
    )
    if repository is None:
        raise ResourceError(f"RepositoryNotFoundException: there is no {reference.repository}")
    inside = cast(dict[str, Map], content["contents"]).setdefault(reference.repository, {})
    fixed = str(repository.state["imageTagMutability"]).startswith("IMMUTABLE")
    if fixed and inside.get(reference.version, digest) != digest:
        raise ResourceError(f"ImageTagAlreadyExistsException: {image} is {inside[reference.version]}, and immutable")
    inside[reference.version] = digest
