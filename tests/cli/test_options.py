"""What options may say, without a stack."""

from __future__ import annotations

import pytest

from cli import options, orders
from workflows.samples import SheetError, parse

NAMES = ["NA12878", "a", "a.b-c_d", "", "-a", "a-", "ä", "a b", "a/b", "x" * 50, "x" * 51, "..", "a..b"]
URIS = [
    *("s3://reads/a.fq", "gs://my-bucket/x/y.fastq.gz", "https://ftp.sra.ebi.ac.uk/vol1/a_1.fastq.gz"),
    *("https://host:8080/a.fq.gz", "http://host/a.fq", "ftp://host/a.fq", "s3://reads/a b.fq", "s3://reads/../a.fq"),
    *("s3://reads/a.bam", "s3://reads/a'b.fq", "S3://reads/a.fq", "s3:///a.fq", "s3://reads/$(id).fq"),
]


def refused_by_sheet(**cells: str) -> bool:
    row = {"sample": "s", "fastq_1": "a_1.fq", "fastq_2": "a_2.fq", **cells}
    try:
        parse(f"{','.join(row)}\n{','.join(row.values())}\n".encode(), "sheet")
    except SheetError:
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_called_as_in_a_sheet(name: str) -> None:
    assert bool(list(options.name_problems("--sample", name))) == refused_by_sheet(sample=name)


@pytest.mark.parametrize("uri", URIS)
def test_reads_are_named_as_in_a_sheet(uri: str) -> None:
    assert bool(list(options.reads_problems([uri], 1))) == refused_by_sheet(fastq_1=uri)


@pytest.mark.parametrize("platform", ["ILLUMINA", "illumina", "ONT", "Solexa", ""])
def test_a_platform_is_one_of_the_sam_specification(platform: str) -> None:
    refused = bool(list(options.platform_problems(platform)))
    assert refused == (refused_by_sheet(platform=platform) or not platform)


@pytest.mark.parametrize(
    ("file", "sample"),
    [
        ("/data/NA12878_1.fastq.gz", "NA12878"),
        ("s3://reads/NA12878_R2.fq", "NA12878"),
        ("x_S1_L001_R1_001.fastq.gz", "x_S1_L001"),
        ("x.1.fq.gz", "x"),
        ("sample1.fastq", "sample1"),
    ],
)
def test_a_sample_is_named_after_its_reads(file: str, sample: str) -> None:
    assert orders.fastqc([file], None, []).subject == sample
    assert not orders.fastqc([file], None, []).problems


def test_a_bam_and_a_fasta_name_their_jobs() -> None:
    assert orders.variants("results/NA12878/NA12878.bam", None, reference=None, ploidy=None).subject == "NA12878"
    assert orders.index("s3://ref/GRCh38.p14.fa.gz", None, None).subject == "GRCh38.p14"


def test_a_name_that_cannot_be_made_from_a_file_is_asked_for() -> None:
    (problem,) = orders.fastqc(["my reads_1.fastq"], None, []).problems
    assert problem == "--sample: cannot be made from the file's name ('my reads'); give one"
    assert not orders.fastqc(["my reads_1.fastq"], "mine", []).problems


MD5 = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        (MD5, f"md5:{MD5.lower()}"),
        (f"MD5:{MD5}", f"md5:{MD5.lower()}"),
        (f"sha256:{MD5}{MD5}", f"sha256:{MD5.lower()}{MD5.lower()}"),
        ("none", "none"),
    ],
)
def test_checksums_are_taken_in_the_forms_that_archives_give(written: str, taken: str) -> None:
    order = orders.index("a.fa", None, written)
    assert (order.parameters, order.problems) == ({"checksum": taken}, ())


@pytest.mark.parametrize("written", ["", "md5:123", MD5 + "0", f"sha256:{MD5}", f"sha1:{MD5}", "md5:" + "g" * 32])
def test_what_is_no_checksum_is_refused(written: str) -> None:
    (problem,) = orders.index("a.fa", None, written).problems
    assert problem.startswith(f"--checksum: {written!r} is no checksum; write md5:")


@pytest.mark.parametrize("written", [MD5, f"md5:{MD5}", f"sha256:{MD5}{MD5}", "md5:1", f"sha1:{MD5}", MD5 + "0"])
def test_a_checksum_is_written_as_in_a_sheet(written: str) -> None:
    refused = bool(list(options.checksum_problems([written], 1, "--reads")))
    assert refused == refused_by_sheet(checksum_1=written)


def test_checksums_go_with_their_files() -> None:
    pair = ["a_1.fq", "a_2.fq"]
    order = orders.fastqc(pair, None, ["none", MD5])
    assert order.parameters == {"checksum_1": "none", "checksum_2": f"md5:{MD5.lower()}"}
    (problem,) = orders.fastqc(pair, None, [MD5]).problems
    assert "is given 1 times for 2 of --reads" in problem


def test_all_problems_are_told_each_with_its_option() -> None:
    order = orders.align(
        ["a.bam"], "a b", ["x"], lane="", library="-", platform="Solexa", reference="ftp://host/reference"
    )
    told = [problem.partition(":")[0] for problem in order.problems]
    assert told == ["--reads", "--reads", "--checksum", "--sample", "--lane", "--platform", "--library", "--reference"]


@pytest.mark.parametrize("ploidy", [0, -1, 101])
def test_a_ploidy_is_at_least_one(ploidy: int) -> None:
    assert orders.variants("a.bam", None, reference=None, ploidy=ploidy).problems
    assert not orders.variants("a.bam", None, reference=None, ploidy=1).problems


def test_the_library_is_the_samples_own_unless_it_is_named() -> None:
    reads = ["a_1.fq", "a_2.fq"]
    own = orders.align(reads, None, [], lane="L001", library=None, platform="illumina", reference=None)
    assert own.parameters == {"lane": "L001", "library": "a", "platform": "ILLUMINA"}
    named = orders.align(reads, None, [], lane="L2", library="lib7", platform="ONT", reference=None)
    assert named.parameters == {"lane": "L2", "library": "lib7", "platform": "ONT"}


def test_one_file_twice_is_no_pair() -> None:
    (problem,) = orders.fastqc(["a_1.fq", "a_1.fq"], None, []).problems
    assert problem == "--reads: 'a_1.fq' is given twice; R1 and R2 are two files"
