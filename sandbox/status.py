"""Says how each part of the sandbox is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox import cluster, network, supervisor, tools
from sandbox.components import Binaries, all_components
from sandbox.errors import SandboxError
from sandbox.layout import DNS_ADDRESS, Layout
from sandbox.probes import dns_ok


@dataclass(frozen=True)
class Row:
    """One line of the table; `problem` is None when all is well."""

    name: str
    pid: int | None
    problem: str | None


def rows(layout: Layout) -> list[Row]:
    """Every component, then the bridge, the node and DNS."""
    found: list[Row] = []
    for component in all_components(layout, _any_binaries(layout)):
        pid = supervisor.pid_of(layout, component.name)
        found.append(Row(component.name, pid, supervisor.health(layout, component)))
    for name, ask in _others(layout).items():
        try:
            problem = ask()
        except (SandboxError, OSError) as error:
            problem = str(error)
        found.append(Row(name, None, problem))
    return found


def table(found: list[Row]) -> str:
    """The rows for a person."""
    lines = [f"{'component':<26}{'pid':>8}  health"]
    lines += [f"{row.name:<26}{row.pid or '-':>8}  {row.problem or 'ok'}" for row in found]
    return "\n".join(lines)


def _others(layout: Layout) -> dict[str, Callable[[], str | None]]:
    return {
        "network": network.is_up,
        "node": lambda: cluster.node_problem(layout),
        "dns": dns_ok(DNS_ADDRESS),
    }


def _any_binaries(layout: Layout) -> Binaries:
    """Folders that need not exist: status builds nothing, and asks only by pid file and probe."""

    def folder(name: str) -> Path:
        return layout.cache / "tools" / tools.entry_name(name) / "bin"

    return Binaries(folder("kubernetes"), folder("etcd"), folder("coredns"), layout.cache / "packages")
