"""What a person reads of a Workflow's status."""

from datetime import UTC, datetime
from typing import Any

from workflows.status import read, said, without_times

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
