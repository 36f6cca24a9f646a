"""The workspace: a plain folder of the host that holds reads, reference and results."""

from __future__ import annotations

import filecmp
import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from components.archives import SCHEMES, public_source, remedy, web_source
from settings_pipeline import Archives
from workflows.types import Source

POD_USER = 10001
BUCKETS = ("reads", "reference", "results")


@dataclass(frozen=True)
class Credentials:
    """Keys of the workspace's S3 interface."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Workspace:
    """A folder whose top-level folders are the buckets of an S3 interface.

    `beside` are folders in which locations are looked up that the workspace does not have: files found there are
    copied into the workspace's reads.
    """

    path: Path
    beside: tuple[Path, ...]
    dry_run: bool
    archives: Archives = field(default_factory=Archives)

    @property
    def user(self) -> int:
        """User id that serves the folder: its owner, or the steps' own where that is root."""
        owner = self.path.stat().st_uid if self.path.exists() else os.getuid()
        return owner or POD_USER

    def prepare(self) -> None:
        """Makes the folder and its buckets, owned by the user that serves them."""
        user = self.user
        for folder in (self.path, *(self.path / bucket for bucket in BUCKETS)):
            folder.mkdir(parents=True, exist_ok=True)
            if folder.stat().st_uid == 0:
                os.chown(folder, user, user)

    def credentials(self) -> Credentials:
        """The keys of this workspace, made once; only the folder's owner can read them."""
        file = self.path / ".biojobs" / "credentials.json"
        if file.exists():
            return Credentials(**json.loads(file.read_text()))
        made = Credentials(secrets.token_hex(10), secrets.token_hex(20))
        if not self.dry_run:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                json.dump(made.__dict__, out)
        return made

    def locate(self, location: str) -> Source:
        """What steps read for a location: what is on the web or in a public bucket, and objects of the workspace.

        A path is looked up in the workspace first, then beside the sheet (and copied from there). The identity of a
        file is its size and time of change. Raises LookupError when there is no such file.
        """
        scheme, separator, rest = location.partition("://")
        if not separator:
            return self._inside(location) or self._taken_in(location)
        if scheme == "https":
            return web_source(location)
        bucket = rest.partition("/")[0]
        if scheme in SCHEMES and bucket in self.archives.public:
            return public_source(location, self.archives)[0]
        found = self._inside(rest) if scheme == "s3" else None
        if found:
            return found
        copy = f"copy it to {self.path / 'reads'}"
        hint = copy if bucket in BUCKETS else remedy(scheme, rest, self.archives, copy)
        raise LookupError(f"{location}: is not in the workspace {self.path}; {hint}")

    def _inside(self, key: str) -> Source | None:
        """A file of the workspace."""
        inside = self.path / key
        if inside.is_file() and inside.resolve().is_relative_to(self.path.resolve()):
            return _source(inside.resolve().relative_to(self.path.resolve()).as_posix(), inside)
        return None

    def _taken_in(self, location: str) -> Source:
        """A file beside the sheet, copied into the workspace; copied again when it has changed."""
        given = next((folder / location for folder in self.beside if (folder / location).is_file()), None)
        if given is None:
            raise LookupError(
                f"{location}: no such file in {', '.join(map(str, (self.path, *self.beside)))}; put it into "
                f"{self.path / 'reads'} and write reads/{Path(location).name}"
            )
        if Path(location).is_absolute():
            raise LookupError(f"{location}: lies outside the workspace {self.path}; copy it to {self.path / 'reads'}")
        copy = self.path / "reads" / location
        # The copy keeps size and time, hence the identity: a preview can tell it without copying.
        if not self.dry_run and not (copy.exists() and filecmp.cmp(given, copy, shallow=True)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_name(f".{copy.name}.{os.getpid()}")
            shutil.copy2(given, partial)
            partial.chmod(0o644)
            partial.replace(copy)
        return _source(f"reads/{location}", given)


def _source(key: str, file: Path) -> Source:
    status = file.stat()
    return Source(f"s3://{key}", f"{status.st_size}-{status.st_mtime_ns}", status.st_size)
