"""Settings of the size classes of steps, and of what all steps together may use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from quantities import Bytes, Cpu, parse_bytes, parse_cpu
from settings_model import Model
from settings_profiles import PROFILES, ProfileName, whose

MIN_MEMORY_MIB: Final = 512
"""FastQC's Java heap is 250 MB a file and needs room around it; nothing smaller finishes."""


class SizeClass(Model):
    """What one step of a class may use. Threads, sort memory and heap sizes follow from it."""

    cpu: Cpu = Field(description="CPU that is reserved for a step, such as 2 or 1500m; threads are this, rounded up.")
    memory: Bytes = Field(description="Memory of a step (request and limit); doubled after an out-of-memory kill.")
    max_memory: Bytes | None = Field(
        default=None,
        description="The most memory that a step may have after out-of-memory kills; twice `memory` if not set.",
    )
    scratch: Bytes = Field(description="Scratch space of a step; a step that outgrows it is stopped.")
    gpus: int = Field(default=0, ge=0, le=16, description="GPUs of a step, as the resource nvidia.com/gpu.")

    @property
    def threads(self) -> int:
        """Whole threads."""
        return math.ceil(parse_cpu(self.cpu) / 1000)

    @property
    def memory_mib(self) -> int:
        """Memory in mebibytes."""
        return parse_bytes(self.memory) // 2**20

    @property
    def most_mib(self) -> int:
        """The most memory of a try in mebibytes."""
        return parse_bytes(self.max_memory) // 2**20 if self.max_memory else 2 * self.memory_mib


def _usual(name: str) -> SizeClass:
    return SizeClass.model_validate(PROFILES["local"]["classes"][name])


class SizeClasses(Model):
    """The size classes that steps name; a step never names a machine."""

    small: SizeClass = Field(
        default=_usual("small"),
        description="FastQC, the QC gate, run records.",
    )
    large: SizeClass = Field(
        default=_usual("large"),
        description="Alignment, sorting and indexing of reads.",
    )
    huge: SizeClass = Field(
        default=_usual("huge"),
        description="Building a reference's index: 29 bytes of memory a base.",
    )
    gpu: SizeClass = Field(
        default=_usual("gpu"),
        description="An aligner of your own, if it names this class.",
    )


class Quota(Model):
    """The most that all steps together may use at once, so that a stray manifest cannot run up a bill."""

    cpu: Cpu = Field(default="400", description="Sum of the CPU reserved by all pods.")
    memory: Bytes = Field(default="2Ti", description="Sum of the memory of all pods.")
    pods: int = Field(
        default=1000,
        ge=10,
        le=100_000,
        description="Pods at once, finished ones included until they are removed.",
    )


def impossible_sizes(classes: SizeClasses, quota: Quota, profile: ProfileName, said: Mapping[str, Any]) -> list[str]:
    """Sizes that no step can run with; `said` is the stack file's part, without the profile's."""
    problems: list[str] = []
    for name in SizeClasses.model_fields:
        size: SizeClass = getattr(classes, name)
        key = f"biojobs:classes.{name}"
        memory, cpu = (
            f"{key}.{field}: {value!r}{whose(profile, said, 'classes', name, field)}"
            for field, value in (("memory", size.memory), ("cpu", size.cpu))
        )
        if size.memory_mib < MIN_MEMORY_MIB:
            problems.append(f"{memory}: the tools need at least {MIN_MEMORY_MIB}Mi; raise it")
        if size.max_memory and size.most_mib < size.memory_mib:
            problems.append(
                f"{key}.maxMemory: {size.max_memory!r}: is less than {key}.memory {size.memory!r}; raise it"
            )
        if parse_bytes(size.memory) > parse_bytes(quota.memory):
            problems.append(f"{memory}: is over biojobs:quota.memory {quota.memory!r}")
        if parse_cpu(size.cpu) > parse_cpu(quota.cpu):
            problems.append(f"{cpu}: is over biojobs:quota.cpu {quota.cpu!r}")
    return problems
