"""The alignment of one sample: FastQC on every file, a QC gate, bwa-mem2 into a sorted BAM, a run record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflows.runs import workflow
from workflows.steps import Item, Step
from workflows.types import Manifest, Platform, QcRules, SizeName, Source, content_hash


@dataclass(frozen=True)
class LaneReads:
    """A read group with its two files located."""

    lane: str
    library: str
    platform: str
    reads: tuple[Source, Source]


@dataclass(frozen=True)
class SampleReads:
    """A sample whose files are located: what one Workflow is made from."""

    name: str
    lanes: tuple[LaneReads, ...]


@dataclass(frozen=True)
class AlignmentRules:
    """What the results depend on besides reads and tools. `reference` is the URI of an indexed reference's folder,
    which names the content that it was built from."""

    reference: str
    qc: QcRules
    batch_bases: int


def alignment(sample: SampleReads, rules: AlignmentRules, platform: Platform) -> Manifest:
    """The Workflow of a sample, named by the hash of its content."""
    steps = _Steps(sample, rules, platform)
    work = [steps.fastqc(), steps.gate(), steps.align()]
    return workflow("sample", sample.name, [*work, steps.record(work)], platform)


@dataclass(frozen=True)
class _Steps:
    """The steps of a sample, each keyed by what its result is made from."""

    sample: SampleReads
    rules: AlignmentRules
    platform: Platform

    def fastqc(self) -> Step:
        out = ("--out", f"{self._results}/fastqc/")
        items = (
            self._item("fastqc", "fastqc", out, [source.identity], name, {"name": name, "reads": source.uri})
            for name, source in self._files()
        )
        return Step("fastqc", "fastqc", "small", out, tuple(items))

    def gate(self) -> Step:
        qc = self.rules.qc
        pairs = (("--pair", *(self._file_name(lane, read) for read in (1, 2))) for lane in self.sample.lanes)
        args = (
            *("--fastqc", f"{self._results}/fastqc/"),
            *(word for pair in pairs for word in pair),
            *(word for module in qc.must_not_fail for word in ("--must-not-fail", module)),
            *("--min-reads", str(qc.min_reads)),
            *("--min-mean-quality", f"{qc.min_mean_quality:g}"),
        )
        return self._single("gate", "fastqc", "small", args, self.fastqc().keys)

    def align(self) -> Step:
        lanes = (
            ("--lane", lane.lane, lane.library, lane.platform, *(source.uri for source in lane.reads))
            for lane in self.sample.lanes
        )
        args = (
            *("--reference", f"{self.rules.reference}/"),
            *(word for lane in lanes for word in lane),
            *("--out", f"{self._results}/"),
            *("--batch-bases", str(self.rules.batch_bases)),
        )
        return self._single("align", "bwa-mem2", "large", args, [source.identity for _, source in self._files()])

    def record(self, steps: list[Step]) -> Step:
        args = (
            *(word for step in steps for record in step.records for word in ("--steps", record)),
            *("--out", f"{self._results}/run.json"),
        )
        return self._single("record", "bwa-mem2", "small", args, [key for step in steps for key in step.keys])

    def _files(self) -> Iterator[tuple[str, Source]]:
        for lane in self.sample.lanes:
            for number, source in enumerate(lane.reads, start=1):
                yield self._file_name(lane, number), source

    def _file_name(self, lane: LaneReads, read: int) -> str:
        return f"{self.sample.name}_{lane.lane}_R{read}"

    @property
    def _results(self) -> str:
        return f"{self.platform.store.results}/{self.sample.name}"

    def _single(self, name: str, image: str, size: SizeName, args: tuple[str, ...], made_from: object) -> Step:
        return Step(name, image, size, args, (self._item(name, image, args, made_from),))

    def _item(
        self,
        step: str,
        image: str,
        shared: tuple[str, ...],
        made_from: object,
        name: str | None = None,
        own: dict[str, str] | None = None,
    ) -> Item:
        """An item of a step. Threads and memory are not in its key: with a fixed -K, results do not depend on them."""
        key = content_hash(step, self.platform.images[image], shared, own or {}, made_from)
        return Item(key, f"{self._results}/.steps/{name or step}.json", own or {})
