"""A finished step is not repeated; one whose input, image or output changed is."""

import json
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.images import reads
from tests.images.docker import Outcome, Workspace


def index(space: Workspace, key: str = "key-1") -> Outcome:
    fasta = space.put("reads/a.fa", reads.reference())
    return space.run("index", "--fasta", fasta, "--checksum", "none", "--out", "/data/made", key=key)


def written(space: Workspace) -> float:
    return (space.path / "made" / "reference.fa.0123").stat().st_mtime_ns


@pytest.fixture(scope="module")
def once(folder: Path) -> Path:
    """Where the step was done once, not to be changed."""
    outcome = index(Workspace(folder))
    assert outcome.code == 0, outcome.stderr
    return folder


@pytest.fixture
def done(once: Path, workspace: Workspace) -> Workspace:
    """A copy of it, with the times of its files."""
    shutil.copytree(once, workspace.path, dirs_exist_ok=True)
    for made in (workspace.path, *workspace.path.rglob("*")):
        made.chmod(0o777 if made.is_dir() else 0o666)
    return workspace


def test_a_finished_step_is_not_done_again(done: Workspace) -> None:
    before = written(done)
    again = index(done)
    assert (again.code, again.stdout, written(done)) == (0, "index: already done\n", before)


def test_another_key_does_the_step_again(done: Workspace) -> None:
    before = written(done)
    assert "already" not in index(done, key="key-2").stdout
    assert written(done) > before
    assert json.loads(done.read("steps/index.json"))["key"] == "key-2"


@pytest.mark.parametrize("rest", [None, b"short"])
def test_a_lost_or_cut_output_is_made_again(done: Workspace, rest: bytes | None) -> None:
    file = done.path / "made" / "reference.fa.pac"
    whole = file.read_bytes()
    file.unlink()
    if rest:
        file.write_bytes(rest)
    again = index(done)
    assert again.code == 0
    assert "already" not in again.stdout
    assert file.read_bytes() == whole


def test_a_record_that_is_no_json_counts_for_nothing(workspace: Workspace) -> None:
    record = workspace.path / "steps" / "index.json"
    record.write_text("{ cut")
    record.chmod(0o666)
    assert "already" not in index(workspace).stdout
    assert json.loads(record.read_text())["step"] == "index"


def test_a_step_that_fails_takes_its_old_record_away(done: Workspace) -> None:
    fasta = done.put("reads/a.fa", b">")
    failed = done.run("index", "--fasta", fasta, "--checksum", "none", "--out", "/data/made", key="key-2")
    assert failed.code == 65
    assert done.files("steps") == []


class Run:
    """A whole sample by its steps."""

    def __init__(self, space: Workspace) -> None:
        self.space = space

    def steps(self) -> list[str]:
        lane = (
            "--lane",
            "L001",
            "lib",
            "ILLUMINA",
            "/data/reads/R1.fastq.gz",
            "/data/reads/R2.fastq.gz",
            "none",
            "none",
        )
        for mate in (1, 2):
            name = f"NA12878_L001_R{mate}"
            words = ("--name", name, "--reads", f"/data/reads/R{mate}.fastq.gz", "--out", "/data/results/fastqc")
            words += ("--checksum", "none")
            self.do("fastqc", *words, record=f"/data/steps/{name}.json")
        pair = ("--pair", "NA12878_L001_R1", "NA12878_L001_R2", "--min-reads", "1", "--min-mean-quality", "20")
        self.do("gate", "--fastqc", "/data/results/fastqc", *pair, record="/data/steps/gate.json")
        words = ("--reference", "/data/reference", *lane, "--batch-bases", "1000000", "--out", "/data/results/bam")
        words += ("--duplicates", "mark", "--reads", "stream")
        self.do("align", *words, record="/data/steps/align.json")
        return [f"/data/steps/{name}.json" for name in ("NA12878_L001_R1", "NA12878_L001_R2", "gate", "align")]

    def do(self, step: str, *words: str, record: str) -> None:
        outcome = self.space.run(step, *words, record=record)
        assert outcome.code == 0, outcome.stderr

    def record(self, steps: list[str]) -> Outcome:
        words = [word for step in steps for word in ("--steps", step)]
        return self.space.run("record", *words, "--out", "/data/results/run.json", record="/data/steps/record.json")


def test_the_run_record_gathers_the_steps_and_is_refused_when_something_is_missing(indexed: Workspace) -> None:
    run = Run(indexed)
    steps = run.steps()
    outcome = run.record(steps)
    assert outcome.code == 0, outcome.stderr
    content = json.loads(indexed.read("results/run.json"))
    assert content["complete"] is True
    assert [one["step"] for one in content["steps"]] == ["fastqc", "fastqc", "gate", "align"]
    assert [one["uri"] for one in content["inputs"]] == ["/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz"]
    assert "/data/results/bam/NA12878.bam" in [one["uri"] for one in content["outputs"]]
    assert set(content["tools"]) == {"bwa-mem2", "fastqc", "rclone", "samtools"}
    assert content["peak_memory_bytes"] > 1_000_000
    refuse_incomplete(run, steps)


def test_a_stub_of_a_run_leaves_its_files_and_computes_nothing(workspace: Workspace) -> None:
    """Neither reads nor reference are there."""
    run = Run(Workspace(workspace.path, ("BIOJOBS_STUB=1",)))
    outcome = run.record(run.steps())
    assert outcome.code == 0, outcome.stderr
    assert run.space.files("results") == ["run.json"]
    assert "NA12878_L001_R1_fastqc.html" in run.space.files("results/fastqc")
    assert "NA12878.bam" in run.space.files("results/bam")
    assert sum(file.stat().st_size for file in (workspace.path / "results").rglob("*") if file.is_file()) < 200


def refuse_incomplete(run: Run, steps: list[str]) -> None:
    """Without the BAM, with other reads in two steps, without a step: no run record."""
    space = run.space
    (space.path / "results" / "run.json").unlink()
    align = json.loads(space.read("steps/align.json"))
    align["inputs"][0]["sha256"] = "0" * 64
    (space.path / "steps" / "align.json").unlink()
    space.put("steps/align.json", json.dumps(align).encode())
    changed = run.record(steps)
    assert (changed.code, changed.message) == (
        70,
        "verification: /data/reads/R1.fastq.gz was changed while the run was going: start the run again",
    )
    (space.path / "results" / "bam" / "NA12878.bam").unlink()
    missing = run.record([*steps[:-1], "/data/steps/nowhere.json"])
    assert (missing.code, missing.message) == (66, "missing input: /data/steps/nowhere.json is not there")
    assert space.files("results") == []


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""


def test_reads_may_come_from_a_web_server(workspace: Workspace) -> None:
    workspace.put("reads/R1 100%.fastq.gz", reads.gzipped(1))
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(workspace.path)))
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{web.server_port}/reads"
        words = ("--name", "S_R1", "--out", "/data/fastqc", "--checksum", "none", "--reads")
        good = workspace.run("fastqc", *words, f"{base}/R1%20100%25.fastq.gz", memory=1024)
        assert good.code == 0, good.stderr
        assert json.loads(workspace.read("steps/fastqc.json"))["facts"]["reads"] == reads.PAIRS
        missing = workspace.run("fastqc", *words, f"{base}/nowhere.fastq.gz", memory=1024, key="key-2")
        assert (missing.code, missing.message) == (66, f"missing input: {base}/nowhere.fastq.gz is not there")
    finally:
        web.shutdown()
