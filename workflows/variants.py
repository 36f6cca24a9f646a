"""Variants by region: the genome cut by depth into shards, freebayes on each, one normalised VCF of all."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.steps import Item, Step
from workflows.types import VariantRules
from workflows.work import Work

DEADLINE = 3
"""A shard that takes this many times as long as it should is stopped, and its halves are called instead."""


def variants(
    work: Work,
    name: str,
    bams: Sequence[tuple[str, str]],
    made_from: object,
    reference: str,
    rules: VariantRules,
    after: Sequence[str],
) -> list[Step]:
    """The steps from BAMs to `<results>/<name>.vcf.gz`: shards, call (one pod a shard) and gather.

    `bams` are sample names and the URIs of their BAMs, called together; `made_from` what the BAMs are made from;
    `after` the steps that make them.
    """
    regions, calls = f"{work.results}/.steps/shards/", f"{work.results}/.steps/calls/"
    inputs = (*(word for found in bams for word in ("--bam", *found)), *("--reference", f"{reference}/"))
    limits = (
        *("--seconds", str(rules.shard_seconds)),
        *("--most", str(rules.most)),
    )
    shards = work.single(
        "shards",
        "variants",
        "small",
        (*inputs, *limits, "--out", regions),
        # A shard's own key follows from this one, so it stands for all that calling depends on.
        [made_from, rules.ploidy],
        after=after,
        outputs=["shards"],
    )
    args = (
        *inputs,
        *("--shards", regions),
        *("--deadline", str(DEADLINE * rules.shard_seconds)),
        *("--ploidy", str(rules.ploidy)),
        *("--out", calls),
    )
    shard = Item("{{item.key}}", f"{calls}{{{{item.shard}}}}.json", {"shard": "{{item.shard}}"})
    call = Step(
        "call",
        "variants",
        "small",
        args,
        (shard,),
        after=("shards",),
        outputs=("rest",),
        each="{{tasks.shards.outputs.parameters.shards}}",
        rest="rest",
    )
    gathered = (
        *(word for sample, _ in bams for word in ("--bam", sample)),
        *("--shards", regions, "--calls", calls, "--reference", f"{reference}/"),
        *("--ploidy", str(rules.ploidy), "--out", f"{work.results}/{name}"),
    )
    gather = work.single("gather", "variants", "small", gathered, shards.keys, after=["call"])
    return [shards, call, gather]
