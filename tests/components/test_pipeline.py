"""The pipeline component: what is started when, and how an end is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components import pipeline as module
from components.contracts import Cloud, Cluster, Identity, Registry, Store
from components.inputs import read_inputs
from components.pipeline import Pipeline
from components.runs import POLL_SECONDS, ClusterAccess, follow
from settings import Settings, SettingsError, load
from tests.components.conftest import Recorder, drained
from workflows.status import Failure, RunStatus
from workflows.types import Placement, Source, StoreUris

HEADER = "sample,fastq_1,fastq_2\n"
IMAGES = {name: f"r/{name}@sha256:1" for name in ("fastqc", "bwa-mem2", "variants", "multiqc")}


class FakeRuns:
    """Runs that all end at their second look; those in `failing` fail."""

    seen: dict[str, int]
    failing: Sequence[str] = ()
    edited: str = ""
    started_when_first_asked: int = 0

    def __init__(self, recorder: Recorder) -> None:
        self.seen, self._recorder = {}, recorder

    def statuses(self, names: Sequence[str]) -> dict[str, RunStatus]:
        if any(name.startswith("s1-") for name in names) and not self.started_when_first_asked:
            self.started_when_first_asked = len(self._recorder.of("Workflow"))
        return {name: self._status(name) for name in names}

    def _status(self, name: str) -> RunStatus:
        self.seen[name] = self.seen.get(name, 0) + 1
        failed = any(name.startswith(f"{subject}-") for subject in self.failing)
        phase = "Running" if self.seen[name] < 2 else "Failed" if failed else "Succeeded"
        failures = (Failure("fastqc", "n1", "bad input: line 7", 1),) if phase == "Failed" else ()
        edited = self.edited if name.startswith("s1-") else ""
        return RunStatus(name, name.rsplit("-", 1)[0].upper(), phase, phase, failures, edited=edited)

    def log_tail(self, workflow: str, node: str) -> list[str]:
        return ["the last line of the log"]


def _page_line(*_: object) -> str:
    return "all about these runs: page.html"


@pytest.fixture
def runs(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    fake = FakeRuns(recorder)

    def connect(access: ClusterAccess) -> FakeRuns:
        return fake

    monkeypatch.setattr(module, "Runs", connect)
    monkeypatch.setattr("components.runs.POLL_SECONDS", POLL_SECONDS / 1000)
    monkeypatch.setattr("reports.after.page_line", _page_line)
    return fake


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "sheet.csv").write_text(HEADER + "".join(map(row, range(1, 21))))
    return tmp_path


def row(number: int) -> str:
    return f"S{number},s{number}_1.fq,s{number}_2.fq\n"


def settings(root: Path, **config: str) -> Settings:
    base = {"biojobs:cloud": "local", "biojobs:sheet": "sheet.csv", "biojobs:reference": "s3://reference/r.fa"}
    return load({**base, **{f"biojobs:{key}": value for key, value in config.items()}}, "local", root)


def located(location: str) -> Source:
    return Source(f"s3://reads/{location}", "1-1")


def build(found: Settings, root: Path) -> Pipeline:
    provider = k8s.Provider("p", context="ctx")
    placements = {name: Placement() for name in ("small", "large", "huge", "gpu")}
    cluster = Cluster(provider, placements, (6443,), pulumi.Output.from_input("ctx"))  # pyright: ignore[reportArgumentType]
    store = Store(StoreUris("s3://reads", "s3://reference", "s3://results"), where="results")
    cloud = Cloud(cluster, Registry("r"), Identity(), store)
    images = {name: pulumi.Output.from_input(ref) for name, ref in IMAGES.items()}
    return Pipeline("pipeline", found, cloud, images, read_inputs(found, root, located), after=[])


@drained
def test_all_samples_are_started_before_the_first_is_awaited(runs: FakeRuns, sheet: Path) -> Any:
    made = build(settings(sheet), sheet)

    def check(ended: str) -> None:
        assert ended == "20 done"
        assert runs.started_when_first_asked == 22

    return made.ended.apply(check)


@drained
def test_without_wait_only_the_reference_is_awaited(runs: FakeRuns, sheet: Path) -> Any:
    made = build(settings(sheet, wait="false"), sheet)

    def check(_: object) -> None:
        assert [name.split("-")[0] for name in runs.seen] == ["r"]

    return made.runs.apply(check)


@drained
def test_a_run_that_is_taken_away_is_gone_at_once_so_that_argo_tries_nothing_again(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> Any:
    made = build(settings(sheet), sheet)

    def check(_: str) -> None:
        workflows = recorder.of("Workflow").values()
        policies = [each["metadata"]["annotations"]["pulumi.com/deletionPropagationPolicy"] for each in workflows]
        assert policies == ["background"] * 22

    return made.ended.apply(check)


@drained
def test_a_run_that_an_up_made_and_could_not_write_down_is_taken_over_by_the_next(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> Any:
    made = build(settings(sheet), sheet)

    def check(_: str) -> None:
        workflows = recorder.of("Workflow").values()
        assert {each["metadata"]["annotations"]["pulumi.com/patchForce"] for each in workflows} == {"true"}

    return made.ended.apply(check)


@drained
def test_a_run_is_named_by_its_content(runs: FakeRuns, sheet: Path, recorder: Recorder) -> Any:
    def check(found: Mapping[str, str]) -> None:
        assert len(set(found.values())) == 20
        assert recorder.one("Workflow", "pipeline-S3")["metadata"]["name"] == found["S3"]

    return build(settings(sheet), sheet).runs.apply(check)


def test_a_failed_run_fails_the_pipeline_with_sample_step_reason_log_and_remedy(runs: FakeRuns, sheet: Path) -> None:
    runs.failing = ["s3", "s7"]

    @drained
    def run() -> Any:
        return build(settings(sheet), sheet).ended

    with pytest.raises(Exception, match="2 of 20 runs failed, 18 done") as caught:
        run()
    said = str(caught.value)
    assert "S3: fastqc: bad input: line 7" in said
    assert "the last line of the log" in said
    assert "pulumi up --replace 'urn:" in said


def test_a_failed_reference_starts_no_sample(runs: FakeRuns, sheet: Path, recorder: Recorder) -> None:
    runs.failing = ["r"]

    @drained
    def run() -> Any:
        return build(settings(sheet), sheet).ended

    with pytest.raises(Exception, match="1 of 1 runs failed"):
        run()
    assert list(recorder.of("Workflow")) == ["local-reference"]


def test_a_failed_page_of_the_sheet_fails_the_pipeline_too(runs: FakeRuns, sheet: Path) -> None:
    runs.failing = ["sheet"]

    @drained
    def run() -> Any:
        return build(settings(sheet), sheet).ended

    with pytest.raises(Exception, match="1 of 21 runs failed, 20 done"):
        run()


@drained
def test_without_multiqc_and_joint_calls_there_is_no_run_of_the_sheet(
    runs: FakeRuns, sheet: Path, recorder: Recorder
) -> Any:
    made = build(settings(sheet, multiqc="false"), sheet)

    def check(_: str) -> None:
        assert len(recorder.of("Workflow")) == 21

    return made.ended.apply(check)


@drained
def test_single_jobs_are_installed_as_templates(runs: FakeRuns, sheet: Path, recorder: Recorder) -> Any:
    made = build(settings(sheet), sheet)

    def check(_: str) -> None:
        templates = recorder.of("WorkflowTemplate").values()
        assert {each["metadata"]["name"] for each in templates} == {"fastqc", "align", "variants", "index"}

    return made.ended.apply(check)


@drained
def test_a_run_that_was_changed_by_hand_is_warned_of_by_name(
    runs: FakeRuns, sheet: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> Any:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)
    runs.edited = "kubectl-edit, 2026-11-22T06:35:05Z"
    made = build(settings(sheet, wait="true"), sheet)

    def check(_: str) -> None:
        (line,) = said
        assert line.startswith("s1-")
        assert "was changed by hand (kubectl-edit, 2026-11-22T06:35:05Z)" in line
        assert "pulumi up --replace 'urn:" in line

    return made.ended.apply(check)


def follow_with(answers: list[Callable[[], dict[str, RunStatus]]]) -> Any:
    class Answers:
        def statuses(self, names: Sequence[str]) -> dict[str, RunStatus]:
            return (answers.pop(0) if len(answers) > 1 else answers[0])()

    return asyncio.run(follow(Answers(), ["a-1"], lambda status: None))  # pyright: ignore[reportArgumentType]


def test_an_api_server_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.runs.POLL_SECONDS", 0.001)
    done = RunStatus("a-1", "A", "Succeeded", "done", ())

    def away() -> dict[str, RunStatus]:
        raise ConnectionError("refused")

    assert follow_with([away, away, lambda: {"a-1": done}]) == {"a-1": done}


def test_an_api_server_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.runs.POLL_SECONDS", 0.0)

    def away() -> dict[str, RunStatus]:
        raise ConnectionError("refused")

    with pytest.raises(pulumi.RunError, match="does not answer: refused; the runs go on"):
        follow_with([away])


def test_a_run_that_is_deleted_meanwhile_is_told_and_not_waited_for() -> None:
    with pytest.raises(pulumi.RunError, match="a-1: deleted while it was followed"):
        follow_with([dict])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "biojobs:multiqc: true: one step for all 10,000 samples of sheet.csv, which takes some 5,0"),
        ({"multiqc": "false", "variants": '{"joint": true}'}, "biojobs:variants.joint: true: one step for all 10,000"),
    ],
)
def test_a_sheet_that_is_too_long_for_one_step_is_refused_before_hours_are_spent(
    tmp_path: Path, config: dict[str, str], words: str
) -> None:
    (tmp_path / "sheet.csv").write_text(HEADER + "".join(map(row, range(10_000))))
    with pytest.raises(SettingsError, match=re.escape(words)):
        read_inputs(settings(tmp_path, **config), tmp_path, located)
    apart = settings(tmp_path, multiqc="false")
    assert len(read_inputs(apart, tmp_path, located).samples) == 10_000


def test_missing_reads_and_a_missing_reference_are_all_told_before_anything_is_made(sheet: Path) -> None:
    def nowhere(location: str) -> Source:
        raise LookupError(f"{location}: no such file")

    with pytest.raises(SettingsError) as caught:
        read_inputs(settings(sheet), sheet, nowhere)
    lines = str(caught.value).splitlines()
    assert len(lines) == 41
    assert lines[0] == "sheet.csv: sample S1: s1_1.fq: no such file"
    assert lines[-1] == "biojobs:reference: s3://reference/r.fa: no such file"
