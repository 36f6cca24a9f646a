"""How the samples of a Workflow have ended, and why those that failed did."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodes import SAMPLE, cause, nodes, said, sample_of, step_of


@dataclass(frozen=True)
class Rule:
    """A rule of workflows/failures.py, which hands its table over."""

    cause: str
    codes: tuple[int, ...]
    message: str
    status: str


@dataclass(frozen=True)
class Failure:
    """A step that failed, by its last try."""

    sample: str
    step: str
    cause: str
    message: str
    tries: int


def rules(text: str) -> list[Rule]:
    """The rules as they are handed over: JSON, a list of [cause, codes, message, status]."""
    return [Rule(cause, tuple(codes), message, status) for cause, codes, message, status in json.loads(text)]


def begun(workflow: Mapping[str, Any]) -> set[str]:
    """The samples that a Workflow has begun with."""
    return {sample_of(node, workflow) for node in _pods(workflow)}


def failures(workflow: Mapping[str, Any], known: Sequence[Rule]) -> list[Failure]:
    """What failed in a Workflow that has ended; where no step did, what Argo says of the whole."""
    found = [failure for tries in _attempts(workflow) for failure in _failed(tries, workflow, known)]
    status = workflow.get("status") or {}
    # At its exit handler a Workflow is not done yet, so its phase may still be `Running`
    if not found and status.get("phase") in ("Failed", "Error"):
        message = str(status.get("message") or "Argo gave no reason")
        subject = (workflow["metadata"].get("labels") or {}).get(SAMPLE) or workflow["metadata"]["name"]
        found = [Failure(str(subject), "workflow", cause(known, status["phase"], "", message), message, 1)]
    return found


def _pods(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own, found = f"{workflow['metadata']['name']}.onExit", _readable(workflow)
    return [node for node in found if node.get("type") == "Pod" and not str(node.get("name")).startswith(own)]


def _readable(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Its nodes; none where they cannot be read, for then there is still the phase of the whole to be told."""
    try:
        return [node for node in nodes(workflow) if isinstance(node, dict)]
    except (AttributeError, ValueError):
        return []


def _attempts(workflow: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """The tries of every step's item, oldest first."""
    tries: dict[str, list[Mapping[str, Any]]] = {}
    for node in sorted(_pods(workflow), key=lambda node: str(node.get("startedAt") or "~")):
        tries.setdefault(re.sub(r"\(\d+\)$", "", str(node.get("name"))), []).append(node)
    yield from tries.values()


def _failed(
    tries: Sequence[Mapping[str, Any]], workflow: Mapping[str, Any], known: Sequence[Rule]
) -> Iterator[Failure]:
    last = tries[-1]
    if last.get("phase") not in ("Failed", "Error"):
        return
    message = str(last.get("message") or "no message")
    code = str((last.get("outputs") or {}).get("exitCode") or "")
    why = cause(known, str(last["phase"]), code if re.fullmatch(r"-?\d{1,9}", code) else "", message)
    step = step_of(str(last.get("templateName")))
    yield Failure(sample_of(last, workflow), step, why, said(message), len(tries))
