"""Several samples in a Workflow on a real Kubernetes: their results, limits, and a quota that is used up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.stack import Stack, await_true, make_env, unused_stack, workflows
from workflows.status import nodes, sample_of, step_of

AT_ONCE = 2


@pytest.fixture(scope="module")
def stubs() -> Iterator[Stack]:
    """A stack whose steps compute nothing, prepared and not yet up."""
    os.environ.update(make_env())
    if reason := unused_stack():
        pytest.fail(reason)
    folder = Path(tempfile.mkdtemp(prefix="biojobs-test-"))
    folder.chmod(0o755)
    made = Stack(folder, {"profile": "stub", "groupSize": 50, "samplesAtOnce": AT_ONCE})
    try:
        made.prepare()
        yield made
    finally:
        made.remove()


def sheet(stack: Stack, *samples: str) -> None:
    stack.sheet({sample: stack.good(sample) for sample in samples})


def of_sample(sample: str) -> dict[str, Any]:
    """The Workflow that has a sample."""
    (found,) = (run for run in workflows() if any(sample_of(node, run) == sample for node in nodes(run)))
    return found


def pods(workflow: dict[str, Any]) -> list[Any]:
    return [node for node in nodes(workflow) if node["type"] == "Pod"]


def test_samples_of_a_group_are_done_each_in_its_own_place_and_so_many_at_once(stubs: Stack) -> None:
    sheet(stubs, "A", "B", "C", "D")
    stubs.succeed()
    results = stubs.workspace / "results" / "_stub"
    assert all((results / sample / "run.json").exists() for sample in "ABCD")
    found = of_sample("A")
    steps = {(sample_of(node, found), step_of(node["templateName"])) for node in pods(found)}
    assert {sample for sample, step in steps if step == "record"} == {*"ABCD"}
    spans = [
        (min(node["startedAt"] for node in own), max(node["finishedAt"] for node in own))
        for own in ([node for node in pods(found) if sample_of(node, found) == sample] for sample in "ABCD")
    ]
    for start, _ in spans:
        assert sum(first <= start < last for first, last in spans) <= AT_ONCE


def test_a_quota_that_is_used_up_is_waited_for_and_told(stubs: Stack) -> None:
    stubs.settings |= {"samplesAtOnce": 100, "quota": {"pods": 10}}
    sheet(stubs, *(f"Q{number}" for number in range(8)))
    running = stubs.begin()

    def told() -> bool:
        said = (str(node.get("message")) for run in workflows() for node in pods(run))
        return any("exceeded quota" in message for message in said)

    await_true("a step that says that the quota is used up", told, 300)
    output = running.communicate(timeout=600)[0]
    assert running.returncode == 0, output[-4000:]
    assert all((stubs.workspace / "results" / "_stub" / f"Q{number}" / "run.json").exists() for number in range(8))
