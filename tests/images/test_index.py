"""Every FASTA file becomes an index that reads align to, or is refused with its name, its contig and its line."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images import reads
from tests.images.docker import Outcome, Workspace

CHECK = Path(__file__).resolve().parent.parent.parent / "images" / "bwa-mem2" / "check_fasta.pl"
REFUSED = {
    "empty": (b"", "line 1: the file is empty: no contig in it"),
    "lone sign": (b">\n", "line 1: a '>' without a contig name"),
    "lone sign with a sequence": (b">\nACGT\n", "line 1: a '>' without a contig name"),
    "name only": (b">a\n", "line 1: contig 'a' has no sequence"),
    "second without sequence": (b">a\nACGT\n>b\n", "line 3: contig 'b' has no sequence"),
    "twice": (b">a\nACGT\n>b\nACGT\n>a x\nACGT\n", "line 5: contig 'a' was already there in line 1"),
    "no sign": (b"ACGT\n", "line 1: a FASTA file begins with '>', here is 'ACGT'"),
    "an error page": (b"<html>", "line 1: a FASTA file begins with '>', here is '<html>'"),
    "illegal character": (b">a\nACGT\nAC1T\n", "line 3: illegal character '1' in contig a"),
    "a gap": (b">a\nAC-T\n", "line 2: illegal character '-' in contig a"),
    "a protein": (b">a\nMSEQ*\n", "line 2: illegal character 'E' in contig a"),
    "RNA": (b">a\nACGU\n", "line 2: 'U' in contig a: bwa-mem2 would take it for unknown; write T, as for DNA"),
    "uneven lines": (b">a\nACGT\nAC\nACGT\n", "line 4: the lines of contig a have different lengths"),
    "empty line inside": (b">a\nACGT\n\nACGT\n", "line 3: an empty line inside of contig a"),
    "name not for SAM": (b">a,b\nACGT\n", "line 1: contig name 'a,b' holds a character that SAM does not allow"),
    "spaces": (b">a\nAC GT\n", "line 2: illegal character ' ' in contig a"),
}


def index(space: Workspace, content: bytes, checksum: str = "none", name: str = "reads/a.fa", **more: int) -> Outcome:
    words = ["--fasta", space.put(name, content), "--checksum", checksum, "--out", "/data/reference/"]
    return space.run("index", *words, record="/data/reference/index.json", **more)  # type: ignore[arg-type]


def checked(content: bytes) -> subprocess.CompletedProcess[bytes]:
    """The check alone, without a container."""
    return subprocess.run(["perl", str(CHECK), "/dev/null"], input=content, capture_output=True, check=False)


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_reference_is_refused_with_contig_and_line(case: str) -> None:
    content, reason = REFUSED[case]
    outcome = checked(content)
    assert (outcome.returncode, outcome.stderr.decode().strip()) == (65, reason)


@pytest.mark.parametrize("case", ["empty", "twice"])
def test_the_step_names_the_file_and_leaves_nothing(workspace: Workspace, case: str) -> None:
    content, reason = REFUSED[case]
    outcome = index(workspace, content)
    assert (outcome.code, outcome.message) == (65, f"bad input: /data/reads/a.fa {reason}")
    assert not workspace.files("reference")


def test_a_packed_reference_that_is_cut_is_refused(workspace: Workspace) -> None:
    outcome = index(workspace, gzip.compress(reads.reference())[:1000])
    assert outcome.code == 65
    assert "/data/reads/a.fa the gzip file is cut or damaged" in outcome.message


def test_a_contig_that_no_bam_index_reaches_is_refused() -> None:
    make = "print qq(>a\\n); print 'A' x 1000000, qq(\\n) for 1 .. 537"
    with subprocess.Popen(["perl", "-e", make], stdout=subprocess.PIPE) as made:
        done = subprocess.run(["perl", str(CHECK), "/dev/null"], stdin=made.stdout, capture_output=True, check=False)
    assert done.returncode == 65
    assert b"line 1: contig a has 537000000 bases: an index of a BAM (.bai) reaches 536870912" in done.stderr


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_wrong_checksum_is_told_before_anything_is_built(workspace: Workspace, kind: str) -> None:
    right = hashlib.new(kind, reads.reference()).hexdigest()
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    outcome = index(workspace, reads.reference(), f"{kind}:{wrong}")
    assert outcome.code == 65
    assert f"(/data/reads/a.fa) has {kind} {right}, " in outcome.message
    assert outcome.message.endswith(f"says {wrong}")
    assert not workspace.files("reference")


@pytest.mark.parametrize("checksum", ["md5:abc", "md5", "sha1:" + "0" * 40, "md5:" + "A" * 32, "0" * 32])
def test_a_checksum_that_is_none_is_refused(workspace: Workspace, checksum: str) -> None:
    outcome = index(workspace, reads.reference(), checksum)
    assert (outcome.code, outcome.message.split("' must be")[0]) == (65, f"bad input: --checksum '{checksum}")


def test_the_record_has_the_sum_of_the_file_as_it_was(workspace: Workspace) -> None:
    packed = gzip.compress(reads.reference())
    assert index(workspace, packed, "md5:" + hashlib.md5(packed).hexdigest()).code == 0
    record = json.loads(workspace.read("reference/index.json"))
    assert record["inputs"][0]["sha256"] == hashlib.sha256(packed).hexdigest()
    facts = {"contigs": 1, "bases": reads.REFERENCE_BASES, "longest": reads.REFERENCE_BASES}
    assert facts.items() <= record["facts"].items()


def test_memory_that_will_not_do_is_told_before_the_work(workspace: Workspace) -> None:
    outcome = index(workspace, b">a\n" + b"ACGT" * 10_000_000 + b"\n", memory=512)
    assert outcome.code == 73
    assert outcome.message.endswith("the step has 512: raise biojobs:classes.huge.memory")
    assert "the index of 40000000 bases needs " in outcome.message


# ---- through to a BAM -----------------------------------------------------------------------------------------------


def aligned(space: Workspace, key: str) -> list[list[str]]:
    """The records of the sample's reads, by fields."""
    for mate in (1, 2):
        space.put(f"reads/R{mate}.fastq.gz", reads.packed(b"".join(reads.records(mate)[:300])))
    lane = ["--lane", "L001", "lib", "ILLUMINA", "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz", "none", "none"]
    words = ["--reference", "/data/reference/", *lane, "--batch-bases", "1000000", "--reads", "stream"]
    outcome = space.run("align", *words, "--duplicates", "keep", "--out", "/data/bam/", key=key)
    assert outcome.code == 0, outcome.stderr
    return [line.split("\t") for line in space.shell("bwa-mem2", "samtools view -h /data/bam/NA12878.bam").splitlines()]


def places(records: list[list[str]]) -> list[tuple[str, str, str, str]]:
    """Name, flags, contig and position of every read."""
    return [(one[0], one[1], one[2], one[3]) for one in records if not one[0].startswith("@")]


def test_lower_case_ambiguous_codes_and_tiny_contigs_make_an_index_that_reads_align_to(indexed: Workspace) -> None:
    usual = places(aligned(indexed, "usual"))
    name, *lines = reads.reference().split(b"\n")
    # Soft-masked, Windows line ends, a base of every other line unknown between two, and a contig of one base
    spoiled = [line[:10] + b"R" + line[11:] if number % 2 else line for number, line in enumerate(lines[:-1])]
    odd = b"\r\n".join([name, *spoiled, b">one", b"a", b"", b">unknown", b"NNNN", b""]).replace(b"ACGT", b"acgt")
    shutil.rmtree(indexed.path / "reference")
    odd = odd.lower().replace(name.lower(), name, 1)
    outcome = index(indexed, odd, "sha256:" + hashlib.sha256(odd).hexdigest())
    assert outcome.code == 0, outcome.stderr
    facts = json.loads(indexed.read("reference/index.json"))["facts"]
    assert facts["contigs"] == 3
    assert facts["ambiguous"] == len(lines[:-1]) // 2 + 4
    assert facts["lowercase"] == facts["bases"]
    found = aligned(indexed, "odd")
    assert [one[1:3] for one in found if one[0] == "@SQ"][1:] == [["SN:one", "LN:1"], ["SN:unknown", "LN:4"]]
    same = sum(one == other for one, other in zip(usual, places(found), strict=False))
    assert same / len(usual) > 0.95


def test_a_genome_of_a_single_base_is_indexed_too(workspace: Workspace) -> None:
    outcome = index(workspace, b">a\nA\n")
    assert outcome.code == 0, outcome.stderr
    assert workspace.read("reference/reference.fa.fai") == b"a\t1\t3\t1\t2\n"
