"""The form of Google Cloud's price file, and what a node costs by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from components import pricelist
from components.gcp.machines import LOCAL_SSD_GIB
from components.gcp.pools import boot_gib
from components.pricelist import Price, times, total
from settings_gcp import Pool

FILE: Final = Path(__file__).with_name("prices.json")


class Region(pricelist.Region):
    """Prices of one region. `vcpu_hour` has a vCPU with its memory by series, such as `n2-standard`, whose types are
    multiples of it; those that are none stand in `type_hour`. Spot prices have the same two tables."""

    vcpu_hour: Mapping[str, Price] = {}
    spot_vcpu_hour: Mapping[str, Price] = {}
    spot_type_hour: Mapping[str, Price] = {}

    def multiple_hour(self, machine_type: str) -> float | None:
        """By a vCPU of its series; local SSDs are priced by themselves."""
        return _multiple(self.vcpu_hour, machine_type)

    def spot_hour(self, machine_type: str) -> float | None:
        """As it was listed; Google changes it up to once a month."""
        listed = self.spot_type_hour.get(machine_type)
        if listed or machine_type in self.type_hour:
            return listed[0] if listed else None
        return _multiple(self.spot_vcpu_hour, machine_type)


class Prices(pricelist.Prices[Region]):
    """A price file of Google Cloud."""


def _multiple(by_series: Mapping[str, Price], machine_type: str) -> float | None:
    series, _, vcpu = machine_type.removesuffix("-lssd").rpartition("-")
    price = by_series.get(series)
    return price[0] * int(vcpu) if price and vcpu.isdigit() else None


def load(own: Path | None = None) -> Prices:
    """The prices of the project, with those of a file of one's own over them. Raises PriceError."""
    return pricelist.load(Prices, FILE, own)


def disk_month(prices: Prices, region: str, pool: Pool) -> float | None:
    """USD of a month of one node's boot disk and local SSDs."""
    return total(
        [
            times(boot_gib(pool), prices.item(region, "pd_balanced_gb_month")),
            times(pool.local_ssds * LOCAL_SSD_GIB, prices.item(region, "local_ssd_gb_month")),
        ]
    )


def pool_hour(prices: Prices, region: str, pool: Pool, *, spot: bool) -> float | None:
    """USD of an hour of one node of a pool with its disks."""
    return pricelist.node_hour(prices, region, pool.types, disk_month(prices, region, pool), spot=spot)
