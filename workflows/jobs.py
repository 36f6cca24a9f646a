"""Single jobs: FastQC, alignment, variants or an index alone, as WorkflowTemplates of the pipelines' own steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workflows.alignment import AlignmentRules, aligned, fastqc
from workflows.reference import index_steps
from workflows.runs import template
from workflows.types import LaneReads, Manifest, Platform, SampleReads, Source, VariantRules
from workflows.variants import variants
from workflows.work import Work

RUN = "{{workflow.uid}}"
"""What stands for the key of a single job's results: nobody knows beforehand what they are made from, so that a job is
never taken for done because an earlier one was."""


def jobs(rules: AlignmentRules, calls: VariantRules, platform: Platform) -> Mapping[str, Manifest]:
    """The WorkflowTemplates by name. Results go to `<results>/_jobs/<Workflow>/`, an index to a folder of the reference
    store; `rules` and `calls` are the stack's, and give the defaults."""
    return {
        "fastqc": _fastqc(platform),
        "align": _align(replace(rules, bases=0), platform),
        "variants": _variants(rules.reference, calls, platform),
        "index": _index(platform),
    }


def _fastqc(platform: Platform) -> Manifest:
    options = {"sample": "job", **_reads("")}
    # The second file may be left out.
    step = fastqc(_work(platform), _sample("L001", "library", "ILLUMINA"), when="'{{item.reads}}' != ''")
    return template("fastqc", options, [step], platform)


def _align(rules: AlignmentRules, platform: Platform) -> Manifest:
    options = {
        **{"sample": None, **_reads(None)},
        **{"lane": "L001", "library": "library", "platform": "ILLUMINA", "reference": rules.reference},
    }
    sample = _sample(_option("lane"), _option("library"), _option("platform"))
    steps = aligned(_work(platform), sample, replace(rules, reference=_option("reference")))
    return template("align", options, steps, platform)


def _variants(reference: str, calls: VariantRules, platform: Platform) -> Manifest:
    options = {"sample": None, "bam": None, "reference": reference, "ploidy": str(calls.ploidy)}
    name, calls = _option("sample"), replace(calls, ploidy=_option("ploidy"))
    steps = variants(_work(platform), name, [(name, _option("bam"))], RUN, _option("reference"), calls, [])
    return template("variants", options, steps, platform)


def _index(platform: Platform) -> Manifest:
    options = {"sample": None, "fasta": None, "checksum": "none"}
    fasta = Source(_option("fasta"), checksum=_option("checksum"))
    work = _work(platform, platform.store.reference)
    _, index = index_steps(work, fasta, RUN)
    return template("index", options, [replace(index, after=(), when="")], platform)


def _work(platform: Platform, store: str = "") -> Work:
    folder = f"{store or platform.store.results}/_jobs/{{{{workflow.name}}}}"
    return Work(_option("sample"), folder, platform, key=RUN)


def _option(name: str) -> str:
    return f"{{{{workflow.parameters.{name}}}}}"


def _reads(second: str | None) -> dict[str, str | None]:
    return {"fastq_1": None, "fastq_2": second, "checksum_1": "none", "checksum_2": "none"}


def _sample(lane: str, library: str, platform: str) -> SampleReads:
    first, second = (Source(_option(f"fastq_{read}"), checksum=_option(f"checksum_{read}")) for read in (1, 2))
    return SampleReads(_option("sample"), (LaneReads(lane, library, platform, (first, second)),))
