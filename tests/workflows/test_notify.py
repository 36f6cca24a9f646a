"""Workflows that tell a webhook how they ended, and can neither fail nor hang for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from tests.workflows.conftest import RULES, Run
from tests.workflows.manifests import templates
from tests.workflows.steps import step_modules
from workflows import failures
from workflows.notify import causes, with_exit_handler
from workflows.reference import reference
from workflows.sheet import SheetRules, sheet_run
from workflows.types import Manifest, Notification, Platform, Source

BOTH = Notification(("notify", "webhook"), ("sheet-ended", "sample-failed"))
MESSAGES = (
    ("Failed", "65", "main: Error (exit code 65): bad input: x line 16: 151 bases but 140 qualities"),
    ("Failed", "", "main: Error (exit code 78): budget: 50.00 USD are used up"),
    ("Failed", "77", "main: Error (exit code 77): stopped by QC: 3 reads"),
    ("Failed", "137", "OOMKilled (exit code 137)"),
    ("Failed", "76", "main: Error (exit code 76): store: s3://x: refused (after 4 tries)"),
    ("Failed", "76", "main: Error (exit code 76): tool: align ran out of memory (with 8192 MiB): raise it"),
    ("Failed", "1", "main: Error (exit code 1): tool: bwa-mem2 ended with exit code 1"),
    ("Failed", "143", "main: Error (exit code 143): tool: told to stop"),
    ("Error", "", "pod deleted"),
    ("Error", "", "failed to save outputs"),
    ("Failed", "", "Pod was active on the node longer than the specified deadline"),
    ("Failed", "", ""),
    ("Failed", "124", "\x00 <script> exit code 74"),
)


@pytest.fixture(scope="module")
def step() -> Iterator[dict[str, ModuleType]]:
    with step_modules("cluster", "nodes", "ended", "webhook", "notify") as made:
        yield made


def sheet(platform: Platform, run: Run) -> Manifest:
    return sheet_run("cohort", [run.sample], SheetRules(RULES, True, None), platform)


def pod(manifest: Manifest) -> dict[str, Any]:
    return templates(manifest)["notify"]


def node(name: str, template: str, phase: str = "Failed", **more: Any) -> dict[str, Any]:
    return {"name": f"run-1.{name}", "type": "Pod", "templateName": template, "phase": phase, "id": name, **more}


def workflow(*nodes: dict[str, Any], phase: str = "Running", sample: str = "P2") -> dict[str, Any]:
    found = {one["id"]: one for one in nodes}
    labels = {"biojobs/sample": sample}
    run = {"phase": phase, "nodes": found, "startedAt": "2026-11-21T10:00:00Z"}
    return {"metadata": {"name": "run-1", "labels": labels}, "status": run}


def of(sample: str) -> dict[str, Any]:
    return {"inputs": {"parameters": [{"name": "sample", "value": sample}]}}


def test_without_a_webhook_nothing_is_added(run: Run) -> None:
    manifest = run.manifest()
    assert "onExit" not in manifest["spec"]
    assert with_exit_handler(manifest, run.platform) == manifest


@pytest.mark.parametrize(
    ("on", "told"), [(("sheet-ended",), {"sheet"}), (("sample-failed",), {"sample"}), (BOTH.on, {"sheet", "sample"})]
)
def test_runs_of_the_kinds_that_are_asked_for_tell(run: Run, on: Any, told: set[str]) -> None:
    platform = replace(run.platform, notification=replace(BOTH, on=on))
    made = {"sample": run.but(platform=platform).manifest(), "sheet": sheet(platform, run)}
    assert {kind for kind, manifest in made.items() if "onExit" in manifest["spec"]} == told
    assert "onExit" not in reference(Source("s3://reads/x.fa"), platform)["spec"]


def test_a_handler_that_fails_or_finds_no_room_does_not_make_its_run_fail_or_wait(run: Run) -> None:
    manifest = run.but(platform=replace(run.platform, notification=BOTH)).manifest()
    (task,) = templates(manifest)[manifest["spec"]["onExit"]]["dag"]["tasks"]
    assert task["continueOn"] == {"error": True, "failed": True}
    assert pod(manifest)["timeout"] == "10m"
    assert "retryStrategy" not in pod(manifest)


def test_a_sample_that_is_well_needs_no_pod_and_a_sheet_always_one(run: Run) -> None:
    platform = replace(run.platform, notification=BOTH)
    made = [run.but(platform=platform).manifest(), sheet(platform, run)]
    when = [templates(one)[one["spec"]["onExit"]]["dag"]["tasks"][0].get("when") for one in made]
    assert when == ["{{workflow.status}} != Succeeded", None]


def test_the_webhook_is_in_a_secret_and_the_pod_has_no_other_credentials(run: Run) -> None:
    made = pod(run.but(platform=replace(run.platform, notification=BOTH)).manifest())["container"]
    (own,) = [one for one in made["env"] if "valueFrom" in one]
    assert own == {
        "name": "BIOJOBS_WEBHOOK",
        "valueFrom": {"secretKeyRef": {"name": "notify", "key": "webhook"}},
    }
    assert {one["name"] for one in made["env"]} == {"TMPDIR", "BIOJOBS_WEBHOOK"}
    assert made["securityContext"]["readOnlyRootFilesystem"]
    assert made["resources"]["requests"] == {"cpu": "50m", "memory": "256Mi"}


def test_a_webhook_changes_no_key(run: Run) -> None:
    told = run.but(platform=replace(run.platform, notification=BOTH)).manifest()
    plain = run.manifest()
    assert templates(told)["sample"] == templates(plain)["sample"]


@pytest.mark.parametrize(("phase", "code", "message"), MESSAGES)
def test_the_step_tells_causes_by_the_table_that_it_is_given(
    step: dict[str, ModuleType], phase: str, code: str, message: str
) -> None:
    known = step["ended"].rules(causes())
    assert step["nodes"].cause(known, phase, code, message) == failures.cause(phase, code, message)


def test_what_a_step_said_when_it_began_is_not_told_as_its_end(step: dict[str, ModuleType]) -> None:
    killed = "main: Error (exit code 137): running with 512 MiB"
    run = workflow(node("a", "align", message=killed), phase="Failed")
    (found,) = step["ended"].failures(run, step["ended"].rules(causes()))
    assert found.message == killed


def test_a_workflow_whose_nodes_cannot_be_read_is_told_as_a_whole(step: dict[str, ModuleType]) -> None:
    packed = {"phase": "Failed", "message": "child failed", "compressedNodes": "cut off"}
    run = {"metadata": {"name": "run-1", "labels": {"biojobs/sample": "P2"}}, "status": packed}
    (found,) = step["ended"].failures(run, step["ended"].rules(causes()))
    assert (found.sample, found.step, found.message) == ("P2", "workflow", "child failed")


FACTS = {"stack": "local", "sheet": "cohort", "run": "run-1"}
NOW = 1_795_258_800.0  # 2026-11-21T11:00:00Z


def told(step: dict[str, ModuleType], run: dict[str, Any]) -> Any:
    return step["notify"].about_samples(FACTS, step["ended"].rules(causes()), run, NOW)


def test_a_failed_sample_is_told_in_a_sentence_and_in_fields(step: dict[str, ModuleType]) -> None:
    tries = [node(f"align({at})", "align", startedAt=f"2026-11-21T10:0{at}:00Z") for at in (0, 1)]
    tries[0]["message"], tries[1]["message"] = "pod deleted", MESSAGES[0][2]
    found = told(step, workflow(*tries, node("onExit", "notify")))
    said = "bad input: x line 16: 151 bases but 140 qualities"
    assert found == {
        "text": f"biojobs local: sample P2 of sheet cohort failed: align: {said}",
        **FACTS,
        "sample": "P2",
        "phase": "Failed",
        "failed": [
            {
                "sample": "P2",
                "step": "align",
                "cause": "input",
                "message": said,
                "tries": 2,
            }
        ],
        "more_failed": 0,
        "duration_seconds": 3600,
    }


def test_a_sample_that_went_well_after_another_try_is_none_that_failed(step: dict[str, ModuleType]) -> None:
    tries = [
        node("align(0)", "align", startedAt="2026-11-21T10:00:00Z", message="pod deleted"),
        node("align(1)", "align", "Succeeded", startedAt="2026-11-21T10:01:00Z"),
    ]
    assert told(step, workflow(*tries)) is None


def test_of_a_group_the_samples_that_failed_are_told(step: dict[str, ModuleType]) -> None:
    bad = [node(f"s{at}.gate", "gate", message=MESSAGES[2][2], **of(f"S{at}")) for at in range(30)]
    found = told(step, workflow(*bad, node("good.gate", "gate", "Succeeded", **of("G")), sample="S0-and-30-more"))
    assert found["text"].startswith(
        "biojobs local: 30 samples of sheet cohort failed: S0 at gate: stopped by QC: 3 reads; S1 at gate: "
    )
    assert found["text"].endswith("; and 27 more")
    assert (found["sample"], len(found["failed"]), found["more_failed"]) == (None, 20, 10)


def test_samples_that_a_budget_did_not_let_begin_are_left_to_the_sheet(step: dict[str, ModuleType]) -> None:
    refused = workflow(node("admit", "admit", message=MESSAGES[1][2]))
    assert told(step, refused) is None
    known = step["ended"].rules(causes())
    found = step["notify"].about_sheet(FACTS, known, workflow(), [refused], NOW)
    assert "0 samples done, 1 not started (budget: 50.00 USD are used up)" in found["text"]
    assert found["samples"] == {"done": 0, "failed": 0, "not_started": 1}


def test_a_run_that_argo_itself_gave_up_is_told(step: dict[str, ModuleType]) -> None:
    run = workflow(phase="Error")
    run["status"]["message"] = "invalid spec"
    assert "P2 of sheet cohort failed: workflow: invalid spec" in told(step, run)["text"]


def test_a_sheet_counts_its_samples(step: dict[str, ModuleType]) -> None:
    runs = [
        workflow(node("a", "record", "Succeeded", **of("A")), node("b", "record", "Succeeded", **of("B"))),
        workflow(node("c", "gate", message=MESSAGES[2][2])),
    ]
    known = step["ended"].rules(causes())
    found = step["notify"].about_sheet(FACTS, known, workflow(node("await", "await", "Succeeded")), runs, NOW)
    ended = "biojobs local: sheet cohort ended after 1 h 0 min"
    assert found["text"] == f"{ended}: 2 samples done, 1 failed (P2 at gate: stopped by QC: 3 reads)"
    assert (found["phase"], found["samples"]) == ("Failed", {"done": 2, "failed": 1, "not_started": 0})
    own = workflow(node("multiqc", "multiqc", message="main: Error (exit code 70): verification: no page"))
    found = step["notify"].about_sheet(FACTS, known, own, runs[:1], NOW)
    assert found["text"].endswith("2 samples done, what is made of all of them failed (multiqc: verification: no page)")


def test_what_a_message_holds_calls_nobody_and_is_no_flood(step: dict[str, ModuleType]) -> None:
    message = "main: Error (exit code 1): tool: <!channel> & \x1b[31m\n" + "x" * 4_000_000
    found = told(step, workflow(node("align", "align", message=message)))
    assert "&lt;!channel&gt; &amp;  [31m " in found["text"]
    assert len(json.dumps(found)) < 3000


@pytest.mark.parametrize("broken", [{}, {"nodes": []}, {"compressedNodes": "no"}, {"nodes": {"a": 7}}])
def test_a_status_that_cannot_be_read_has_no_failures(step: dict[str, ModuleType], broken: dict[str, Any]) -> None:
    assert told(step, {"metadata": {"name": "run-1"}, "status": broken}) is None
