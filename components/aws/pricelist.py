"""What the stack costs: a day of it idle, and a human genome at 30x. Pure, and offline: prices.json has dated prices.

A price that is not known is told as unknown and never counted as nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from settings_aws import Pool

FILE: Final = Path(__file__).with_name("prices.json")
HOURS_A_DAY: Final = 24
HOURS_A_MONTH: Final = 730
"""As AWS counts in its own examples."""

FREE_MIBPS: Final = 125
FREE_IOPS: Final = 3000
IOPS_A_MIBPS: Final = 4
"""gp3: throughput and IOPS that the size's price includes, and the IOPS that a MiB/s of throughput takes."""

Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Price = tuple[Usd, str]
"""USD and the key of its source."""


class PriceError(Exception):
    """A price file cannot be used; the message names the file, the key and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spot(_Strict):
    """What spot is planned with, as a share of the on-demand price."""

    share: float = Field(gt=0, le=1)
    source: str


class Region(_Strict):
    """Prices of one region: `items` by what is paid for, instances an hour by family (an .xlarge; other sizes are
    multiples of it) or, where sizes are no multiples, by type."""

    items: Mapping[str, Price] = {}
    xlarge_hour: Mapping[str, Price] = {}
    type_hour: Mapping[str, Price] = {}


class Prices(_Strict):
    """A price file. `everywhere` holds in all commercial regions alike."""

    read: str = Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")
    note: str
    sources: Mapping[str, str]
    spot: Spot
    everywhere: Mapping[str, Price]
    regions: Mapping[str, Region]

    @model_validator(mode="after")
    def _sourced(self) -> Prices:
        tables = [self.everywhere]
        for region in self.regions.values():
            tables += [region.items, region.xlarge_hour, region.type_hour]
        for table in tables:
            for key, (_, source) in table.items():
                if source not in self.sources:
                    raise ValueError(f"{key}: has the source {source!r}, which `sources` does not describe; add it")
        return self

    def item(self, region: str, key: str) -> float | None:
        """USD of a unit (an hour, a GB, a GB-month: the key says which) in a region; None where it is not known."""
        # China and GovCloud have price lists of their own.
        alike = not region.startswith(("cn-", "us-gov-"))
        price = self.regions.get(region, Region()).items.get(key) or (self.everywhere.get(key) if alike else None)
        return price[0] if price else None

    def hour(self, region: str, instance_type: str) -> float | None:
        """USD of an on-demand hour of an instance type, Linux; None where it is not known."""
        there = self.regions.get(region, Region())
        if price := there.type_hour.get(instance_type):
            return price[0]
        family, _, size = instance_type.partition(".")
        price, multiple = there.xlarge_hour.get(family), _multiple(size)
        return price[0] * multiple if price and multiple else None


def _multiple(size: str) -> float | None:
    """How many .xlarge a size is."""
    if size in ("medium", "large", "xlarge"):
        return {"medium": 0.25, "large": 0.5, "xlarge": 1.0}[size]
    match = re.fullmatch(r"(\d+)xlarge", size)
    return float(match[1]) if match else None


def load(own: Path | None = None) -> Prices:
    """The prices of the project, with those of a file of one's own over them. Raises PriceError."""
    values = _read(FILE)
    if own is not None:
        values = _laid_over(values, _read(own))
    try:
        return Prices.model_validate(values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['input']!r}: {problem['msg']}"
            if problem["type"] != "value_error"
            else str(problem["msg"])
            for problem in error.errors()
        ]
        where = own or FILE
        raise PriceError(f"{where}: {'; '.join(problems)}; write it as components/aws/prices.json is written") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text())
    except OSError as error:
        raise PriceError(f"{file}: cannot be read ({error.strerror}); name a price file with --prices") from None
    except ValueError as error:
        raise PriceError(f"{file}: is not JSON ({error}); write it as components/aws/prices.json is written") from None
    if not isinstance(values, dict):
        raise PriceError(f"{file}: is no mapping; write it as components/aws/prices.json is written")
    return cast(dict[str, Any], values)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both mappings as one; where both have a value, the upper one's."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            merged[key] = _laid_over(cast(dict[str, Any], lower), cast(dict[str, Any], value))
        else:
            merged[key] = value
    return merged


@dataclass(frozen=True)
class Line:
    """Something that is paid for: USD, or None when its price is not known."""

    what: str
    usd: float | None


@dataclass(frozen=True)
class Bill:
    """Lines and their sum."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """USD of the lines whose price is known."""
        return sum(line.usd for line in self.lines if line.usd is not None)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What has no price."""
        return tuple(line.what for line in self.lines if line.usd is None)


def times(quantity: float, price: float | None) -> float | None:
    """USD of a quantity; nothing of something unknown is still nothing."""
    if quantity == 0:
        return 0.0
    return None if price is None else quantity * price


def total(parts: Iterable[float | None]) -> float | None:
    """A sum that is unknown when one part is."""
    known = list(parts)
    return None if None in known else math.fsum(cast(list[float], known))


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


def node_hour(prices: Prices, region: str, pool: Pool, *, spot: bool) -> float | None:
    """USD of an hour of one node with its volume.

    On-demand groups take the first type that is to be had; spot groups any, so the mean of those with a price.
    """
    known = [hour for kind in pool.types if (hour := prices.hour(region, kind)) is not None]
    if not known:
        return None
    machine = sum(known) / len(known) * prices.spot.share if spot else known[0]
    volume = volume_month(prices, region, pool)
    return None if volume is None else machine + volume / HOURS_A_MONTH
