"""How the samples of a Workflow have ended, and why those that failed did."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster import SAMPLE, nodes, sample_of, step_of

ENDED = r"^[a-z]+: [A-Za-z]+ [(]exit code ([0-9]+)[)]"
"""So Argo's message begins where it tells how a container ended."""


@dataclass(frozen=True)
class Rule:
    """A rule of workflows/failures.py, which hands them over: the classifier is there, and this one reads its table."""

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


def cause(known: Sequence[Rule], phase: str, exit_code: str, message: str) -> str:
    """Why a try ended badly: the first rule that fits counts, and what none fits is the tool's own error."""
    said = re.match(ENDED, message)
    code = int(said[1] if said else exit_code or -1)
    for rule in known:
        if (not rule.codes or code in rule.codes) and rule.status in ("", phase) and re.search(rule.message, message):
            return rule.cause
    return "tool"


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
    own = f"{workflow['metadata']['name']}.onExit"
    return [node for node in nodes(workflow) if node.get("type") == "Pod" and not str(node.get("name")).startswith(own)]


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
    said = re.match(ENDED + r": (?P<said>.+)$", message, re.DOTALL)
    words = said["said"].strip() if said else message
    yield Failure(sample_of(last, workflow), step_of(str(last.get("templateName"))), why, words, len(tries))
