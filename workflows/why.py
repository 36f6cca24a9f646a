"""Whether each step of a sample would run, and why: its record and results held against what it would be made from now.

Pure: what is in the store comes as `Evidence`. The rules are those of images/common/resume.sh, in words for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from images.multiqc.nodes import nodes, said, sample_of, step_of
from workflows.changes import changes, seconds, shown
from workflows.failures import cause
from workflows.steps import Item, Step
from workflows.types import Source
from workflows.work import NEEDED

LONGEST: Final = 8_388_608
"""Bytes of the longest record that a step believes in; that of images/common/resume.sh."""
_SHARD: Final = re.compile(r"\d{4,6}(\.[12])*")
_MOST_SHARDS: Final = 20_000
_TOLD: Final = 3
"""Pods of a step that are told of by name."""
_MADE_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("index", "fastqc", "align", "lane", "sort"), ()),
    "gate": ("fastqc",),
    "shards": ("align", "sort"),
    "gather": ("shards",),
}
"""The steps whose keys are part of a step's own; those of all steps for any other."""


@dataclass(frozen=True)
class Seen:
    """A file of the store: its size in bytes, and when it was written, in seconds since 1970."""

    size: int
    written: float


@dataclass(frozen=True)
class Evidence:
    """What is in the store. `record` gives the content of a record, None where there is none; `find` a file.

    `sources` are the sample's files as they are now, by URI, and `images` the images by name; `checksum` reads a file
    whole, where that is wanted, and gives its SHA-256; `failed` has what the last run said of steps that failed.
    """

    record: Callable[[str], bytes | None]
    find: Callable[[str], Seen | None]
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    checksum: Callable[[str], str] | None = None
    failed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Verdict:
    """A step, or one of its items: `reasons` say why it would run, or what else is to be known of it."""

    name: str
    runs: bool
    reasons: tuple[str, ...] = ()
    record: str = ""


Record = Mapping[str, Any]


def verdicts(steps: Sequence[Step], evidence: Evidence, sample: str) -> list[Verdict]:
    """Of every step in order, and of each of its items where there are several."""
    told: list[Verdict] = []
    # What is left out where a later step's result is there: only that result counts.
    needed = {item.key: step for step in steps for item in step.items if not step.when}
    changed: set[str] = set()
    by_name = {step.name: step for step in steps}
    for step in steps:
        if step.outputs == ("needed",):
            continue
        if step.each:
            told.append(_pods(step, by_name["shards"], evidence, sample))
            continue
        if step.when == NEEDED and _serves_another(step, steps) and _is_done_later(steps, needed, evidence, sample):
            told.append(Verdict(step.name, runs=False, reasons=("what is made of it is there",)))
            continue
        upstream = [name for name in by_name if name in changed and name in _MADE_FROM.get(step.name, by_name)]
        for item in step.items:
            verdict, made_otherwise = _of_item(step, item, evidence, sample, upstream)
            told.append(verdict)
            if made_otherwise and step.name != "record":
                changed.add(step.name)
    return told


def last_failures(runs: Iterable[Mapping[str, Any]], sample: str) -> dict[str, str]:
    """What a sample's steps said whose last try failed, by step, from its Workflows, with the cause."""
    tries = [(node, step_of(str(node["templateName"]))) for run in runs for node in _pods_of(run, sample)]
    last = {step: node for node, step in sorted(tries, key=lambda one: str(one[0].get("startedAt")))}
    return {step: _said(node) for step, node in last.items() if node.get("phase") in ("Failed", "Error")}


def _pods_of(run: Mapping[str, Any], sample: str) -> Iterator[Mapping[str, Any]]:
    for node in nodes(run):
        if node.get("type") == "Pod" and sample_of(node, run) == sample:
            yield node


def _said(node: Mapping[str, Any]) -> str:
    outputs, message = cast(Record, node.get("outputs") or {}), str(node.get("message") or "no message")
    return f"{said(message)} ({cause(str(node.get('phase')), str(outputs.get('exitCode') or ''), message)})"


def parse(content: bytes | None, sample: str) -> tuple[Record | None, str]:
    """A step record, or None and what is wrong with it; without a `sample` it may be any one's."""
    if content is None:
        return None, "no record: it was never done to its end"
    if len(content) > LONGEST:
        return None, f"its record is longer than {LONGEST} bytes"
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return None, "its record is cut, or no record"
    record = cast(Record, found)
    if sample and record.get("sample", sample) != sample:
        return None, f"its record is of another sample ({shown(record['sample'])})"
    outputs = record.get("outputs")
    if not isinstance(outputs, list) or not all(map(_is_output, cast(list[object], outputs))):
        return None, "its record does not tell of its results"
    return record, ""


def _is_output(told: object) -> bool:
    if not isinstance(told, dict):
        return False
    output = cast(Record, told)
    return isinstance(output.get("uri"), str) and isinstance(output.get("size"), int)


def _of_item(step: Step, item: Item, evidence: Evidence, sample: str, upstream: Sequence[str]) -> tuple[Verdict, bool]:
    """The verdict, and whether the result would be made from something else than the one that is there."""
    name = _name(step, item, sample)
    record, wrong = parse(evidence.record(item.record), sample)
    if record is None:
        return _runs(name, item, [wrong], evidence, step), False
    if record.get("key") != item.key:
        reasons = list(changes(step, item, record, evidence.sources, evidence.images))
        if not reasons and upstream:
            reasons = [f"{' and '.join(upstream)} would run with something else"]
        return _runs(name, item, reasons or [_unknown(record)], evidence, step), True
    if missing := [*_results(record, evidence), *_other_bams(record, evidence)]:
        return _runs(name, item, missing, evidence, step), False
    return Verdict(name, runs=False, reasons=_when(record), record=item.record), False


def _runs(name: str, item: Item, reasons: Sequence[str], evidence: Evidence, step: Step) -> Verdict:
    failed = evidence.failed.get(step.name)
    told = [*reasons, *([f"it failed last time: {shown(failed, 300)}"] if failed else [])]
    return Verdict(name, runs=True, reasons=tuple(told), record=item.record)


def _unknown(record: Record) -> str:
    if "arguments" not in record:
        return "its arguments or inputs changed (a record of this age does not tell which)"
    return "what it is made from changed: a file of the same size, or a setting of a later step"


def _when(record: Record) -> tuple[str, ...]:
    ended = str(record.get("ended", ""))
    return (f"{ended[:16].replace('T', ' ')} UTC",) if re.fullmatch(r"[\dT:-]{19}Z", ended) else ()


def _results(record: Record, evidence: Evidence) -> Iterator[str]:
    """What is not there any more as the record tells of it."""
    for output in cast(Sequence[Record], record["outputs"]):
        uri, size, found = str(output["uri"]), int(output["size"]), evidence.find(str(output["uri"]))
        if found is None:
            yield f"{shown(uri)} is not there any more"
        elif found.size != size:
            yield f"{shown(uri)} has {found.size:,} bytes, its record tells of {size:,}"
        elif evidence.checksum and output.get("sha256") != evidence.checksum(uri):
            yield f"{shown(uri)} has other bytes than its record tells of"


def _other_bams(record: Record, evidence: Evidence) -> Iterator[str]:
    """BAMs that were written since shards were cut for them: calls take only the very files."""
    bams = _fact(record, "bams")
    for bam in cast(list[object], bams) if isinstance(bams, list) else []:
        told: Record = cast(Record, bam) if isinstance(bam, dict) else {}
        found = evidence.find(str(told.get("uri")))
        if found is None or found.size != told.get("size") or int(found.written) > seconds(told.get("modified")):
            yield f"{shown(told.get('uri'))} {'was written since' if found else 'is to be made anew'}"


def _serves_another(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a `lookup` looks for the result of a later step, and not for this one's."""
    looked_for = {record for other in steps if other.outputs == ("needed",) for record in other.records}
    return not looked_for & {*step.records}


def _is_done_later(steps: Sequence[Step], needed: Mapping[str, Step], evidence: Evidence, sample: str) -> bool:
    """Whether what a `lookup` looks for is there."""
    items = [item for step in steps if step.outputs == ("needed",) for item in step.items]
    return bool(items) and all(
        not _of_item(needed.get(item.key, steps[-1]), item, evidence, sample, ())[0].runs for item in items
    )


def _pods(step: Step, shards: Step, evidence: Evidence, sample: str) -> Verdict:
    """A step whose items another one finds out: how many of them would run."""
    (item,) = shards.items
    record, _ = parse(evidence.record(item.record), sample)
    if record is None or record.get("key") != item.key:
        return Verdict(step.name, runs=True, reasons=(f"{shards.name} would run, which tells how many there are",))
    found = list(_shards(step.items[0], _fact(record, "shards"), evidence, sample))
    open_ones = [(shard, why) for shard, why in found if why]
    if not open_ones:
        return Verdict(step.name, runs=False, reasons=(f"{len(found)} of {len(found)}",))
    named = "; ".join(f"{shard}: {why}" for shard, why in open_ones[:_TOLD])
    more = f" and {len(open_ones) - _TOLD} more" if len(open_ones) > _TOLD else ""
    reasons = [f"{len(open_ones)} of {len(found)}: {named}{more}"]
    return _runs(step.name, step.items[0], reasons, evidence, step)


def _shards(item: Item, told: object, evidence: Evidence, sample: str) -> Iterator[tuple[str, str]]:
    """The shards with what is wrong with each; of one that was too slow its halves instead."""
    left = list(reversed(cast(list[object], told))) if isinstance(told, list) else []
    count = 0
    while left and count < _MOST_SHARDS:
        count += 1
        one = left.pop()
        shard, key = (cast(Record, one).get(name) for name in ("shard", "key")) if isinstance(one, dict) else ("", "")
        if not isinstance(shard, str) or not _SHARD.fullmatch(shard):
            continue
        record, wrong = parse(evidence.record(item.record.replace("{{item.shard}}", shard)), sample)
        if record is None:
            yield shard, wrong.partition(":")[0]
        elif record.get("key") != key:
            yield shard, "its record is of other work"
        else:
            rest = _fact(record, "rest")
            halves = cast(list[object], rest) if isinstance(rest, list) else []
            left += reversed(halves)
            wrong = next(_results(record, evidence), "")
            if wrong or not halves:
                yield shard, wrong


def _fact(record: Record, name: str) -> object:
    facts = record.get("facts")
    return cast(Record, facts).get(name) if isinstance(facts, dict) else None


def _name(step: Step, item: Item, sample: str) -> str:
    end = item.record.rsplit("/", 1)[-1].removesuffix(".json").removeprefix(f"{sample}_")
    return step.name if len(step.items) == 1 else f"{step.name} {end}"
