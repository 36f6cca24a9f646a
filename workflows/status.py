"""What a Workflow's status says, in the words of a sample: pure functions over Argo's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from images.multiqc.nodes import nodes, said, sample_of, step_of
from workflows.groups import ENTRYPOINT
from workflows.types import LIMITS, SAMPLE_LABEL

_DONE = {"Succeeded", "Failed", "Error"}
_MARKS = {
    "Succeeded": "done",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
    "Omitted": "not run",
}
_MAKERS = re.compile(r"pulumi-kubernetes|(workflow-controller|argo)$")
"""Who writes to what a Workflow runs without changing it: the program, Argo's controller, Argo's command."""
_TURN = re.compile(rf"Waiting for \S*/{LIMITS}/")
"""How Argo's message begins of what waits for a lock."""


@dataclass(frozen=True)
class Failure:
    """A step that failed: the last try's pod node, and what it said."""

    step: str
    node: str
    message: str
    tries: int


@dataclass(frozen=True)
class RunStatus:
    """A run as a person sees it. `phase` is Argo's, `Pending` when it has not begun."""

    workflow: str
    subject: str
    phase: str
    progress: str
    failures: tuple[Failure, ...]
    samples: tuple[RunStatus, ...] = ()
    """Of a run of several samples, each one's own."""
    edited: str = ""
    """Who has changed what it runs since it was made, and when; empty if nobody has."""
    active: frozenset[str] = frozenset()
    """Its nodes that Argo takes for pods which are going or will be."""

    @property
    def each(self) -> tuple[RunStatus, ...]:
        """Its samples, or itself."""
        return self.samples or (self,)

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self.phase in _DONE

    @property
    def failed(self) -> bool:
        """True when the run ended without its result."""
        return self.phase in ("Failed", "Error")


def read(workflow: Mapping[str, Any], now: datetime) -> RunStatus:
    """The status of a Workflow object as the API server returns it; `now` must be aware of its zone."""
    found = nodes(workflow)
    active = frozenset(str(node["id"]) for node in _pods(found) if _has_pod(node))
    return replace(_read(workflow, found, now), edited=_edited(workflow["metadata"]), active=active)


def _has_pod(node: Mapping[str, Any]) -> bool:
    # One that may not be made, for want of quota, waits as well.
    return node.get("phase") in ("Pending", "Running") and "forbidden" not in str(node.get("message"))


def _edited(metadata: Mapping[str, Any]) -> str:
    """By the API server's own account."""
    for entry in cast(list[Mapping[str, Any]], metadata.get("managedFields") or []):
        who = str(entry.get("manager"))
        if "f:spec" in (entry.get("fieldsV1") or {}) and not _MAKERS.match(who):
            return f"{who}, {entry.get('time')}"
    return ""


def _read(workflow: Mapping[str, Any], found: list[Mapping[str, Any]], now: datetime) -> RunStatus:
    status = cast(Mapping[str, Any], workflow.get("status") or {})
    metadata = workflow["metadata"]
    phase = str(status.get("phase") or "Pending")
    name, subject = str(metadata["name"]), str(metadata.get("labels", {}).get(SAMPLE_LABEL, metadata["name"]))
    reason = str(status.get("message") or "Argo gave no reason")
    members = _samples(workflow)
    if not members:
        return _status(name, subject, phase, found, reason, now)
    by_sample: dict[str, list[Mapping[str, Any]]] = {sample: [] for sample in members}
    for node in found:
        by_sample.setdefault(sample_of(node, workflow), []).append(node)
    each = tuple(
        _status(name, sample, _phase(by_sample[sample], phase), by_sample[sample], reason, now) for sample in members
    )
    failures = tuple(failure for run in each for failure in run.failures)
    return RunStatus(name, subject, phase, _summary(phase, each), failures, each)


def _samples(workflow: Mapping[str, Any]) -> list[str]:
    """The samples of a Workflow of several, in the sheet's order, also of those that have not begun."""
    spec = cast(Mapping[str, Any], workflow.get("spec") or {})
    templates = cast(list[Mapping[str, Any]], spec.get("templates") or [])
    graph = next((one for one in templates if one.get("name") == ENTRYPOINT == spec.get("entrypoint")), None)
    tasks = cast(list[Mapping[str, Any]], graph["dag"]["tasks"]) if graph else []
    return [str(task["arguments"]["parameters"][0]["value"]) for task in tasks]


def _phase(found: list[Mapping[str, Any]], whole: str) -> str:
    """The phase of one of several samples: that of its own graph, or of all of them if that was never begun."""
    graph = next((node for node in found if node.get("type") == "DAG"), None)
    phase = str(graph.get("phase") or "Pending") if graph else "Pending"
    if phase in _DONE or whole not in _DONE:
        return phase
    # What ended before its samples did has not done them, whatever it says itself.
    return whole if whole != "Succeeded" else "Error"


def _summary(phase: str, samples: tuple[RunStatus, ...]) -> str:
    """How far a run of several samples is."""
    if phase == "Pending":
        return samples[0].progress
    failed = sum(run.failed for run in samples)
    done = sum(run.ended for run in samples) - failed
    running = sum(run.phase == "Running" for run in samples)
    counts = [(done, "done"), (failed, "failed"), (running, "running")]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"{len(samples)} samples: {told or 'starting'}"


def _status(
    name: str, subject: str, phase: str, found: list[Mapping[str, Any]], reason: str, now: datetime
) -> RunStatus:
    failures = tuple(_failures(found))
    if phase in ("Failed", "Error") and not failures:
        failures = (Failure("workflow", "", reason, 1),)
    if (phase == "Pending" and _TURN.match(reason)) or any(map(_waits_for_its_turn, found)):
        return RunStatus(name, subject, phase, "waiting for its turn (biojobs:samplesAtOnce)", failures)
    return RunStatus(name, subject, phase, _progress(phase, found, now), failures)


def _pods(nodes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [node for node in nodes if node.get("type") == "Pod"]


def _attempts(nodes: list[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Tries of every step item, oldest first, by the item's display name without the try's number."""
    tries: dict[str, list[Mapping[str, Any]]] = {}
    for node in sorted(_pods(nodes), key=lambda node: str(node.get("startedAt") or "~")):
        tries.setdefault(re.sub(r"\(\d+\)$", "", str(node["name"])), []).append(node)
    return tries


def _failures(nodes: list[Mapping[str, Any]]) -> list[Failure]:
    failures: list[Failure] = []
    for tries in _attempts(nodes).values():
        last = tries[-1]
        if last.get("phase") in ("Failed", "Error"):
            message = str(last.get("message") or "no message")
            failures.append(Failure(step_of(str(last["templateName"])), str(last["id"]), said(message), len(tries)))
    return failures


def without_times(progress: str) -> str:
    """A progress text without its clocks: what stays the same while nothing but time goes by."""
    return re.sub(r" \d+m\d\ds", "", progress)


def _waits_for_its_turn(node: Mapping[str, Any]) -> bool:
    waits = node.get("type") == "DAG" and node.get("phase") == "Pending"
    return waits and _TURN.match(str(node.get("message") or "")) is not None


def _progress(phase: str, nodes: list[Mapping[str, Any]], now: datetime) -> str:
    if phase == "Pending":
        return "waiting to start"
    by_step: dict[str, list[Mapping[str, Any]]] = {}
    for tries in _attempts(nodes).values():
        by_step.setdefault(step_of(str(tries[-1]["templateName"])), []).append(tries[-1])
    return ", ".join(_step_progress(step, items, now) for step, items in by_step.items()) or "starting"


def _step_progress(step: str, items: list[Mapping[str, Any]], now: datetime) -> str:
    active = [item for item in items if item.get("phase") in ("Running", "Pending")]
    if not active:
        marks = sorted({_MARKS.get(str(item.get("phase")), str(item.get("phase"))) for item in items})
        return f"{step} {'/'.join(marks)}"
    state = "running" if any(item["phase"] == "Running" for item in active) else "waiting"
    started = [datetime.fromisoformat(item["startedAt"]) for item in active if item.get("startedAt")]
    seconds = int((now - min(started)).total_seconds()) if started else 0
    reason = next((f" ({said(str(item['message']))})" for item in active if item.get("message")), "")
    count = f" {len(items) - len(active)}/{len(items)}" if len(items) > 1 else ""
    return f"{step} {state}{count} {seconds // 60}m{seconds % 60:02d}s{reason}"
