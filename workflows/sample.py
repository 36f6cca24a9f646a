"""The runs of samples: reads to a BAM, variants, and a record of how they were made. One Workflow for one or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from workflows.alignment import AlignmentRules, aligned, bam, fastqc, gate, record
from workflows.budget import admitted
from workflows.graphs import Graph, Templates, arguments
from workflows.groups import ENTRYPOINT, subject, task_names
from workflows.packing import OWN, SAMPLE, packed
from workflows.runs import of_graph
from workflows.steps import SCRATCH, Step, sized
from workflows.types import (
    GROUPS_AT_ONCE,
    LIMITS,
    SAMPLES_AT_ONCE,
    SHEET_LABEL,
    Manifest,
    Platform,
    QcRules,
    SampleReads,
    VariantRules,
)
from workflows.variants import variants
from workflows.work import Work

_OWN: Final = frozenset({"bam", "calls", "fastqc", "lane", "lane-bam", "out", "pair", "shards", "steps"})
"""Options whose values differ between samples, also in their number: they are no part of what samples share."""
_SAMPLE: Final = f"{{{{inputs.parameters.{SAMPLE}}}}}"
_INPUTS: Final[Manifest] = {"parameters": [{"name": SAMPLE}, {"name": OWN}]}
_SAMPLE_LIMIT, _GROUP_LIMIT = (
    {"semaphores": [{"configMapKeyRef": {"name": LIMITS, "key": key}}]} for key in (SAMPLES_AT_ONCE, GROUPS_AT_ONCE)
)


@dataclass(frozen=True)
class SampleRules:
    """How the samples of a sheet are run; without `calls` a run ends with the BAM."""

    qc: QcRules
    rules: AlignmentRules
    calls: VariantRules | None
    sheet: str


def sample_run(samples: Sequence[SampleReads], wanted: SampleRules, templates: Templates) -> Manifest:
    """The Workflow of one sample or of several, named by the hash of its content.

    Of several each goes through a graph by itself, which the others' failures do not touch; `templates` are the
    platform's.
    """
    names = [sample.name for sample in samples]
    graph, labels = Graph(templates), {SHEET_LABEL: wanted.sheet}
    if len(samples) == 1:
        graph.add("sample", _shared(samples[0], wanted, templates.platform), _SAMPLE, synchronization=_SAMPLE_LIMIT)
        entrypoint = "sample"
    else:
        tasks: list[Manifest] = []
        for sample, name in zip(samples, task_names(names), strict=True):
            steps, own = packed(_shared(sample, wanted, templates.platform))
            called = graph.add("sample", steps, _SAMPLE, synchronization=_SAMPLE_LIMIT, inputs=_INPUTS)
            tasks.append({"name": name, "template": called, "arguments": arguments({SAMPLE: sample.name, OWN: own})})
        entrypoint = ENTRYPOINT
        graph.dag(entrypoint, tasks)
    return of_graph("sample", entrypoint, subject(names), graph, templates.platform, labels, _GROUP_LIMIT)


def sample_work(sample: SampleReads, platform: Platform) -> Work:
    """A sample's folder in the results."""
    return Work(sample.name, f"{platform.store.results}/{sample.name}", platform)


def sample_steps(sample: SampleReads, wanted: SampleRules, platform: Platform) -> list[Step]:
    """The steps of a sample, from its reads to its run record."""
    work = sample_work(sample, platform)
    checked = fastqc(work, sample)
    passed = gate(work, sample, wanted.qc, checked)
    steps = [checked, passed, *aligned(work, sample, wanted.rules, after=passed)]
    if wanted.calls:
        made, bams = steps[-1], [(sample.name, bam(work, sample))]
        reference = wanted.rules.reference
        steps += variants(work, sample.name, bams, made.keys, reference, wanted.calls, [made.name])
    return [*steps, record(work, steps)]


def _shared(sample: SampleReads, wanted: SampleRules, platform: Platform) -> list[Step]:
    """The steps of a sample, behind what lets them begin."""
    steps = admitted(sample_work(sample, platform), sample_steps(sample, wanted, platform), wanted.sheet)
    return [_shared_step(step, sample.name, platform) for step in steps]


def _shared_step(step: Step, sample: str, platform: Platform) -> Step:
    """A step whose template is that of all samples: what is the sample's own comes as the parameters of its items."""
    options = [tuple(words) for _, words in groupby(step.args, _Options())]
    own = [word for words in options if words[0][2:] in _OWN for word in words]
    common = tuple(word for words in options if words[0][2:] not in _OWN for word in words)
    # The steps take what stands behind `--also` apart at the ends of lines, which no word may hold.
    given = {SAMPLE: sample, **({"also": "\n".join(own)} if own else {})}
    if step.need:
        given[SCRATCH] = sized(step, platform).scratch
    items = tuple(replace(item, args={**item.args, **given}) for item in step.items)
    return replace(step, args=common, items=items)


class _Options:
    """Numbers options, so that their values can be grouped with them."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, word: str) -> int:
        self._number += word.startswith("--")
        return self._number
