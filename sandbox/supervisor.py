"""Starts, watches and ends the components."""

import time
from collections.abc import Sequence
from pathlib import Path

from sandbox import ports, process
from sandbox.components import Component
from sandbox.console import say, tail
from sandbox.errors import SandboxError
from sandbox.layout import PORTS, Layout

POLL_SECONDS = 0.1
# How long an already running component may be unwell before it is started anew.
PATIENCE_SECONDS = 10.0


def pid_file(layout: Layout, name: str) -> Path:
    """The pid file of a component."""
    return layout.run / "pids" / f"{name}.json"


def log_file(layout: Layout, name: str) -> Path:
    """The log of a component."""
    return layout.logs / f"{name}.log"


def pid_of(layout: Layout, name: str) -> int | None:
    """The pid of a running component, None when it does not run."""
    identity = process.read_identity(pid_file(layout, name))
    return identity.pid if identity and process.is_alive(identity) else None


def health(layout: Layout, component: Component) -> str | None:
    """None when a component runs and is well, else what is wrong."""
    if pid_of(layout, component.name) is None:
        return "not running"
    return component.probe()


def ensure_stage(layout: Layout, stage: Sequence[Component]) -> list[str]:
    """Bring a group of components to health: all are started, then all are awaited. What had to be started."""
    started: list[str] = []
    for component in stage:
        write_files(component)
        if not _is_right(layout, component):
            _start(layout, component)
            started.append(component.name)
    for component in stage:
        _await(layout, component)
    return started


def write_files(component: Component) -> None:
    """Write the configuration files that differ from what they ought to be."""
    for path, content in component.files.items():
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def stop(layout: Layout, name: str, grace: float, executable: str | None = None) -> None:
    """End a component: the one of the pid file, and orphans without one."""
    pids = set(orphans(layout, name, executable))
    pid = pid_of(layout, name)
    process.stop(pids | {pid} if pid else pids, grace)
    pid_file(layout, name).unlink(missing_ok=True)


def orphans(layout: Layout, name: str, executable: str | None = None) -> list[int]:
    """Processes with a component's mark and program; containerd's shims have its mark, not its program."""
    found = process.marked_processes(layout.data, name)
    return [pid for pid in found if executable is None or process.executable(pid) == executable]


def _is_right(layout: Layout, component: Component) -> bool:
    """Whether the component runs as it should, given a little time to become well."""
    identity = process.read_identity(pid_file(layout, component.name))
    if identity is None or not process.is_alive(identity):
        return False
    if identity.fingerprint != component.fingerprint:
        say(f"{component.name}: its settings have changed, starting it anew")
        return False
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (reason := component.probe()) is not None:
        if time.monotonic() > deadline or not process.is_alive(identity):
            say(f"{component.name}: unwell ({reason}), starting it anew")
            return False
        time.sleep(POLL_SECONDS)
    return True


def _start(layout: Layout, component: Component) -> None:
    stop(layout, component.name, component.grace, Path(component.command[0]).name)
    for path in component.stale:
        path.unlink(missing_ok=True)
    ports.require_free({name: PORTS[name] for name in component.ports})
    layout.run.mkdir(parents=True, exist_ok=True)
    say(f"starting {component.name}")
    process.start(
        component.name,
        component.command,
        pid_file=pid_file(layout, component.name),
        log=log_file(layout, component.name),
        data=layout.data,
        env=component.env,
        fingerprint=component.fingerprint,
    )


def _await(layout: Layout, component: Component) -> None:
    deadline = time.monotonic() + component.seconds
    while (reason := health(layout, component)) is not None:
        if reason == "not running":
            raise _failure(layout, component, "ended right after its start")
        if time.monotonic() > deadline:
            raise _failure(layout, component, f"is not well after {component.seconds:.0f} s: {reason}")
        time.sleep(POLL_SECONDS)


def _failure(layout: Layout, component: Component, what: str) -> SandboxError:
    log = log_file(layout, component.name)
    return SandboxError(f"{component.name} {what}; its last lines:\n{tail(log)}\n  log: {log}")
