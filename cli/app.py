"""The commands of `biojobs` and their options. What they do is imported when it is done: help must be quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import orders
from cli.errors import told

app = typer.Typer(
    name="biojobs",
    help="Genomics jobs on the stack that `pulumi up` has built.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
run = typer.Typer(
    help="Start a single job, follow it, and say where its results are.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(run, name="run")

Stack = Annotated[str, typer.Option("--stack", metavar="NAME", envvar="STACK", help="Stack that the job runs on.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job to its end, or print its name and go.")]
Reads = Annotated[
    list[str] | None,
    typer.Option("--reads", metavar="FILE", help="FASTQ file: a path or a URI. Given twice for a pair, R1 first."),
]
Checksums = Annotated[
    list[str] | None,
    typer.Option("--checksum", metavar="SUM", help="md5:... or sha256:... of each file of --reads, in their order."),
]
Sample = Annotated[
    str | None, typer.Option("--sample", metavar="NAME", help="Name of the sample. [default: from the file's name]")
]
Reference = Annotated[
    str | None,
    typer.Option("--reference", metavar="FOLDER", help="Folder of an indexed reference. [default: the stack's own]"),
]


@app.callback()
def _commands() -> None:
    """Genomics jobs on the stack that `pulumi up` has built."""


@run.command()
def fastqc(
    reads: Reads = None,
    sample: Sample = None,
    checksum: Checksums = None,
    wait: Wait = True,
    stack: Stack = "local",
) -> None:
    """FastQC of one FASTQ file, or of a pair."""
    _start(orders.fastqc(reads or [], sample, checksum or []), stack, wait)


@run.command()
def align(
    reads: Reads = None,
    sample: Sample = None,
    lane: Annotated[str, typer.Option("--lane", metavar="NAME", help="Lane, for the read group.")] = "L001",
    library: Annotated[
        str | None,
        typer.Option("--library", metavar="NAME", help="Library, for the read group. [default: the sample's name]"),
    ] = None,
    platform: Annotated[
        str, typer.Option("--platform", metavar="NAME", help="Platform, for the read group.")
    ] = "ILLUMINA",
    checksum: Checksums = None,
    reference: Reference = None,
    wait: Wait = True,
    stack: Stack = "local",
) -> None:
    """Align a pair of FASTQ files with bwa-mem2 to a sorted, indexed BAM."""
    order = orders.align(
        reads or [], sample, checksum or [], lane=lane, library=library, platform=platform, reference=reference
    )
    _start(order, stack, wait)


@run.command()
def variants(
    bam: Annotated[
        str, typer.Option("--bam", metavar="FILE", help="BAM with its index (.bam.bai) beside it: a path or a URI.")
    ] = "",
    sample: Sample = None,
    reference: Reference = None,
    ploidy: Annotated[
        int | None,
        typer.Option("--ploidy", metavar="NUMBER", help="Copies of each chromosome. [default: the stack's own]"),
    ] = None,
    wait: Wait = True,
    stack: Stack = "local",
) -> None:
    """Call the variants of a BAM."""
    _start(orders.variants(bam, sample, reference=reference, ploidy=ploidy), stack, wait)


@run.command()
def index(
    fasta: Annotated[str, typer.Option("--fasta", metavar="FILE", help="FASTA, plain or gzip: a path or a URI.")] = "",
    checksum: Annotated[
        str | None, typer.Option("--checksum", metavar="SUM", help="md5:... or sha256:... of the file.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the job. [default: from the file's name]")
    ] = None,
    wait: Wait = True,
    stack: Stack = "local",
) -> None:
    """Index a reference genome for bwa-mem2 and variants."""
    _start(orders.index(fasta, name, checksum), stack, wait)


@app.command()
def follow(
    name: Annotated[str, typer.Argument(help="Name of a run, as `argo -n biojobs list` tells it.")],
    stack: Stack = "local",
) -> None:
    """Follow a run to its end, and say where its results are."""
    with told():
        from cli import start

        start.follow(name, stack)


@app.command()
def why(
    sample: Annotated[str, typer.Argument(help="Name of a sample of the stack's sheet.")],
    stack: Stack = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read all results, and compare their checksums too.")] = False,
) -> None:
    """Say for each step of a sample whether it would run, and why."""
    with told():
        from cli import why as module

        module.why(sample, stack, as_json=as_json, deep=deep)


@app.command()
def report(
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Sheet, without .csv. [default: the stack's own]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page. [default: report-STACK-SHEET.html]")
    ] = None,
    stack: Stack = "local",
) -> None:
    """Write one HTML page about a sheet's runs: times, causes, cost, QC, and what would help."""
    with told():
        from cli import report

        report.report(stack, sheet, out)


@app.command()
def watch(
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Sheet, without .csv. [default: the stack's own]")
    ] = None,
    stack: Stack = "local",
) -> None:
    """Watch a sheet's runs until they have ended."""
    with told():
        from cli import watch

        watch.watch(stack, sheet)


def _start(order: orders.Order, stack: str, wait: bool) -> None:
    with told():
        from cli import start

        start.start(order, stack, wait=wait)
