"""Pushes into recorded clouds' registries."""

from __future__ import annotations

import re
from typing import cast

from offline.dockerbuild.reference import Reference, parse
from offline.resource import ResourceError
from offline.values import Map

ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")
GOOGLE = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev|(?:(?:us|eu|asia)\.)?gcr\.io")
"""Hosts of the clouds' own registries."""


def push(content: Map, image: str, digest: str) -> None:
    """Write an image into its repository, as `repository:tag`. Other registries take everything.

    Raises `ResourceError` where the cloud refuses: there is no such repository, or an immutable tag means another
    image.
    """
    reference = parse(image)
    if not (ECR.fullmatch(reference.host) or GOOGLE.fullmatch(reference.host)):
        return
    fixed = _is_fixed(content, reference)
    inside = cast(dict[str, Map], content["contents"]).setdefault(reference.repository, {})
    if fixed and inside.get(reference.version, digest) != digest:
        raise ResourceError(f"ImageTagAlreadyExistsException: {image} is {inside[reference.version]}, and immutable")
    inside[reference.version] = digest


def _is_fixed(content: Map, reference: Reference) -> bool:
    # Of the two clouds' types only those that are asked for are read.
    if ECR.fullmatch(reference.host):
        from offline.recording.aws import registry
    else:
        from offline.recording.gcp import registry
    return registry.is_fixed(content, reference)
