"""What a stack on AWS costs before it is made: a day of it idle, and a human genome at 30x for its settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.aws.endpoints import interface_endpoints
from components.aws.pools import allocatable
from components.aws.pricelist import Prices, load, pool_hour
from components.genome import Genome, Names, Rate, Rates, genome_30x, steps_of, summary_text
from components.pools import is_spot
from components.pricelist import HOURS_A_DAY, HOURS_A_MONTH, Bill, Biller, Line
from settings import Settings

OTHER_ALARMS: Final = 1
"""Alarms besides those that watch a pool each: failed runs. A budget without actions is free."""


def idle_day(settings: Settings, zones: int = 3, prices: Prices | None = None) -> Bill:
    """What a day costs on which nothing runs, in a VPC that spans `zones` availability zones."""
    return Bill(tuple(_idle(settings, zones, prices or load())))


def _idle(settings: Settings, zones: int, prices: Prices) -> Iterator[Line]:
    target = settings.aws
    bill, month = Biller(prices, target.region), HOURS_A_DAY / HOURS_A_MONTH

    yield bill.line("EKS control plane", HOURS_A_DAY, "eks_cluster_hour")
    if target.network.vpc_id:
        yield Line(f"network: that of {target.network.vpc_id}, which is there already", 0.0)
    else:
        gateways = {"single": 1, "per-zone": zones, "none": 0}[target.network.nat]
        if gateways:
            yield bill.line(f"NAT gateways: {gateways}", gateways * HOURS_A_DAY, "nat_hour")
            yield bill.line(f"public addresses: {gateways}", gateways * HOURS_A_DAY, "public_ipv4_hour")
        if endpoints := len(interface_endpoints(target.network)):
            what = f"interface endpoints: {endpoints} in {zones} zones each"
            yield bill.line(what, endpoints * zones * HOURS_A_DAY, "endpoint_hour")
    for name, pool in target.pools.named().items():
        if pool.min:
            yield bill.nodes(name, pool, pool.disk_gib, pool_hour(prices, target.region, pool, spot=is_spot(name)))
    alarms = len(target.pools.named()) + OTHER_ALARMS
    yield bill.line("KMS key", month, "kms_key_month")
    yield bill.line(f"alarms: {alarms}", alarms * month, "alarm_month")
    yield from bill.images_and_logs("ecr_gb_month", mirror=target.mirror)


def genome(settings: Settings, prices: Prices | None = None) -> Genome:
    """What the settings make of a human genome at 30x. Raises LookupError for an instance type that does not exist."""
    known, region = prices or load(), settings.aws.region
    return genome_30x(
        settings.classes.large.threads,
        _rates(settings, known),
        known.item(region, "s3_gb_month"),
        known.item(region, "nat_gb"),
    )


def _rates(settings: Settings, prices: Prices) -> Rates:
    return {
        name: Rate(
            pool_hour(prices, settings.aws.region, pool, spot=is_spot(name)),
            steps_of(name, settings.classes, allocatable(pool)),
        )
        for name, pool in settings.aws.pools.named().items()
    }


def summary(settings: Settings, zones: int = 3, prices: Prices | None = None) -> str:
    """The price as `make preview` and `make check` show it: idle, line by line, and a genome. Several lines of text.

    Raises LookupError for an instance type that does not exist.
    """
    known, target = prices or load(), settings.aws
    names = Names(
        file="components/aws/prices.json",
        command=f"python -m components.aws.check {settings.stack}",
        store="S3",
        beside_nat="S3's gateway endpoint",
        not_counted="data in S3, what leaves AWS, CloudWatch metrics (unknown: not in prices.json)",
    )
    spot = f"spot at {known.spot.share:.0%} of on-demand (an assumption)"
    nat = target.network.nat != "none" and not target.network.vpc_id
    bill, told, threads = idle_day(settings, zones, known), genome(settings, known), settings.classes.large.threads
    index = bool(target.pools.huge.max)
    return summary_text(names, known, target.region, spot, bill, told, threads, index=index, nat=nat)
