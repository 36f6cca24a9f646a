"""One hash over all that a build reads: contexts without what is ignored, Dockerfile, build arguments."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from offline.dockerbuild.inputs import Spec


class Digest(Protocol):
    """What a hash of hashlib does."""

    def update(self, data: bytes, /) -> None:
        """Take in more."""
        ...


def context_hash(spec: Spec) -> str:
    """The same for the same content and modes, whatever the times and the owners of the files."""
    digest = hashlib.sha256()
    dockerfile = spec.inline.encode() if spec.inline else spec.dockerfile_path().read_bytes()
    _add(digest, "dockerfile", dockerfile)
    for name, value in spec.build_args.items():
        _add(digest, f"arg {name}", value.encode())
    _add_folder(digest, Path(spec.context), ignored(Path(spec.context), spec.dockerfile))
    for name, folder in spec.named.items():
        _add(digest, f"named {name}", b"")
        _add_folder(digest, Path(folder), ignored(Path(folder), None))
    return digest.hexdigest()


@dataclass(frozen=True)
class Rule:
    """One line of a .dockerignore."""

    pattern: re.Pattern[str]
    keep: bool


def ignored(folder: Path, dockerfile: Path | None) -> tuple[Rule, ...]:
    """The rules of `<Dockerfile>.dockerignore`, else of the folder's `.dockerignore`."""
    own = Path(f"{dockerfile}.dockerignore") if dockerfile else None
    file = own if own and own.is_file() else folder / ".dockerignore"
    if not file.is_file():
        return ()
    lines = [line.strip() for line in file.read_text().splitlines()]
    return tuple(_rule(line) for line in lines if line and not line.startswith("#"))


def _rule(line: str) -> Rule:
    keep = line.startswith("!")
    words = str(PurePosixPath(line.removeprefix("!").strip().strip("/")))
    return Rule(re.compile(_expression(words)), keep)


def _expression(pattern: str) -> str:
    """A glob where `**` crosses folders; it matches a path and all that is under it."""
    text, position = "", 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            text, position = text + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            text, position = text + ".*", position + 2
        elif pattern[position] == "[" and (end := pattern.find("]", position + 2)) > 0:
            text, position = text + pattern[position : end + 1], end + 1
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(pattern[position], re.escape(pattern[position]))
            position += 1
    return rf"^{text}(?:/.*)?$"


def excluded(path: str, rules: Sequence[Rule]) -> bool:
    """Whether the last rule that matches says so."""
    verdict = False
    for rule in rules:
        if rule.pattern.match(path):
            verdict = not rule.keep
    return verdict


def _files(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(root, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(root, name).relative_to(folder).as_posix()


def _add_folder(digest: Digest, folder: Path, rules: Sequence[Rule]) -> None:
    for name in _files(folder):
        if excluded(name, rules):
            continue
        path = folder / name
        if path.is_symlink():
            _add(digest, f"link {name}", str(path.readlink()).encode())
        elif path.is_file():
            stat = path.stat()
            _add(digest, f"file {name} {stat.st_mode & 0o777:o}", b"")
            digest.update(_sum(path, stat.st_size, stat.st_mtime_ns, stat.st_ino))


@functools.lru_cache(maxsize=4096)
def _sum(path: Path, size: int, modified: int, inode: int) -> bytes:
    """The sum of a file that is as it was: all images have the same big tools in their contexts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _add(digest: Digest, name: str, content: bytes) -> None:
    digest.update(f"{len(name)}:{name}{len(content)}:".encode())
    digest.update(content)
