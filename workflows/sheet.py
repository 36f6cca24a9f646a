"""What is made of all samples of a sheet together: one MultiQC page, and joint variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workflows.alignment import AlignmentRules, aligned, bam
from workflows.budget import watched
from workflows.runs import workflow
from workflows.sample import sample_work
from workflows.steps import Item, Step
from workflows.types import SHEET_LABEL, Manifest, Platform, SampleReads, SizeName, VariantRules
from workflows.variants import variants
from workflows.work import Work

PATIENCE = 1000
"""Waiting may be interrupted as often as it likes: it costs nothing to begin anew."""


@dataclass(frozen=True)
class SheetRules:
    """What is made: a page of all reports, and a VCF of all samples where `joint` says how to call it."""

    rules: AlignmentRules
    multiqc: bool
    joint: VariantRules | None
    priced: Mapping[str, SizeName] = field(default_factory=dict[str, SizeName])
    """The classes of a sample's steps by their names, for a budget."""


def sheet_run(name: str, samples: Sequence[SampleReads], wanted: SheetRules, platform: Platform) -> Manifest:
    """The Workflow of a sheet. It begins with the samples' own, and waits until none of them is going on any more."""
    work = Work(name, f"{platform.store.results}/_sheets/{name}", platform)
    steps = [_await(work, wanted.priced)]
    if wanted.joint:
        bams = [(sample.name, bam(sample_work(sample, platform), sample)) for sample in samples]
        made_from = [aligned(sample_work(sample, platform), sample, wanted.rules)[-1].keys for sample in samples]
        steps += variants(work, name, bams, made_from, wanted.rules.reference, wanted.joint, [steps[0].name])
    if wanted.multiqc:
        steps.append(_multiqc(work, samples, steps[-1].name))
    return workflow("sheet", name, steps, platform, {SHEET_LABEL: name})


def _await(work: Work, priced: Mapping[str, SizeName]) -> Step:
    args = ("--kind", "sample", "--sheet", work.subject, *watched(work.platform, work.subject, priced))
    return Step("await", "multiqc", "small", args, (_always(work, "await"),), tries=PATIENCE, light=True)


def _multiqc(work: Work, samples: Sequence[SampleReads], after: str) -> Step:
    args = (
        *(word for sample in samples for word in ("--samples", sample.name)),
        *("--results", f"{work.platform.store.results}/"),
        *("--title", work.subject),
        *("--out", f"{work.results}/multiqc.html"),
    )
    return Step("multiqc", "multiqc", "small", args, (_always(work, "multiqc"),), after=(after,), anyway=True)


def _always(work: Work, step: str) -> Item:
    """A step that is done in every run: which samples came to a good end shows only then."""
    return Item("{{workflow.uid}}", work.record(step), {})
