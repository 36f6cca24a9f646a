"""What a stack costs before it is made: a day of it idle, and a human genome at 30x for the settings it has. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from components.aws.endpoints import interface_endpoints
from components.aws.pools import allocatable, is_spot
from components.aws.pricelist import HOURS_A_DAY, HOURS_A_MONTH, Bill, Line, Prices, load, node_hour, times
from quantities import parse_bytes, parse_cpu
from settings import Settings, SizeClass
from settings_aws import Pool

LOGS_GB_A_DAY: Final = 1.0
"""Of an idle cluster, mostly the control plane's audit log. The metric IncomingBytes of the log groups has yours."""
IMAGES_GB: Final = 1.0
MIRRORED_GB: Final = 3.0
"""Compressed images in ECR: our own, and all third-party ones with `mirror`."""
OTHER_ALARMS: Final = 1
"""Alarms besides those that watch a pool each: failed runs. A budget without actions is free."""

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


def idle_day(settings: Settings, zones: int = 3, prices: Prices | None = None) -> Bill:
    """What a day costs on which nothing runs, in a VPC that spans `zones` availability zones."""
    return Bill(tuple(_idle(settings, zones, prices or load())))


def _idle(settings: Settings, zones: int, prices: Prices) -> Iterator[Line]:
    target = settings.aws
    month = HOURS_A_DAY / HOURS_A_MONTH

    def line(what: str, quantity: float, key: str) -> Line:
        """`quantity` is what a day takes of the unit that the key names."""
        return Line(what, times(quantity, prices.item(target.region, key)))

    yield line("EKS control plane", HOURS_A_DAY, "eks_cluster_hour")
    if target.network.vpc_id:
        yield Line(f"network: that of {target.network.vpc_id}, which is there already", 0.0)
    else:
        gateways = {"single": 1, "per-zone": zones, "none": 0}[target.network.nat]
        if gateways:
            yield line(f"NAT gateways: {gateways}", gateways * HOURS_A_DAY, "nat_hour")
            yield line(f"public addresses: {gateways}", gateways * HOURS_A_DAY, "public_ipv4_hour")
        if endpoints := len(interface_endpoints(target.network)):
            what = f"interface endpoints: {endpoints} in {zones} zones each"
            yield line(what, endpoints * zones * HOURS_A_DAY, "endpoint_hour")
    for name, pool in target.pools.named().items():
        if pool.min:
            hour = node_hour(prices, target.region, pool, spot=is_spot(name))
            what = f"pool {name}: {pool.min} x {pool.types[0]}, {pool.disk_gib} GiB of disk each"
            yield Line(what, times(pool.min * HOURS_A_DAY, hour))
    alarms = len(target.pools.named()) + OTHER_ALARMS
    images = IMAGES_GB + (MIRRORED_GB if target.mirror else 0)
    yield line("KMS key", month, "kms_key_month")
    yield line(f"alarms: {alarms}", alarms * month, "alarm_month")
    yield line(f"images: about {images:.0f} GB", images * month, "ecr_gb_month")
    yield line(f"logs: about {LOGS_GB_A_DAY:.0f} GB", LOGS_GB_A_DAY, "logs_gb")


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
    """What reads and BAM would cost through a NAT gateway. S3's gateway endpoint and S3 in the region cost nothing."""


def genome_30x(settings: Settings, prices: Prices | None = None) -> Genome:
    """What the settings make of a human genome. Raises LookupError for an instance type that does not exist."""
    known, region, threads = prices or load(), settings.aws.region, settings.classes.large.threads
    pools = settings.aws.pools.named()
    kinds: list[Kind] = [kind for kind in _KINDS if {f"{kind}-small", f"{kind}-large"} <= set(pools)]
    hours = (ALIGN_VCPU_HOURS[0] / threads, ALIGN_VCPU_HOURS[1] / threads)
    huge = pools.get("huge")
    node = node_hour(known, region, huge, spot=False) if huge else None
    return Genome(
        full={kind: _sample(settings, known, hours, kind, alone=False) for kind in kinds},
        alone={kind: _sample(settings, known, hours, kind, alone=True) for kind in kinds},
        index=_cost(INDEX_HOURS, node, START_AND_STOP_HOURS, spot=False),
        align_hours=hours,
        reads_month=times(READS_GB, known.item(region, "s3_gb_month")),
        bam_month=times(BAM_GB, known.item(region, "s3_gb_month")),
        nat_saved=times(READS_GB + BAM_GB, known.item(region, "nat_gb")),
    )


def _sample(settings: Settings, prices: Prices, align: Range, kind: Kind, *, alone: bool) -> Range | None:
    """FastQC of two files and the alignment."""
    pools, classes, region, spot = settings.aws.pools, settings.classes, settings.aws.region, kind == "spot"
    small, large = (pools.spot_small, pools.spot_large) if spot else (pools.on_demand_small, pools.on_demand_large)
    idle = START_AND_STOP_HOURS if alone else 0.0
    fastqc = _cost(FASTQC_HOURS, node_hour(prices, region, small, spot=spot), idle, spot=spot)
    bam = _cost(align, node_hour(prices, region, large, spot=spot), idle, spot=spot)
    if fastqc is None or bam is None:
        return None
    # A sample by itself has whole nodes: one for both files where they fit.
    files, alignments = 2 / steps_a_node(classes.small, small), 1 / steps_a_node(classes.large, large)
    if alone:
        files, alignments = math.ceil(files), math.ceil(alignments)
    return files * fastqc[0] + alignments * bam[0], files * fastqc[1] + alignments * bam[1]


def _cost(hours: Range, node: float | None, idle: float, *, spot: bool) -> Range | None:
    """USD of a whole node: at best without an interruption, at worst with as many as are to be expected."""
    if node is None:
        return None
    high = with_interruptions(hours[1]) if spot else hours[1]
    return (hours[0] + idle) * node, (high + idle) * node


def with_interruptions(hours: float) -> float:
    """Hours that a step of so many hours takes on the average where every interruption starts it anew."""
    rate = -math.log1p(-INTERRUPTED_AN_HOUR)
    return math.expm1(rate * hours) / rate


def steps_a_node(size: SizeClass, pool: Pool) -> int:
    """Steps of a size class that a node of a pool has room for; at least one, as settings that do not fit are refused.

    Raises LookupError for an instance type that does not exist.
    """
    node = allocatable(pool)
    by_cpu = node.millicores // parse_cpu(size.cpu)
    by_scratch = node.scratch_gib * 2**30 // parse_bytes(size.scratch)
    return max(1, min(by_cpu, node.memory_mib // size.memory_mib, by_scratch))


def summary(settings: Settings, zones: int = 3, prices: Prices | None = None) -> str:
    """The price as `make preview` and `make check` show it: idle, line by line, and a genome. Several lines of text.

    Raises LookupError for an instance type that does not exist.
    """
    known = prices or load()
    return "\n".join([*_heading(settings, known), *_idle_text(settings, zones, known), *_genome_text(settings, known)])


def _heading(settings: Settings, prices: Prices) -> Iterator[str]:
    region = settings.aws.region
    yield (
        f"Price in {region}: USD without taxes, list prices read until {prices.read} (components/aws/prices.json), "
        f"spot at {prices.spot.share:.0%} of on-demand (an assumption)"
    )
    if region not in prices.regions:
        have, own = ", ".join(prices.regions), f"python -m components.aws.check {settings.stack} --prices FILE"
        yield f"  {region} is not in prices.json, which has {have}; with a file of your own: `{own}`"


def _idle_text(settings: Settings, zones: int, prices: Prices) -> Iterator[str]:
    bill = idle_day(settings, zones, prices)
    yield "  Idle, a day:"
    for line in bill.lines:
        yield f"    {line.what:<62}{_usd(line.usd):>9}"
    if len(bill.unknown) < len(bill.lines):
        month = bill.total * HOURS_A_MONTH / HOURS_A_DAY
        what = f"at least, as {len(bill.unknown)} prices are unknown" if bill.unknown else "together"
        yield f"    {what:<62}{_usd(bill.total):>9}   ({month:,.0f} a month)"
    yield "    Not counted: data in S3, what leaves AWS, CloudWatch metrics (unknown: not in prices.json)."


def _genome_text(settings: Settings, prices: Prices) -> Iterator[str]:
    genome = genome_30x(settings, prices)
    low, high = genome.align_hours
    yield (
        f"  A human genome at 30x (90 Gbp, {READS_GB:.0f} GB of reads, {BAM_GB:.0f} GB of BAM; "
        f"alignment {low:.1f} to {high:.1f} h on {settings.classes.large.threads} threads):"
    )
    for what, cost in (("many at once", genome.full), ("one alone", genome.alone)):
        if cost:
            yield f"    {what:<14}{', '.join(f'{kind} {_span(span)}' for kind, span in cost.items())}"
    if settings.aws.pools.huge.max:
        yield f"    index of the reference, once: {_span(genome.index)}"
    yield f"    kept in S3, a month: reads {_usd(genome.reads_month)}, BAM {_usd(genome.bam_month)}"
    if settings.aws.network.nat != "none" and not settings.aws.network.vpc_id:
        yield f"    spared by S3's gateway endpoint, which NAT would take: {_usd(genome.nat_saved)}"
    yield f"    Spot's high end has {INTERRUPTED_AN_HOUR:.0%} of the nodes taken away an hour."


def _usd(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return "< 0.01" if 0 < amount < 0.01 else f"{amount:,.2f}"  # nothing that is paid for is shown as free


def _span(cost: Range | None) -> str:
    return "unknown" if cost is None else f"{_usd(cost[0])} to {_usd(cost[1])}"
