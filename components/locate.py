"""Finds reads and references before anything is created: in the cloud's object store, on the web, beside the sheet."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from components.storage import Scheme
from workflows.types import Source

PLAN: Final = "BIOJOBS_PLAN"
"""Environment variable of a plan without an account: nothing is looked up, and identities stay unknown."""

_SECONDS = 20
# Where objects of the other clouds are to be had by everybody, if their owners let everybody read them.
_PUBLIC = {"s3": "https://{bucket}.s3.amazonaws.com/{key}", "gs": "https://storage.googleapis.com/{bucket}/{key}"}


@dataclass(frozen=True)
class Found:
    """An object: an identity that changes with its content ("" when nothing was looked up), and the region that it is
    read from, when that is another one than the stack's and costs money."""

    identity: str
    elsewhere: str = ""


Head = Callable[[str, str], Found]
"""(bucket, key) -> what the object store knows of the object; raises LookupError with the reason and a remedy."""


@dataclass(frozen=True)
class Locator:
    """Turns locations into what steps read.

    `cloud` is its name in messages, `scheme` its object store. `uploads` collects the files beside the sheet that the
    stack uploads to `bucket`, by object key; `elsewhere` the buckets of other regions, by name, whose reads cross
    regions and are paid for.
    """

    cloud: str
    scheme: Scheme
    bucket: str
    beside: tuple[Path, ...]
    head: Head
    uploads: dict[str, Path] = field(default_factory=dict[str, Path])
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])

    def locate(self, location: str) -> Source:
        """What steps read for a location. Raises LookupError when there is nothing to read."""
        scheme, separator, rest = location.partition("://")
        if not separator:
            return self._file(location)
        if scheme == self.scheme.scheme:
            return self._object(location, rest)
        if scheme == "https":
            return Source(location, _web_identity(location))
        raise LookupError(
            f"{location}: steps on {self.cloud} read {self.scheme.scheme}:// and https://; copy it to "
            f"{self.scheme.uri(self.bucket)}{_public_address(scheme, rest)}"
        )

    def _object(self, uri: str, rest: str) -> Source:
        bucket, _, key = rest.partition("/")
        if not bucket or not key:
            raise LookupError(f"{uri}: names no object; write {self.scheme.scheme}://bucket/key")
        found = self.head(bucket, key)
        if found.elsewhere:
            self.elsewhere[bucket] = found.elsewhere
        return Source(uri, found.identity)

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
        return Source(self.scheme.uri(self.bucket, location), _content_identity(given))


def _content_identity(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _public_address(scheme: str, rest: str) -> str:
    bucket, _, key = rest.partition("/")
    if scheme not in _PUBLIC or not key:
        return ""
    return f", or write {_PUBLIC[scheme].format(bucket=bucket, key=key)} if everybody may read it"


def _web_identity(uri: str) -> str:
    """ETag or time of change, and size, as the server tells them; nothing is looked up in a plan."""
    if os.environ.get(PLAN):
        return ""
    try:
        with urllib.request.urlopen(urllib.request.Request(uri, method="HEAD"), timeout=_SECONDS) as answer:
            mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            return f"{answer.headers.get('Content-Length', '')}-{mark.strip(chr(34))}"
    except urllib.error.HTTPError as error:
        raise LookupError(f"{uri}: the server answers {error.code} {error.reason}; check the address") from None
    except (OSError, ValueError) as error:
        raise LookupError(f"{uri}: cannot be reached ({error}); check the address and the network") from None
