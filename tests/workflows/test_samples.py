"""Sample sheets: what is read, and what is refused with file, line and column."""

import pytest

from workflows.samples import MAX_NAME, SheetError, parse

HEADER = b"sample,fastq_1,fastq_2\n"


def problems(data: bytes) -> list[str]:
    with pytest.raises(SheetError) as caught:
        parse(data, "sheet.csv")
    return str(caught.value).splitlines()


def test_a_row_becomes_a_sample_with_defaults_for_its_read_group() -> None:
    (sample,) = parse(HEADER + b"S1,a_1.fq.gz,a_2.fq.gz\n", "sheet.csv")
    (lane,) = sample.lanes
    assert (sample.name, lane.lane, lane.library, lane.platform) == ("S1", "L001", "S1", "ILLUMINA")
    assert lane.reads == ("a_1.fq.gz", "a_2.fq.gz")


def test_rows_of_one_sample_are_its_lanes_in_order_even_when_apart() -> None:
    samples = parse(b"sample,fastq_1,fastq_2,lane\nS1,a.fq,b.fq,L7\nS2,c.fq,d.fq,\nS1,e.fq,f.fq,L2\n", "sheet.csv")
    assert [(sample.name, [lane.lane for lane in sample.lanes]) for sample in samples] == [
        ("S1", ["L7", "L2"]),
        ("S2", ["L001"]),
    ]


def test_checksums_are_taken_as_archives_give_them() -> None:
    md5, sha256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4
    header = b"sample,fastq_1,fastq_2,checksum_1,checksum_2\n"
    rows = f"S1,a.fq,b.fq,{md5.upper()},sha256:{sha256}\nS2,c.fq,d.fq,md5:{md5},\nS3,e.fq,f.fq,none,NONE\n"
    first, second, third = parse(header + rows.encode(), "sheet.csv")
    assert first.lanes[0].checksums == (f"md5:{md5}", f"sha256:{sha256}")
    assert second.lanes[0].checksums == (f"md5:{md5}", "none")
    assert third.lanes[0].checksums == ("none", "none")


@pytest.mark.parametrize("value", ["abc", "md5:abc", "sha1:" + "0" * 40, "0" * 33, "md5:" + "g" * 32, "\U0001f600"])
def test_what_is_no_checksum_is_refused_with_its_column(value: str) -> None:
    row = f"sample,fastq_1,fastq_2,checksum_2\nS1,a.fq,b.fq,{value}\n"
    (found,) = problems(row.encode())
    assert found.startswith(f"sheet.csv:2: column checksum_2: {value!r} is no checksum; write an MD5")


@pytest.mark.parametrize("column", [b"reference", b"genome"])
def test_a_sheet_cannot_mix_references_and_says_what_to_do(column: bytes) -> None:
    (found,) = problems(b"sample,fastq_1,fastq_2," + column + b"\nS1,a.fq,b.fq,hg38\nS2,c.fq,d.fq,hg19\n")
    assert found.startswith("sheet.csv:1: a column for the reference: all samples of a sheet have the same")
    assert "make a sheet and a stack for every reference" in found


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEADER + b"S1,a.fq,b.fq\n",
        b"sample,fastq_1,fastq_2\r\nS1,a.fq,b.fq\r\n",
        b"sample,fastq_1,fastq_2\rS1,a.fq,b.fq\r",
        b"\n" + HEADER + b"\n,,\n  S1 , a.fq ,b.fq\n\n",
        b'"sample","fastq_1","fastq_2"\n"S1","a.fq","b.fq"',
    ],
    ids=["byte-order mark", "CRLF", "CR", "blank lines and spaces", "quotes, no last line end"],
)
def test_what_spreadsheets_write_is_read(data: bytes) -> None:
    (sample,) = parse(data, "sheet.csv")
    assert (sample.name, sample.lanes[0].reads) == ("S1", ("a.fq", "b.fq"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"S1,a.fq", "sheet.csv:2: has 2 columns where the header has 3"),
        (b"S1,a.fq,b.fq,c.fq", "sheet.csv:2: has 4 columns"),
        (b",a.fq,b.fq", "sheet.csv:2: column sample: is empty"),
        (b"S1,,b.fq", "sheet.csv:2: column fastq_1: is empty"),
        (b"S1,a.fq,a.fq", "column fastq_2: 'a.fq' is used already on line 2, column fastq_1"),
        (b"x" * 300 + b",a.fq,b.fq", f"has 300 characters; at most {MAX_NAME}"),
        (b"S1,ftp://x/a.fq,b.fq", "only s3://, gs://, https:// or a path"),
        (b"S1,a.bam,b.fq", "does not end in .fastq.gz"),
        (b"S1,../a.fq,b.fq", "no '..'"),
        (b"S1,s3://bucket/../a.fq,b.fq", "no '..'"),
        (b'"S1\nS2",a.fq,b.fq', "may hold only letters"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_column(row: bytes, said: str) -> None:
    assert any(said in problem for problem in problems(HEADER + row + b"\n"))


@pytest.mark.parametrize(
    "name",
    [
        "$(touch x)",
        "`id`",
        "a;b",
        "a b",
        "a'b",
        'a""b',
        "-rf",
        ".steps",
        "a/b",
        "..",
        "{{workflow.name}}",
        "a\tb",
        "é",
        "a\u202eb",
    ],
)
def test_a_name_that_could_be_more_than_a_name_is_refused(name: str) -> None:
    assert problems(HEADER + f'"{name}",a.fq,b.fq\n'.encode())


@pytest.mark.parametrize("file", ["a$(id).fq", "a b.fq", "{{item}}.fq", "a;b.fq", "a\\b.fq", "a?b.fq", "s3:///x.fq"])
def test_a_location_that_could_be_more_than_a_location_is_refused(file: str) -> None:
    assert problems(HEADER + f'S1,"{file}",b.fq\n'.encode())


def test_a_file_that_two_samples_share_is_refused() -> None:
    (problem,) = problems(HEADER + b"S1,a.fq,b.fq\nS2,c.fq,a.fq\n")
    assert problem == "sheet.csv:3: column fastq_2: 'a.fq' is used already on line 2, column fastq_1"


def test_a_lane_that_stands_twice_is_refused() -> None:
    data = b"sample,fastq_1,fastq_2,lane\nS1,a.fq,b.fq,L1\nS1,c.fq,d.fq,L1\n"
    assert problems(data) == ["sheet.csv:3: column lane: sample S1 has lane L1 already"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (HEADER, "has a header and no sample"),
        (b"S1,a.fq,b.fq\n", "no column sample, fastq_1, fastq_2"),
        (b"sample,fastq_1\n", "no column fastq_2"),
        (b"sample,fastq_1,fastq_2,strandedness\n", "unknown column 'strandedness'"),
        (b"sample,fastq_1,fastq_2,sample\n", "column sample stands there twice"),
        (HEADER + b'"S1,a.fq,b.fq\n', "is not CSV"),
        (HEADER + b"S\xff1,a.fq,b.fq\n", "sheet.csv:2: byte 24 is not UTF-8"),
        (HEADER + b"S1\0,a.fq,b.fq\n", "NUL"),
        (HEADER.decode().encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_sheet_that_is_none_is_refused(data: bytes, said: str) -> None:
    assert said in problems(data)[0]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(HEADER + b"S 1,a.fq,b.fq\nS2,c.fq\nS3,e.bam,f.fq\n")) == 3
