"""Step records, read with distrust: they lie in a store that people write to, and may be cut, foreign or hostile."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from reports.text import cleaned

MOST_BYTES: Final = 4 * 2**20
"""A record with more is not read: thousands of inputs take less than one MiB."""
MOST_FILES: Final = 1000
_MOST_NUMBER: Final = 2.0**60
_RUN_RECORD: Final = "run.json"


@dataclass(frozen=True)
class File:
    """An input or output of a step; `size` in bytes."""

    uri: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """What a step wrote of itself when it was done. Times are UTC; None is what was not measured or not written."""

    step: str
    sample: str
    run: str
    uri: str
    image: str
    started: datetime | None
    ended: datetime | None
    threads: int | None = None
    memory_mib: int | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    moved_bytes: int | None = None
    moved_seconds: float | None = None
    """Time in which the step only waited for copies from or to the store."""
    inputs: tuple[File, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def seconds(self) -> float | None:
        """How long the step took; None where a clock was turned back meanwhile."""
        if self.started is None or self.ended is None or self.ended < self.started:
            return None
        return (self.ended - self.started).total_seconds()


@dataclass(frozen=True)
class Records:
    """All that could be read of the records of some samples, and a line for each that could not."""

    steps: tuple[Record, ...] = ()
    complete: frozenset[str] = frozenset()
    """Samples whose run record says that they are done."""
    problems: tuple[str, ...] = ()


def parse(files: Sequence[tuple[str, bytes]]) -> Records:
    """The records of files by address: step records, and the run records that say that a sample is done."""
    steps: list[Record] = []
    complete: set[str] = set()
    problems: list[str] = []
    for uri, data in files:
        found = _mapping_of(uri, data)
        if isinstance(found, str):
            problems.append(found)
        elif uri.rsplit("/", 1)[-1] == _RUN_RECORD:
            if found.get("complete") is True:
                complete.add(_text(found, "sample"))
        elif "step" in found:
            record = _record(uri, found)
            if isinstance(record, str):
                problems.append(record)
            else:
                steps.append(record)
    return Records(tuple(steps), frozenset(complete), tuple(problems))


def _mapping_of(uri: str, data: bytes) -> Mapping[str, Any] | str:
    where = cleaned(uri, 300)
    if len(data) > MOST_BYTES:
        return f"{where}: has {len(data):,} bytes, which no record has; delete it and run `up` again"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return f"{where}: is cut or no JSON; delete it and run `up` again"
    if not isinstance(found, dict):
        return f"{where}: is no record; delete it and run `up` again"
    return cast(Mapping[str, Any], found)


def _record(uri: str, found: Mapping[str, Any]) -> Record | str:
    step, sample = _text(found, "step"), _text(found, "sample")
    if not step or not sample:
        return f"{cleaned(uri, 300)}: names no step or no sample; delete it and run `up` again"
    return Record(
        step=step,
        sample=sample,
        run=_text(found, "run"),
        uri=uri,
        image=_text(found, "image"),
        started=_time(found.get("started")),
        ended=_time(found.get("ended")),
        threads=_whole(found.get("threads")),
        memory_mib=_whole(found.get("memory_mib")),
        cpu_seconds=_number(found.get("cpu_seconds")),
        peak_bytes=_whole(found.get("peak_memory_bytes")),
        moved_bytes=_whole(found.get("moved_bytes")),
        moved_seconds=_number(found.get("moved_seconds")),
        inputs=tuple(_files(found.get("inputs"))),
        tools={cleaned(name, 60): cleaned(str(version), 60) for name, version in _mapping(found.get("tools")).items()},
        facts=_mapping(found.get("facts")),
    )


def _files(value: object) -> list[File]:
    listed = cast("list[object]", value)[:MOST_FILES] if isinstance(value, list) else []
    found = map(_mapping, listed)
    return [File(_text(file, "uri"), _whole(file.get("size")) or 0, _text(file, "sha256")) for file in found]


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return cleaned(value, 500) if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < _MOST_NUMBER else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _time(value: object) -> datetime | None:
    return when(value) if isinstance(value, str) else None


def when(text: str) -> datetime | None:
    """A time as records and Argo write it; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
