"""FastQC on the real reads: figures, verdicts, and the forms that a FASTQ file may have."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.images import reads
from tests.images.docker import Workspace

VERDICTS = {
    "Basic Statistics": "PASS",
    "Per base sequence quality": "PASS",
    "Per sequence quality scores": "PASS",
    "Per base sequence content": "PASS",
    "Per sequence GC content": "FAIL",
    "Per base N content": "WARN",
    "Sequence Length Distribution": "PASS",
    "Sequence Duplication Levels": "PASS",
    "Overrepresented sequences": "WARN",
    "Adapter Content": "PASS",
}


def fastqc(space: Workspace, uri: str, name: str, checksum: str = "none") -> dict[str, Any]:
    record = f"/data/steps/{name}.json"
    words = ("--name", name, "--reads", uri, "--checksum", checksum, "--out", "/data/fastqc/")
    outcome = space.run("fastqc", *words, record=record, memory=1024)
    assert outcome.code == 0, outcome.stderr
    return json.loads(space.read(f"steps/{name}.json"))


def known(space: Workspace) -> dict[str, Any]:
    return json.loads(space.read("steps/NA12878_L001_R1.json"))


@pytest.fixture(scope="module")
def space(folder: Path) -> Workspace:
    space = Workspace(folder)
    right = "md5:" + hashlib.md5(reads.gzipped(1)).hexdigest()
    fastqc(space, space.put("reads/R1.fastq.gz", reads.gzipped(1)), "NA12878_L001_R1", right)
    return space


def test_the_real_reads_have_the_known_figures_and_verdicts(space: Workspace) -> None:
    facts = known(space)["facts"]
    sequences = [one.split(b"\n")[1] for one in reads.records(1)]
    qualities = b"".join(one.split(b"\n")[3] for one in reads.records(1))
    assert facts["reads"] == reads.PAIRS
    assert facts["bases"] == sum(map(len, sequences))
    assert facts["mean_quality"] == pytest.approx(sum(qualities) / len(qualities) - 33, abs=0.005)
    assert facts["verdicts"] == VERDICTS


def test_the_report_is_whole_and_of_these_reads(space: Workspace) -> None:
    kinds = ("fastqc.html", "fastqc.zip", "reads.json")
    assert [name for name in space.files("fastqc") if "NA12878" in name] == [
        f"NA12878_L001_R1_{kind}" for kind in kinds
    ]
    with zipfile.ZipFile(space.path / "fastqc" / "NA12878_L001_R1_fastqc.zip") as archive:
        assert archive.testzip() is None
        data = archive.read("NA12878_L001_R1_fastqc/fastqc_data.txt").decode()
    assert f"Total Sequences\t{reads.PAIRS}\n" in data
    assert space.read("fastqc/NA12878_L001_R1_fastqc.html").rstrip().endswith(b"</html>")


def halves_as_two_members() -> bytes:
    one = reads.records(1)
    return reads.packed(b"".join(one[:800])) + reads.packed(b"".join(one[800:]))


@pytest.mark.parametrize(
    "content",
    [halves_as_two_members(), reads.plain(1).replace(b"\n", b"\r\n") + b"\r\n"],
    ids=["two gzip members", "not gzipped, Windows line ends, an empty line at the end"],
)
def test_other_forms_of_the_same_reads_have_the_same_figures(space: Workspace, content: bytes) -> None:
    uri = space.put("reads/other", content)
    record = fastqc(space, uri, "other")
    assert record["facts"] | {"name": "NA12878_L001_R1"} == known(space)["facts"]


def test_the_record_tells_what_was_read_run_and_made(space: Workspace) -> None:
    record = known(space)
    assert record["step"] == "fastqc"
    assert record["key"] == "key-1"
    content = reads.gzipped(1)
    assert [(one["uri"], one["size"], one["sha256"]) for one in record["inputs"]] == [
        ("/data/reads/R1.fastq.gz", len(content), hashlib.sha256(content).hexdigest())
    ]
    for output in record["outputs"]:
        made = space.read(output["uri"].removeprefix("/data/"))
        assert (output["size"], output["sha256"]) == (len(made), hashlib.sha256(made).hexdigest())
    assert record["tools"]["fastqc"].startswith("0.12.1")
    assert "FastQCApplication NA12878_L001_R1.fastq.gz" in record["commands"][0]
    assert record["peak_memory_bytes"] > 0
    assert record["started"] <= record["ended"]
