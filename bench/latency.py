"""Time between the end of a step and the start of the next, as the finished runs in the cluster tell it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from bench.shell import document

ORDER = ("fastqc", "gate", "align", "record")


def measure() -> Iterator[str]:
    """Gaps from the end of a step's last pod to the start of the next step's first."""
    runs = document("kubectl", "-n", "biojobs", "get", "workflows", "-l", "biojobs/kind=sample", "-o", "json")["items"]
    gaps: dict[str, list[float]] = {}
    for run in runs:
        if run.get("status", {}).get("phase") == "Succeeded":
            for before, after, gap in _gaps(list(run["status"]["nodes"].values())):
                gaps.setdefault(f"{before} -> {after}", []).append(gap)
    yield "| between | runs | median s | most s |"
    yield "|---|---|---|---|"
    for between, values in gaps.items():
        yield f"| {between} | {len(values)} | {statistics.median(values):.0f} | {max(values):.0f} |"


def _gaps(nodes: list[dict[str, Any]]) -> Iterator[tuple[str, str, float]]:
    pods = [node for node in nodes if node["type"] == "Pod"]
    for before, after in pairwise(ORDER):
        ends = [_time(node["finishedAt"]) for node in pods if node["templateName"] == before]
        starts = [_time(node["startedAt"]) for node in pods if node["templateName"] == after]
        if ends and starts:
            yield before, after, (min(starts) - max(ends)).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
