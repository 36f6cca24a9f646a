"""The whole program under the real engine, on recorded clouds: what is made, changed, told and taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import AT_THE_END, LOCAL, Project, make_project, recorders
from tests.engine.fake_api import Failures, serve
from tests.program import ROOT, link

READS = ROOT / "samples" / "na12878-chr22"


class Program:
    """The program as a project of its own with a sheet and a workspace."""

    def __init__(self, project: Project, failures: Failures) -> None:
        self.project, self.failures = project, failures
        self.settings: dict[str, object] = {}
        self.sheet("A")

    def sheet(self, *samples: str) -> None:
        """Writes a sheet with these samples, and the stack file."""
        reads = self.project.folder / "workspace" / "reads"
        reads.mkdir(parents=True, exist_ok=True)
        rows = ["sample,fastq_1,fastq_2"]
        for sample in samples:
            for read in ("1", "2"):
                file = reads / f"{sample}_{read}.fastq.gz"
                if not file.exists():
                    file.write_bytes((READS / f"NA12878_{read}.fastq.gz").read_bytes())
            rows.append(f"{sample},reads/{sample}_1.fastq.gz,reads/{sample}_2.fastq.gz")
        (self.project.folder / "sheet.csv").write_text("\n".join(rows) + "\n")
        self.write_settings()

    def write_settings(self) -> None:
        """Writes the stack file, keeping what Pulumi put there."""
        values = {"cloud": "local", "sheet": "sheet.csv", **self.settings}
        file = self.project.folder / "Pulumi.test.yaml"
        kept = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "config"}
        config = {f"biojobs:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump({**kept, "config": config}))

    def changed(self, *operations: str) -> list[str]:
        """Keys of the recorded calls of these operations."""
        return [key for operation, key in self.project.recording.calls() if operation in operations]


@pytest.fixture
def program(tmp_path: Path, python: Path) -> Iterator[Program]:
    kubeconfig = tmp_path / "kubeconfig"
    link(tmp_path)
    environment = {"KUBECONFIG": str(kubeconfig), **AT_THE_END}
    project = make_project(tmp_path, recorders(LOCAL), environment, python)
    failures: Failures = {}
    with serve(project.recording, failures, kubeconfig):
        yield Program(project, failures)


def test_preview_then_up_then_nothing_then_destroy(program: Program) -> None:
    project = program.project
    preview = project.ok("preview")
    assert project.recording.section("objects") == {}
    first = project.up()
    assert preview.changes().replace("to create", "created") == first.changes()
    second = project.ok("up", "--yes")
    assert second.changes().endswith("unchanged")
    assert "+" not in second.changes()
    project.ok("destroy", "--yes", "--skip-preview")
    assert project.recording.section("objects") == {}
    assert (project.folder / "workspace" / "reads" / "A_1.fastq.gz").exists()


def test_a_row_more_makes_one_workflow_and_a_row_less_removes_its_own(program: Program) -> None:
    project = program.project
    program.sheet("A", "B")
    project.up()
    program.sheet("A", "B", "C")
    assert project.up().changes().startswith("+ 1 created")
    program.sheet("A", "C")
    assert project.up().changes().startswith("- 1 deleted")


def test_a_failed_run_fails_the_up_now_and_next_time_until_it_is_mended(program: Program) -> None:
    project = program.project
    program.sheet("A", "B")
    program.failures["B"] = "bad input: B_L001_R1 line 7: quality has 3 characters, sequence 4"
    for _ in range(2):
        failed = project.run("up", "--yes", "--skip-preview")
        assert failed.code != 0
        assert "1 of 2 runs failed, 1 done" in failed.output, failed.output
        assert "B: fastqc: bad input: B_L001_R1 line 7: quality has 3 characters, sequence 4" in failed.output
        assert "Traceback" not in failed.output
    file = project.folder / "workspace" / "reads" / "B_1.fastq.gz"
    file.write_bytes(file.read_bytes() + b"")
    program.failures.clear()
    assert "replaced" in project.up().changes()


TOUCHED: Mapping[str, tuple[dict[str, object], str]] = {
    # The sheet's run is replaced with its samples', and updates are of single jobs' templates.
    "size of a class": (
        {"classes": {"small": {"cpu": "1", "memory": "2Gi", "scratch": "9Gi"}}},
        "~ 2 to update +-2 to replace",
    ),
    "QC rule": ({"qc": {"minReads": 5}}, "+-2 to replace"),
    "quota": ({"quota": {"pods": 50}}, "~ 1 to update"),
    "batch": ({"batchBases": 1_000_000}, "~ 1 to update +-2 to replace"),
}


def test_a_setting_touches_only_what_it_should(program: Program) -> None:
    program.project.up()
    said: dict[str, str] = {}
    for name, (setting, _) in TOUCHED.items():
        program.settings = dict(setting)
        program.write_settings()
        said[name] = program.project.ok("preview").changes()
    assert {name: said[name] for name, (_, start) in TOUCHED.items() if not said[name].startswith(start)} == {}


def test_bad_settings_and_a_bad_sheet_make_nothing_and_are_all_told(program: Program) -> None:
    project = program.project
    program.settings |= {"region": "eu-west-1", "qc": {"minReads": -1}}
    program.write_settings()
    refused = project.run("up", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "biojobs:region: 'eu-west-1': is a key of aws and gcp" in refused.output
    assert "biojobs:qc.minReads: -1" in refused.output
    assert project.recording.section("objects") == {}
    assert "Traceback" not in refused.output


def test_an_up_that_failed_in_the_middle_is_completed_by_the_next(program: Program) -> None:
    project = program.project
    with project.change() as content:
        content["failures"]["test-argo-release"] = "the disk is full"
    first = project.run("up", "--yes", "--skip-preview")
    assert first.code != 0
    assert "the disk is full" in first.output
    with project.change() as content:
        content["failures"].clear()
    project.up()
    assert project.ok("up", "--yes").changes().endswith("unchanged")


AWS = {"region": "eu-west-1", "pools": {"huge": {"types": ["r5.8xlarge", "m5.8xlarge"]}}}
GCP = {
    "project": "your-project-id",
    "region": "europe-west4",
    "classes": {"large": {"cpu": "300", "memory": "165Gi", "scratch": "340Gi"}},
}


@pytest.mark.parametrize(
    ("cloud", "settings", "also"),
    [
        ("aws", AWS, ["biojobs:pools.huge.types"]),
        ("gcp", GCP, ["biojobs:project: 'your-project-id'", "biojobs:classes.large"]),
        ("gcp", {**GCP, "gke": "autopilot"}, ["biojobs:project: 'your-project-id'", "biojobs:classes.large"]),
    ],
    ids=["AWS", "Google Cloud", "Autopilot"],
)
def test_everything_that_cannot_work_is_told_before_the_cloud_is_asked(
    program: Program, cloud: str, settings: dict[str, object], also: list[str]
) -> None:
    program.settings = {"cloud": cloud, "adminCidrs": ["203.0.113.7/32"], **settings}
    program.write_settings()
    refused = program.project.run("preview")
    assert refused.code != 0
    assert [words for words in ["biojobs:adminCidrs: '203.0.113.7/32'", *also] if words not in refused.output] == []
    assert "Traceback" not in refused.output
