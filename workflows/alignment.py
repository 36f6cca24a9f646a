"""The steps from reads to a BAM: FastQC on every file, a QC gate, bwa-mem2 into a sorted BAM with duplicates marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from workflows.own import own_aligner
from workflows.sizing import align_need, fastqc_need, merge_need
from workflows.steps import Step
from workflows.types import Aligner, LaneReads, QcRules, SampleReads, Source
from workflows.work import Work


@dataclass(frozen=True)
class AlignmentRules:
    """What the BAM depends on besides reads and tools, and how reads come to the aligner. `reference` is the URI of an
    indexed reference's folder, which names the content that it was built from; `bases` its size, 0 if not known."""

    reference: str
    batch_bases: int
    duplicates: Literal["mark", "keep"] = "mark"
    reads: Literal["stream", "stage"] = "stream"
    bases: int = 0
    aligner: Aligner | None = None


def fastqc(work: Work, sample: SampleReads, when: str = "") -> Step:
    """FastQC on every file of a sample."""
    out = ("--out", f"{work.results}/fastqc/")
    items = (
        work.item(
            "fastqc",
            "fastqc",
            out,
            [source.identity],
            name,
            {"name": name, "reads": source.uri, "checksum": source.checksum},
        )
        for name, source in _files(sample)
    )
    need = fastqc_need([source for _, source in _files(sample)])
    return Step("fastqc", "fastqc", "small", out, tuple(items), when=when, need=need)


def gate(work: Work, sample: SampleReads, qc: QcRules, checked: Step) -> Step:
    """Stops a sample whose files are no pairs, or not good enough, by what FastQC found."""
    pairs = (("--pair", *(_file_name(sample, lane, read) for read in (1, 2))) for lane in sample.lanes)
    args = (
        *("--fastqc", f"{work.results}/fastqc/"),
        *(word for pair in pairs for word in pair),
        *(word for module in qc.must_not_fail for word in ("--must-not-fail", module)),
        *("--min-reads", str(qc.min_reads)),
        *("--min-mean-quality", f"{qc.min_mean_quality:g}"),
    )
    return work.single("gate", "fastqc", "small", args, checked.keys, after=[checked.name], light=True)


def aligned(work: Work, sample: SampleReads, rules: AlignmentRules, after: Step | None = None) -> list[Step]:
    """The steps that make the BAM; the last one leaves it as `<results>/<sample>.bam`."""
    made_from = [source.identity for _, source in _files(sample)]
    waits = [after.name] if after else []
    threads = work.platform.sizes["large"].threads
    if rules.aligner:
        lanes = [(lane.lane, lane_args(lane)) for lane in sample.lanes]
        sorting = merge_need(sample.lanes, threads)
        return own_aligner(work, rules.aligner, rules.reference, rules.duplicates, lanes, sorting, made_from, waits)
    args = (
        *("--reference", f"{rules.reference}/"),
        *(word for lane in sample.lanes for word in ("--lane", *lane_args(lane))),
        *("--out", f"{work.results}/"),
        *("--batch-bases", str(rules.batch_bases)),
        *("--duplicates", rules.duplicates),
    )
    need = align_need(sample.lanes, rules.bases, rules.batch_bases, threads, rules.reads == "stage")
    besides = ("--reads", rules.reads)
    return [work.single("align", "bwa-mem2", "large", args, made_from, after=waits, need=need, besides=besides)]


def bam(work: Work, sample: SampleReads) -> str:
    """URI of a sample's BAM."""
    return f"{work.results}/{sample.name}.bam"


def record(work: Work, steps: list[Step]) -> Step:
    """Gathers the records of all steps; where its result is, the run is complete."""
    args = (
        *(word for step in steps for record in step.records if not step.each for word in ("--steps", record)),
        *("--out", f"{work.results}/run.json"),
    )
    made_from = [key for step in steps for key in step.keys if not step.each]
    return work.single("record", "bwa-mem2", "small", args, made_from, after=[steps[-1].name], light=True)


def lane_args(lane: LaneReads) -> tuple[str, ...]:
    """A lane as the steps' option `--lane` has it."""
    files = (*(source.uri for source in lane.reads), *(source.checksum for source in lane.reads))
    return (lane.lane, lane.library, lane.platform, *files)


def _files(sample: SampleReads) -> Iterator[tuple[str, Source]]:
    for lane in sample.lanes:
        for number, source in enumerate(lane.reads, start=1):
            yield _file_name(sample, lane, number), source


def _file_name(sample: SampleReads, lane: LaneReads, read: int) -> str:
    return f"{sample.name}_{lane.lane}_R{read}"
