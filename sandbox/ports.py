"""Which ports are taken, and by whom."""

import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.process import PROC, describe

_LISTEN = "0A"


def listening(table: str) -> dict[int, str]:
    """Port -> socket inode of the listening sockets in the text of /proc/net/tcp or tcp6."""
    found: dict[int, str] = {}
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            found[int(fields[1].rpartition(":")[2], 16)] = fields[9]
    return found


def all_listening(proc: Path = PROC) -> dict[int, str]:
    """Port -> socket inode on this machine, both address families."""
    found: dict[int, str] = {}
    for name in ("tcp6", "tcp"):
        path = proc / "net" / name
        if path.exists():
            found |= listening(path.read_text())
    return found


def holder(inode: str, proc: Path = PROC) -> int | None:
    """The pid of a process that has a socket open."""
    wanted = f"socket:[{inode}]"
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            for descriptor in (entry / "fd").iterdir():
                if str(descriptor.readlink()) == wanted:
                    return int(entry.name)
        except OSError:
            continue
    return None


def require_free(wanted: Mapping[str, int], proc: Path = PROC, seconds: float = 5.0) -> None:
    """Refuse when any of the ports (what it is for -> number) is taken, naming all that are.

    A process that is being killed is gone from the list before its sockets are: a holder without a name gets
    `seconds` to go.
    """
    deadline = time.monotonic() + seconds
    while True:
        taken = all_listening(proc)
        holders = {purpose: holder(taken[number], proc) for purpose, number in wanted.items() if number in taken}
        if not holders:
            return
        if all(holders.values()) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    lines: list[str] = []
    for purpose, pid in holders.items():
        who = describe(pid, proc) if pid else "a process that cannot be named"
        lines.append(f"port {wanted[purpose]} ({purpose}) is taken by {who}")
    raise SandboxError("; ".join(lines) + ": end it, or move it to another port, and run again")
