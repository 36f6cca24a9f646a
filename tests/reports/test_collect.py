"""What the cluster and the records tell is put together: states, tries, causes, records."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reports.collect import CLASSES as STEPS
from reports.collect import collect
from reports.records import Records, parse
from tests.reports.sheets import CLASSES, START, Made, cohort, facts_of, sample_run

ROOT = Path(__file__).parents[2]


def made(sample: str = "P1") -> Made:
    return Made(sample, Random(1))


def test_the_classes_of_steps_are_those_of_their_scripts() -> None:
    scripts = ROOT.glob("images/*/*.sh")
    found = {script.stem: re.search(r"^step_class=(\w+)$", script.read_text(), re.MULTILINE) for script in scripts}
    said = {name: match[1] for name, match in found.items() if match and name not in ("fetch", "deliver")}
    assert said
    assert {name: STEPS.get(name, "small") for name in said} == said


def test_a_sample_is_done_with_its_tries_and_their_records() -> None:
    (sample,) = facts_of([sample_run("P1", START, Random(3))]).samples
    assert sample.state == "done"
    assert {found.step for found in sample.tries if found.record} >= {"fastqc", "gate", "align", "call", "record"}
    assert sorted(found.item for found in sample.tries if found.step == "fastqc") == ["P1_L001_R1", "P1_L001_R2"]


def test_a_failure_is_told_with_its_cause_and_what_the_step_said() -> None:
    one = made()
    one.step("gate", START, 5, failure="main: Error (exit code 77): qc: mean quality 17")
    (sample,) = facts_of([one]).samples
    assert sample.state == "failed"
    assert [(found.cause, found.message) for found in sample.failures] == [("qc", "qc: mean quality 17")]


def test_tries_before_the_last_are_retries_and_no_failures() -> None:
    one = made()
    one.step("align", START, 600, interruptions=3)
    (sample,) = facts_of([one]).samples
    assert not sample.failures
    assert [found.cause for found in sample.retries] == ["interruption"] * 3
    assert [found.number for found in sample.tries] == [0, 1, 2, 3]


def test_a_step_that_waits_for_its_next_try_has_not_failed() -> None:
    one = made()
    one.step("align", START, 600, failure="pod deleted")
    workflow = one.workflow()
    name = next(iter(one.nodes)).removesuffix("(0)")
    workflow["status"]["nodes"]["retry"] = {"name": name, "type": "Retry", "phase": "Running"}
    workflow["status"]["phase"] = "Running"
    (sample,), _, _ = collect(["P1"], [workflow], Records(), CLASSES)
    assert sample.state == "running"
    assert not sample.failures


def test_a_step_that_found_its_work_done_leaves_an_earlier_record_alone() -> None:
    one = made()
    one.step("align", START, 600)
    files = [(uri, data.replace(one.run.encode(), b"p1-before")) for uri, data in one.files]
    (sample,), _, _ = collect(["P1"], [one.workflow()], parse(files), CLASSES)
    assert [found.record for found in sample.tries] == [None]
    assert [record.run for record in sample.records] == ["p1-before"]


def test_without_a_cluster_records_tell_what_they_know() -> None:
    facts = facts_of(cohort(20), live=False)
    assert Counter(sample.state for sample in facts.samples) == {"done": 19, "unfinished": 1}
    assert all(found.phase == "Succeeded" for found in facts.tries)


def test_a_workflow_of_several_samples_tells_each_by_itself() -> None:
    good, bad = made("P1"), made("P2")
    good.step("record", START, 5)
    bad.step("gate", START, 5, failure="main: Error (exit code 65): bad input: no pairs")
    nodes = {**good.nodes, **bad.nodes}
    for sample, phase in (("P1", "Succeeded"), ("P2", "Failed")):
        nodes[sample] = {"name": sample, "type": "DAG", "phase": phase, "inputs": {"parameters": []}}
    for name, node in nodes.items():
        node["inputs"]["parameters"].append({"name": "sample", "value": name[:2].upper()})
    workflow = good.workflow()
    tasks = [{"arguments": {"parameters": [{"name": "sample", "value": name}]}} for name in ("P1", "P2", "P3")]
    workflow["spec"]["entrypoint"] = "group"
    workflow["spec"]["templates"].append({"name": "group", "dag": {"tasks": tasks}})
    workflow["status"] = {"phase": "Running", "nodes": nodes}
    samples, _, problems = collect(["P1", "P2", "P3", "P4"], [workflow], Records(), CLASSES)
    states = {sample.name: sample.state for sample in samples}
    assert states == {"P1": "done", "P2": "failed", "P3": "waiting", "P4": "unfinished"}
    assert problems == []


def test_a_sample_that_ran_twice_is_told_by_its_later_run() -> None:
    old, new = made(), made()
    old.step("gate", START, 5, failure="main: Error (exit code 65): bad input: x")
    new.step("record", START, 5)
    later = new.workflow()
    later["metadata"] |= {"creationTimestamp": (START + timedelta(days=1)).isoformat()}
    (sample,), _, _ = collect(["P1"], [later, old.workflow()], Records(), CLASSES)
    assert sample.state == "done"


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        {"phase": "Pending"},
        {"phase": "Running", "nodes": {}},
    ],
)
def test_a_run_that_has_not_begun_waits(status: dict[str, Any] | None) -> None:
    workflow = {**made().workflow(), "status": status}
    (sample,), _, problems = collect(["P1"], [workflow], Records(), CLASSES)
    assert (sample.state, sample.tries, problems) == ("waiting", (), [])


def test_a_run_that_failed_without_a_pod_says_why() -> None:
    workflow = {**made().workflow(), "status": {"phase": "Error", "message": "quota exceeded"}}
    (sample,), _, _ = collect(["P1"], [workflow], Records(), CLASSES)
    assert (sample.state, sample.message) == ("failed", "quota exceeded")


@pytest.mark.parametrize(
    "broken",
    [
        {"compressedNodes": "no base64!"},
        {"nodes": {"a": {"type": "Pod"}}},
        {"nodes": {"a": None}},
        {"nodes": {"a": {"type": "Pod", "name": "x", "inputs": {"parameters": [None]}}}},
    ],
)
def test_a_workflow_that_cannot_be_read_costs_a_line_and_no_other_sample(broken: dict[str, Any]) -> None:
    good = made("P2")
    good.step("record", START, 5)
    workflow = {**made().workflow(), "status": {"phase": "Running", **broken}}
    samples, _, problems = collect(["P1", "P2"], [workflow, good.workflow()], Records(), CLASSES)
    assert {sample.name: sample.state for sample in samples} == {"P1": "unfinished", "P2": "done"}
    assert len(problems) == 1
    assert "cannot be read" in problems[0]


def test_times_and_codes_that_are_none_are_not_known() -> None:
    one = made()
    one.step("align", START, 600, failure="pod deleted")
    for node in one.nodes.values():
        node |= {"startedAt": "soon", "finishedAt": 7, "outputs": {"exitCode": "x" * 10_000}}
    (sample,), _, _ = collect(["P1"], [one.workflow()], Records(), CLASSES)
    (found,) = sample.tries
    assert (found.created, found.ended, found.cause) == (None, None, "interruption")


def test_a_message_of_megabytes_is_cut() -> None:
    one = made()
    one.step("align", START, 600, failure="x" * 10_000_000)
    (sample,) = facts_of([one]).samples
    assert len(sample.failures[0].message) < 2100
