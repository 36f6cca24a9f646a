"""What is in the store, as far as records and their results go: a cloud's is read by rclone."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from cli.access import sign_in
from cli.errors import CommandError, first_line
from cli.stack import ROOT
from settings import Settings
from workflows.changes import seconds
from workflows.why import LONGEST, Seen

_REMOTES: Final = ROOT / "images" / "common" / "remotes.sh"
_SCRIPT: Final = (
    'bad_input() { echo "$1" >&2; exit 65; }; source "$0"; remote=$(remote_of "$1"); rclone "${@:2}" "$remote"'
)
_NOT_THERE: Final = ("directory not found", "object not found", "NoSuchKey", "NoSuchBucket")
_SECONDS: Final = 600


class Shelf(Protocol):
    """Files of the store by their URIs."""

    def find(self, uri: str) -> Seen | None:
        """What is there, None where nothing is. Raises `CommandError` where the store does not answer."""
        ...

    def read(self, uri: str) -> bytes | None:
        """A record, or so much of it as shows that it is too long; None where there is none."""
        ...

    def checksum(self, uri: str) -> str:
        """The SHA-256 of a file, which is read whole; empty where it is not there."""
        ...


def shelf_of(settings: Settings, root: Path) -> Shelf:
    """The store of a stack."""
    if settings.cloud == "local":
        return Folders((root / settings.local.workspace).resolve())
    return Buckets(settings)


@dataclass(frozen=True)
class Folders:
    """The workspace, whose folders are buckets."""

    workspace: Path

    def find(self, uri: str) -> Seen | None:
        """See `Shelf`."""
        file = self._file(uri)
        if file is None:
            return None
        found = file.stat()
        return Seen(found.st_size, found.st_mtime)

    def read(self, uri: str) -> bytes | None:
        """See `Shelf`."""
        file = self._file(uri)
        if file is None:
            return None
        try:
            with file.open("rb") as stream:
                return stream.read(LONGEST + 1)
        except OSError as error:
            raise CommandError(
                f"{file}: cannot be read ({error.strerror}); run as the user who ran `make up`"
            ) from None

    def checksum(self, uri: str) -> str:
        """See `Shelf`."""
        file = self._file(uri)
        if file is None:
            return ""
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _file(self, uri: str) -> Path | None:
        """The file of a URI, if it is one of the workspace: a record may name any."""
        scheme, _, key = uri.partition("://")
        try:
            file = (self.workspace / key).resolve()
            return file if scheme == "s3" and file.is_relative_to(self.workspace) and file.is_file() else None
        except (OSError, ValueError):
            return None


class Buckets:
    """A cloud's object store. A folder is listed once, and the records in it come all at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._copies = tempfile.TemporaryDirectory(prefix="biojobs-records-")
        self._listed: dict[str, Mapping[str, Seen]] = {}
        self._copied: dict[str, Path] = {}

    def find(self, uri: str) -> Seen | None:
        """See `Shelf`."""
        folder, _, name = uri.rpartition("/")
        if folder not in self._listed:
            self._listed[folder] = self._list(folder)
        return self._listed[folder].get(name)

    def read(self, uri: str) -> bytes | None:
        """See `Shelf`."""
        found = self.find(uri)
        if found is None or found.size > LONGEST:
            return None if found is None else b" " * (LONGEST + 1)
        folder, _, name = uri.rpartition("/")
        if folder not in self._copied:
            self._copied[folder] = Path(self._copies.name) / str(len(self._copied))
            only = ("--max-depth", "1", "--include", "*.json", "--max-size", str(LONGEST))
            self._rclone(folder, "copy", *only, to=str(self._copied[folder]))
        file = self._copied[folder] / name
        return file.read_bytes() if file.is_file() else None

    def checksum(self, uri: str) -> str:
        """See `Shelf`."""
        return self._rclone(uri, "hashsum", "sha256", "--download").partition(" ")[0]

    def _list(self, folder: str) -> Mapping[str, Seen]:
        listed: list[dict[str, Any]] = json.loads(
            self._rclone(folder, "lsjson", "--files-only", "--no-mimetype") or "[]"
        )
        return {str(one["Name"]): Seen(int(one["Size"]), seconds(one["ModTime"])) for one in listed}

    def _rclone(self, uri: str, *words: str, to: str = "") -> str:
        """What rclone says of a URI; nothing where that is not there."""
        script = _SCRIPT + (' "$BIOJOBS_COPY_TO"' if to else "")
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script, str(_REMOTES), uri, *words],
                env=os.environ | self._environment | {"BIOJOBS_COPY_TO": to},
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._away(uri, first_line(error)) from None
        if done.returncode == 0:
            return done.stdout
        if any(word in done.stderr for word in _NOT_THERE):
            return ""
        raise self._away(uri, done.stderr.strip().rpartition("\n")[2])

    @functools.cached_property
    def _environment(self) -> Mapping[str, str]:
        settings, tools = self._settings, str(Path(sys.executable).parent)
        given = {"PATH": f"{tools}:{os.environ.get('PATH', os.defpath)}", "RCLONE_USE_SERVER_MODTIME": "true"}
        return given | ({"AWS_REGION": settings.aws.region} if settings.cloud == "aws" else {})

    def _away(self, uri: str, why: str) -> CommandError:
        return CommandError(f"{uri}: the store does not answer ({why[:300]}); {sign_in(self._settings)}")
