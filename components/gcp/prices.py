"""What a stack on Google Cloud costs before it is made: a day of it idle, and a human genome at 30x. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from components.gcp import autopilot
from components.gcp.machines import Shape, shape, types_of
from components.gcp.pools import allocatable, boot_gib, node
from components.gcp.pricelist import Prices, load, pool_hour
from components.genome import Genome, Names, Rate, Rates, genome_30x, steps_a_node, steps_of, summary_text
from components.pools import SIZES, is_spot, last_try_pool, pool_of
from components.pricelist import HOURS_A_DAY, HOURS_A_MONTH, Bill, Biller, Line, times
from quantities import parse_bytes, parse_cpu
from settings import Settings
from settings_cloud import PoolName
from settings_sizes import SizeClass
from workflows.types import SizeName

CONDITIONS: Final = 2
"""Of alerts, besides those that watch a pool each: failed runs, and nodes that are not to be had."""
PODS_VCPU: Final = 0.25
PODS_GIB: Final = 0.5
"""What Argo's pods ask for, which is all that an idle Autopilot cluster pays for besides its fee."""
_MOST_NAT_VMS: Final = 32
_BOUNDLESS_GIB: Final = 10**6


def idle_day(settings: Settings, prices: Prices | None = None) -> Bill:
    """What a day costs on which nothing runs."""
    return Bill(tuple(_idle(settings, prices or load())))


def _idle(settings: Settings, prices: Prices) -> Iterator[Line]:
    target = settings.gcp
    bill, month = Biller(prices, target.region), HOURS_A_DAY / HOURS_A_MONTH

    yield bill.line("GKE control plane", HOURS_A_DAY, "gke_cluster_hour")
    pools = {} if target.autopilot else target.pools.named()
    nodes = 1 if target.autopilot else sum(pool.min for pool in pools.values())
    if target.network.nat:
        most = nodes >= _MOST_NAT_VMS
        per, key = (1, "nat_most_hour") if most else (nodes, "nat_vm_hour")
        yield bill.line(f"Cloud NAT, nodes: {nodes}", per * HOURS_A_DAY, key)
        yield bill.line("public addresses: 1", HOURS_A_DAY, "address_hour")
    for name, pool in pools.items():
        if pool.min:
            yield bill.nodes(name, pool, boot_gib(pool), pool_hour(prices, target.region, pool, spot=is_spot(name)))
    if target.autopilot:
        yield bill.line(f"Argo's pods: {PODS_VCPU} vCPU", PODS_VCPU * HOURS_A_DAY, "autopilot_vcpu_hour")
        yield bill.line(f"Argo's pods: {PODS_GIB} GiB of memory", PODS_GIB * HOURS_A_DAY, "autopilot_gib_hour")
    alerts = len(pools) + CONDITIONS
    yield bill.line("KMS key", month, "kms_version_month")
    yield bill.line(f"alert conditions: {alerts}", alerts * month, "condition_month")
    yield from bill.images_and_logs("registry_gb_month", mirror=target.mirror)


def genome(settings: Settings, prices: Prices | None = None) -> Genome:
    """What the settings make of a human genome at 30x. Raises LookupError for a machine type that does not exist."""
    known, region = prices or load(), settings.gcp.region
    rates = autopilot_rates(settings, known) if settings.gcp.autopilot else _rates(settings, known)
    threads = settings.classes.large.threads
    return genome_30x(threads, rates, known.item(region, "gcs_gb_month"), known.item(region, "nat_gb"))


def _rates(settings: Settings, prices: Prices) -> Rates:
    pools = settings.gcp.pools.named()
    return {
        name: Rate(
            hour=pool_hour(prices, settings.gcp.region, pool, spot=is_spot(name)),
            steps=steps_of(name, settings.classes, allocatable(pool)),
        )
        for name, pool in pools.items()
    }


def autopilot_rates(settings: Settings, prices: Prices) -> Rates:
    """What a node of each compute class costs an hour with the volumes of its steps, without Autopilot's premium.

    GKE takes the first family that is to be had, and of it, as is reckoned here, the cheapest machine with room.
    """
    return {name: _class_rate(settings, prices, name, size) for size in SIZES for name in _classes(size)}


def autopilot_machines(settings: Settings) -> dict[PoolName, tuple[str, ...]]:
    """The smallest machine of each family that a compute class may take, by the pool that it stands for."""
    return {
        name: tuple(
            min(kinds, key=lambda kind: shape(kind).vcpu)
            for kinds in _class_machines(name, size, getattr(settings.classes, size))
        )
        for size in SIZES
        for name in _classes(size)
    }


def _classes(size: SizeName) -> tuple[PoolName, ...]:
    return tuple(dict.fromkeys((pool_of(size), last_try_pool(size))))


def _class_machines(name: PoolName, size: SizeName, wanted: SizeClass) -> list[list[str]]:
    """Types that a step fits, by family in the order in which the compute class wants them: spot ones or the others."""
    rules: list[dict[str, Any]] = autopilot.compute_class(name, size, wanted)["priorities"]
    found = [
        [kind for kind in types_of(rule["machineFamily"]) if _fits(shape(kind), wanted, rule["minCores"])]
        for rule in rules
        if rule["spot"] == is_spot(name)
    ]
    return [kinds for kinds in found if kinds]


def _fits(machine: Shape, wanted: SizeClass, cores: int) -> bool:
    has = node(machine, _BOUNDLESS_GIB)
    return machine.vcpu >= cores and has.millicores >= parse_cpu(wanted.cpu) and has.memory_mib >= wanted.memory_mib


def _class_rate(settings: Settings, prices: Prices, name: PoolName, size: SizeName) -> Rate:
    wanted, region, spot = getattr(settings.classes, size), settings.gcp.region, is_spot(name)
    for kinds in _class_machines(name, size, wanted):
        priced = [(hour, kind) for kind in kinds if (hour := prices.hour(region, kind, spot=spot)) is not None]
        volume = times(parse_bytes(wanted.scratch) / 2**30, prices.item(region, "pd_balanced_gb_month"))
        if priced and volume is not None:
            hour, kind = min(priced)
            steps = steps_a_node(wanted, node(shape(kind), _BOUNDLESS_GIB))
            return Rate(hour + steps * volume / HOURS_A_MONTH, steps)
    return Rate(None)


def summary(settings: Settings, prices: Prices | None = None) -> str:
    """The price as `make preview` and `make check` show it: idle, line by line, and a genome. Several lines of text.

    Raises LookupError for a machine type that does not exist.
    """
    known, target = prices or load(), settings.gcp
    premium = ", Autopilot's premium on nodes, their boot disks" if target.autopilot else ""
    names = Names(
        file="components/gcp/prices.json",
        command=f"python -m components.gcp.check {settings.stack}",
        store="Cloud Storage",
        beside_nat="Private Google Access",
        not_counted=f"stored data, what leaves Google Cloud{premium}; nor what is free of each",
    )
    spot = f"spot too, else at {known.spot.share:.0%}"
    told, threads = genome(settings, known), settings.classes.large.threads
    bill, index = idle_day(settings, known), target.autopilot or bool(target.pools.huge.max)
    return summary_text(names, known, target.region, spot, bill, told, threads, index=index, nat=target.network.nat)
