"""What a person reads of a Workflow's status."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from images.multiqc.nodes import nodes, said, sample_of, step_of
from workflows.status import read, without_times

NOW = datetime(2026, 1, 1, 12, 1, 30, tzinfo=UTC)


def workflow(phase: str | None, *nodes: dict[str, Any], message: str = "") -> dict[str, Any]:
    status = {"phase": phase, "message": message, "nodes": {node["id"]: node for node in nodes}} if phase else {}
    return {"metadata": {"name": "s1-abc", "labels": {"biojobs/sample": "S1"}}, "status": status}


def pod(name: str, step: str, phase: str, message: str = "", started: str = "2026-01-01T12:00:00Z") -> dict[str, Any]:
    return {
        "id": f"s1-abc-{name}",
        "name": f"s1-abc.{name}",
        "type": "Pod",
        "templateName": step,
        "phase": phase,
        "message": message,
        "startedAt": started,
    }


def test_a_run_that_the_controller_has_not_seen_is_waiting_to_start() -> None:
    found = read(workflow(None), NOW)
    assert (found.subject, found.phase, found.progress, found.ended) == ("S1", "Pending", "waiting to start", False)


def test_progress_names_steps_their_state_and_their_time() -> None:
    found = read(workflow("Running", pod("f1", "fastqc", "Succeeded"), pod("f2", "fastqc", "Running")), NOW)
    assert found.progress == "fastqc running 1/2 1m30s"


def test_progress_says_why_a_step_waits() -> None:
    found = read(workflow("Running", pod("a", "align", "Pending", "Unschedulable: Insufficient memory")), NOW)
    assert found.progress == "align waiting 1m30s (Unschedulable: Insufficient memory)"


def test_a_failure_is_told_in_the_words_of_the_step() -> None:
    message = "main: Error (exit code 65): bad input: S1_R1 line 7: quality has 3 characters, sequence 4"
    found = read(workflow("Failed", pod("f1", "fastqc", "Failed", message)), NOW)
    (failure,) = found.failures
    assert found.failed
    assert (failure.step, failure.message) == (
        "fastqc",
        "bad input: S1_R1 line 7: quality has 3 characters, sequence 4",
    )


def test_what_kubernetes_says_is_passed_on_whole() -> None:
    assert said("main: OOMKilled (exit code 137)") == "main: OOMKilled (exit code 137)"
    assert said("pod deleted") == "pod deleted"


def test_a_try_that_was_mended_by_the_next_is_no_failure() -> None:
    first = pod("align(0)", "align", "Error", "pod deleted")
    second = pod("align(1)", "align", "Succeeded", started="2026-01-01T12:01:00Z")
    found = read(workflow("Succeeded", first, second), NOW)
    assert (found.failures, found.progress) == ((), "align done")


def test_only_the_last_try_counts_and_the_tries_are_counted() -> None:
    first = pod("align(0)", "align", "Failed", "main: OOMKilled (exit code 137)")
    second = pod("align(1)", "align", "Failed", "main: Error (exit code 1)", started="2026-01-01T12:01:00Z")
    (failure,) = read(workflow("Failed", first, second), NOW).failures
    assert (failure.message, failure.tries) == ("main: Error (exit code 1)", 2)


def test_a_workflow_that_failed_without_a_pod_gives_its_own_message() -> None:
    (failure,) = read(workflow("Error", message="invalid spec"), NOW).failures
    assert (failure.step, failure.message) == ("workflow", "invalid spec")


def test_time_alone_is_no_news() -> None:
    assert without_times("fastqc done, align running 1m30s (x)") == without_times(
        "fastqc done, align running 61m02s (x)"
    )


def packed(*found: dict[str, Any]) -> str:
    return base64.b64encode(gzip.compress(json.dumps({node["id"]: node for node in found}).encode(), mtime=0)).decode()


def test_packed_nodes_are_read_like_plain_ones() -> None:
    node = pod("f1", "fastqc", "Running")
    plain = workflow("Running", node)
    small = workflow("Running")
    small["status"] |= {"nodes": None, "compressedNodes": packed(node)}
    assert nodes(small) == nodes(plain) == [node]
    assert read(small, NOW) == read(plain, NOW)


@pytest.mark.parametrize(
    "content",
    ["not base64!", "AAAA", packed(pod("a", "b", "Running"))[:40], base64.b64encode(gzip.compress(b"[]", mtime=0))],
)
def test_packed_nodes_that_cannot_be_read_are_told_with_the_name_of_their_workflow(content: str | bytes) -> None:
    broken = workflow("Running")
    broken["status"]["compressedNodes"] = content if isinstance(content, str) else content.decode()
    with pytest.raises(ValueError, match="Workflow s1-abc: its packed nodes"):
        nodes(broken)


def test_a_workflow_without_nodes_has_none() -> None:
    assert nodes(workflow(None)) == nodes({"metadata": {"name": "x"}, "status": None}) == []


@pytest.mark.parametrize(
    ("template", "step"),
    [("align", "align"), ("align-x2", "align"), ("align-x13", "align"), ("multi-x", "multi-x"), ("x2", "x2")],
)
def test_a_template_that_asks_for_another_amount_is_of_the_same_step(template: str, step: str) -> None:
    assert step_of(template) == step


def test_a_node_works_on_the_sample_that_it_names_and_else_on_that_of_its_workflow() -> None:
    node = pod("a", "align", "Running")
    assert sample_of(node, workflow("Running")) == "S1"
    assert (
        sample_of({**node, "inputs": {"parameters": [{"name": "sample", "value": "S7"}]}}, workflow("Running")) == "S7"
    )
    assert sample_of({**node, "inputs": {"parameters": None}}, {"metadata": {"name": "n"}}) == "n"


def group(*samples: str) -> dict[str, Any]:
    """The content of a Workflow of several samples."""
    tasks = [{"arguments": {"parameters": [{"name": "sample", "value": sample}]}} for sample in samples]
    return {"entrypoint": "group", "templates": [{"name": "fastqc"}, {"name": "group", "dag": {"tasks": tasks}}]}


def of(sample: str, node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "inputs": {"parameters": [{"name": "sample", "value": sample}]}}


def graph(sample: str, phase: str, message: str = "") -> dict[str, Any]:
    return {**of(sample, pod(sample, f"sample-{sample}", phase, message)), "type": "DAG"}


def test_every_sample_of_a_group_has_a_status_of_its_own() -> None:
    nodes = (
        *(graph("A", "Succeeded"), of("A", pod("a1", "align-x2", "Succeeded"))),
        *(graph("B", "Failed"), of("B", pod("b1", "fastqc", "Failed", "main: Error (exit code 65): bad input: x"))),
        *(graph("C", "Running"), of("C", pod("c1", "align", "Running"))),
        graph("D", "Pending", "Waiting for biojobs/ConfigMap/biojobs-limits/samples-at-once lock. Lock status: 0/3"),
    )
    found = read({**workflow("Running", *nodes), "spec": group("A", "B", "C", "D", "E")}, NOW)
    assert [(run.subject, run.phase, run.progress) for run in found.each] == [
        ("A", "Succeeded", "align done"),
        ("B", "Failed", "fastqc failed"),
        ("C", "Running", "align running 1m30s"),
        ("D", "Pending", "waiting for its turn (biojobs:samplesAtOnce)"),
        ("E", "Pending", "waiting to start"),
    ]
    assert found.progress == "5 samples: 1 done, 1 failed, 1 running"
    assert [failure.message for failure in found.failures] == ["bad input: x"]


@pytest.mark.parametrize(("whole", "told"), [("Failed", "Failed"), ("Error", "Error"), ("Succeeded", "Error")])
def test_a_sample_that_its_group_never_began_is_not_done_when_the_group_has_ended(whole: str, told: str) -> None:
    found = read({**workflow(whole, graph("A", "Succeeded"), message="stopped"), "spec": group("A", "B")}, NOW)
    assert [(run.subject, run.phase) for run in found.each] == [("A", "Succeeded"), ("B", told)]
    assert found.each[1].failures[0].message == "stopped"


def test_a_run_that_waits_for_its_turn_says_so_and_so_does_each_of_its_samples() -> None:
    lock = "Waiting for biojobs/ConfigMap/biojobs-limits/groups-at-once lock. Lock status: 0/3"
    found = read({**workflow("Pending", message=lock), "spec": group("A", "B")}, NOW)
    turn = "waiting for its turn (biojobs:samplesAtOnce)"
    assert [run.progress for run in (found, *found.each)] == [turn] * 3
    assert read(workflow("Pending", message=lock), NOW).progress == turn
    assert read(workflow("Pending"), NOW).progress == "waiting to start"


def test_a_run_of_one_sample_stands_for_itself() -> None:
    found = read(workflow("Running"), NOW)
    assert found.each == (found,)


MADE: dict[str, Any] = {
    "manager": "pulumi-kubernetes-e395be75",
    "operation": "Apply",
    "fieldsV1": {"f:metadata": {}, "f:spec": {}},
}
RUN: dict[str, Any] = {
    "manager": "workflow-controller",
    "operation": "Update",
    "fieldsV1": {"f:spec": {}, "f:status": {}},
}
STOPPED: dict[str, Any] = {"manager": "argo", "operation": "Update", "fieldsV1": {"f:spec": {"f:shutdown": {}}}}
LABELLED: dict[str, Any] = {"manager": "kubectl-label", "operation": "Update", "fieldsV1": {"f:metadata": {}}}
CHANGED: dict[str, Any] = {
    "manager": "kubectl-edit",
    "operation": "Update",
    "time": "2026-11-22T06:35:05Z",
    "fieldsV1": {"f:spec": {"f:templates": {}}},
}


@pytest.mark.parametrize(
    ("managers", "told"),
    [
        ([MADE, RUN], ""),
        ([MADE, RUN, STOPPED, LABELLED], ""),
        ([MADE, CHANGED, RUN], "kubectl-edit, 2026-11-22T06:35:05Z"),
    ],
)
def test_who_has_changed_by_hand_what_a_run_does_is_told(managers: list[dict[str, Any]], told: str) -> None:
    made = workflow("Running")
    made["metadata"]["managedFields"] = managers
    assert read(made, NOW).edited == told


def test_a_run_tells_which_pods_argo_believes_in() -> None:
    quota = 'pods "s1" is forbidden: exceeded quota: biojobs'
    found = read(
        workflow(
            "Running",
            pod("a", "fastqc", "Running"),
            pod("b", "align", "Pending", "Unschedulable: 0/1 nodes are available"),
            pod("c", "gate", "Succeeded"),
            pod("d", "call", "Pending", quota),
            graph("S1", "Running"),
        ),
        NOW,
    )
    assert found.active == {"s1-abc-a", "s1-abc-b"}
