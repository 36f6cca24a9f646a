"""Mounts and control groups below the sandbox's folders, and their removal."""

import contextlib
import os
import signal
import time
from pathlib import Path

from sandbox.console import succeeds
from sandbox.errors import SandboxError
from sandbox.layout import CGROUP

CGROUP_ROOT = Path("/sys/fs/cgroup")


def below(mountinfo: str, folders: list[Path]) -> list[str]:
    """Mount points at or below the folders, the latest mounted first."""
    found: list[str] = []
    for line in mountinfo.splitlines():
        point = _unescape(line.split()[4])
        if any(Path(point).is_relative_to(folder) for folder in folders):
            found.append(point)
    return found[::-1]


def present(folders: list[Path]) -> list[str]:
    """Mount points at or below the folders now."""
    return below(Path("/proc/self/mountinfo").read_text(), [folder.resolve() for folder in folders])


def unmount_all(folders: list[Path]) -> None:
    """Unmount everything at or below the folders; lazily, as a dead process's mounts may still look busy."""
    for _ in range(5):
        points = present(folders)
        if not points:
            return
        for point in points:
            succeeds(["umount", "--lazy", point])
    raise SandboxError(f"cannot unmount {', '.join(present(folders)[:5])}: unmount them and run again")


def cgroup_hierarchies(root: Path = CGROUP_ROOT) -> list[Path]:
    """The roots of all hierarchies: one with cgroup v2, one a controller with v1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return [path for path in sorted(root.iterdir()) if path.is_dir() and not path.is_symlink()]


def ensure_cgroups(root: Path = CGROUP_ROOT) -> None:
    """Make the group that all pods and builds are in; kubelet wants it in every hierarchy."""
    for hierarchy in cgroup_hierarchies(root):
        control = hierarchy / "cgroup.subtree_control"
        if root == hierarchy and control.exists():
            available = (hierarchy / "cgroup.controllers").read_text().split()
            control.write_text(" ".join(f"+{name}" for name in available))
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        if root == hierarchy:
            available = (group / "cgroup.controllers").read_text().split()
            (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in available))
        # cgroup v1: no process can enter a group of this controller before both are set.
        for name in ("cpuset.cpus", "cpuset.mems"):
            own, parent = group / name, hierarchy / name
            if own.exists() and parent.exists() and not own.read_text().strip():
                own.write_text(parent.read_text())


def remove_cgroups(root: Path = CGROUP_ROOT, seconds: float = 20) -> None:
    """Kill every process in our groups and remove them."""
    groups = [hierarchy / CGROUP for hierarchy in cgroup_hierarchies(root)]
    deadline = time.monotonic() + seconds
    while pids := {pid for group in groups for pid in _processes(group)}:
        if time.monotonic() > deadline:
            raise SandboxError(f"processes of pods do not end: {sorted(pids)[:10]}; end them and run again")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for group in groups:
        _remove_tree(group, deadline)


def cgroups_left(root: Path = CGROUP_ROOT) -> list[Path]:
    """Our groups that are there."""
    return [group for hierarchy in cgroup_hierarchies(root) if (group := hierarchy / CGROUP).is_dir()]


def _processes(group: Path) -> list[int]:
    found: list[int] = []
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):
            found += [int(line) for line in Path(folder, "cgroup.procs").read_text().split()]
    return [pid for pid in found if pid]


def _remove_tree(group: Path, deadline: float) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        # A group stays busy for a moment after its last process has ended.
        while Path(folder).exists():
            try:
                Path(folder).rmdir()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SandboxError(f"cannot remove the control group {folder}: {error}") from error
                time.sleep(0.05)


def _unescape(text: str) -> str:
    """mountinfo writes spaces and the like as octal numbers."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")
