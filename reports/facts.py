"""What is known of a sheet's runs: every try of every step, with its times, its cause and the record it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reports.records import Record
from workflows.failures import Cause
from workflows.types import SizeName

State = Literal["failed", "running", "waiting", "unfinished", "done"]
"""Of a sample. `unfinished` is one that is not done, and of which no cluster knows anything."""
STATES: tuple[State, ...] = ("failed", "running", "waiting", "unfinished", "done")


@dataclass(frozen=True)
class Asked:
    """What a try asked for. `part` is the share of its class that this is, for prices."""

    millicores: int
    memory_mib: int
    part: float = 1.0


@dataclass(frozen=True)
class Try:
    """A pod of a step. Times are UTC; `ended` is None while it goes on."""

    sample: str
    step: str
    item: str
    """What tells pods of a step apart, such as a file or a shard; empty where there is one only."""
    phase: str
    """Argo's."""
    created: datetime | None
    ended: datetime | None
    size: SizeName = "small"
    asked: Asked | None = None
    number: int = 0
    """0 is the first."""
    last_nodes: bool = False
    """Whether it ran on the nodes of the last tries, which nobody takes away."""
    message: str = ""
    cause: Cause | None = None
    record: Record | None = None
    """What it left; None where it failed, goes on, or found its work done."""
    final: bool = True
    """Whether no other try followed."""

    @property
    def failed(self) -> bool:
        """Whether it came to nothing."""
        return self.phase in ("Failed", "Error")

    @property
    def going_on(self) -> bool:
        """Whether it has not ended."""
        return self.phase in ("Pending", "Running")

    def seconds(self, now: datetime) -> float:
        """From its pod's creation to its end, or until now."""
        if self.created is None:
            return 0.0
        return max(0.0, ((self.ended or now) - self.created).total_seconds())


@dataclass(frozen=True)
class SampleFacts:
    """A sample of the sheet. `records` are those of all its steps, also of earlier runs."""

    name: str
    state: State
    run: str
    tries: tuple[Try, ...]
    records: tuple[Record, ...] = ()
    message: str = ""
    """Why it failed, where no step's try says so."""

    @property
    def failures(self) -> tuple[Try, ...]:
        """Tries after which their step was given up."""
        return tuple(found for found in self.tries if found.failed and found.final)

    @property
    def retries(self) -> tuple[Try, ...]:
        """Tries that failed and were followed by others."""
        return tuple(found for found in self.tries if found.failed and not found.final)


@dataclass(frozen=True)
class SheetFacts:
    """All of a sheet: samples in their order, and what is said of where the facts are from."""

    stack: str
    sheet: str
    now: datetime
    samples: tuple[SampleFacts, ...]
    shared: tuple[SampleFacts, ...] = ()
    """What is made of all samples together."""
    local: bool = False
    """Whether the cluster is one of this machine, or one that nobody scales."""
    live: bool = True
    """Whether a cluster told of the runs; else there are records alone."""
    notes: tuple[str, ...] = ()
    """What could not be read, for people."""
    commit: str = ""
    memory_mib: Mapping[SizeName, int] = field(default_factory=dict[SizeName, int])
    """Memory of each class, which advice is about."""

    @property
    def tries(self) -> list[Try]:
        """Every try of every sample, and of what is made of all together."""
        return [found for sample in (*self.samples, *self.shared) for found in sample.tries]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first pod's creation to the last one's end; None where nothing ran."""
        begins = [found.created for found in self.tries if found.created]
        ends = [found.ended or self.now for found in self.tries if found.created]
        return (min(begins), max(ends)) if begins else None

    def count(self, state: State) -> int:
        """Samples in a state."""
        return sum(sample.state == state for sample in self.samples)
