"""The part of `bench scale` that runs in name spaces of its own: starts the cluster, runs loads, prints figures."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import urllib3

from bench.processes import cpu_seconds, peak_mib
from bench.scale import Figures, Load
from bench.scale_cluster import CONTROLLER, ScaleCluster, cloud
from bench.scale_work import Api, Executor, Outcome, Work, create, remove, unfinished
from components.controller import Controller, controller
from settings import Settings, load

ARGOS_OWN: Final = Controller(
    qps=20,
    burst=30,
    workflow_workers=32,
    pod_cleanup_workers=4,
    cpu="100m",
    memory_mib=256,
    most_memory_mib=1024,
    requeue_seconds=10,
)
"""What Argo's controller has when nobody says anything."""
PROCESSES: Final = (CONTROLLER, "kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager", "kwok")
PROGRESS_SECONDS: Final = 10
STILL_SECONDS: Final = 300
"""So long nothing may move."""
_METRICS = "https://127.0.0.1:9090/metrics"


def main(order: dict[str, Any]) -> None:
    """Runs the loads of an order, and prints the figures of each as a line of JSON; ends early when its input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    folder = Path(order["folder"])
    (folder / "sheet.csv").write_text("sample,fastq_1,fastq_2\n")
    loads = [Load(**given) for given in order["loads"]]
    cluster = ScaleCluster(folder, order["nodes"])
    cluster.start(_settings(loads[0], folder))
    api = Api(cluster.layout.pki)
    for number, wanted in enumerate(loads):
        if number:
            remove(api)
        figures = _run(cluster, api, wanted, _settings(wanted, folder), f"L{number}S")
        print(json.dumps(asdict(figures)), flush=True)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


def _settings(wanted: Load, root: Path) -> Settings:
    """Of a stack with big machines: the defaults but for groups, samples at once, and where things are."""
    values = {
        "cloud": "local",
        "profile": "cloud",
        "sheet": "sheet.csv",
        "reference": "s3://reference/genome.fa",
        "groupSize": str(wanted.group_size),
        "samplesAtOnce": str(wanted.at_once),
    }
    return load({f"biojobs:{key}": value for key, value in values.items()}, "scale", root)


def _run(cluster: ScaleCluster, api: Api, wanted: Load, settings: Settings, prefix: str) -> Figures:
    work = Work(settings, wanted.tasks, prefix, cloud())
    sized = ARGOS_OWN if wanted.argo_defaults else controller(settings, work.samples)
    cluster.controller(sized, argos_own=wanted.argo_defaults)
    pids = {name: cluster.pid(name) for name in PROCESSES} | {"bench": os.getpid()}
    processes = {name: Path("/proc", str(pid)) for name, pid in pids.items()}
    manifests = work.workflows
    before = {name: cpu_seconds(folder) for name, folder in processes.items()}
    with _reports(Executor(api, work.outputs, wanted.delete)) as executor:
        began = time.monotonic()
        create(api, manifests)
        _follow(api, executor, work.tasks, len(manifests))
        seconds = time.monotonic() - began
    outcome = Outcome(api, [manifest["metadata"]["name"] for manifest in manifests])
    lost = work.tasks - outcome.pods["Succeeded"]
    for problem in executor.problems[:20]:
        _say(problem)
    return Figures(
        settings=f"{'Argo' if wanted.argo_defaults else 'biojobs'}: qps {sized.qps}, groups of {wanted.group_size}",
        tasks=work.tasks,
        lost=lost,
        tries=len(executor.begun),
        seconds=seconds,
        height=_height(executor.ended),
        peak_mib=peak_mib(processes[CONTROLLER]),
        cpu={name: cpu_seconds(folder) - before[name] for name, folder in processes.items()},
        requests={what: count / work.tasks for what, count in _requests().items()},
        workflows=len(manifests),
        largest_kib=outcome.largest / 1024,
        missing=[f"{name} | {said}" for name, said in outcome.not_well.items()],
    )


@contextmanager
def _reports(executor: Executor) -> Generator[Executor]:
    try:
        yield executor
    finally:
        executor.stop()


def _follow(api: Api, executor: Executor, tasks: int, workflows: int) -> None:
    """Until all Workflows have ended, or nothing has moved for too long."""
    moved = told = began = time.monotonic()
    last: tuple[int, int] | None = None
    while left := len(unfinished(api)):
        now, state = time.monotonic(), (len(executor.ended), left)
        if state != last:
            last, moved = state, now
        if now - moved > STILL_SECONDS:
            _say(f"nothing has moved for {STILL_SECONDS} s")
            return
        if now - told >= PROGRESS_SECONDS:
            told = now
            ended = f"{state[0]} of {tasks} pods and {workflows - left} of {workflows} Workflows have ended"
            _say(f"{now - began:.0f} s: {ended}")
        time.sleep(2)


def _height(ended: list[float]) -> float:
    """Tasks a second without the first and the last tenth, when not everything runs."""
    tenth = len(ended) // 10
    middle = ended[tenth : len(ended) - tenth]
    return (len(middle) - 1) / (middle[-1] - middle[0]) if len(middle) > 1 and middle[-1] > middle[0] else 0.0


def _requests() -> dict[str, float]:
    """Requests to the API server that the controller has counted since it began, by what they do and what with."""
    # Its certificate is made at its start, by itself.
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False) as pool:
        text = pool.request("GET", _METRICS, timeout=10).data.decode()
    found: dict[str, float] = {}
    for labels, value in re.findall(r"^\S*k8s_request_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        what = f"{named['verb'].lower()} {named['kind']}"
        found[what] = found.get(what, 0.0) + float(value)
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
