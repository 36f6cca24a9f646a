"""The main job on a real Kubernetes with real reads: the science, and what starts when.

The tests build on each other's stack in the order of this file, as a user's day would.
"""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from tests.cluster.stack import (
    DATA,
    LEAN,
    PAIRS,
    R1,
    R2,
    Stack,
    await_true,
    changed,
    created,
    docker,
    halves,
    interrupt,
    kubectl,
    names,
    workflows,
)

BY_HAND = (
    "set -euo pipefail; cp /data/reference.fa /scratch/r.fa; bwa-mem2 index /scratch/r.fa > /dev/null 2>&1; "
    "bwa-mem2 mem -t 1 -K 100000000 -R '@RG\\tID:L001\\tSM:NA12878\\tLB:NA12878\\tPL:ILLUMINA' /scratch/r.fa "
    "/data/NA12878_1.fastq.gz /data/NA12878_2.fastq.gz 2>/dev/null | samtools fixmate -m - - "
    "| samtools sort 2>/dev/null | samtools markdup - - | samtools view"
)


def image(stack: Stack) -> str:
    return str(stack.record("NA12878")["images"]["align"])


def samtools(stack: Stack, sample: str, command: str) -> str:
    return docker(image(stack), command, mounts=[(stack.results(sample), "/data")])


def test_the_bam_is_whole_sorted_and_has_every_read(stack: Stack) -> None:
    assert samtools(stack, "NA12878", "samtools quickcheck -v /data/NA12878.bam && echo whole") == "whole\n"
    header = samtools(stack, "NA12878", "samtools view -H /data/NA12878.bam")
    assert "SO:coordinate" in header
    (group,) = re.findall(r"^@RG.*$", header, re.MULTILINE)
    assert set(group.split("\t")) == {"@RG", "ID:L001", "SM:NA12878", "LB:NA12878", "PL:ILLUMINA"}
    primary = samtools(stack, "NA12878", "samtools view -c -F 0x900 /data/NA12878.bam")
    assert int(primary) == 2 * PAIRS


def test_more_than_99_percent_of_the_reads_are_mapped(stack: Stack) -> None:
    mapped = samtools(stack, "NA12878", "samtools view -c -F 0x904 /data/NA12878.bam")
    assert int(mapped) / (2 * PAIRS) > 0.99


def test_the_records_are_those_of_the_same_tools_run_by_hand(stack: Stack) -> None:
    by_hand = docker(image(stack), BY_HAND, mounts=[(DATA, "/data")])
    assert samtools(stack, "NA12878", "samtools view /data/NA12878.bam") == by_hand
    assert by_hand.count("\n") >= 2 * PAIRS


def test_fastqc_gives_its_verdicts_on_both_files(stack: Stack) -> None:
    for read in (1, 2):
        folder = stack.results("NA12878") / "fastqc"
        assert (folder / f"NA12878_L001_R{read}_fastqc.html").stat().st_size > 100_000
        facts = stack.record("NA12878", f"NA12878_L001_R{read}")["facts"]
        assert facts["reads"] == PAIRS
        assert facts["verdicts"]["Basic Statistics"] == "PASS"


def test_the_run_record_tells_how_the_results_were_made(stack: Stack) -> None:
    run = stack.record("NA12878")
    assert run["complete"] is True
    assert run["run"] == names()["NA12878"]
    assert {entry["uri"] for entry in run["inputs"]} == {f"s3://reads/NA12878_{read}.fastq.gz" for read in (1, 2)}
    assert all(re.fullmatch(r".+@sha256:[0-9a-f]{64}", ref) for ref in run["images"].values())
    assert {"fastqc", "bwa-mem2", "samtools"} <= set(run["tools"])
    align = stack.record("NA12878", "align")
    assert any("bwa-mem2 mem" in command for command in map(str, align["commands"]))
    assert align["peak_memory_bytes"] > 0


def test_the_steps_run_under_pod_security_restricted(stack: Stack) -> None:
    labels = kubectl("get", "namespace", "biojobs", "-o", "jsonpath={.metadata.labels}")
    assert '"pod-security.kubernetes.io/enforce":"restricted"' in labels


def test_a_second_up_changes_nothing_and_a_preview_says_so(stack: Stack) -> None:
    before = {run["metadata"]["name"]: run["metadata"]["resourceVersion"] for run in workflows()}
    preview = stack.run("preview", "--expect-no-changes")
    assert preview.code == 0, preview.output[-3000:]
    ended = stack.succeed()
    assert re.fullmatch(r"\d+ unchanged", ended.changes()), ended.output[-3000:]
    assert {run["metadata"]["name"]: run["metadata"]["resourceVersion"] for run in workflows()} == before


def test_a_refresh_finds_no_drift(stack: Stack) -> None:
    ended = stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert ended.code == 0, ended.output[-3000:]


def test_a_row_more_starts_exactly_one_run_and_its_lanes_end_in_one_bam(stack: Stack) -> None:
    before = names()
    first, second = halves(R1, 800), halves(R2, 800)
    lanes = [
        (stack.reads(f"lane{number}_1.fastq.gz", one), stack.reads(f"lane{number}_2.fastq.gz", two))
        for number, (one, two) in enumerate(zip(first, second, strict=True), start=1)
    ]
    rows = [f"TWO,{one},{two},L{number},lib" for number, (one, two) in enumerate(lanes, start=1)]
    header = "sample,fastq_1,fastq_2,lane,library"
    good = "NA12878,reads/NA12878_1.fastq.gz,reads/NA12878_2.fastq.gz,,"
    (stack.folder / "sheet.csv").write_text("\n".join([header, good, *rows]) + "\n")
    ended = stack.succeed()
    assert "+ 1 created" in ended.changes()
    assert {**before, "TWO": names()["TWO"]} == names()
    groups = samtools(stack, "TWO", "samtools view -H /data/TWO.bam | grep ^@RG")
    assert sorted(re.findall(r"ID:(\S+)", groups)) == ["L1", "L2"]
    counts = [
        int(samtools(stack, "TWO", f"samtools view -c -F 0x900 -r {lane} /data/TWO.bam")) for lane in ("L1", "L2")
    ]
    assert counts == [1600, 2 * PAIRS - 1600]


@pytest.fixture(scope="module")
def bad(stack: Stack) -> dict[str, tuple[str, str]]:
    """Samples that must fail, each for its own reason, before anything that this leaves out."""
    stack.settings |= LEAN
    whole = R1.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    short = gzip.compress(b"".join([*lines[:7], lines[7][: len(lines[7]) // 2] + b"\n", *lines[8:]]))
    poor = gzip.compress(
        b"".join(line if i % 4 != 3 else b"#" * (len(line) - 1) + b"\n" for i, line in enumerate(lines))
    )
    fewer = halves(R2, 1500)[0]
    mate = R2.read_bytes()
    contents = {
        "TRUNCATED": (whole[: len(whole) // 2], mate),
        "MISMATCH": (short, mate),
        "COUNTS": (whole, fewer),
        "EMPTY": (b"", mate),
        "POOR": (poor, mate),
    }
    return {
        name: (stack.reads(f"{name}_1.fastq.gz", one), stack.reads(f"{name}_2.fastq.gz", two))
        for name, (one, two) in contents.items()
    }


def reason(output: str, sample: str) -> str:
    """What the last `up` said of a sample."""
    said = re.findall(rf"^ +{sample}: (.*)$", output, re.MULTILINE)
    assert said, f"{sample} is not named in\n{output[-6000:]}"
    return str(said[-1])


def test_bad_samples_fail_the_up_each_with_its_reason_and_the_others_are_done(
    stack: Stack, bad: dict[str, tuple[str, str]]
) -> None:
    stack.sheet(
        {"NA12878": ("reads/NA12878_1.fastq.gz", "reads/NA12878_2.fastq.gz"), "GOOD": stack.good("GOOD"), **bad}
    )
    ended = stack.up()
    assert ended.code != 0
    assert "5 of 7 runs failed, 2 done" in ended.output, ended.output[-6000:]
    assert re.search(r"fastqc: bad input: .*gzip", reason(ended.output, "TRUNCATED"))
    assert re.search(r"fastqc: bad input: .*line 8", reason(ended.output, "MISMATCH"))
    assert re.search(r"gate: bad input: .*1633.*1500", reason(ended.output, "COUNTS"))
    assert re.search(r"fastqc: bad input: .*empty", reason(ended.output, "EMPTY"))
    assert re.search(r"gate: stopped by QC: .*mean quality", reason(ended.output, "POOR"))
    assert stack.record("GOOD")["complete"] is True
    assert not any((stack.results(sample) / f"{sample}.bam").exists() for sample in bad)


def test_the_next_up_says_it_again_and_starts_nothing(stack: Stack) -> None:
    before = names()
    ended = stack.up()
    assert ended.code != 0
    assert "5 of 7 runs failed, 2 done" in ended.output
    assert names() == before


def test_a_mended_file_continues_where_it_stopped(stack: Stack) -> None:
    before = stack.record("COUNTS", "COUNTS_L001_R1")
    stack.reads("COUNTS_2.fastq.gz", R2.read_bytes())
    rows = {name: (f"reads/{name}_1.fastq.gz", f"reads/{name}_2.fastq.gz") for name in ("NA12878", "GOOD", "COUNTS")}
    stack.sheet(rows)
    stack.succeed()
    assert stack.record("COUNTS", "COUNTS_L001_R1") == before
    assert stack.record("COUNTS")["complete"] is True
    assert set(names()) == set(rows)


def test_runs_outlive_an_interrupted_up_and_the_controller_and_the_next_up_follows_them(stack: Stack) -> None:
    rows = {name: (f"reads/{name}_1.fastq.gz", f"reads/{name}_2.fastq.gz") for name in ("NA12878", "GOOD")}
    stack.sheet({**rows, "LATE": stack.good("LATE")})
    running = stack.begin()
    await_true("the run starts", lambda: "LATE" in names())
    output = interrupt(running)
    assert "Traceback" not in output
    started = names()["LATE"]
    # It changes nothing of what is done; who did it, and that somebody did, is told all the same.
    kubectl("-n", "biojobs", "patch", "workflow", started, "--type=merge", "--patch", '{"spec": {"priority": 1}}')
    running = stack.begin()
    await_true("a step runs", lambda: any(_running(run) for run in workflows()))
    pods = kubectl("-n", "argo", "get", "pods", "-o", "name").split()
    controller = next(pod for pod in pods if "controller" in pod)
    kubectl("-n", "argo", "delete", controller, "--grace-period=0", "--force")
    output = running.communicate(timeout=600)[0]
    assert running.returncode == 0, output[-5000:]
    assert names()["LATE"] == started
    assert stack.record("LATE")["complete"] is True
    assert set(re.findall(r"(\S+) was changed by hand \((\S+),", output)) == {(started, "kubectl-patch")}


def _running(run: dict[str, Any]) -> bool:
    nodes = run.get("status", {}).get("nodes", {}).values()
    return any(node["type"] == "Pod" and node["phase"] == "Running" for node in nodes)


def test_twenty_samples_all_start_within_a_minute_of_the_first(stack: Stack) -> None:
    before = set(names())
    with changed(stack, {"wait": False}):
        stack.sheet({f"S{number:02d}": stack.good(f"S{number:02d}") for number in range(1, 21)})
        stack.succeed()
    made = [created(run) for run in workflows() if run["metadata"]["labels"]["biojobs/sample"] not in before]
    assert len(made) == 20
    assert (max(made) - min(made)).total_seconds() <= 60


def test_a_sample_that_leaves_the_sheet_while_it_runs_is_stopped_and_no_other(stack: Stack) -> None:
    before = names()
    rows = [f"S{number:02d}" for number in range(1, 20)]
    with changed(stack, {"wait": False}):
        stack.sheet({name: (f"reads/{name}_1.fastq.gz", f"reads/{name}_2.fastq.gz") for name in rows})
        stack.succeed()
    assert names() == {name: before[name] for name in rows}
    await_true("its pods are gone", lambda: "/s20-" not in kubectl("-n", "biojobs", "get", "pods", "-o", "name"))


def test_destroy_keeps_the_results(stack: Stack) -> None:
    ended = stack.run("destroy", "--yes", "--skip-preview")
    assert ended.code == 0, ended.output[-3000:]
    assert stack.record("NA12878")["complete"] is True
    assert "biojobs" not in kubectl("get", "namespaces", "-o", "name")
