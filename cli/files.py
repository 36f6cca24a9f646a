"""Finds what a job reads, as the stack's program does: in the store, on the web, on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cli.errors import CommandError, say
from cli.options import UNREADABLE, readable
from cli.orders import File
from components.local.folder import Workspace
from settings import Settings
from settings_pipeline import Archives
from workflows.types import Source

INDEX: Final = ".bai"
FASTA_INDEX: Final = "reference.fa.fai"
"""What every folder of an indexed reference has."""
_AT_ONCE: Final = 4
_TELL_BYTES: Final = 100_000_000
"""A copy of more than this takes long enough for a line about it."""


class Store(Protocol):
    """Where a stack's steps read."""

    def locate(self, location: str, *, take: bool) -> Source:
        """What steps read for a location; `take` brings in a file of this machine, where the stack can have it.

        Raises LookupError with a remedy.
        """
        ...


def store_of(settings: Settings, root: Path) -> Store:
    """The store of a stack. Raises `CommandError` where its cloud's SDK is not installed."""
    if settings.cloud == "local":
        return LocalFiles((root / settings.local.workspace).resolve(), root, settings.archives)
    try:
        from cli.clouds import cloud_files

        return cloud_files(settings)
    except ModuleNotFoundError as error:
        raise missing(error, settings) from None


def missing(error: ModuleNotFoundError, settings: Settings) -> CommandError:
    """What to do where a cloud's SDK is not installed."""
    return CommandError(
        f".venv has no {error.name}, which a stack on {settings.cloud} needs; run `bootstrap/venv.sh --extra "
        f"{settings.cloud}`"
    )


@dataclass(frozen=True)
class LocalFiles:
    """The workspace, files of this machine, which are copied into it, and addresses of the web."""

    workspace: Path
    root: Path
    archives: Archives = field(default_factory=Archives)

    def locate(self, location: str, *, take: bool) -> Source:
        """See `Store`."""
        if "://" in location:
            return self._workspace((), take).locate(location)
        given = Path(os.path.abspath(Path(location).expanduser()))  # noqa: PTH100  links stay as they are
        key = self._inside(given)
        if key is None and given.is_file():
            return self._taken(location, given, take)
        try:
            # A path of the workspace or the project is written as in a sheet.
            found = self._workspace((self.root,), take).locate(key or location)
        except LookupError:
            raise LookupError(f"{location}: no such file in {Path.cwd()}, nor in {self.workspace}") from None
        return _checked(location, found)

    def _inside(self, given: Path) -> str | None:
        """The path within the workspace of a file that is there."""
        for file in (given, given.resolve()):
            if file.is_relative_to(self.workspace) and file.resolve().is_relative_to(self.workspace):
                return file.relative_to(self.workspace).as_posix()
        return None

    def _taken(self, location: str, given: Path, take: bool) -> Source:
        """A file outside of the workspace: copied to the path in its reads that it has in the project or machine."""
        base = self.root if given.is_relative_to(self.root) else Path("/")
        key = given.relative_to(base).as_posix()
        if (self.workspace / key).exists():
            raise LookupError(
                f"{location}: the workspace {self.workspace} has another {key}; copy the file to "
                f"{self.workspace / 'reads'} and write reads/{given.name}"
            )
        _checked(location, Source(f"s3://reads/{key}"))
        copy = self.workspace / "reads" / key
        size = given.stat().st_size
        if take and size > _TELL_BYTES and not (copy.is_file() and copy.stat().st_size == size):
            say(f"copying {given} ({size / 2**30:.1f} GiB) into the workspace")
        return self._workspace((base,), take).locate(key)

    def _workspace(self, beside: tuple[Path, ...], take: bool) -> Workspace:
        return Workspace(path=self.workspace, beside=beside, dry_run=not take, archives=self.archives)


@dataclass(frozen=True)
class CloudFiles:
    """A cloud's object store and the web; files of this machine are refused with the command that uploads them."""

    cloud: str
    find: Callable[[str], Source]
    copy: str
    """The command that copies files into the store."""
    bucket: Callable[[], str]
    """URI of the bucket of reads."""

    def locate(self, location: str, *, take: bool) -> Source:
        """See `Store`."""
        if "://" in location:
            return self.find(location)
        own = f"{self.bucket()}{Path(location).name}"
        if Path(location).expanduser().is_file():
            raise LookupError(
                f"{location}: is a file of this machine, which steps on {self.cloud} cannot read; upload it with "
                f"`{self.copy} {location} {own}` and give {own}"
            )
        raise LookupError(f"{location}: there is no such file; give a URI such as {own}")


def _checked(location: str, source: Source) -> Source:
    if not readable(source.uri):
        raise LookupError(f"{location}: its path {source.uri.removeprefix('s3://reads/')!r} {UNREADABLE}")
    return source


def located(files: Iterable[File], store: Store, *, take: bool = False) -> tuple[dict[str, str], list[str]]:
    """What each parameter of a job is to say, and the problems, a line for each."""

    def attempt(file: File) -> str | LookupError:
        try:
            return _uri(file, store, take)
        except LookupError as error:
            return error
        except OSError as error:
            return LookupError(f"{file.location}: cannot be read, or copied into the workspace ({error})")

    wanted = list(files)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        answers = list(pool.map(attempt, wanted))
    finally:
        # Ctrl-C must not wait until a copy or a lookup has ended.
        pool.shutdown(wait=False, cancel_futures=True)
    found = {file.parameter: answer for file, answer in zip(wanted, answers, strict=True) if isinstance(answer, str)}
    return found, [
        f"{file.option}: {answer.args[0]}"
        for file, answer in zip(wanted, answers, strict=True)
        if not isinstance(answer, str)
    ]


def _uri(file: File, store: Store, take: bool) -> str:
    if file.kind == "reference":
        return _folder(file.location, store)
    source = store.locate(file.location, take=take)
    if file.kind == "bam":
        _check_index(file.location, source.uri, store, take)
    return source.uri


def _check_index(location: str, bam: str, store: Store, take: bool) -> None:
    try:
        index = store.locate(location + INDEX, take=take)
    except LookupError as error:
        raise LookupError(
            f"{location}: its index is missing; make it with `samtools index` ({error.args[0]})"
        ) from None
    if index.uri != bam + INDEX:
        raise LookupError(
            f"{location}: its index would be read from {index.uri}; put it beside the BAM as {bam + INDEX}"
        )


def _folder(location: str, store: Store) -> str:
    """URI of the folder of an indexed reference, without a slash at its end."""
    folder = location.rstrip("/")
    try:
        found = store.locate(f"{folder}/{FASTA_INDEX}", take=False).uri
        # A folder of this machine is found, and yet is not in the store: it is never copied, as files are.
        store.locate(found, take=False)
    except LookupError as error:
        raise LookupError(
            f"{location}: is no folder of an indexed reference in the store; `biojobs run index` makes one "
            f"({error.args[0]})"
        ) from None
    return found.removesuffix(f"/{FASTA_INDEX}")
