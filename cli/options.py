"""What the options of a job may say: pure checks, each answering with a problem that names the option.

The rules are those of sample sheets, since the same steps read what comes through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from workflows.samples import CHECKSUM, MAX_NAME, NAME, PLATFORMS, READS

NO_CHECKSUM: Final = "none"
MAX_PLOIDY: Final = 100

_URI: Final = re.compile(r"((s3|gs)://[a-z0-9][a-z0-9._-]+|https://[A-Za-z0-9.-]+(:\d+)?)/[A-Za-z0-9._/+=@%~-]+")
_MATE: Final = re.compile(r"[._-]R?[12](_001)?$")
_FASTA: Final = re.compile(r"\.(fasta|fa|fna|fas)(\.gz)?$")


UNREADABLE: Final = "may hold only letters, digits and ._/+=@%~- and no '..'; rename the file"


def readable(uri: str) -> bool:
    """Whether steps can read a URI of this form."""
    return bool(_URI.fullmatch(uri)) and ".." not in uri.split("/")


def name_problems(option: str, value: str) -> Iterator[str]:
    """A name becomes part of file names, of labels and of a read group."""
    if not value:
        yield f"{option}: is empty; give a name"
    elif len(value) > MAX_NAME:
        yield f"{option}: {value[:20]!r}... has {len(value)} characters; at most {MAX_NAME} are allowed"
    elif not NAME.fullmatch(value):
        yield f"{option}: {value!r} may hold only letters, digits and . _ - between them (it becomes the name of files)"


def location_problems(option: str, value: str) -> Iterator[str]:
    """A location is a URI that steps read, or a path; whether there is something, is looked up later."""
    if not value:
        yield f"{option}: is empty; give a URI or a path"
    elif "://" not in value:
        return
    elif not value.startswith(("s3://", "gs://", "https://")):
        yield f"{option}: {value!r}: only s3://, gs://, https:// or a path are read"
    elif not readable(value):
        yield f"{option}: {value!r} {UNREADABLE}"


def reads_problems(values: Sequence[str], least: int) -> Iterator[str]:
    """`--reads` is given once for each FASTQ file of a pair; `least` is 1 where one file alone is enough."""
    option = "--reads"
    if not least <= len(values) <= 2:
        wanted = "once or twice: for R1, and for R2 if there is one" if least == 1 else "twice: for R1 and for R2"
        yield f"{option}: is given {len(values)} times; give it {wanted}"
    for value in values:
        found = list(location_problems(option, value))
        yield from found
        if not found and not READS.search(value):
            yield f"{option}: {value!r} does not end in .fastq.gz, .fq.gz, .fastq or .fq"
    if len(set(values)) < len(values):
        yield f"{option}: {values[0]!r} is given twice; R1 and R2 are two files"


def bam_problems(value: str) -> Iterator[str]:
    """`--bam` names one BAM."""
    if not value:
        yield "--bam: is missing; give a BAM that has its index (.bam.bai) beside it"
        return
    found = list(location_problems("--bam", value))
    yield from found
    if not found and not value.endswith(".bam"):
        yield f"--bam: {value!r} does not end in .bam"


def checksum(value: str) -> str:
    """A checksum as steps take it: 32 hexadecimal digits alone, as ENA tells them, are an MD5."""
    value = value.strip().lower()
    return f"md5:{value}" if re.fullmatch(r"[0-9a-f]{32}", value) else value


def checksum_problems(values: Sequence[str], files: int, what: str) -> Iterator[str]:
    """`--checksum` is given for none of the files of the option `what`, or for each in their order."""
    for value in values:
        if not CHECKSUM.fullmatch(checksum(value)):
            yield (
                f"--checksum: {value!r} is no checksum; write md5: and 32 or sha256: and 64 hexadecimal digits, "
                f"or {NO_CHECKSUM}"
            )
    if values and len(values) != files:
        yield (
            f"--checksum: is given {len(values)} times for {files} of {what}; give one for each in their order "
            f"({NO_CHECKSUM} where there is none), or leave it out"
        )


def platform_problems(value: str) -> Iterator[str]:
    """A value of the SAM specification for a read group's PL."""
    if value.upper() not in PLATFORMS:
        yield f"--platform: {value!r} is not one of {', '.join(PLATFORMS)}"


def ploidy_problems(value: int | None) -> Iterator[str]:
    """Copies of each chromosome."""
    if value is not None and not 1 <= value <= MAX_PLOIDY:
        yield f"--ploidy: {value}: write a whole number from 1 to {MAX_PLOIDY}"


def sample_of_reads(location: str) -> str:
    """`.../NA12878_R1.fastq.gz` -> `NA12878`."""
    return _MATE.sub("", READS.sub("", _file(location)))


def sample_of_bam(location: str) -> str:
    """`.../NA12878.bam` -> `NA12878`."""
    return _file(location).removesuffix(".bam")


def name_of_fasta(location: str) -> str:
    """`.../hg38.fa.gz` -> `hg38`."""
    return _FASTA.sub("", _file(location))


def _file(location: str) -> str:
    return location.rstrip("/").rsplit("/", 1)[-1]
