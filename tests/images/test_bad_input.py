"""Every bad file is told with its name, its line and what is wrong, and with the exit code for it."""

import gzip
import hashlib

import pytest

from tests.images import reads
from tests.images.docker import Outcome, Workspace

FIRST = reads.records(1)[0]


def edited(number: int, line: int, content: bytes) -> bytes:
    """R1 with one line of one record changed."""
    records = reads.records(1)
    lines = records[number].split(b"\n")
    lines[line] = content
    return b"".join([*records[:number], b"\n".join(lines), *records[number + 1 :]])


def flipped(content: bytes, at: int) -> bytes:
    """A byte changed on its way."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


FASTQ = {
    "truncated gzip": (
        reads.gzipped(1)[:100_000],
        r"line \d+: the gzip file is cut or damaged here (unexpected end of file)",
    ),
    "damaged gzip": (flipped(reads.gzipped(1), 60_000), "the gzip file is cut or damaged here ("),
    "cut trailer": (reads.gzipped(1)[:-4], "the gzip file is cut or damaged here (unexpected end of file)"),
    "garbage after the gzip": (reads.gzipped(1) + b"garbage", "the gzip file is cut or damaged here ("),
    "empty": (b"", "line 1: the file is empty: no read in it"),
    "empty gzip": (gzip.compress(b""), "line 1: the file is empty: no read in it"),
    "quality too short": (edited(2, 3, b"I" * 150), "line 12: 151 bases but 150 qualities"),
    "no at sign": (edited(1, 0, b"read2"), "line 5: a read must begin with @, here is 'read2'"),
    "no plus": (edited(1, 2, b"-"), "line 7: the third line of a record must begin with +, here is '-'"),
    "illegal base": (edited(0, 1, b"ACGT!" + b"A" * 146), "line 2: illegal base '!' in the sequence"),
    "illegal quality": (edited(0, 3, b"I" * 150 + b" "), "line 4: illegal quality ' '"),
    "cut record": (reads.plain(1)[:-200], "the last record is cut: it has fewer than 4 lines"),
    "empty line": (FIRST + b"\n" + FIRST, "line 5: an empty line instead of a read name"),
    "no name": (edited(0, 0, b"@"), "line 1: a read without a name"),
    "old qualities": (b"@r\nACGT\n+\nhhhh\n" * 10, "line 4: the qualities look like Phred+64"),
    "a BAM file": (gzip.compress(b"BAM\x01" + bytes(500)), "line 1: a read must begin with @, here is 'BAM???"),
}


@pytest.mark.parametrize("case", FASTQ)
def test_bad_reads_are_told_with_file_and_line(workspace: Workspace, case: str) -> None:
    content, reason = FASTQ[case]
    uri = workspace.put("reads/bad.fastq.gz", content)
    words = ["--name", "S_L001_R1", "--reads", uri, "--checksum", "none", "--out", "/data/fastqc/"]
    outcome = workspace.run("fastqc", *words, memory=1024)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith(f"bad input: S_L001_R1 ({uri}) line ")
    assert reason.removeprefix(r"line \d+: ") in outcome.message
    assert outcome.stderr.strip().endswith(outcome.message)
    assert not workspace.files("fastqc")
    assert not workspace.files("steps")


def align(
    space: Workspace, one: str, two: str, sums: tuple[str, str] = ("none", "none"), access: str = "stream"
) -> Outcome:
    words = ["--reference", "/data/reference/", "--lane", "L001", "lib", "ILLUMINA", one, two, *sums]
    words += ["--duplicates", "mark", "--reads", access]
    return space.run("align", *words, "--out", "/data/bam/", "--batch-bases", "1000000")


@pytest.mark.parametrize("access", ["stream", "stage"])
@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_reads_that_are_not_those_of_the_sheet_are_refused(indexed: Workspace, kind: str, access: str) -> None:
    found = hashlib.new(kind, reads.gzipped(2)).hexdigest()
    other = found[::-1]
    one, two = "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz"
    outcome = align(indexed, one, two, ("none", f"{kind}:{other}"), access)
    said = f"bad input: sample NA12878, lane L001: R2 ({two}) has {kind} {found}, the sheet says {other}"
    assert (outcome.code, outcome.message) == (65, said)
    assert not indexed.files("bam")
    words = ("--name", "S_L001_R2", "--reads", two, "--checksum", f"{kind}:{other}", "--out", "/data/fastqc/")
    outcome = indexed.run("fastqc", *words, memory=1024)
    assert (outcome.code, outcome.message) == (65, f"bad input: S_L001_R2 ({two}) has {said.partition(' has ')[2]}")
    assert not indexed.files("fastqc")


@pytest.mark.parametrize("access", ["stream", "stage"])
@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["empty", "empty gzip"])
def test_a_lane_without_reads_is_refused(indexed: Workspace, content: bytes, access: str) -> None:
    """FastQC refuses it too; here is the alignment on its own."""
    one, two = (indexed.put(f"reads/empty{mate}.fastq.gz", content) for mate in (1, 2))
    outcome = align(indexed, one, two, access=access)
    message = f"bad input: sample NA12878, lane L001: R1 ({one}) is empty: no read in it"
    assert (outcome.code, outcome.message) == (65, message), outcome.stderr
    assert not indexed.files("bam")


def test_alignment_itself_refuses_files_of_different_length(indexed: Workspace) -> None:
    for mate, records in ((2, reads.records(2)[:1600]), (2, reads.records(2) + reads.records(2)[:40])):
        two = indexed.put("reads/other.fastq.gz", reads.packed(b"".join(records)))
        outcome = align(indexed, "/data/reads/R1.fastq.gz", two)
        assert outcome.code == 65, (mate, outcome.stderr)
        assert outcome.message == "bad input: sample NA12878, lane L001: R1 and R2 have different numbers of reads"
    assert not indexed.files("bam")


def test_alignment_itself_refuses_reads_that_are_no_pairs(indexed: Workspace) -> None:
    two = indexed.put("reads/other.fastq.gz", reads.packed(b"".join(reversed(reads.records(2)))))
    outcome = align(indexed, "/data/reads/R1.fastq.gz", two)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message == "bad input: sample NA12878, lane L001: R1 and R2 hold differently named reads"
    assert not indexed.files("bam")


def test_alignment_itself_refuses_a_cut_file(indexed: Workspace) -> None:
    two = indexed.put("reads/other.fastq.gz", reads.gzipped(2)[:100_000])
    outcome = align(indexed, "/data/reads/R1.fastq.gz", two)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message == f"bad input: R2 of lane L001 ({two}): the gzip file is cut or damaged"
    assert not indexed.files("bam")


def test_a_damaged_index_is_not_used(indexed: Workspace) -> None:
    file = indexed.path / "reference" / "reference.fa.0123"
    file.write_bytes(file.read_bytes()[:-100])
    outcome = align(indexed, "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz")
    assert outcome.code == 70
    assert outcome.message == "verification: the index in /data/reference/ is damaged: build it anew"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nonsense", "1"], "'--nonsense' is no option of align"),
        (["--lane", "a", "b"], "--lane needs 7 values, '--sample' is none"),
        (["--batch-bases", "many"], "--batch-bases 'many' is no whole number of at least 1"),
        (["--batch-bases", "0"], "--batch-bases '0' is no whole number of at least 1"),
        (["--reads", "pipe"], "--reads 'pipe' is neither stream nor stage"),
        (["--duplicates", "remove"], "--duplicates 'remove' is neither mark nor keep"),
        (
            ["--lane", "b", "l", "ILLUMINA", "/data/3", "/data/4", "none", "md5:A"],
            "--lane 'md5:A' must be none, md5:<32 hex digits> or sha256:<64 hex digits>",
        ),
        (["--out", "a\nb"], "--out 'a?b' holds a control character (a line end or a tab)"),
    ],
)
def test_wrong_arguments_are_refused(indexed: Workspace, words: list[str], message: str) -> None:
    good = [
        "--reference",
        "/data/reference/",
        "--lane",
        "L001",
        "l",
        "ILLUMINA",
        "/data/1",
        "/data/2",
        "none",
        "none",
        "--reads",
        "stream",
        "--duplicates",
        "mark",
        "--out",
        "/data/b",
    ]
    script = ["--batch-bases", "10", "--sample", "S", "--run", "r", "--record", "/data/r", "--key", "k", "--image", "i"]
    outcome = indexed.run("align", *good, *script, *words)
    assert (outcome.code, outcome.message) == (65, f"bad input: {message}")
