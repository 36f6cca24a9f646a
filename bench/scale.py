"""Thousands of tasks through Argo's controller as we size it, and some with Argo's own settings, in one cluster.

Real: etcd, API server, scheduler and controller manager of the sandbox; Argo's controller with the arguments, the
environment, the ConfigMap and the rights of our values for its chart; the Workflows of samples as the program makes
them, with the limits of samples and pods at once. Simulated by kwok: nodes and pods, which succeed after a few seconds.
The reports of Argo's executor, which no simulated pod runs, are written here in the requests that it makes.

All of it shares one machine: the rate is what that machine gives, and its ratio is told for the two settings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench.scale_cluster import TOOLS
from sandbox import chart, layout, tools

TASKS: Final = 10_000
GROUP_SIZE: Final = 50
AT_ONCE: Final = 400
"""Samples at once: so many that the controller gets the most requests a second that we give it."""
NODES: Final = 100
_COMPARED: Final = 1000
"""So many tasks at most are run with Argo's own settings, which take their time, and as many with ours."""
_REQUESTS: Final = 6
"""Kinds of requests that are told, those of which there are most."""
_NAMESPACES: Final = ("unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child")
_HEAD: Final = (
    *("settings", "tasks", "lost", "wall s", "tasks/s", "at the height", "controller MiB (peak)"),
    *("controller cpu s", "API server cpu s", "this bench cpu s", "controller's requests a task"),
    *("Workflows", "largest KiB"),
)


@dataclass(frozen=True)
class Load:
    """Tasks to run. With `argo_defaults` the controller has Argo's own settings instead of ours; `delete` is how many
    pods are deleted while they run."""

    tasks: int
    argo_defaults: bool = False
    group_size: int = GROUP_SIZE
    at_once: int = AT_ONCE
    delete: int = 0


@dataclass(frozen=True)
class Figures:
    """What a load took."""

    settings: str
    tasks: int
    lost: int
    """Tasks without a pod that has succeeded."""
    tries: int
    """Pods, those that were tried again included."""
    seconds: float
    height: float
    """Tasks a second between the first tenth of them and the last."""
    peak_mib: int
    cpu: dict[str, float]
    """Seconds of the processor, by process."""
    requests: dict[str, float]
    """Requests of the controller's for each task, by what they do, the most first."""
    workflows: int
    largest_kib: float
    missing: list[str] = field(default_factory=list[str])
    """Workflows that did not succeed, and how far they came."""

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return (self.tasks - self.lost) / self.seconds

    @property
    def row(self) -> str:
        """A row of the table."""
        cpu = (f"{self.cpu[name]:.0f}" for name in ("workflow-controller", "kube-apiserver", "bench"))
        cells = (
            *(self.settings, f"{self.tasks:,}", str(self.lost), f"{self.seconds:.0f}", f"{self.rate:.1f}"),
            *(f"{self.height:.1f}", str(self.peak_mib), *cpu, f"{sum(self.requests.values()):.1f}"),
            *(str(self.workflows), f"{self.largest_kib:.0f}"),
        )
        return f"| {' | '.join(cells)} |"


def measure(tasks: int = TASKS) -> Iterator[str]:
    """Rows for Argo's own settings, for ours with as many tasks and with all, and the ratio of the first two's rates.

    Fails when a task is lost.
    """
    yield f"| {' | '.join(_HEAD)} |"
    yield "|---" * len(_HEAD) + "|"
    found: list[Figures] = []
    compared = min(tasks, _COMPARED)
    loads = [Load(compared, argo_defaults=True), Load(compared), *([Load(tasks)] if tasks > compared else [])]
    for figures in run(loads):
        found.append(figures)
        yield figures.row
        if figures.lost or figures.missing:
            yield from ("", "| Workflow | phase | pods | message |", "|---|---|---|---|")
            yield from (f"| {line} |" for line in figures.missing)
            raise SystemExit(f"{figures.lost} of {figures.tasks} tasks are lost")
    default, ours = found[:2]
    yield ""
    whole, height = ours.rate / default.rate, ours.height / default.height
    yield f"Tasks a second, ours to Argo's own: {whole:.1f}; at the height: {height:.1f}"
    yield from ("", "| request of the controller's | a task |", "|---|---|")
    yield from (f"| {what} | {count:.2f} |" for what, count in list(found[-1].requests.items())[:_REQUESTS])


def run(loads: Sequence[Load], nodes: int = NODES) -> Iterator[Figures]:
    """Runs loads one after another in a cluster of their own, with the figures of each as it ends. Needs root.

    The processes have name spaces of their own: a sandbox that is up is not in their way, and none outlives us.
    """
    if os.geteuid():
        raise SystemExit("a cluster of simulated nodes needs name spaces of its own, and these need root")
    for name in TOOLS:
        tools.ensure(name)
    chart.ensure(layout.from_environment())
    with tempfile.TemporaryDirectory(prefix="biojobs-bench-") as name:
        order = {"folder": name, "nodes": nodes, "loads": [asdict(load) for load in loads]}
        command = [*_NAMESPACES, sys.executable, "-m", "bench.scale_inside", json.dumps(order)]
        root = Path(__file__).resolve().parent.parent
        inside = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            for line in inside.stdout or ():
                yield Figures(**json.loads(line))
            if inside.wait():
                raise SystemExit("the measurement has ended early; what is above says why")
        finally:
            # It ends when its input does, also where that is because we are killed; the kernel then ends all that it
            # has started before the wait is over.
            inside.communicate()
