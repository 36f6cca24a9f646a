"""Index and alignment of the real reads: the science, not the exit code."""

import gzip
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.images import docker, reads
from tests.images.docker import Outcome, Workspace

BATCH = "1000000"
RESULTS = ("bam", "bam.bai", "coverage.txt", "flagstat.txt", "markdup.txt", "stats.txt")
NO_SUMS = ("none", "none")
ONE_LANE = ("--lane", "L001", "lib1", "ILLUMINA", "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz", *NO_SUMS)


def align(
    space: Workspace,
    *lanes: str,
    out: str = "/data/bam/",
    duplicates: str = "mark",
    access: str = "stream",
    **more: Any,
) -> Outcome:
    words = ["--reference", "/data/reference/", *lanes, "--out", out, "--batch-bases", BATCH]
    words += ["--duplicates", duplicates, "--reads", access]
    return space.run("align", *words, **more)


def body(space: Workspace, file: str) -> list[str]:
    return space.shell("bwa-mem2", f"samtools view {file}").splitlines()


def header(space: Workspace, file: str) -> list[str]:
    return space.shell("bwa-mem2", f"samtools view -H {file}").splitlines()


def tags_sorted(line: str) -> list[str]:
    """samtools merge moves the tag RG to the end."""
    fields = line.split("\t")
    return fields[:11] + sorted(fields[11:])


def by_hand(out: str, group: str, one: str, two: str) -> str:
    """What a person would type, file by file, before duplicates are looked for."""
    mem = f"bwa-mem2 mem -t 2 -K {BATCH} -R '{group}' /data/reference/reference.fa {one} {two} 2>/dev/null"
    return f"{mem} | samtools view -b -o {out} -"


def marked_by_hand(grouped: str, out: str) -> str:
    """The manual's way from a BAM grouped by name to one with duplicates marked."""
    files = [f"{out}.fixed.bam", f"{out}.sorted.bam"]
    steps = f"samtools fixmate -m {grouped} {files[0]}; samtools sort -o {files[1]} {files[0]} 2>/dev/null; "
    return f"{steps} samtools markdup {files[1]} {out}; samtools index {out}"


@pytest.fixture(scope="module")
def real(folder: Path, index: Path) -> Workspace:
    """The real reads aligned by two threads, duplicates marked: `bam/` and `steps/align.json`, not to be changed."""
    space = Workspace(folder)
    shutil.copytree(index, folder / "reference")
    for mate in (1, 2):
        space.put(f"reads/R{mate}.fastq.gz", reads.gzipped(mate))
    outcome = align(space, *ONE_LANE)
    assert outcome.code == 0, outcome.stderr
    return space


def test_the_bam_of_the_real_reads_is_right(real: Workspace) -> None:
    assert real.files("bam") == [f"NA12878.{kind}" for kind in RESULTS]
    lines = header(real, "/data/bam/NA12878.bam")
    assert "SO:coordinate" in lines[0]
    assert [line for line in lines if line.startswith("@SQ")] == [f"@SQ\tSN:q\tLN:{reads.REFERENCE_BASES}"]
    assert [line for line in lines if line.startswith("@RG")] == ["@RG\tID:L001\tSM:NA12878\tLB:lib1\tPL:ILLUMINA"]
    records = [line.split("\t") for line in body(real, "/data/bam/NA12878.bam")]
    primary = [one for one in records if not int(one[1]) & 0x900]
    assert len(primary) == 2 * reads.PAIRS
    assert len({one[0] for one in primary}) == reads.PAIRS
    mapped = [one for one in primary if not int(one[1]) & 4]
    assert len(mapped) / len(primary) > 0.99
    places = [int(one[3]) for one in records if one[2] == "q"]
    assert places == sorted(places)
    assert all("RG:Z:L001" in one for one in records)
    facts = json.loads(real.read("steps/align.json"))["facts"]
    assert (facts["pairs"], facts["primary_records"], facts["mapped"]) == (reads.PAIRS, len(primary), len(mapped))


@pytest.mark.parametrize("duplicates", ["mark", "keep"])
def test_the_records_are_those_of_the_tools_run_by_hand(real: Workspace, duplicates: str) -> None:
    out = {"mark": "bam", "keep": "kept"}[duplicates]
    if duplicates == "keep":
        kept = align(real, *ONE_LANE, duplicates="keep", out="/data/kept/", record="/data/steps/kept.json")
        assert kept.code == 0, kept.stderr
    group = r"@RG\tID:L001\tSM:NA12878\tLB:lib1\tPL:ILLUMINA"
    made, hand, ours = f"/data/steps/{duplicates}.bam", f"/data/steps/{duplicates}.hand.bam", f"/data/{out}/NA12878.bam"
    script = by_hand(made, group, "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz")
    further = {
        "mark": marked_by_hand(made, hand),
        "keep": f"samtools sort -o {hand} --write-index {made} 2>/dev/null",
    }
    script += f"; {further[duplicates]}; samtools quickcheck {ours}"
    for question in ("view", "idxstats", "coverage", "flagstat", "view -c -r L001"):
        script += f"; samtools {question} {ours} > /scratch/ours; samtools {question} {hand} > /scratch/hand"
        script += "; [[ -s /scratch/hand ]]; cmp /scratch/ours /scratch/hand"
    real.shell("bwa-mem2", f"{script}; samtools view {ours} q:4000-5000 > /scratch/some; [[ -s /scratch/some ]]")
    assert real.read(f"{out}/NA12878.coverage.txt").decode() == real.shell("bwa-mem2", f"samtools coverage {hand}")
    assert ("NA12878.markdup.txt" in real.files(out)) == (duplicates == "mark")


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_changes_nothing(real: Workspace, threads: int) -> None:
    record = f"/data/steps/threads{threads}.json"
    other = align(real, *ONE_LANE, out=f"/data/threads{threads}/", threads=threads, memory=4096, record=record)
    assert other.code == 0, other.stderr
    assert body(real, "/data/bam/NA12878.bam") == body(real, f"/data/threads{threads}/NA12878.bam")


def test_staged_reads_give_the_same_bytes_as_streamed_ones(indexed: Workspace) -> None:
    sums = (
        "md5:" + hashlib.md5(reads.gzipped(1)).hexdigest(),
        "sha256:" + hashlib.sha256(reads.gzipped(2)).hexdigest(),
    )
    for access in ("stream", "stage"):
        outcome = align(indexed, *ONE_LANE[:-2], *sums, access=access, out=f"/data/{access}/", key=access)
        assert outcome.code == 0, outcome.stderr
    for kind in RESULTS:
        assert indexed.read(f"stream/NA12878.{kind}") == indexed.read(f"stage/NA12878.{kind}")


def test_figures_of_duplicates_that_are_not_of_this_bam_are_taken_away(indexed: Workspace) -> None:
    assert align(indexed, *ONE_LANE).code == 0
    assert align(indexed, *ONE_LANE, duplicates="keep", key="key-2").code == 0
    assert indexed.files("bam") == [f"NA12878.{kind}" for kind in RESULTS if kind != "markdup.txt"]
    assert "duplicates" not in json.loads(indexed.read("steps/align.json"))["facts"]


def test_a_stub_leaves_the_same_files_and_reads_nothing(workspace: Workspace) -> None:
    stub = Workspace(workspace.path, ("BIOJOBS_STUB=1",))
    outcome = align(stub, *ONE_LANE)
    assert outcome.code == 0, outcome.stderr
    assert stub.files("bam") == [f"NA12878.{kind}" for kind in RESULTS]
    assert json.loads(stub.read("steps/align.json"))["step"] == "align"
    again = align(stub, *ONE_LANE)
    assert again.stdout.endswith("align: already done\n")
    assert align(stub, *ONE_LANE, sample="a b", key="key-2").code == 65


def test_lanes_are_merged_with_their_read_groups(indexed: Workspace) -> None:
    halves = (slice(0, 700), slice(700, None))
    lanes: list[str] = []
    script = "mkdir -p /data/steps/hand; "
    for number, half in enumerate(halves, 1):
        one, two = (
            indexed.put(f"reads/lane{number}_{mate}.fastq", b"".join(reads.records(mate)[half])) for mate in (1, 2)
        )
        lanes += ["--lane", f"L00{number}", f"lib{number}", "ILLUMINA", one, two, *NO_SUMS]
        group = rf"@RG\tID:L00{number}\tSM:NA12878\tLB:lib{number}\tPL:ILLUMINA"
        lane = f"/data/steps/hand/{number}"
        script += f"{by_hand(f'{lane}.bam', group, one, two)}; samtools sort -o {lane}.sorted.bam {lane}.bam; "
    outcome = align(indexed, *lanes, duplicates="keep")
    assert outcome.code == 0, outcome.stderr
    indexed.shell("bwa-mem2", script + "samtools merge -o /data/steps/hand/all.bam /data/steps/hand/[12].sorted.bam")
    ours, hand = (body(indexed, file) for file in ("/data/bam/NA12878.bam", "/data/steps/hand/all.bam"))
    assert sorted(map(tags_sorted, ours)) == sorted(map(tags_sorted, hand))
    assert [line.split("\t")[3] for line in ours] == [line.split("\t")[3] for line in hand]
    groups = [line for line in header(indexed, "/data/bam/NA12878.bam") if line.startswith("@RG")]
    assert sorted(groups) == [f"@RG\tID:L00{n}\tSM:NA12878\tLB:lib{n}\tPL:ILLUMINA" for n in (1, 2)]
    counted = Counter(line.split("RG:Z:")[1].split("\t")[0] for line in ours)
    assert counted["L001"] == 1400
    assert counted["L002"] == 2 * (reads.PAIRS - 700)


LIBRARIES = {"one library": ("lib1", "lib1", "lib1"), "two libraries": ("lib1", "lib2", "lib2")}


@pytest.mark.parametrize("case", LIBRARIES)
def test_duplicates_are_those_of_a_library_on_whatever_lane(real: Workspace, indexed: Workspace, case: str) -> None:
    """Three lanes with the same reads by other names: all copies but one are duplicates, in each library."""
    lanes: list[str] = []
    for number, library in enumerate(LIBRARIES[case], 1):
        names = [f"reads/lane{number}_{mate}.fastq" for mate in (1, 2)]
        content = [reads.plain(mate).replace(b"@chr22", f"@lane{number}".encode()) for mate in (1, 2)]
        files = [indexed.put(name, text) for name, text in zip(names, content, strict=True)]
        lanes += ["--lane", f"L00{number}", library, "ILLUMINA", *files, *NO_SUMS]
    assert align(indexed, *lanes).code == 0
    facts = json.loads(indexed.read("steps/align.json"))["facts"]
    alone = json.loads(real.read("steps/align.json"))["facts"]
    unique = alone["mapped"] - alone["duplicates"]
    assert facts["duplicates"] == 3 * alone["mapped"] - unique * len(set(LIBRARIES[case]))
    assert 0 < alone["duplicates"] < alone["mapped"] // 4


def test_a_packed_reference_gives_the_same_index(indexed: Workspace) -> None:
    fasta = indexed.put("reads/reference.fa.gz", gzip.compress(reads.reference()))
    outcome = indexed.run("index", "--fasta", fasta, "--checksum", "none", "--out", "/data/again")
    assert outcome.code == 0, outcome.stderr
    assert indexed.files("again") == indexed.files("reference")
    for name in indexed.files("again"):
        if name != "reference.dict":  # it names the file that it was made of
            assert indexed.read(f"again/{name}") == indexed.read(f"reference/{name}")


def test_the_index_tells_of_the_reference(indexed: Workspace) -> None:
    assert indexed.read("reference/reference.fa.fai").decode().split("\t")[:2] == ["q", str(reads.REFERENCE_BASES)]
    assert f"SN:q\tLN:{reads.REFERENCE_BASES}\tM5:" in indexed.read("reference/reference.dict").decode()
    assert indexed.read("reference/reference.fa") == reads.reference()


HOSTILE = ("$(touch x)", "`id`; touch x", "a b'c\"d", "*", "-R", "../../x")


def test_hostile_libraries_and_files_are_only_text(indexed: Workspace) -> None:
    """A lane for each of them."""
    lanes: list[str] = []
    for number, name in enumerate(HOSTILE, 1):
        part = slice(100 * number, 100 * number + 100)
        names = [f"reads/{name.replace('/', '_')} {mate}.fastq" for mate in (1, 2)]
        files = [indexed.put(file, b"".join(reads.records(mate)[part])) for mate, file in enumerate(names, 1)]
        lanes += ["--lane", f"L{number}", name, "ILLUMINA", *files, *NO_SUMS]
    outcome = align(indexed, *lanes)
    assert outcome.code == 0, outcome.stderr
    groups = [line for line in header(indexed, "/data/bam/NA12878.bam") if line.startswith("@RG")]
    told = [f"@RG\tID:L{n}\tSM:NA12878\tLB:{name}\tPL:ILLUMINA" for n, name in enumerate(HOSTILE, 1)]
    assert sorted(groups) == told
    assert json.loads(indexed.read("steps/align.json"))["facts"]["pairs"] == 100 * len(HOSTILE)
    assert not list(indexed.path.rglob("x"))


@pytest.mark.parametrize("sample", [*HOSTILE, "a\nb", "a\tb", "", "s" * 300])
def test_a_hostile_sample_name_is_refused(indexed: Workspace, sample: str) -> None:
    outcome = align(indexed, *ONE_LANE, sample=sample)
    assert outcome.code == 65
    assert outcome.message.startswith("bad input: --sample ")
    assert len(outcome.message.splitlines()) == 1


@pytest.mark.parametrize("library", ["a\tID:b", "a\\tID:b", "a\nb", "é"])
def test_a_library_that_would_break_the_read_group_is_refused(indexed: Workspace, library: str) -> None:
    outcome = align(indexed, "--lane", "L001", library, "ILLUMINA", *ONE_LANE[4:])
    assert outcome.code == 65
    assert outcome.message.startswith("bad input: --lane ")


def test_the_script_runs_by_hand_from_the_source_folder(indexed: Workspace) -> None:
    source = ("--volume", f"{docker.ROOT / 'images'}:/source:ro")
    words = ["--reference", "/data/reference/", *ONE_LANE, "--out", "/data/bam/", "--batch-bases", BATCH]
    words += ["--duplicates", "mark", "--reads", "stream"]
    common = indexed.step_words("align", tuple(words), "/data/steps/align.json", "key-1", 2048, 2, "NA12878")
    image, _, *arguments = common
    options = ["run", "--rm", "--network=none", *docker.HARDENED, *indexed.mounts(), *source, image]
    docker.docker(*options, "bash", "/source/bwa-mem2/align.sh", *arguments)
    assert "NA12878.bam" in indexed.files("bam")
