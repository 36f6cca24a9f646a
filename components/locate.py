"""Finds reads and references before anything is created: in the cloud's object store, on the web, beside the sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from components.archives import PLAN, SCHEMES, public_source, remedy, web_source
from components.storage import Scheme
from settings_pipeline import Archives
from workflows.types import Source

__all__ = ["PLAN", "Found", "Head", "Locator"]


@dataclass(frozen=True)
class Found:
    """An object: an identity that changes with its content ("" when nothing was looked up), the region that it is
    read from, when that is another one than the stack's and costs money, and its size in bytes, 0 if not known."""

    identity: str
    elsewhere: str = ""
    size: int = 0


Head = Callable[[str, str], Found]
"""(bucket, key) -> what the object store knows of the object; raises LookupError with the reason and a remedy."""


@dataclass(frozen=True)
class Locator:
    """Turns locations into what steps read.

    `cloud` is its name in messages, `scheme` its object store. `uploads` collects the files beside the sheet that the
    stack uploads to `bucket`, by object key; `elsewhere` the buckets of other regions, by name, whose reads cross
    regions and are paid for. Public buckets of `archives` are read without credentials; `region`, where it is known,
    is the stack's.
    """

    cloud: str
    scheme: Scheme
    bucket: str
    beside: tuple[Path, ...]
    head: Head
    archives: Archives = field(default_factory=Archives)
    region: str = ""
    uploads: dict[str, Path] = field(default_factory=dict[str, Path])
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])

    def locate(self, location: str) -> Source:
        """What steps read for a location. Raises LookupError when there is nothing to read."""
        scheme, separator, rest = location.partition("://")
        bucket = rest.partition("/")[0]
        if not separator:
            return self._file(location)
        if scheme == "https":
            return web_source(location)
        if scheme in SCHEMES and bucket in self.archives.public:
            return self._public(location, bucket)
        if scheme == self.scheme.scheme:
            return self._object(location, rest)
        copy = f"copy it to {self.scheme.uri(self.bucket)}"
        raise LookupError(
            f"{location}: steps on {self.cloud} read {self.scheme.scheme}:// and https://; "
            f"{remedy(scheme, rest, self.archives, copy)}"
        )

    def _public(self, uri: str, bucket: str) -> Source:
        found, region = public_source(uri, self.archives)
        if uri.startswith(f"{self.scheme.scheme}://") and self.region and region not in ("", self.region):
            self.elsewhere[bucket] = region
        return found

    def _object(self, uri: str, rest: str) -> Source:
        bucket, _, key = rest.partition("/")
        if not bucket or not key:
            raise LookupError(f"{uri}: names no object; write {self.scheme.scheme}://bucket/key")
        found = self.head(bucket, key)
        if found.elsewhere:
            self.elsewhere[bucket] = found.elsewhere
        return Source(uri, found.identity, found.size)

    def _file(self, location: str) -> Source:
        own = self.scheme.uri(self.bucket, "...")
        given = next((folder / location for folder in self.beside if (folder / location).is_file()), None)
        if given is None:
            places = ", ".join(map(str, self.beside))
            raise LookupError(
                f"{location}: no such file in {places}; upload it with `{self.scheme.copy}` and write {own}"
            )
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise LookupError(f"{location}: lies outside the project; write {own} or a path within it")
        self.uploads[location] = given
        # Size and name do not change when a clone is made; the time of change does, and would run everything again.
        return Source(self.scheme.uri(self.bucket, location), _content_identity(given), given.stat().st_size)


def _content_identity(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]
