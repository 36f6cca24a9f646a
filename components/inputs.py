"""A sheet and a reference, read and located before anything is created."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.contracts import Locate
from settings import Settings, SettingsError
from workflows.samples import Lane, Sample, SheetError, parse
from workflows.types import Manifest, Platform, QcRules, Source

LOOKUPS = 16
"""Lookups at once."""


@dataclass(frozen=True)
class Inputs:
    """Samples whose files are all there. `sources` maps each location of the sheet to what steps read."""

    samples: tuple[Sample, ...]
    sources: Mapping[str, Source]
    fasta: Source

    def reference_manifest(self, platform: Platform) -> Manifest:
        """The Workflow that indexes the reference."""
        from workflows.reference import reference

        return reference(self.fasta, platform)

    def sample_manifest(self, sample: Sample, settings: Settings) -> Callable[[Platform], Manifest]:
        """A function from the platform to the Workflow of a sample."""
        from workflows.alignment import AlignmentRules, LaneReads, SampleReads, alignment
        from workflows.reference import reference_uri

        def located(lane: Lane) -> LaneReads:
            first, second = (self.sources[location] for location in lane.reads)
            return LaneReads(lane.lane, lane.library, lane.platform, (first, second))

        qc = QcRules(settings.qc.must_not_fail, settings.qc.min_reads, settings.qc.min_mean_quality)
        reads = SampleReads(sample.name, tuple(map(located, sample.lanes)))

        def manifest(platform: Platform) -> Manifest:
            rules = AlignmentRules(reference_uri(self.fasta, platform), qc, settings.batch_bases)
            return alignment(reads, rules, platform)

        return manifest


def read_inputs(settings: Settings, root: Path, locate: Locate) -> Inputs:
    """The sheet's samples and the reference, all located.

    Raises `SettingsError` that lists every problem of sheet, reads and reference, as settings do.
    """
    sheet = root / settings.sheet
    try:
        samples = parse(sheet.read_bytes(), settings.sheet)
    except SheetError as error:
        raise SettingsError(str(error)) from None
    wanted = {
        location: f"{settings.sheet}: sample {sample.name}"
        for sample in samples
        for lane in sample.lanes
        for location in lane.reads
    }
    sources, problems = _locate_all({**wanted, settings.reference: "biojobs:reference"}, locate)
    if problems:
        raise SettingsError("\n".join(problems))
    return Inputs(samples, sources, sources[settings.reference])


def _locate_all(wanted: Mapping[str, str], locate: Locate) -> tuple[dict[str, Source], list[str]]:
    """Sources by location, and the problems; `wanted` says who wants each location."""

    def attempt(location: str) -> Source | str:
        try:
            return locate(location)
        except LookupError as error:
            return f"{wanted[location]}: {error.args[0]}"

    # A lookup in a cloud waits for the network; thousands of them must not wait for each other.
    with ThreadPoolExecutor(LOOKUPS) as pool:
        found = dict(zip(wanted, pool.map(attempt, wanted), strict=True))
    sources = {location: answer for location, answer in found.items() if isinstance(answer, Source)}
    return sources, [answer for answer in found.values() if isinstance(answer, str)]


def refuse(problems: Sequence[str]) -> None:
    """Raises `SettingsError` with all problems, if there is one."""
    if problems:
        raise SettingsError("\n".join(problems))


def reject(error: SettingsError) -> pulumi.RunError:
    """The error as Pulumi shows it: the problems alone, without a traceback."""
    return pulumi.RunError(f"nothing was changed, because these settings cannot be used:\n{error}")
