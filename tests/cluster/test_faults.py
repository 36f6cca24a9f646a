"""Failures of steps, provoked under the real controller: what is tried again, what is not, and what is said.

The Workflows are the pipeline's own with a step's command replaced: templates, retry rules, security and sizes stay.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.stack import Stack, await_true, kubectl
from workflows.failures import MAX_INTERRUPTIONS
from workflows.runs import workflow
from workflows.status import Failure, RunStatus, read
from workflows.types import Placement, Platform, Size, StoreAccess, StoreUris
from workflows.work import Work

FAULTS: Mapping[str, str] = {
    "tool-error": "echo 'the tool found a bug' >&2; echo 'tool: a bug' > /dev/termination-log; exit 1",
    "bad-input": "echo 'bad input: line 7' > /dev/termination-log; exit 65",
    "out-of-memory": "head -c 3G /dev/zero | tail",
    "killed": 'if [ "{{retries}}" = 0 ]; then kill -9 $BASHPID; fi',
    "terminated": 'if [ "{{retries}}" = 0 ]; then exit 143; fi',
    "store-trouble": 'if [ "{{retries}}" = 0 ]; then exit 74; fi',
    "deleted": 'if [ "{{retries}}" = 0 ]; then sleep 300; fi',
    "last-try": "exit 74",
    "scratch-full": "head -c 200M /dev/zero > /scratch/x; sleep 120",
}


def manifest(fault: str, image: str, placement: Placement | None = None) -> dict[str, Any]:
    size = Size("50m", 1, 512, "32Mi")
    placement = placement or Placement()
    platform = Platform(
        namespace="biojobs",
        stack="faults",
        service_account="runner",
        images={"bwa-mem2": image},
        sizes={"small": size},
        placements={"small": placement},
        store=StoreUris("s3://reads", "s3://reference", "s3://results"),
        access=StoreAccess(),
    )
    work = Work(fault, "s3://results/faults", platform)
    made = workflow("fault", fault, [work.single("index", "bwa-mem2", "small", [], fault)], platform)
    made["metadata"]["name"] = f"fault-{fault}"
    step = next(template for template in made["spec"]["templates"] if "container" in template)
    # Every step says something: the store's server takes no empty object, and an empty log would be one.
    step["container"] |= {"command": ["/bin/bash", "-c"], "args": [f"echo begun; {FAULTS[fault]}"]}
    made["spec"]["podGC"] = {"strategy": "OnWorkflowCompletion", "deleteDelayDuration": "1h"}
    return made


def statuses() -> dict[str, RunStatus]:
    found = json.loads(kubectl("-n", "biojobs", "get", "workflows", "-l", "biojobs/stack=faults", "-o", "json"))
    runs = [read(item, datetime.now(UTC)) for item in found["items"]]
    return {run.workflow.removeprefix("fault-"): run for run in runs}


@pytest.fixture(scope="module")
def ended(stack: Stack) -> dict[str, RunStatus]:
    """All faults at once, followed to their end; the pod of `deleted` is deleted while it runs."""
    image = stack.record("NA12878")["images"]["align"]
    for fault in set(FAULTS) - {"last-try"}:
        text = json.dumps(manifest(fault, image))
        subprocess.run(["kubectl", "create", "-f", "-"], input=text, text=True, check=True, capture_output=True)
    pods = ("pods", "-l", "workflows.argoproj.io/workflow=fault-deleted")
    main_runs = "jsonpath={.items[*].status.containerStatuses[?(@.name=='main')].state.running.startedAt}"
    # Before its main container runs, Argo would make the same pod again: that is no try.
    await_true("the pod to be deleted runs", lambda: kubectl("-n", "biojobs", "get", *pods, "-o", main_runs) != "")
    kubectl("-n", "biojobs", "delete", *pods, "--now")
    await_true("all runs end", lambda: all(run.ended for run in statuses().values()), 420)
    return statuses()


def failure(run: RunStatus) -> Failure:
    assert run.failed, run
    (found,) = run.failures
    return found


def test_a_tools_own_error_is_never_tried_again(ended: dict[str, RunStatus]) -> None:
    assert (failure(ended["tool-error"]).message, failure(ended["tool-error"]).tries) == ("tool: a bug", 1)


def test_bad_input_is_never_tried_again(ended: dict[str, RunStatus]) -> None:
    assert (failure(ended["bad-input"]).message, failure(ended["bad-input"]).tries) == ("bad input: line 7", 1)


def test_out_of_memory_is_tried_once_more_with_double_memory(ended: dict[str, RunStatus]) -> None:
    found = failure(ended["out-of-memory"])
    assert "OOMKilled" in found.message
    assert found.tries == 2
    limits = kubectl(
        *("-n", "biojobs", "get", "pods", "-l", "workflows.argoproj.io/workflow=fault-out-of-memory"),
        *("--sort-by=.metadata.creationTimestamp",),
        *("-o", "jsonpath={.items[*].spec.containers[?(@.name=='main')].resources.limits.memory}"),
    )
    assert limits.split() == ["512Mi", "1Gi"]


@pytest.mark.parametrize("fault", ["killed", "terminated", "deleted", "store-trouble"])
def test_an_interruption_is_tried_again_and_costs_nothing(ended: dict[str, RunStatus], fault: str) -> None:
    assert ended[fault].phase == "Succeeded", ended[fault]
    assert ended[fault].failures == ()


def test_scratch_that_is_outgrown_is_said_and_not_tried_again(ended: dict[str, RunStatus]) -> None:
    found = failure(ended["scratch-full"])
    assert "scratch" in found.message
    assert found.tries == 1


def test_the_last_try_goes_to_the_nodes_that_nobody_takes_away(stack: Stack) -> None:
    """No node of the sandbox is one of those: that the second pod asks for them and waits is the proof."""
    placement = Placement({"kubernetes.io/os": "linux"}, last_try={"kubernetes.io/os": "on-demand"})
    made = manifest("last-try", stack.record("NA12878")["images"]["align"], placement)
    step = next(template for template in made["spec"]["templates"] if "container" in template)
    step["retryStrategy"]["limit"] = 1
    step["podSpecPatch"] = step["podSpecPatch"].replace(f"< {MAX_INTERRUPTIONS} ", "< 1 ")
    subprocess.run(["kubectl", "create", "-f", "-"], input=json.dumps(made), text=True, check=True, capture_output=True)
    pods = ("pods", "-l", "workflows.argoproj.io/workflow=fault-last-try", "--sort-by=.metadata.creationTimestamp")
    where = r"jsonpath={.items[*].spec.nodeSelector.kubernetes\.io/os}"
    asked = ("-n", "biojobs", "get", *pods, "-o", where)
    await_true("the second try", lambda: kubectl(*asked).split() == ["linux", "on-demand"], 90)
    kubectl("-n", "biojobs", "delete", "workflow", "fault-last-try")
