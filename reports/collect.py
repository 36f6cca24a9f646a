"""Workflows and records put together. Pure, and distrustful: both were written by others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from components.hourly import SIZE_NAMES
from images.multiqc.nodes import nodes, said, sample_of, step_of
from quantities import parse_bytes, parse_cpu
from reports.facts import Asked, SampleFacts, State, Try
from reports.records import Record, Records, when
from reports.text import cleaned
from settings import Settings
from settings_sizes import SizeClass
from workflows.failures import MAX_INTERRUPTIONS, Cause, cause
from workflows.status import RunStatus, read
from workflows.types import KIND_LABEL, SizeName

CLASSES: Final[Mapping[str, SizeName]] = {"align": "large", "sort": "large", "index": "huge"}
"""Steps that are not `small`; the step `lane` has the class of the user's own aligner."""
_TRY: Final = re.compile(r"\((\d+)\)$")
_NO_MATTER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""What the time is: of no interest where progress is not."""


@dataclass(frozen=True)
class Classes:
    """What a stack's steps are of: the class of each step, and what a class gives."""

    of: Mapping[str, SizeName] = field(default_factory=lambda: CLASSES)
    gives: Mapping[SizeName, Asked] = field(default_factory=dict[SizeName, Asked])

    def size(self, step: str) -> SizeName:
        """The size class of a step."""
        return self.of.get(step, "small")


def classes(settings: Settings) -> Classes:
    """The classes of a stack."""
    own: Mapping[str, SizeName] = {"lane": settings.aligner.class_} if settings.aligner else {}
    gives: dict[SizeName, Asked] = {}
    for name in SIZE_NAMES:
        size: SizeClass = getattr(settings.classes, name)
        gives[name] = Asked(parse_cpu(size.cpu), size.memory_mib)
    return Classes({**CLASSES, **own}, gives)


def collect(
    names: Sequence[str], workflows: Iterable[Mapping[str, Any]], records: Records, known: Classes
) -> tuple[list[SampleFacts], list[SampleFacts], list[str]]:
    """Facts of the samples, those named first and in their order; of what is made for all of them; and a line for each
    Workflow that cannot be read. Where a sample was run twice, the later run counts."""
    by_sample: dict[str, list[Record]] = {}
    for record in records.steps:
        by_sample.setdefault(record.sample, []).append(record)
    found: dict[str, SampleFacts] = {}
    shared: dict[str, SampleFacts] = {}
    problems: list[str] = []
    for workflow in sorted(workflows, key=_created):
        try:
            told = list(_told(workflow, by_sample, known))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{_name(workflow)}: cannot be read ({cleaned(str(error), 200)}); it was left out")
            continue
        of = shared if _labels(workflow).get(KIND_LABEL) == "sheet" else found
        of.update({sample.name: sample for sample in told})
    for name in names:
        if name not in found:
            found[name] = _recorded(name, by_sample.get(name, []), name in records.complete, known)
    order = [*names, *sorted(set(found) - set(names))]
    return [found[name] for name in dict.fromkeys(order)], list(shared.values()), problems


def _told(
    workflow: Mapping[str, Any], records: Mapping[str, Sequence[Record]], known: Classes
) -> Iterable[SampleFacts]:
    """The samples of a Workflow, as the cluster tells of them."""
    every, run = nodes(workflow), read(workflow, _NO_MATTER)
    undecided = {str(node.get("name")) for node in every if node.get("type") == "Retry" and not node.get("finishedAt")}
    asked = _asked(workflow, known)
    pods: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for node in every:
        if node.get("type") == "Pod":
            item = _TRY.sub("", str(node["name"]))
            pods.setdefault(sample_of(node, workflow), {}).setdefault(item, []).append(node)
    for sample in run.each:
        name = cleaned(sample.subject, 128)
        own = {record.uri: record for record in records.get(name, ())}
        tries = [
            _try(node, name, own, _name(workflow), asked, known, final=node is group[-1] and item not in undecided)
            for item, nodes_of_item in pods.get(sample.subject, {}).items()
            for group in [sorted(nodes_of_item, key=lambda node: str(node.get("startedAt") or "~"))]
            for node in group
        ]
        yield _sample(name, _name(workflow), sample, tuple(tries), tuple(own.values()))


def _try(
    node: Mapping[str, Any],
    sample: str,
    records: Mapping[str, Record],
    run: str,
    asked: Mapping[str, Asked],
    known: Classes,
    *,
    final: bool,
) -> Try:
    given = _inputs(node)
    template, phase = str(node.get("templateName", "")), str(node.get("phase") or "Pending")
    step, message = cleaned(step_of(template), 60), str(node.get("message") or "")[:20_000]
    record = records.get(given.get("record", "")) if phase == "Succeeded" else None
    match = _TRY.search(str(node["name"]))
    number = int(match[1][:4]) if match else 0
    own = asked.get(template)
    if record and record.memory_mib and own:
        own = replace(own, memory_mib=record.memory_mib)
    return Try(
        sample=sample,
        step=step,
        item=cleaned(given.get("name") or given.get("shard") or given.get("lane") or "", 120),
        phase=phase,
        created=when(str(node.get("startedAt") or "")),
        ended=when(str(node.get("finishedAt") or "")),
        size=known.size(step),
        asked=own,
        number=number,
        last_nodes=number >= MAX_INTERRUPTIONS,
        message=cleaned(said(message)),
        cause=_cause(node, phase, message),
        # A step that found its work done leaves the record of an earlier run alone.
        record=record if record and record.run == run else None,
        final=final,
    )


def _cause(node: Mapping[str, Any], phase: str, message: str) -> Cause | None:
    if phase not in ("Failed", "Error"):
        return None
    outputs = cast(Mapping[str, Any], node.get("outputs") or {})
    code = str(outputs.get("exitCode") or "")
    return cause(phase, code if re.fullmatch(r"-?\d{1,5}", code) else "", message)


def _sample(name: str, run: str, told: RunStatus, tries: tuple[Try, ...], records: tuple[Record, ...]) -> SampleFacts:
    state = _state(tries, told.phase)
    silent = state == "failed" and not any(found.failed and found.final for found in tries)
    message = cleaned(told.failures[-1].message) if silent and told.failures else ""
    return SampleFacts(name, state, run, tries, records, message)


def _state(tries: Sequence[Try], phase: str) -> State:
    if phase in ("Failed", "Error") or any(found.failed and found.final for found in tries):
        return "failed"
    if phase == "Succeeded":
        return "done"
    return "running" if any(found.phase != "Pending" for found in tries) else "waiting"


def _recorded(name: str, records: Sequence[Record], done: bool, known: Classes) -> SampleFacts:
    """A sample of which the cluster knows nothing: what its records say of its last run."""
    dated = [record for record in records if record.started and record.ended]
    run = max(dated, key=lambda record: str(record.ended)).run if dated else ""
    tries = tuple(
        Try(
            sample=name,
            step=record.step,
            item=_item(record),
            phase="Succeeded",
            created=record.started,
            ended=record.ended,
            size=known.size(record.step),
            asked=_of_record(record, known),
            record=record,
        )
        for record in dated
        if record.run == run
    )
    return SampleFacts(name, "done" if done else "unfinished", run, tries, tuple(records))


def _item(record: Record) -> str:
    """What a record's file is called besides its step, such as a FASTQ file or a shard."""
    name = record.uri.rsplit("/", 1)[-1].removesuffix(".json")
    return "" if name == record.step else cleaned(name, 120)


def _of_record(record: Record, known: Classes) -> Asked | None:
    gives = known.gives.get(known.size(record.step))
    if gives is None or record.memory_mib is None:
        return gives
    part = min(1.0, record.memory_mib / gives.memory_mib)
    return Asked(gives.millicores, record.memory_mib, part if record.memory_mib < gives.memory_mib else 1.0)


def _asked(workflow: Mapping[str, Any], known: Classes) -> dict[str, Asked]:
    """What the pods of each template ask for; templates that do not say it are left out."""
    status = cast(Mapping[str, Any], workflow.get("status") or {})
    spec = cast(Mapping[str, Any], status.get("storedWorkflowTemplateSpec") or workflow.get("spec") or {})
    found: dict[str, Asked] = {}
    for template in cast(Sequence[Mapping[str, Any]], spec.get("templates") or ()):
        several = cast(Mapping[str, Any], template.get("containerSet") or {}).get("containers") or ()
        containers = [template["container"]] if template.get("container") else list(several)
        name = str(template.get("name"))
        gives = known.gives.get(known.size(step_of(name)))
        try:
            found[name] = _largest([container["resources"]["requests"] for container in containers], gives)
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _largest(requests: Sequence[Mapping[str, str]], gives: Asked | None) -> Asked:
    """The containers of a pod run one after the other, and it has what the largest asks for."""
    cpu = max(parse_cpu(str(request["cpu"])) for request in requests)
    memory = max(parse_bytes(str(request["memory"])) for request in requests) // 2**20
    part = max(cpu / gives.millicores, memory / gives.memory_mib) if gives else 1.0
    return Asked(cpu, memory, part)


def _inputs(node: Mapping[str, Any]) -> dict[str, str]:
    given = cast(Mapping[str, Any], node.get("inputs") or {}).get("parameters") or ()
    return {str(found.get("name")): str(found.get("value") or "") for found in cast(Sequence[Mapping[str, Any]], given)}


def _labels(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    return workflow["metadata"].get("labels") or {}


def _name(workflow: Mapping[str, Any]) -> str:
    return cleaned(str(workflow["metadata"].get("name")), 80)


def _created(workflow: Mapping[str, Any]) -> str:
    return str(workflow["metadata"].get("creationTimestamp") or "")
