"""Things that are made once: built into a temporary folder, renamed, and verified when they are used."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import mounts
from sandbox.console import show

MANIFEST = "manifest.json"


def recipe_hash(*parts: str | bytes) -> str:
    """Twelve hex digits over everything that decides what a build gives."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(str(len(data)).encode() + b":" + data)
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def locked(path: Path, waiting_for: str) -> Generator[None]:
    """Hold an exclusive lock; say so when another process holds it. The kernel frees it with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            show(f"waiting for {waiting_for} (process {holder}) ...")
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def damage(entry: Path) -> str | None:
    """What is wrong with a finished entry: the first file that is missing or changed, or None.

    A file is read only if the file system says that it is another one than when it was last read: size, times and
    inode. A change of content moves the time of change, which no program can set.
    """
    try:
        manifest: dict[str, str] = json.loads((entry / MANIFEST).read_text())
    except (OSError, ValueError):
        return MANIFEST
    seen = _seen(entry)

    def differs(name: str) -> bool:
        path = entry / name
        if not path.is_file():
            return True
        return seen.get(name) != [manifest[name], *_stamp(path)] and file_sha256(path) != manifest[name]

    # Hashing releases the interpreter's lock: every core takes a file.
    with ThreadPoolExecutor() as pool:
        damaged = next((name for name, bad in zip(manifest, pool.map(differs, manifest), strict=True) if bad), None)
    now = {name: [manifest[name], *_stamp(entry / name)] for name in manifest} if damaged is None else {}
    if now != seen:
        _stamps(entry).write_text(json.dumps(now))
    return damaged


def _stamps(entry: Path) -> Path:
    return entry.parent / f".{entry.name}.seen"


def _seen(entry: Path) -> dict[str, list[str | int]]:
    try:
        return json.loads(_stamps(entry).read_text())
    except (OSError, ValueError):
        return {}


def _stamp(path: Path) -> list[str | int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def known_sha256(path: Path) -> str:
    """The sha256 of a file below a verified entry, from the manifest; of any other file, computed."""
    for folder in path.parents:
        if (folder / MANIFEST).is_file():
            manifest: dict[str, str] = json.loads((folder / MANIFEST).read_text())
            return manifest.get(str(path.relative_to(folder))) or file_sha256(path)
    return file_sha256(path)


def obtain(entry: Path, build: Callable[[Path], None], what: str) -> Path:
    """The folder `entry`, built by `build(folder)` unless a whole and undamaged one is there."""
    with locked(entry.parent / f".{entry.name}.lock", f"another process that makes {what}"):
        if entry.exists():
            damaged = damage(entry)
            if damaged is None:
                return entry
            show(f"{what}: the cached {entry / damaged} is damaged, making it again")
            remove_tree(entry)
        partial = entry.parent / f".{entry.name}.partial"
        # A leftover of an interrupted build; nobody else can be using it under the lock.
        remove_tree(partial)
        partial.mkdir(parents=True)
        build(partial)
        _write_manifest(partial)
        partial.rename(entry)
    return entry


def remove_tree(folder: Path) -> None:
    """Remove a folder if it is there; debootstrap, when interrupted, leaves /proc mounted below it."""
    if folder.exists():
        mounts.unmount_all([folder])
        shutil.rmtree(folder)


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    sums = {str(path.relative_to(folder)): file_sha256(path) for path in files}
    (folder / MANIFEST).write_text(json.dumps(sums, indent=1) + "\n")
    # A power cut after the rename must not leave an entry with holes that looks finished.
    os.sync()
