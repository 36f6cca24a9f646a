"""Sample sheets: nf-core's columns, read strictly, with file, line and column in every complaint."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

REQUIRED: Final = ("sample", "fastq_1", "fastq_2")
OPTIONAL: Final = ("lane", "library", "platform", "checksum_1", "checksum_2")
PLATFORMS: Final = (
    "CAPILLARY",
    "DNBSEQ",
    "ELEMENT",
    "HELICOS",
    "ILLUMINA",
    "IONTORRENT",
    "LS454",
    "ONT",
    "PACBIO",
    "SINGULAR",
    "SOLID",
    "ULTIMA",
)
"""Values of the SAM specification for a read group's PL."""

MAX_NAME: Final = 50
"""Longest sample name: it is part of Kubernetes names and of a label (63 characters) with a suffix."""

NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LOCATION = re.compile(r"((s3|gs)://[a-z0-9][a-z0-9._-]+/|https://[A-Za-z0-9.-]+(:\d+)?/)?[A-Za-z0-9._/+=@%~-]+")

READS: Final = re.compile(r"\.(fastq|fq)(\.gz)?$")
CHECKSUM: Final = re.compile(r"none|md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


class SheetError(Exception):
    """The sheet cannot be used; the message lists every problem with its line and column."""


@dataclass(frozen=True)
class Lane:
    """One pair of FASTQ files of a sample: a read group. `reads` are the two locations as the sheet gives them,
    `checksums` are `none`, `md5:<hex>` or `sha256:<hex>`."""

    lane: str
    library: str
    platform: str
    reads: tuple[str, str]
    checksums: tuple[str, str] = ("none", "none")


@dataclass(frozen=True)
class Sample:
    """A sample and its lanes in the order of the sheet; all lanes end in one BAM."""

    name: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]


def parse(data: bytes, source: str) -> tuple[Sample, ...]:
    """The samples of a CSV sheet, in the order of their first rows.

    `data` is the file's content (UTF-8, with or without a byte-order mark, any line endings); `source` its name,
    used in messages. Raises `SheetError` with all problems at once.
    """
    problems: list[str] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SheetError(f"{source}:{line}: byte {error.start} is not UTF-8; save the sheet as CSV in UTF-8") from None
    if "\0" in text:
        raise SheetError(f"{source}: holds a NUL character; save the sheet as plain CSV")
    rows = list(_rows(text, source, problems))
    samples = _group(rows, source, problems)
    if problems:
        raise SheetError("\n".join(problems))
    return samples


def _rows(text: str, source: str, problems: list[str]) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            cells = [cell.strip() for cell in cells]
            if header is None:
                header = cells
                _check_header(header, source, reader.line_num)
                continue
            count += 1
            if len(cells) != len(header):
                problems.append(
                    f"{source}:{reader.line_num}: has {len(cells)} columns where the header has {len(header)}"
                )
                continue
            yield _Row(reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        problems.append(f"{source}:{reader.line_num}: is not CSV ({error}); look for a stray quote")
    if header is None:
        raise SheetError(f"{source}: is empty; its first line must be {','.join(REQUIRED)}")
    if not count and not problems:
        problems.append(f"{source}: has a header and no sample; add a line")


def _check_header(header: list[str], source: str, line: int) -> None:
    expected = f"the header must name {', '.join(REQUIRED)} and may name {', '.join(OPTIONAL)}"
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing:
        raise SheetError(f"{source}:{line}: no column {', '.join(missing)}; {expected}")
    if "reference" in unknown or "genome" in unknown:
        raise SheetError(
            f"{source}:{line}: a column for the reference: all samples of a sheet have the same, biojobs:reference; "
            "make a sheet and a stack for every reference"
        )
    if unknown:
        raise SheetError(f"{source}:{line}: unknown column {', '.join(map(repr, unknown))}; {expected}")
    if twice:
        raise SheetError(f"{source}:{line}: column {', '.join(twice)} stands there twice; {expected}")


def _group(rows: list[_Row], source: str, problems: list[str]) -> tuple[Sample, ...]:
    lanes: dict[str, list[Lane]] = {}
    first_use: dict[str, str] = {}
    for row in rows:
        found = [f"{source}:{row.line}: {problem}" for problem in _cell_problems(row.cells)]
        found += _repeated_files(row, source, first_use)
        name = row.cells["sample"]
        others = lanes.setdefault(name, []) if not found else []
        lane = _lane(row.cells, len(others) + 1)
        if any(other.lane == lane.lane for other in others):
            found.append(f"{source}:{row.line}: column lane: sample {name} has lane {lane.lane} already")
        problems += found
        if not found:
            others.append(lane)
    return tuple(Sample(name, tuple(of_sample)) for name, of_sample in lanes.items())


def _lane(cells: dict[str, str], number: int) -> Lane:
    return Lane(
        lane=cells.get("lane") or f"L{number:03d}",
        library=cells.get("library") or cells["sample"],
        platform=(cells.get("platform") or "ILLUMINA").upper(),
        reads=(cells["fastq_1"], cells["fastq_2"]),
        checksums=(_checksum(cells.get("checksum_1", "")), _checksum(cells.get("checksum_2", ""))),
    )


def _checksum(value: str) -> str:
    """As steps take it; archives give a bare MD5."""
    value = value.lower()
    if value in ("", "none"):
        return "none"
    return value if ":" in value else f"md5:{value}"


def _cell_problems(cells: dict[str, str]) -> Iterator[str]:
    for column in ("sample", "lane", "library"):
        value = cells.get(column, "")
        if value or column == "sample":
            yield from _name_problems(column, value)
    platform = cells.get("platform", "")
    if platform and platform.upper() not in PLATFORMS:
        yield f"column platform: {platform!r} is not one of {', '.join(PLATFORMS)}"
    for column in ("fastq_1", "fastq_2"):
        yield from _location_problems(column, cells[column])
    for column in ("checksum_1", "checksum_2"):
        value = cells.get(column, "")
        if not CHECKSUM.fullmatch(_checksum(value)):
            yield f"column {column}: {value!r} is no checksum; write an MD5, md5:... or sha256:..., or leave it empty"


def _name_problems(column: str, value: str) -> Iterator[str]:
    if not value:
        yield f"column {column}: is empty"
    elif len(value) > MAX_NAME:
        yield f"column {column}: {value[:20]!r}... has {len(value)} characters; at most {MAX_NAME} are allowed"
    elif not NAME.fullmatch(value):
        yield (
            f"column {column}: {value!r} may hold only letters, digits and . _ - between them "
            "(it becomes the name of files and Kubernetes objects)"
        )


def _location_problems(column: str, value: str) -> Iterator[str]:
    if not value:
        yield f"column {column}: is empty; paired reads are needed"
    elif "://" in value and not value.startswith(("s3://", "gs://", "https://")):
        yield f"column {column}: {value!r}: only s3://, gs://, https:// or a path are read"
    elif not _LOCATION.fullmatch(value) or ".." in value.split("/"):
        yield f"column {column}: {value!r} may hold only letters, digits and ._/+=@%~- and no '..'; rename the file"
    elif not READS.search(value):
        yield f"column {column}: {value!r} does not end in .fastq.gz, .fq.gz, .fastq or .fq"


def _repeated_files(row: _Row, source: str, first_use: dict[str, str]) -> Iterator[str]:
    for column in ("fastq_1", "fastq_2"):
        file = row.cells[column]
        here = f"line {row.line}, column {column}"
        if file and file in first_use:
            yield f"{source}:{row.line}: column {column}: {file!r} is used already on {first_use[file]}"
        first_use.setdefault(file, here)
