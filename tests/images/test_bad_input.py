"""Every bad file is told with its name, its line and what is wrong, and with the exit code for it."""

import gzip

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
    outcome = workspace.run("fastqc", "--name", "S_L001_R1", "--reads", uri, "--out", "/data/fastqc/", memory=1024)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith(f"bad input: S_L001_R1 ({uri}) line ")
    assert reason.removeprefix(r"line \d+: ") in outcome.message
    assert outcome.stderr.strip().endswith(outcome.message)
    assert not workspace.files("fastqc")
    assert not workspace.files("steps")


FASTA = {
    "empty": (b"", "line 1: the file is empty: no contig in it"),
    "lone sign": (b">\n", "line 1: a '>' without a contig name"),
    "lone sign with a sequence": (b">\nACGT\n", "line 1: a '>' without a contig name"),
    "name only": (b">a\n", "line 1: contig 'a' has no sequence"),
    "second without sequence": (b">a\nACGT\n>b\n", "line 3: contig 'b' has no sequence"),
    "twice": (b">a\nACGT\n>b\nACGT\n>a x\nACGT\n", "line 5: contig 'a' was already there in line 1"),
    "no sign": (b"ACGT\n", "line 1: a FASTA file begins with '>', here is 'ACGT'"),
    "illegal character": (b">a\nACGT\nAC1T\n", "line 3: illegal character '1' in contig a"),
    "uneven lines": (b">a\nACGT\nAC\nACGT\n", "line 4: the lines of contig a have different lengths"),
    "empty line inside": (b">a\nACGT\n\nACGT\n", "line 3: an empty line inside of contig a"),
    "name not for SAM": (b">a,b\nACGT\n", "line 1: contig name 'a,b' holds a character that SAM does not allow"),
    "cut gzip": (gzip.compress(reads.reference())[:1000], "the gzip file is cut or damaged"),
}


@pytest.mark.parametrize("case", FASTA)
def test_a_bad_reference_is_told_with_file_and_line(workspace: Workspace, case: str) -> None:
    content, reason = FASTA[case]
    uri = workspace.put("reads/bad.fa", content)
    outcome = workspace.run("index", "--fasta", uri, "--out", "/data/reference/")
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith(f"bad input: {uri} ")
    assert reason in outcome.message
    assert not workspace.files("reference")


def test_lower_case_ambiguous_bases_and_windows_line_ends_are_a_good_reference(workspace: Workspace) -> None:
    uri = workspace.put("reads/a.fa", b">a one\r\nACGTNNRYacgt\r\nAC\r\n\r\n>b\r\nacgt\r\n")
    outcome = workspace.run("index", "--fasta", uri, "--out", "/data/reference/")
    assert outcome.code == 0, outcome.stderr
    assert workspace.read("reference/reference.fa").splitlines()[0] == b">a one"
    assert workspace.read("reference/reference.fa.fai").decode().splitlines()[1].startswith("b\t4\t")


def align(space: Workspace, one: str, two: str) -> Outcome:
    words = ["--reference", "/data/reference/", "--lane", "L001", "lib", "ILLUMINA", one, two]
    return space.run("align", *words, "--out", "/data/bam/", "--batch-bases", "1000000")


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
        (["--lane", "a", "b"], "--lane needs 5 values, '--sample' is none"),
        (["--batch-bases", "many"], "--batch-bases 'many' is no whole number of at least 1"),
        (["--batch-bases", "0"], "--batch-bases '0' is no whole number of at least 1"),
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
        "--out",
        "/data/b",
    ]
    script = ["--batch-bases", "10", "--sample", "S", "--run", "r", "--record", "/data/r", "--key", "k", "--image", "i"]
    outcome = indexed.run("align", *good, *script, *words)
    assert (outcome.code, outcome.message) == (65, f"bad input: {message}")
