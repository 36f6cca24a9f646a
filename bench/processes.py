"""What a process has used so far, by its folder in /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path


def cpu_seconds(folder: Path) -> float:
    """Seconds of the processor. Raises `OSError` for one that has ended."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(folder: Path) -> int:
    """The most memory that it has had, in MiB; 0 where the kernel does not say."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", (folder / "status").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0
