"""A sheet and a reference, read and located before anything is created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pulumi

from components.budget import budget
from components.contracts import Locate
from settings import Settings, SettingsError
from workflows.samples import Lane, Sample, SheetError, parse
from workflows.types import LaneReads, SampleReads, Source

LOOKUPS = 16
"""Lookups at once."""
_MOST_WORDS: Final = 100_000
"""Bytes of words about samples that a step can be given: Argo hands it all that it is in one variable, and Linux takes
128 KiB there."""


@dataclass(frozen=True)
class Inputs:
    """Samples whose files are all there. `sources` maps each location of the sheet to what steps read."""

    samples: tuple[Sample, ...]
    sources: Mapping[str, Source]
    fasta: Source

    def reads(self, sample: Sample) -> SampleReads:
        """A sample with its files located."""
        return SampleReads(sample.name, tuple(map(self._located, sample.lanes)))

    def _located(self, lane: Lane) -> LaneReads:
        first, second = (
            replace(self.sources[location], checksum=checksum)
            for location, checksum in zip(lane.reads, lane.checksums, strict=True)
        )
        return LaneReads(lane.lane, lane.library, lane.platform, (first, second))


def read_inputs(settings: Settings, root: Path, locate: Locate) -> Inputs:
    """The sheet's samples and the reference, all located.

    Raises `SettingsError` that lists every problem of sheet, reads and reference, as settings do.
    """
    # Also in a preview that makes no manifests, since images are still to be built
    budget(settings)
    sheet = root / settings.sheet
    try:
        samples = parse(sheet.read_bytes(), settings.sheet)
    except SheetError as error:
        raise SettingsError(str(error)) from None
    refuse(_too_many_together(settings, samples))
    wanted = {
        location: f"{settings.sheet}: sample {sample.name}"
        for sample in samples
        for lane in sample.lanes
        for location in lane.reads
    }
    sources, problems = _locate_all({**wanted, settings.reference: "biojobs:reference"}, locate)
    if problems:
        raise SettingsError("\n".join(problems))
    fasta = replace(sources[settings.reference], checksum=settings.reference_checksum)
    return Inputs(samples, sources, fasta)


def _too_many_together(settings: Settings, samples: Sequence[Sample]) -> list[str]:
    """What a step of the sheet would have to be told of more samples than it can be."""
    names = sum(len(sample.name) for sample in samples)
    # As the words of options, in JSON: --samples NAME, and --bam NAME URI, which ends with NAME/NAME.bam
    needed = {
        "biojobs:multiqc": settings.multiqc * (names + 15 * len(samples)),
        "biojobs:variants.joint": settings.joint * (3 * names + 100 * len(samples)),
    }
    return [
        f"{key}: true: one step for all {len(samples):,} samples of {settings.sheet}, which takes some "
        f"{len(samples) * _MOST_WORDS // words:,} of such names at most: set it to false, or split the sheet"
        for key, words in needed.items()
        if words > _MOST_WORDS
    ]


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
