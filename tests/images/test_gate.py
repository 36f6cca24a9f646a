"""The gate stops a bad sample with reasons that a person understands, and refuses files that are no pair."""

import json
import shutil
from pathlib import Path

import pytest

from tests.images import reads
from tests.images.docker import Outcome, Workspace


@pytest.fixture(scope="module")
def checked(folder: Path) -> Path:
    """The reports of the real pair, as lane L001."""
    space = Workspace(folder)
    for mate in (1, 2):
        uri = space.put(f"reads/R{mate}.fastq.gz", reads.gzipped(mate))
        name = f"NA12878_L001_R{mate}"
        words = ("--name", name, "--reads", uri, "--checksum", "none", "--out", "/data/fastqc")
        outcome = space.run("fastqc", *words, record=f"/data/steps/{name}.json", memory=1024)
        assert outcome.code == 0, outcome.stderr
    return folder / "fastqc"


@pytest.fixture
def space(workspace: Workspace, checked: Path) -> Workspace:
    shutil.copytree(checked, workspace.path / "fastqc")
    return workspace


def gate(space: Workspace, *rules: str, least: int = 1000, quality: str = "20") -> Outcome:
    words = ["--fastqc", "/data/fastqc/", "--pair", "NA12878_L001_R1", "NA12878_L001_R2", *rules]
    return space.run("gate", *words, "--min-reads", str(least), "--min-mean-quality", quality, memory=256)


def change(space: Workspace, name: str, **facts: object) -> None:
    """What FastQC's step would have said of other reads."""
    file = space.path / "fastqc" / f"NA12878_L001_{name}_reads.json"
    content = json.loads(file.read_text()) | facts
    file.unlink()
    file.write_text(json.dumps(content))


def test_the_real_sample_passes_and_the_record_says_so(space: Workspace) -> None:
    outcome = gate(space, "--must-not-fail", "Basic Statistics", "--must-not-fail", "Per base sequence quality")
    assert outcome.code == 0, outcome.stderr
    facts = json.loads(space.read("steps/gate.json"))["facts"]
    assert facts["passed"] is True
    assert facts["pairs"] == reads.PAIRS
    assert facts["lanes"] == [{"lane": "L001", "pairs": reads.PAIRS, "mean_quality": [36.23, 33.99]}]


def test_all_reasons_are_told_at_once(space: Workspace) -> None:
    outcome = gate(space, "--must-not-fail", "Per sequence GC content", least=2000, quality="35")
    assert outcome.code == 77
    assert outcome.message == (
        "stopped by QC: sample NA12878: lane L001: 1633 read pairs are fewer than biojobs:qc.minReads 2000; "
        "R1 of lane L001: FastQC fails 'Per sequence GC content', which biojobs:qc.mustNotFail lists; "
        "R2 of lane L001: mean quality 33.99 is below biojobs:qc.minMeanQuality 35; "
        "R2 of lane L001: FastQC fails 'Per sequence GC content', which biojobs:qc.mustNotFail lists"
    )
    assert "gate.json" not in space.files("steps")


def test_a_sample_exactly_at_the_limits_passes(space: Workspace) -> None:
    assert gate(space, least=1633, quality="33.99").code == 0


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"reads": 1600}, "R1 has 1633 reads, R2 has 1600"),
        ({"first": "other"}, "R1 begins with read chr22.bin8.cram:166:7889, R2 with other"),
        ({"names_sha256": "0"}, "R1 and R2 hold differently named or ordered reads"),
    ],
)
def test_files_that_are_no_pair_are_bad_input(space: Workspace, facts: dict[str, object], message: str) -> None:
    change(space, "R2", **facts)
    outcome = gate(space)
    assert outcome.code == 65
    assert outcome.message.startswith("bad input: sample NA12878, lane L001: ")
    assert outcome.message.endswith(message)


def test_exchanged_files_are_told(space: Workspace) -> None:
    change(space, "R1", mate=2)
    change(space, "R2", mate=1)
    outcome = gate(space)
    assert (outcome.code, outcome.message) == (65, "bad input: sample NA12878, lane L001: R1 and R2 are exchanged")


def test_a_rule_for_a_module_that_fastqc_has_not_is_refused(space: Workspace) -> None:
    outcome = gate(space, "--must-not-fail", "Per base quality")
    assert outcome.code == 65
    assert "'Per base quality' is no FastQC module" in outcome.message


def test_a_missing_report_is_missing_input(space: Workspace) -> None:
    (space.path / "fastqc" / "NA12878_L001_R2_fastqc.zip").unlink()
    outcome = gate(space)
    assert outcome.code == 66
    assert outcome.message == "missing input: /data/fastqc/NA12878_L001_R2_fastqc.zip is not there"


def test_a_damaged_report_is_not_believed(space: Workspace) -> None:
    file = space.path / "fastqc" / "NA12878_L001_R2_fastqc.zip"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])
    outcome = gate(space)
    assert outcome.code == 70
    assert outcome.message.startswith("verification: /data/fastqc/NA12878_L001_R2_fastqc.zip is damaged")
