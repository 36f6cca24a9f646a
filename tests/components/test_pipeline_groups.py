"""Samples in groups, as resources: what a change of the sheet touches, and how failures are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.runs import explain_failures
from tests.components.conftest import Recorder, drained
from tests.components.test_pipeline import HEADER, FakeRuns, build, row, runs, settings, sheet
from workflows.status import Failure, RunStatus

__all__ = ["runs", "sheet"]


def grouped(sheet: Path, recorder: Recorder, rows: Sequence[int] = range(1, 21)) -> dict[str, str]:
    """The Workflow of each resource of a sheet in groups of seven, and that of each sample is one of them."""
    (sheet / "sheet.csv").write_text(HEADER + "".join(map(row, rows)))
    recorder.resources.clear()

    @drained
    def run() -> Any:
        def check(found: Mapping[str, str]) -> None:
            assert list(found) == [f"S{number}" for number in rows]
            made = recorder.of("Workflow")
            assert set(found.values()) < {each["metadata"]["name"] for each in made.values()}

        return build(settings(sheet, groupSize="7", wait="false"), sheet).runs.apply(check)

    run()
    made = recorder.of("Workflow")
    return {name: each["metadata"]["name"] for name, each in made.items() if name.startswith("pipeline-")}


def test_samples_in_groups_have_fewer_workflows_and_each_sample_is_found_in_its_own(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> None:
    assert 3 <= len(grouped(sheet, recorder)) < 10


def test_appended_rows_leave_all_but_the_last_group_as_they_are(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> None:
    before = grouped(sheet, recorder)
    after = grouped(sheet, recorder, range(1, 30))
    assert len(after) > len(before)
    # Resources are made in any order: the last group is that of the last of the first samples.
    last = max(before, key=lambda name: int(name.removeprefix("pipeline-S")))
    assert {name for name in before if after.get(name) != before[name]} <= {last}


def test_a_row_less_leaves_the_groups_before_and_far_after_it_as_they_are(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> None:
    before = grouped(sheet, recorder, range(1, 200))
    after = grouped(sheet, recorder, [*range(1, 100), *range(101, 200)])
    assert len({name for name in before if after.get(name) != before[name]}) <= 5


def test_how_many_samples_run_at_once_is_said_to_argo_and_changes_no_run(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> None:
    def made(**config: str) -> tuple[Mapping[str, str], set[str]]:
        recorder.resources.clear()

        @drained
        def run() -> Any:
            return build(settings(sheet, wait="false", **config), sheet).runs

        run()
        (limits,) = recorder.of("ConfigMap").values()
        return limits["data"], {each["metadata"]["name"] for each in recorder.of("Workflow").values()}

    (usual, names), (few, same) = made(), made(samplesAtOnce="3")
    assert usual == {"samples-at-once": "100", "groups-at-once": "100"}
    assert few == {"samples-at-once": "3", "groups-at-once": "3"}
    assert names == same


def test_each_failed_sample_of_a_group_is_told_and_the_others_are_counted() -> None:
    bad, good = (
        RunStatus("g-1", subject, phase, phase, failures)
        for subject, phase, failures in (
            ("S1", "Failed", (Failure("gate", "n1", "stopped by QC: x", 1),)),
            ("S2", "Succeeded", ()),
        )
    )
    whole = RunStatus("g-1", "S1-and-2-more", "Failed", "", bad.failures, (bad, good, replace(bad, subject="S3")))
    said = explain_failures(FakeRuns(Recorder()), {"g-1": whole}, {"g-1": "urn:g"})  # pyright: ignore[reportArgumentType]
    assert said is not None
    assert said.startswith("2 of 3 runs failed, 1 done:")
    assert ["S1: gate" in said, "S2: gate" in said, "S3: gate" in said] == [True, False, True]
    assert said.count("pulumi up --replace 'urn:g'") == 1


def test_thousands_of_failed_samples_are_told_in_some_pages() -> None:
    each = tuple(
        RunStatus("g-1", f"S{number}", "Failed", "", (Failure("gate", "n", "stopped by QC: x", 1),))
        for number in range(10_000)
    )
    whole = RunStatus("g-1", "g", "Failed", "", (), each)
    said = explain_failures(FakeRuns(Recorder()), {"g-1": whole}, {"g-1": "urn:g"})  # pyright: ignore[reportArgumentType]
    assert said is not None
    assert said.startswith("10000 of 10000 runs failed:")
    assert "and 9950 more: S50, S51" in said
    assert len(said) < 50_000
