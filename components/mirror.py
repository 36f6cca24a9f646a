"""References of third-party images, as Docker reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HUB: Final = "docker.io"


@dataclass(frozen=True)
class Reference:
    """An image reference in full: `repository` with its host, and a tag, a digest (`sha256:...`) or both."""

    repository: str
    tag: str
    digest: str

    @property
    def host(self) -> str:
        """The registry, with its port where it has one."""
        return self.repository.partition("/")[0]

    @property
    def path(self) -> str:
        """The repository without its host."""
        return self.repository.partition("/")[2]


def parse(reference: str) -> Reference:
    """A reference as Docker reads it: no host means Docker Hub, no tag `latest`."""
    rest, _, digest = reference.partition("@")
    repository_name, tag_name = rest, ""
    if ":" in rest.rpartition("/")[2]:
        repository_name, _, tag_name = rest.rpartition(":")
    first, slash, _ = repository_name.partition("/")
    if not slash:
        repository_name = f"{HUB}/library/{repository_name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        repository_name = f"{HUB}/{repository_name}"
    return Reference(repository_name, tag_name or ("" if digest else "latest"), digest)
