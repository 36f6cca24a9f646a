"""The peak of what a container's processes hold in memory: what a limit must allow for."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.images.docker import Outcome

_EVERY_SECONDS = 0.01
_ROOT = Path("/sys/fs/cgroup")


class _Peak:
    """Looks at a container's cgroup as long as the container is there; `mib` is the most that was seen."""

    def __init__(self, cid_file: Path) -> None:
        self.mib = 0.0
        self._cid_file = cid_file
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        needed: Callable[[], int] | None = None
        while not self._over.is_set():
            try:
                needed = needed or _reader(self._cid_file.read_text())
                if needed:
                    self.mib = max(self.mib, needed() / 2**20)
            except OSError:
                pass  # it is not there yet, or not any more
            time.sleep(_EVERY_SECONDS)


def measured(start: Callable[[tuple[str, ...]], Outcome]) -> tuple[Outcome, float]:
    """How a container ended that `start` runs with the options it is given, and its peak in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        cid_file = Path(folder) / "cid"
        peak = _Peak(cid_file)
        peak.start()
        try:
            outcome = start((f"--cidfile={cid_file}",))
        finally:
            peak.stop()
    return outcome, peak.mib


def _reader(container: str) -> Callable[[], int] | None:
    """Reads what a container cannot give back: all that is charged to it but the page cache. Memory that looks like
    files (tmpfs) counts. None while there is no such container."""
    if not container:
        return None
    for parent, usage, cache, shared in (
        (_ROOT / "memory", "memory.usage_in_bytes", "total_cache", "total_shmem"),
        (_ROOT, "memory.current", "file", "shmem"),
    ):
        for folder in parent.glob(f"**/*{container}*"):
            if (folder / usage).is_file():
                return lambda: _needed(folder, usage, cache, shared)
    return None


def _needed(folder: Path, usage: str, cache: str, shared: str) -> int:
    used = int((folder / usage).read_text())
    of = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return used - int(of[cache]) + int(of[shared])
