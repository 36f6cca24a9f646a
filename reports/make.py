"""Makes the page of a sheet from what is within reach: the cluster's Workflows, or records alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.hourly import price_list
from components.manifests import sheet_name
from reports.collect import classes, collect
from reports.facts import SheetFacts
from reports.page import page, written
from reports.records import Records, parse
from reports.store import StoreError
from reports.text import cleaned
from settings import Settings
from workflows import samples

Files = Callable[[Sequence[str]], list[tuple[str, bytes]]]
"""Reads the records of samples; raises StoreError."""


@dataclass(frozen=True)
class Sources:
    """What a page is made of. `workflows` are the sheet's; `missing` says why there are none."""

    workflows: Sequence[Mapping[str, Any]]
    files: Files
    missing: str = ""


@dataclass(frozen=True)
class Written:
    """A page that was written: where, how big in bytes, and what it tells."""

    file: Path
    size: int
    facts: SheetFacts


def make(settings: Settings, root: Path, sheet: str, sources: Sources, out: Path | None = None) -> Written:
    """Writes the page of a sheet, by default into the project's folder. Raises OSError where it cannot be written."""
    facts = gathered(settings, root, sheet, sources)
    file = out or usual_file(settings, root, sheet)
    return Written(file, written(file, page(facts, price_list(settings))), facts)


def usual_file(settings: Settings, root: Path, sheet: str) -> Path:
    """Where the page of a sheet is: git ignores it there."""
    return root / f"report-{settings.stack}-{sheet}.html"


def gathered(settings: Settings, root: Path, sheet: str, sources: Sources) -> SheetFacts:
    """All that is known of a sheet."""
    known, names = classes(settings), sheet_samples(settings, root, sheet)
    told, _, _ = collect(names, sources.workflows, Records(), known)
    records, problem = _records([sample.name for sample in told], sources.files)
    notes = [sources.missing, problem, *records.problems]
    made = live_facts(settings, sheet, names, sources.workflows, records)
    return replace(made, notes=tuple(note for note in (*notes, *made.notes) if note), commit=_commit(root))


def live_facts(
    settings: Settings,
    sheet: str,
    names: Sequence[str],
    workflows: Sequence[Mapping[str, Any]],
    records: Records | None = None,
) -> SheetFacts:
    """What Workflows tell of a sheet, with the records where some were read."""
    known = classes(settings)
    found, shared, problems = collect(names, workflows, records or Records(), known)
    return SheetFacts(
        stack=settings.stack,
        sheet=sheet,
        now=datetime.now(UTC).replace(microsecond=0),
        samples=tuple(found),
        shared=tuple(shared),
        local=settings.cloud == "local",
        live=bool(workflows),
        notes=tuple(problems),
        memory_mib={size: given.memory_mib for size, given in known.gives.items()},
    )


def sheet_samples(settings: Settings, root: Path, sheet: str) -> list[str]:
    """The samples of the stack's own sheet; of another one, whose file nobody names, none."""
    if sheet != sheet_name(settings):
        return []
    try:
        return [sample.name for sample in samples.parse((root / settings.sheet).read_bytes(), settings.sheet)]
    except (OSError, samples.SheetError):
        return []


def _records(names: Sequence[str], files: Files) -> tuple[Records, str]:
    try:
        return parse(files(names)), ""
    except StoreError as error:
        return Records(), cleaned(str(error), 500)


def _commit(root: Path) -> str:
    """The commit that the project is at, and whether it was changed since; empty where git does not tell."""
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return cleaned(done.stdout, 60) if done.returncode == 0 else ""
