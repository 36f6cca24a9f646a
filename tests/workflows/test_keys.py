"""What changed, and which steps of a sample are done again for it: those that depend on it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.workflows.conftest import Run, lane
from workflows.reference import reference_steps, reference_uri
from workflows.sample import SampleRules, sample_steps
from workflows.steps import Step
from workflows.types import Aligner, Platform, SampleReads, Size, Source, StoreAccess, StoreUris

DIGEST = "@sha256:" + 64 * "9"
READS = {"fastqc L001_R1", "fastqc L001_R2", "fastqc L002_R1", "fastqc L002_R2"}
CALLING = {"shards", "gather", "record"}
"""Calls have keys that follow from that of the shards."""
Change = Callable[[Run], Run]


def steps(run: Run) -> list[Step]:
    return sample_steps(run.sample, SampleRules(run.qc, run.rules, run.calls, "cohort"), run.platform)


def keys(run: Run) -> Mapping[str, str]:
    """The key of every item that is known beforehand, by its step and the end of its record's name."""
    found: dict[str, str] = {}
    for step in (step for step in steps(run) if not step.each):
        for item in step.items:
            end = item.record.rsplit("/", 1)[1].removesuffix(".json").removeprefix(f"{run.sample.name}_")
            found[step.name if len(step.items) == 1 else f"{step.name} {end}"] = item.key
    return found


def image(name: str) -> Change:
    def change(run: Run) -> Run:
        images = {**run.platform.images, name: run.platform.images[name].partition("@")[0] + DIGEST}
        return run.but(platform=replace(run.platform, images=images))

    return change


def on(**changed: Any) -> Change:
    return lambda run: run.but(platform=replace(run.platform, **changed))


def rule(**changed: Any) -> Change:
    return lambda run: run.but(rules=replace(run.rules, **changed))


def qc(**changed: Any) -> Change:
    return lambda run: run.but(qc=replace(run.qc, **changed))


def calls(**changed: Any) -> Change:
    return lambda run: run.but(calls=run.calls and replace(run.calls, **changed))


def first_lane(**changed: Any) -> Change:
    def change(run: Run) -> Run:
        first, *others = run.sample.lanes
        return run.but(sample=replace(run.sample, lanes=(replace(first, **changed), *others)))

    return change


def second_read(**changed: Any) -> Change:
    def change(run: Run) -> Run:
        first, second = run.sample.lanes[0].reads
        return first_lane(reads=(first, replace(second, **changed)))(run)

    return change


def other_lane(run: Run) -> Run:
    return run.but(sample=SampleReads(run.sample.name, (*run.sample.lanes, lane("L003"))))


def registry(run: Run) -> Run:
    moved = {name: ref.replace("registry.example", "other.example:5000/x") for name, ref in run.platform.images.items()}
    return run.but(platform=replace(run.platform, images=moved))


ALIGNED = {"align"} | CALLING
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "nothing": (lambda run: run, set()),
    "the image of fastqc and gate": (image("fastqc"), READS | {"gate", "record"}),
    "the image of the aligner": (image("bwa-mem2"), ALIGNED),
    "the image of the variants": (image("variants"), CALLING),
    "the image of the sheet's page": (image("multiqc"), set()),
    "the content of one file": (second_read(identity="8-2"), {"fastqc L001_R2", "gate"} | ALIGNED),
    "the place of one file": (second_read(uri="s3://reads/x_2.fq.gz"), {"fastqc L001_R2", "gate"} | ALIGNED),
    "the checksum of one file": (second_read(checksum="md5:" + 32 * "0"), {"fastqc L001_R2", "gate"} | ALIGNED),
    "the size that is known of a file": (second_read(size=10), set()),
    "a lane's library": (first_lane(library="lib2"), ALIGNED),
    "a lane's platform": (first_lane(platform="ELEMENT"), ALIGNED),
    "one lane more": (other_lane, {"fastqc L003_R1", "fastqc L003_R2", "gate"} | ALIGNED),
    "the least number of reads": (qc(min_reads=1000), {"gate", "record"}),
    "the least quality": (qc(min_mean_quality=30.0), {"gate", "record"}),
    "what must not fail": (qc(must_not_fail=()), {"gate", "record"}),
    "the reference": (rule(reference="s3://reference/hg38-4567"), ALIGNED),
    "the batch": (rule(batch_bases=10_000_000), ALIGNED),
    "duplicates": (rule(duplicates="keep"), ALIGNED),
    "how reads come to the aligner": (rule(reads="stage"), set()),
    "what is known of the genome's size": (rule(bases=3_000_000_000), set()),
    "the ploidy": (calls(ploidy=1), CALLING),
    "the length of shards": (calls(shard_seconds=60), CALLING),
    "the number of shards": (calls(most=10), CALLING),
    "the stack and its namespace": (on(stack="other", namespace="elsewhere", service_account="x"), set()),
    "machines": (on(sizes=dict.fromkeys(("small", "large", "huge", "gpu"), Size("8", 8, 65536, "500Gi"))), set()),
    "access to the store": (on(access=StoreAccess({"AWS_REGION": "eu-west-1"})), set()),
    "the registry": (registry, set()),
}


@pytest.mark.parametrize(("change", "again"), CHANGES.values(), ids=list(CHANGES))
def test_a_change_repeats_what_depends_on_it_and_nothing_else(run: Run, change: Change, again: set[str]) -> None:
    before, after = keys(run), keys(change(run))
    assert {name for name, key in after.items() if before.get(name) != key} == again


def test_another_store_has_none_of_the_results(run: Run) -> None:
    moved = on(store=StoreUris("s3://reads", "s3://reference", "s3://results-2"))(run)
    assert not set(keys(run).values()) & set(keys(moved).values())


def test_another_aligner_makes_another_bam_and_reads_the_same_reports(run: Run) -> None:
    own = rule(aligner=Aligner("registry.example/own@sha256:" + 64 * "1", ("run.sh",), "large"))
    other = rule(aligner=Aligner("registry.example/own@sha256:" + 64 * "2", ("run.sh",), "large"))
    before, after = keys(own(run)), keys(other(run))
    again = {name for name, key in after.items() if before[name] != key}
    assert again == {"lane L001", "lane L002", "lookup", "sort"} | CALLING


def test_samples_of_a_sheet_do_not_know_of_each_other(run: Run) -> None:
    other = run.but(sample=SampleReads("NA12891", run.sample.lanes))
    assert not set(keys(run).values()) & set(keys(other).values())


def test_an_index_is_that_of_its_content_and_not_of_a_stack_or_a_build(platform: Platform) -> None:
    fasta = Source("s3://reads/hg38.fa.gz", "7-1", checksum="sha256:" + 64 * "0")
    built = replace(platform, images={name: f"other/{name}{DIGEST}" for name in platform.images}, stack="other")
    touched, changed = replace(fasta, identity="7-2"), replace(fasta, checksum="sha256:" + 64 * "1")

    def identity(source: Source, of: Platform) -> tuple[str, tuple[str, ...]]:
        return reference_uri(source, of), reference_steps(source, of)[-1].keys

    assert identity(fasta, platform) == identity(fasta, built) == identity(touched, platform)
    assert identity(fasta, platform) != identity(changed, platform)
