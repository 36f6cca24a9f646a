"""The run of one sample: reads to a BAM, variants, and a record of how they were made."""

from __future__ import annotations

from workflows.alignment import AlignmentRules, aligned, bam, fastqc, gate, record
from workflows.runs import workflow
from workflows.types import SHEET_LABEL, Manifest, Platform, QcRules, SampleReads, VariantRules
from workflows.variants import variants
from workflows.work import Work


def sample_run(
    sample: SampleReads,
    qc: QcRules,
    rules: AlignmentRules,
    calls: VariantRules | None,
    platform: Platform,
    sheet: str,
) -> Manifest:
    """The Workflow of a sample of a sheet, named by the hash of its content; without `calls` it ends with the BAM."""
    work = sample_work(sample, platform)
    checked = fastqc(work, sample)
    passed = gate(work, sample, qc, checked)
    steps = [checked, passed, *aligned(work, sample, rules, after=passed)]
    if calls:
        made = steps[-1]
        steps += variants(
            work, sample.name, [(sample.name, bam(work, sample))], made.keys, rules.reference, calls, [made.name]
        )
    return workflow("sample", sample.name, [*steps, record(work, steps)], platform, {SHEET_LABEL: sheet})


def sample_work(sample: SampleReads, platform: Platform) -> Work:
    """A sample's folder in the results."""
    return Work(sample.name, f"{platform.store.results}/{sample.name}", platform)
