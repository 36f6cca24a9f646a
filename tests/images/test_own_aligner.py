"""An aligner of the user's own between fetch and deliver: its records are those of the pipeline's, or it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.images import docker, reads
from tests.images.docker import Outcome, Workspace
from tests.images.pods import NAME, TO_BAM, TO_SAM, Lane, Pod, pod
from tests.images.test_align import RESULTS, align, body, header, tags_sorted


def delivered(space: Workspace, lane: Lane, command: str) -> None:
    one = pod(space, lane)
    fetched = one.step("fetch")
    assert fetched.code == 0, fetched.stderr
    one.aligner(command)
    outcome = one.step("deliver")
    assert outcome.code == 0, outcome.stderr


def sort(space: Workspace, *lanes: Lane, duplicates: str = "mark") -> Outcome:
    bams = [word for lane in lanes for word in ("--lane-bam", lane.name, f"/data/lanes/{lane.name}.bam")]
    words = [*bams, "--reference", "/data/reference/", "--duplicates", duplicates, "--out", "/data/own/"]
    return space.run("sort", *words)


def two_lanes(space: Workspace, libraries: tuple[str, str]) -> tuple[Lane, Lane]:
    """The real reads in two lanes, the second one's once more by another name: duplicates across the lanes."""
    first, second = Lane(library=libraries[0]), Lane("L002", libraries[1])
    again = [reads.plain(mate).replace(b"@chr22", b"@again") for mate in (1, 2)]
    one, two = (space.put(f"reads/again{mate}.fastq", content) for mate, content in enumerate(again, 1))
    second.files = (one, two)
    return first, second


def assert_same_as_align(space: Workspace, *lanes: Lane, duplicates: str = "mark") -> None:
    words = [word for lane in lanes for word in lane.for_align()]
    theirs = align(space, *words, duplicates=duplicates)
    assert theirs.code == 0, theirs.stderr
    views = [body(space, f"/data/{folder}/{NAME}.bam") for folder in ("own", "bam")]
    assert [tags_sorted(line) for line in views[0]] == [tags_sorted(line) for line in views[1]]
    assert space.files("own") == space.files("bam")
    groups = [[line for line in header(space, f"/data/{at}/{NAME}.bam") if line[:3] == "@RG"] for at in ("own", "bam")]
    assert sorted(groups[0]) == sorted(groups[1])
    for ending in ("coverage.txt", "flagstat.txt"):
        assert space.read(f"own/{NAME}.{ending}") == space.read(f"bam/{NAME}.{ending}")
    facts = [json.loads(space.read(f"steps/{step}.json"))["facts"] for step in ("sort", "align")]
    facts[1].pop("reads")
    assert facts[0] == facts[1]


def test_the_bam_is_the_one_that_align_makes(indexed: Workspace) -> None:
    delivered(indexed, Lane(), TO_SAM)
    outcome = sort(indexed, Lane(), duplicates="keep")
    assert outcome.code == 0, outcome.stderr
    assert_same_as_align(indexed, Lane(), duplicates="keep")
    again = sort(indexed, Lane(), duplicates="keep")
    assert (again.code, again.stdout) == (0, "sort: already done\n")


@pytest.mark.parametrize("libraries", [("lib1", "lib1"), ("lib1", "lib2")])
def test_lanes_become_one_bam_as_with_align(indexed: Workspace, libraries: tuple[str, str]) -> None:
    lanes = two_lanes(indexed, libraries)
    for lane in lanes:
        delivered(indexed, lane, TO_BAM)
    outcome = sort(indexed, *lanes)
    assert outcome.code == 0, outcome.stderr
    assert_same_as_align(indexed, *lanes)
    assert indexed.files("lanes") == []


def test_the_run_record_has_the_result_and_not_what_was_on_the_way(indexed: Workspace) -> None:
    delivered(indexed, Lane(), TO_SAM)
    record = json.loads(indexed.read("steps/L001.json"))
    assert [one["uri"] for one in record["inputs"]] == list(Lane().files)
    assert sort(indexed, Lane()).code == 0
    words = ["--steps", "/data/steps/sort.json", "--steps", "/data/steps/L001.json", "--steps", "/data/steps/sort.json"]
    outcome = indexed.run("record", *words, "--out", "/data/own/run.json")
    assert outcome.code == 0, outcome.stderr
    content = json.loads(indexed.read("own/run.json"))
    assert [one["step"] for one in content["steps"]] == ["sort", "deliver"]
    assert [one["uri"] for one in content["inputs"]] == list(Lane().files)
    assert sorted(one["uri"] for one in content["outputs"]) == sorted(f"/data/own/{NAME}.{kind}" for kind in RESULTS)


# ---- what the aligner leaves is not taken on trust ----------------------------------------------------------------


@pytest.fixture(scope="module")
def fetched(folder: Path, index: Path) -> Generator[Pod]:
    """After fetch and a good aligner, whose result is scratch/good.sam."""
    space = Workspace(folder)
    shutil.copytree(index, folder / "reference")
    for mate in (1, 2):
        space.put(f"reads/R{mate}.fastq.gz", reads.gzipped(mate))
    one = pod(space)
    assert one.step("fetch").code == 0
    one.aligner()
    shutil.copy(one.scratch / "out" / "aligned.sam", one.scratch / "good.sam")
    yield one
    docker.docker(
        "run", "--rm", "--user=0", f"--volume={one.scratch}:/x", docker.tag("bwa-mem2"), "rm", "-rf", "/x/out"
    )


def good(one: Pod) -> list[bytes]:
    return (one.scratch / "good.sam").read_bytes().splitlines(keepends=True)


def refused(outcome: Outcome, reason: str) -> None:
    assert outcome.code == 70, outcome.stderr
    assert outcome.message.startswith(f"verification: sample {NAME}, lane L001: the aligner's ")
    assert reason in outcome.message


def records_at(lines: list[bytes]) -> int:
    return next(at for at, line in enumerate(lines) if not line.startswith(b"@"))


def pair_at(lines: list[bytes]) -> int:
    """Where a pair of two records begins that has no supplementary ones."""
    return next(at for at in range(records_at(lines), len(lines)) if is_pair(lines, at))


def is_pair(lines: list[bytes], at: int) -> bool:
    names = [line.split(b"\t")[0] for line in lines[at - 1 : at + 3]]
    return names[1] == names[2] and names[1] not in (names[0], names[3])


def changed(lines: list[bytes], at: int, column: int, value: bytes) -> bytes:
    fields = lines[at].split(b"\t")
    fields[column] = value
    return b"".join([*lines[:at], b"\t".join(fields), *lines[at + 1 :]])


def test_nothing_twice_or_empty_is_refused(fetched: Pod) -> None:
    refused(fetched.leaves(b"", ""), "command left no aligned.bam and no aligned.sam in BIOJOBS_OUT")
    refused(fetched.leaves(b""), "aligned.sam is empty")
    (fetched.scratch / "out" / "aligned.bam").write_bytes(b"x")
    refused(fetched.step("deliver"), "folder has both aligned.bam and aligned.sam")
    refused(fetched.leaves(b"not a BAM", "aligned.bam"), "aligned.bam is not whole: samtools quickcheck refuses it")


def test_a_cut_bam_is_refused(fetched: Pod) -> None:
    fetched.leaves(b"", "")
    fetched.aligner("samtools view -b -o $BIOJOBS_OUT/aligned.bam /scratch/good.sam")
    whole = (fetched.scratch / "out" / "aligned.bam").read_bytes()
    refused(fetched.leaves(whole[: len(whole) // 2], "aligned.bam"), "aligned.bam is not whole")


def test_a_lost_pair_is_refused(fetched: Pod) -> None:
    lines = good(fetched)
    at = pair_at(lines)
    outcome = fetched.leaves(b"".join(lines[:at] + lines[at + 2 :]))
    refused(outcome, f"aligned.sam: it has {reads.PAIRS - 1} reads of R1, the FASTQ file has {reads.PAIRS}")


def test_a_pair_in_the_place_of_another_is_refused(fetched: Pod) -> None:
    lines = good(fetched)
    one = pair_at(lines)
    two = next(at for at in range(one + 20, len(lines)) if is_pair(lines, at))
    outcome = fetched.leaves(b"".join([*lines[:two], *lines[one : one + 2], *lines[two + 2 :]]))
    refused(outcome, "the reads of R1 have other names than in the FASTQ file, or one is there twice, another not")


def test_a_lost_mate_is_refused(fetched: Pod) -> None:
    lines = good(fetched)
    at = pair_at(lines)
    name = lines[at].split(b"\t")[0].decode()
    refused(fetched.leaves(b"".join(lines[:at] + lines[at + 1 :])), f"read {name} has 0 primary records for R1 and 1")


def test_records_that_are_not_grouped_by_name_are_refused(fetched: Pod) -> None:
    fetched.leaves(b"", "")
    fetched.aligner("samtools sort -o $BIOJOBS_OUT/aligned.bam /scratch/good.sam")
    refused(fetched.step("deliver"), "leave the records grouped by read name")


def test_other_contigs_are_refused(fetched: Pod) -> None:
    text = b"".join(good(fetched))
    renamed = text.replace(b"SN:q\t", b"SN:chrQ\t").replace(b"\tq\t", b"\tchrQ\t")
    refused(fetched.leaves(renamed), "contig 1 of the header is @SQ SN:chrQ LN:12356, in the reference it is @SQ SN:q")
    more = text.replace(b"LN:12356\n", b"LN:12356\n@SQ\tSN:r\tLN:10\n", 1)
    refused(fetched.leaves(more), "contig 2 of the header is @SQ SN:r LN:10, in the reference it is none")


def test_reads_that_are_no_pairs_and_lines_that_are_no_records_are_refused(fetched: Pod) -> None:
    lines = good(fetched)
    at = pair_at(lines)
    refused(fetched.leaves(changed(lines, at, 1, b"0")), "is not told to be one of a pair (flag 0)")
    refused(fetched.leaves(changed(lines, at, 1, b"1")), "is told to be neither R1 nor R2 of its pair (flag 1)")
    outcome = fetched.leaves(b"".join([*lines[:at], b"garbage\n", *lines[at:]]))
    assert outcome.code not in (0, 143)
    assert "aligned.sam" in outcome.message
    assert fetched.space.files("lanes") == []


# ---- what it is given ---------------------------------------------------------------------------------------------


def test_the_aligner_finds_what_is_promised(fetched: Pod) -> None:
    given = fetched.scratch / "in"
    names = {str(path.relative_to(given)) for path in given.rglob("*") if path.is_file()}
    assert {"R1.fastq.gz", "R2.fastq.gz", "lane.json", "reference/reference.fa", "reference/reference.dict"} <= names
    assert (given / "R2.fastq.gz").read_bytes() == reads.gzipped(2)
    lane = json.loads((given / "lane.json").read_text())
    assert (lane["sample"], lane["lane"], lane["pairs"]) == (NAME, "L001", reads.PAIRS)
    assert lane["read_group"] == r"@RG\tID:L001\tSM:NA12878\tLB:lib1\tPL:ILLUMINA"


BAD_READS = {
    "another file": ("md5:" + "0" * 32, reads.gzipped(2), "has md5 "),
    "cut": ("none", reads.gzipped(2)[:100_000], "the gzip file is cut or damaged"),
    "fewer": ("none", reads.packed(b"".join(reads.records(2)[:1600])), "different numbers of reads: 1633 and 1600"),
    "others": ("none", reads.packed(reads.plain(2).replace(b"@chr22", b"@chr21")), "differently named reads"),
    "empty": ("none", b"", "is empty: no read in it"),
}


@pytest.mark.parametrize("case", BAD_READS)
def test_bad_reads_are_refused_before_the_aligner_runs(indexed: Workspace, case: str) -> None:
    checksum, content, reason = BAD_READS[case]
    two = indexed.put("reads/bad.fastq.gz", content)
    outcome = pod(indexed, Lane(files=(Lane().files[0], two), sums=("none", checksum))).step("fetch")
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith(f"bad input: sample {NAME}, lane L001: R")
    assert reason in outcome.message


def test_a_stub_goes_through_all_three(indexed: Workspace) -> None:
    one = pod(indexed)
    for step in ("fetch", "deliver"):
        outcome = one.step(step, "--env=BIOJOBS_STUB=1")
        assert outcome.code == 0, outcome.stderr
    assert indexed.files("lanes") == ["L001.bam"]
    stub = Workspace(indexed.path, ("BIOJOBS_STUB=1",))
    assert sort(stub, Lane()).code == 0
    assert indexed.files("own") == [f"{NAME}.{kind}" for kind in RESULTS]
    assert len({indexed.read(f"own/{NAME}.{kind}") for kind in RESULTS}) == 1
