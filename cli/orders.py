"""What a person orders: a single job, as the options say it, before anything is looked up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cli import options

Kind = Literal["reads", "bam", "fasta", "reference"]
SUBJECT: Final = "sample"
"""Parameter that says what a job is about; the label biojobs/sample follows from it."""


@dataclass(frozen=True)
class File:
    """A file, or a reference's folder, that a parameter of the job names."""

    parameter: str
    option: str
    kind: Kind
    location: str


@dataclass(frozen=True)
class Order:
    """A job of the WorkflowTemplate `template`. `problems` are those of the options' form; a file is listed only
    where its form is good."""

    template: str
    subject: str
    files: tuple[File, ...]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: tuple[str, ...] = ()


def fastqc(reads: Sequence[str], sample: str | None, checksums: Sequence[str]) -> Order:
    """FastQC of one file or two."""
    problems = [*options.reads_problems(reads, 1), *options.checksum_problems(checksums, len(reads), "--reads")]
    name, more = _subject("--sample", sample, options.sample_of_reads(reads[0]) if reads else "job")
    return Order("fastqc", name, _reads(reads), _checksums(checksums), (*problems, *more))


def align(
    reads: Sequence[str],
    sample: str | None,
    checksums: Sequence[str],
    *,
    lane: str,
    library: str | None,
    platform: str,
    reference: str | None,
) -> Order:
    """A pair of files to a BAM. The library is the sample's own where none is named."""
    problems = [*options.reads_problems(reads, 2), *options.checksum_problems(checksums, len(reads), "--reads")]
    name, more = _subject("--sample", sample, options.sample_of_reads(reads[0]) if reads else "job")
    problems += [*more, *options.name_problems("--lane", lane), *options.platform_problems(platform)]
    problems += options.name_problems("--library", library) if library is not None else ()
    group = {"lane": lane, "library": name if library is None else library, "platform": platform.upper()}
    files = (*_reads(reads), *_reference(reference, problems))
    return Order("align", name, files, {**group, **_checksums(checksums)}, tuple(problems))


def variants(bam: str, sample: str | None, *, reference: str | None, ploidy: int | None) -> Order:
    """Variants of one BAM."""
    problems = [*options.bam_problems(bam), *options.ploidy_problems(ploidy)]
    name, more = _subject("--sample", sample, options.sample_of_bam(bam) if bam else "job")
    problems += more
    files = (File("bam", "--bam", "bam", bam),) if not list(options.bam_problems(bam)) else ()
    given = {} if ploidy is None else {"ploidy": str(ploidy)}
    return Order("variants", name, (*files, *_reference(reference, problems)), given, tuple(problems))


def index(fasta: str, name: str | None, checksum: str | None) -> Order:
    """The index of a reference."""
    form = list(options.location_problems("--fasta", fasta))
    sums = [] if checksum is None else [checksum]
    subject, more = _subject("--name", name, options.name_of_fasta(fasta) if fasta else "job")
    files = () if form else (File("fasta", "--fasta", "fasta", fasta),)
    given = {"checksum": options.checksum(checksum)} if checksum is not None else {}
    problems = (*form, *options.checksum_problems(sums, 1, "--fasta"), *more)
    return Order("index", subject, files, given, problems)


def _subject(option: str, given: str | None, from_file: str) -> tuple[str, list[str]]:
    """The job's name, from its file where none is given, and its problems."""
    if given is not None:
        return given, list(options.name_problems(option, given))
    if list(options.name_problems(option, from_file)):
        return from_file, [f"{option}: cannot be made from the file's name ({from_file!r}); give one"]
    return from_file, []


def _reads(reads: Sequence[str]) -> tuple[File, ...]:
    return tuple(
        File(f"fastq_{read}", "--reads", "reads", file)
        for read, file in enumerate(reads[:2], 1)
        if not list(options.location_problems("--reads", file))
    )


def _checksums(checksums: Sequence[str]) -> dict[str, str]:
    return {f"checksum_{read}": options.checksum(value) for read, value in enumerate(checksums, 1)}


def _reference(given: str | None, problems: list[str]) -> Iterator[File]:
    """The folder of an indexed reference where one is named; the template knows the stack's own."""
    if given is None:
        return
    found = list(options.location_problems("--reference", given))
    problems += found
    if not found:
        yield File("reference", "--reference", "reference", given)
