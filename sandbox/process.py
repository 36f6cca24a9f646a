"""Background processes that are recognised later: by pid file, start time and a mark in their environment."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.layout import MARK_COMPONENT, MARK_DATA

PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process for good: a pid alone may be given to another process, or to another boot's."""

    pid: int
    start_ticks: int
    boot: str
    # What the process was started with: another value means that it must be started anew.
    fingerprint: str


def boot_id(proc: Path = PROC) -> str:
    """The kernel's name for this boot."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int, proc: Path = PROC) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none (a zombie is none)."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except (OSError, ValueError):
        return None
    # The name, in brackets, may hold spaces and brackets of its own.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def read_identity(pid_file: Path) -> Identity | None:
    """What a pid file says; None when it is missing, empty or torn."""
    try:
        return Identity(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def is_alive(identity: Identity | None, proc: Path = PROC) -> bool:
    """Whether the very process of a pid file still runs."""
    if identity is None or identity.boot != boot_id(proc):
        return False
    return start_ticks(identity.pid, proc) == identity.start_ticks


def write_identity(pid_file: Path, pid: int, fingerprint: str) -> None:
    """Write a pid file whole."""
    identity = Identity(pid, start_ticks(pid) or 0, boot_id(), fingerprint)
    partial = pid_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(identity)) + "\n")
    partial.rename(pid_file)


def start(
    name: str,
    command: Sequence[str],
    *,
    pid_file: Path,
    log: Path,
    data: Path,
    env: Mapping[str, str],
    fingerprint: str,
) -> int:
    """Start a process in a session of its own, marked as ours; its pid."""
    for folder in (pid_file.parent, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    marked = dict(env) | {MARK_COMPONENT: name, MARK_DATA: str(data)}
    _rotate(log)
    with log.open("ab") as output:
        output.write(f"--- started {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n".encode())
        output.flush()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=marked,
            cwd="/",
            start_new_session=True,
        )
    write_identity(pid_file, process.pid, fingerprint)
    # It outlives us; Popen must not complain that nobody waited for it.
    process.returncode = 0
    return process.pid


def marked_processes(data: Path, component: str | None = None, proc: Path = PROC) -> dict[int, str]:
    """Every process of a sandbox: pid -> component. Shims carry the mark of the containerd that made them."""
    wanted = f"{MARK_DATA}={data}".encode()
    found: dict[int, str] = {}
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted not in variables or start_ticks(int(entry.name), proc) is None:
            continue
        prefix = f"{MARK_COMPONENT}=".encode()
        name = next((item[len(prefix) :].decode() for item in variables if item.startswith(prefix)), "")
        if component is None or name == component:
            found[int(entry.name)] = name
    return found


def stop(pids: Iterable[int], grace: float) -> None:
    """End processes: in good order, and by force those that are still there after `grace` seconds."""
    remaining = {pid: start_ticks(pid) for pid in pids}
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        for pid, ticks in remaining.items():
            # The pid may have been given to another process since.
            if ticks is not None and start_ticks(pid) == ticks:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        deadline = time.monotonic() + patience
        while remaining and time.monotonic() < deadline:
            remaining = {pid: ticks for pid, ticks in remaining.items() if _still(pid, ticks)}
            time.sleep(0.05)
        if not remaining:
            return


def _still(pid: int, ticks: int | None) -> bool:
    with contextlib.suppress(ChildProcessError):
        # Our own children stay as zombies until somebody asks for them.
        os.waitpid(pid, os.WNOHANG)
    return ticks is not None and start_ticks(pid) == ticks


def _rotate(log: Path, limit: int = 20 * 1024 * 1024) -> None:
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".log.1"))


def executable(pid: int, proc: Path = PROC) -> str:
    """The name of the program that a process runs; empty when it is gone."""
    try:
        return (proc / str(pid) / "exe").readlink().name.removesuffix(" (deleted)")
    except OSError:
        return ""


def describe(pid: int, proc: Path = PROC) -> str:
    """`pid 12 (nginx: master)`, for a person."""
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return f"pid {pid} ({words[:80] or executable(pid, proc) or 'unknown'})"
