"""Names of images: `host/path:tag` and `host/path@sha256:...`."""

from __future__ import annotations

from dataclasses import dataclass

from offline.resource import ResourceError


@dataclass(frozen=True)
class Reference:
    """One image in one registry; `version` is a tag or a digest."""

    host: str
    path: str
    version: str

    @property
    def repository(self) -> str:
        """The name without tag or digest."""
        return f"{self.host}/{self.path}"


def parse(text: str) -> Reference:
    """Raises `ResourceError` for a name without a registry: the stand-in pushes nowhere by default."""
    name, _, digest = text.partition("@")
    host, _, path = name.partition("/")
    if not path or not ("." in host or ":" in host or host == "localhost"):
        raise ResourceError(f"tags: {text!r} names no registry: write it as registry.example/name:tag")
    path, _, tag = path.partition(":")
    return Reference(host, path, digest or tag or "latest")
