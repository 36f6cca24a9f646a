"""What a Workflow's status says, in the words of a sample: pure functions over Argo's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from workflows.types import SAMPLE_LABEL

_DONE = {"Succeeded", "Failed", "Error"}
_MARKS = {
    "Succeeded": "done",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
    "Omitted": "not run",
}
_MESSAGE = re.compile(r"^(main|before|command): \w+ \(exit code \d+\): (?P<said>.+)$", re.DOTALL)


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
    status = cast(Mapping[str, Any], workflow.get("status") or {})
    nodes = list(cast(Mapping[str, Any], status.get("nodes") or {}).values())
    metadata = workflow["metadata"]
    phase = str(status.get("phase") or "Pending")
    failures = tuple(_failures(nodes))
    if phase in ("Failed", "Error") and not failures:
        failures = (Failure("workflow", "", str(status.get("message") or "Argo gave no reason"), 1),)
    return RunStatus(
        workflow=metadata["name"],
        subject=str(metadata.get("labels", {}).get(SAMPLE_LABEL, metadata["name"])),
        phase=phase,
        progress=_progress(phase, nodes, now),
        failures=failures,
    )


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
            failures.append(Failure(str(last["templateName"]), str(last["id"]), said(message), len(tries)))
    return failures


def said(message: str) -> str:
    """What the step itself said in a node's message, or the whole message where Kubernetes or Argo speak."""
    match = _MESSAGE.match(message)
    return match["said"].strip() if match else message


def without_times(progress: str) -> str:
    """A progress text without its clocks: what stays the same while nothing but time goes by."""
    return re.sub(r" \d+m\d\ds", "", progress)


def _progress(phase: str, nodes: list[Mapping[str, Any]], now: datetime) -> str:
    if phase == "Pending":
        return "waiting to start"
    by_step: dict[str, list[Mapping[str, Any]]] = {}
    for tries in _attempts(nodes).values():
        by_step.setdefault(str(tries[-1]["templateName"]), []).append(tries[-1])
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
