"""Resident memory of the idle sandbox, by process."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Everything that `make up` starts runs from these places or in the sandbox's containers.
_OURS = re.compile(
    r"(kube-|kubelet|etcd|containerd|dockerd|coredns|docker-registry|workflow-controller|argo server|rclone serve)"
)


def measure() -> Iterator[str]:
    """Proportional set sizes (shared pages split among those who share them), largest first."""
    totals: Counter[str] = Counter()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if _OURS.search(command) and int(folder.name) != os.getpid():
                totals[Path(command.split()[0]).name] += _pss_kib(folder)
        except (OSError, ValueError):
            continue  # ended meanwhile
    yield "| process | MiB |"
    yield "|---|---|"
    for name, kib in totals.most_common():
        yield f"| {name} | {kib / 1024:.0f} |"
    yield f"| all | {totals.total() / 1024:.0f} |"


def _pss_kib(folder: Path) -> int:
    found = re.search(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
