"""What a human genome at 30x costs on a stack, and the price as a text. Pure.

A cloud says what an hour of a pool costs and how many steps share it; the rest is the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from components.pools import SIZES, Allocatable, last_try_pool, pool_of
from components.pricelist import HOURS_A_DAY, HOURS_A_MONTH, Bill, Prices, times
from quantities import parse_bytes, parse_cpu
from settings_cloud import PoolName
from settings_sizes import SizeClass, SizeClasses

READS_GB: Final = 70.0
"""Gzipped FASTQ of 90 billion bases with binned qualities; unbinned ones take half as much again."""
BAM_GB: Final = 60.0
FASTQC_HOURS: Final = (1.0, 2.0)
"""One of the two files, 300 million reads, on one thread."""
ALIGN_VCPU_HOURS: Final = (75.0, 120.0)
"""bwa-mem2 and the sort. Measured was 34 minutes of 128 vCPUs, so 73 vCPU-hours, with the somewhat faster bwa-meme
(daylily-informatics.github.io, 2023-05-03); the m5 generation takes longer."""
INDEX_HOURS: Final = (1.0, 2.0)
"""bwa-mem2's index of a human genome: one thread, once for a reference."""
START_AND_STOP_HOURS: Final = 0.25
"""Of a node that starts for one step: five minutes until it is ready, ten until the autoscaler takes it away."""
INTERRUPTED_AN_HOUR: Final = 0.12
"""Spot nodes that are taken away within an hour, at the worst. The step then begins anew."""

Range = tuple[float, float]
"""Low and high."""
Kind = Literal["spot", "on-demand"]
_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Rate:
    """What steps of a pool run on: USD an hour, None where that is not known, and how many steps have room in it."""

    hour: float | None
    steps: int = 1
    idle: bool = True
    """Whether it is also paid for while it starts and stops, as a node is."""


Rates = Mapping[PoolName, Rate]
"""By pool; those that are off are left out."""


@dataclass(frozen=True)
class Genome:
    """USD of a human genome at 30x, low and high; None where a price is not known."""

    full: dict[Kind, Range | None]
    """FastQC and alignment of many samples at once, which share full nodes. Kinds whose pools are off are left out."""
    alone: dict[Kind, Range | None]
    """Of a sample by itself, which also pays for nodes that start and stop for it."""
    index: Range | None
    """Of the reference, once."""
    align_hours: Range
    """Of the alignment, without interruption."""
    reads_month: float | None
    bam_month: float | None
    nat_saved: float | None
    """What reads and BAM would cost through NAT. The store's own way costs nothing."""


def genome_30x(threads: int, rates: Rates, store_gb_month: float | None, nat_gb: float | None) -> Genome:
    """What a stack makes of a human genome. `threads`: of an alignment."""
    kinds: list[Kind] = [kind for kind in _KINDS if {f"{kind}-small", f"{kind}-large"} <= set(rates)]
    hours = (ALIGN_VCPU_HOURS[0] / threads, ALIGN_VCPU_HOURS[1] / threads)
    huge = rates.get("huge")
    return Genome(
        full={kind: _sample(rates, hours, kind, alone=False) for kind in kinds},
        alone={kind: _sample(rates, hours, kind, alone=True) for kind in kinds},
        index=_cost(INDEX_HOURS, huge, alone=True, spot=False) if huge else None,
        align_hours=hours,
        reads_month=times(READS_GB, store_gb_month),
        bam_month=times(BAM_GB, store_gb_month),
        nat_saved=times(READS_GB + BAM_GB, nat_gb),
    )


def _sample(rates: Rates, align: Range, kind: Kind, *, alone: bool) -> Range | None:
    """FastQC of two files and the alignment."""
    spot = kind == "spot"
    small, large = (
        (rates["spot-small"], rates["spot-large"]) if spot else (rates["on-demand-small"], rates["on-demand-large"])
    )
    fastqc = _cost(FASTQC_HOURS, small, alone=alone, spot=spot)
    bam = _cost(align, large, alone=alone, spot=spot)
    if fastqc is None or bam is None:
        return None
    # A sample by itself has whole nodes: one for both files where they fit.
    files, alignments = 2 / small.steps, 1 / large.steps
    if alone:
        files, alignments = math.ceil(files), math.ceil(alignments)
    return files * fastqc[0] + alignments * bam[0], files * fastqc[1] + alignments * bam[1]


def _cost(hours: Range, rate: Rate, *, alone: bool, spot: bool) -> Range | None:
    """USD of a whole node: at best without an interruption, at worst with as many as are to be expected."""
    if rate.hour is None:
        return None
    idle = START_AND_STOP_HOURS if alone and rate.idle else 0.0
    high = with_interruptions(hours[1]) if spot else hours[1]
    return (hours[0] + idle) * rate.hour, (high + idle) * rate.hour


def with_interruptions(hours: float) -> float:
    """Hours that a step of so many hours takes on the average where every interruption starts it anew."""
    rate = -math.log1p(-INTERRUPTED_AN_HOUR)
    return math.expm1(rate * hours) / rate


def steps_a_node(size: SizeClass, node: Allocatable) -> int:
    """Steps of a size class that a node has room for; at least one, as settings that do not fit are refused."""
    by_cpu = node.millicores // parse_cpu(size.cpu)
    by_scratch = node.scratch_gib * 2**30 // parse_bytes(size.scratch)
    return max(1, min(by_cpu, node.memory_mib // size.memory_mib, by_scratch))


def steps_of(name: PoolName, classes: SizeClasses, node: Allocatable) -> int:
    """Steps that a node of a pool has room for, of the class that runs there; one where no class does."""
    size = next((size for size in SIZES if name in (pool_of(size), last_try_pool(size))), None)
    return steps_a_node(getattr(classes, size), node) if size else 1


@dataclass(frozen=True)
class Names:
    """What a price is told with on a cloud."""

    file: str
    """The price file."""
    command: str
    """What takes prices of one's own, without `--prices`."""
    store: str
    beside_nat: str
    """By what the store is reached without NAT."""
    not_counted: str


def summary_text(
    names: Names,
    prices: Prices[Any],
    region: str,
    spot: str,
    bill: Bill,
    genome: Genome,
    threads: int,
    *,
    index: bool,
    nat: bool,
) -> str:
    """The price as `make preview` and `make check` show it: idle, line by line, and a genome. Several lines of text.

    `spot`: how spot is priced; `threads`: of an alignment; `index`: whether the stack can build one; `nat`: whether it
    has a NAT of its own.
    """
    return "\n".join(
        [
            *_heading(names, prices, region, spot),
            *_idle_text(names, bill),
            *_genome_text(names, genome, threads, index=index, nat=nat),
        ]
    )


def _heading(names: Names, prices: Prices[Any], region: str, spot: str) -> Iterator[str]:
    yield f"Price in {region}: USD without taxes, list prices read until {prices.read} ({names.file}), {spot}"
    if region not in prices.regions:
        have, own = ", ".join(prices.regions), f"{names.command} --prices FILE"
        yield f"  {region} is not in prices.json, which has {have}; with a file of your own: `{own}`"


def _idle_text(names: Names, bill: Bill) -> Iterator[str]:
    yield "  Idle, a day:"
    for line in bill.lines:
        yield f"    {line.what:<62}{usd(line.usd):>9}"
    if len(bill.unknown) < len(bill.lines):
        month = bill.total * HOURS_A_MONTH / HOURS_A_DAY
        what = f"at least, as {len(bill.unknown)} prices are unknown" if bill.unknown else "together"
        yield f"    {what:<62}{usd(bill.total):>9}   ({month:,.0f} a month)"
    yield f"    Not counted: {names.not_counted}."


def _genome_text(names: Names, genome: Genome, threads: int, *, index: bool, nat: bool) -> Iterator[str]:
    low, high = genome.align_hours
    yield (
        f"  A human genome at 30x (90 Gbp, {READS_GB:.0f} GB of reads, {BAM_GB:.0f} GB of BAM; "
        f"alignment {low:.1f} to {high:.1f} h on {threads} threads):"
    )
    for what, cost in (("many at once", genome.full), ("one alone", genome.alone)):
        if cost:
            yield f"    {what:<14}{', '.join(f'{kind} {_span(span)}' for kind, span in cost.items())}"
    if index:
        yield f"    index of the reference, once: {_span(genome.index)}"
    yield f"    kept in {names.store}, a month: reads {usd(genome.reads_month)}, BAM {usd(genome.bam_month)}"
    if nat:
        yield f"    spared by {names.beside_nat}, which NAT would take: {usd(genome.nat_saved)}"
    yield f"    Spot's high end has {INTERRUPTED_AN_HOUR:.0%} of the nodes taken away an hour."


def usd(amount: float | None) -> str:
    """An amount as it is shown."""
    if amount is None:
        return "unknown"
    return "< 0.01" if 0 < amount < 0.01 else f"{amount:,.2f}"  # nothing that is paid for is shown as free


def _span(cost: Range | None) -> str:
    return "unknown" if cost is None else f"{usd(cost[0])} to {usd(cost[1])}"
