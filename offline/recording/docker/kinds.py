"""Resource types of pulumi-docker that copy images."""

from __future__ import annotations

from offline.recording.strict.kind import Kind, Ref

KINDS = (
    Kind(
        "docker:index/remoteImage:RemoteImage",
        "remote-image",
        "sha256:{sha}{name}",
        replace=("name", "platform", "pullTriggers", "triggers"),
        outputs={"imageId": "sha256:{sha}", "repoDigest": "{name}"},
        offers={"remote-image.name": "name"},
    ),
    Kind(
        "docker:index/tag:Tag",
        "image-tag",
        "{sourceImage}.{targetImage}",
        replace=("sourceImage", "targetImage", "tagTriggers"),
        refs=(Ref("sourceImage", "remote-image.name"),),
        outputs={"sourceImageId": "sha256:{sha}"},
        offers={"image-tag.target": "targetImage"},
    ),
    Kind(
        "docker:index/registryImage:RegistryImage",
        "registry-image",
        "{name}",
        replace=("name", "triggers"),
        refs=(Ref("name", "image-tag.target"),),
        outputs={"sha256Digest": "sha256:{sha}"},
    ),
)
