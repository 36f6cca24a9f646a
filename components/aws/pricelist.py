"""The form of AWS's price file, and what a node costs by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from components import pricelist
from components.pricelist import Price, times, total
from settings_aws import Pool

FILE: Final = Path(__file__).with_name("prices.json")

FREE_MIBPS: Final = 125
FREE_IOPS: Final = 3000
IOPS_A_MIBPS: Final = 4
"""gp3: throughput and IOPS that the size's price includes, and the IOPS that a MiB/s of throughput takes."""


class Region(pricelist.Region):
    """Prices of one region. `xlarge_hour` has an .xlarge by family, of which other sizes are multiples; GPU machines
    are none, and stand in `type_hour`."""

    xlarge_hour: Mapping[str, Price] = {}

    def multiple_hour(self, machine_type: str) -> float | None:
        """By the .xlarge of its family."""
        family, _, size = machine_type.partition(".")
        price, multiple = self.xlarge_hour.get(family), _multiple(size)
        return price[0] * multiple if price and multiple else None

    def spot_hour(self, machine_type: str) -> float | None:
        """None: it changes by the hour, and the file has a share to plan with."""
        return None


class Prices(pricelist.Prices[Region]):
    """A price file of AWS."""

    def alike(self, region: str) -> bool:
        """China and GovCloud have price lists of their own."""
        return not region.startswith(("cn-", "us-gov-"))


def _multiple(size: str) -> float | None:
    """How many .xlarge a size is."""
    if size in ("medium", "large", "xlarge"):
        return {"medium": 0.25, "large": 0.5, "xlarge": 1.0}[size]
    match = re.fullmatch(r"(\d+)xlarge", size)
    return float(match[1]) if match else None


def load(own: Path | None = None) -> Prices:
    """The prices of the project, with those of a file of one's own over them. Raises PriceError."""
    return pricelist.load(Prices, FILE, own)


def volume_month(prices: Prices, region: str, pool: Pool) -> float | None:
    """USD of a month of one node's gp3 volume."""
    iops = max(FREE_IOPS, pool.throughput * IOPS_A_MIBPS)
    return total(
        [
            times(pool.disk_gib, prices.item(region, "gp3_gb_month")),
            times(pool.throughput - FREE_MIBPS, prices.item(region, "gp3_mibps_month")),
            times(iops - FREE_IOPS, prices.item(region, "gp3_iops_month")),
        ]
    )


def pool_hour(prices: Prices, region: str, pool: Pool, *, spot: bool) -> float | None:
    """USD of an hour of one node of a pool with its volume."""
    return pricelist.node_hour(prices, region, pool.types, volume_month(prices, region, pool), spot=spot)
