"""Dated price files and bills. Pure, and offline: each cloud's prices.json has its prices.

A price that is not known is told as unknown and never counted as nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from settings_cloud import NodePool

HOURS_A_DAY: Final = 24
HOURS_A_MONTH: Final = 730
"""As the clouds count in their own examples."""

IMAGES_GB: Final = 1.0
MIRRORED_GB: Final = 3.0
"""Compressed images in a registry: our own, and all third-party ones with `mirror`."""
LOGS_GB_A_DAY: Final = 1.0
"""Of an idle cluster, mostly the control plane's. AWS's metric IncomingBytes of the log groups has yours, and Google
Cloud's `logging.googleapis.com/billing/bytes_ingested`."""

Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Price = tuple[Usd, str]
"""USD and the key of its source."""


class PriceError(Exception):
    """A price file cannot be used; the message names the file, the key and the remedy."""


class Strict(BaseModel):
    """Part of a price file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Spot(Strict):
    """What spot is planned with where it has no price of its own, as a share of the on-demand price."""

    share: float = Field(gt=0, le=1)
    source: str


class Region(Strict):
    """Prices of one region: `items` by what is paid for, machines an hour by type. A cloud whose machines are multiples
    of each other adds its own tables."""

    items: Mapping[str, Price] = {}
    type_hour: Mapping[str, Price] = {}

    def tables(self) -> list[Mapping[str, Price]]:
        """Every table of prices."""
        return [getattr(self, name) for name in type(self).model_fields]

    def multiple_hour(self, machine_type: str) -> float | None:
        """USD of an on-demand hour of a type that is a multiple of another."""
        raise NotImplementedError

    def spot_hour(self, machine_type: str) -> float | None:
        """USD of a spot hour as it was listed; None where it was not."""
        raise NotImplementedError

    def hour(self, machine_type: str) -> float | None:
        """USD of an on-demand hour of a machine type, Linux; None where it is not known."""
        price = self.type_hour.get(machine_type)
        return price[0] if price else self.multiple_hour(machine_type)


AnyRegion = TypeVar("AnyRegion", bound=Region)


class Prices(Strict, Generic[AnyRegion]):
    """A price file. `everywhere` holds in all regions alike."""

    read: str = Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")
    note: str
    sources: Mapping[str, str]
    spot: Spot
    everywhere: Mapping[str, Price]
    regions: Mapping[str, AnyRegion]

    @model_validator(mode="after")
    def _sourced(self) -> Prices[AnyRegion]:
        tables = [self.everywhere, *(table for region in self.regions.values() for table in region.tables())]
        for table in tables:
            for key, (_, source) in table.items():
                if source not in self.sources:
                    raise ValueError(f"{key}: has the source {source!r}, which `sources` does not describe; add it")
        return self

    def alike(self, region: str) -> bool:
        """Whether what holds everywhere holds in a region."""
        return bool(region)

    def item(self, region: str, key: str) -> float | None:
        """USD of a unit (an hour, a GB, a GB-month: the key says which) in a region; None where it is not known."""
        there = self.regions.get(region)
        price = (there.items.get(key) if there else None) or (self.everywhere.get(key) if self.alike(region) else None)
        return price[0] if price else None

    def hour(self, region: str, machine_type: str, *, spot: bool = False) -> float | None:
        """USD of an hour of a machine type, Linux; None where it is not known."""
        there = self.regions.get(region)
        if there is None:
            return None
        if spot and (listed := there.spot_hour(machine_type)) is not None:
            return listed
        on_demand = there.hour(machine_type)
        return on_demand * self.spot.share if spot and on_demand is not None else on_demand


AnyPrices = TypeVar("AnyPrices", bound=Prices[Any])


def load(kind: type[AnyPrices], file: Path, own: Path | None = None) -> AnyPrices:
    """The prices of a file of the project, with those of a file of one's own over them. Raises PriceError."""
    example = "/".join(file.parts[-3:])
    values = _read(file, example)
    if own is not None:
        values = _laid_over(values, _read(own, example))
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['input']!r}: {problem['msg']}"
            if problem["type"] != "value_error"
            else str(problem["msg"])
            for problem in error.errors()
        ]
        raise PriceError(f"{own or file}: {'; '.join(problems)}; write it as {example} is written") from None


def _read(file: Path, example: str) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text())
    except OSError as error:
        raise PriceError(f"{file}: cannot be read ({error.strerror}); name a price file with --prices") from None
    except ValueError as error:
        raise PriceError(f"{file}: is not JSON ({error}); write it as {example} is written") from None
    if not isinstance(values, dict):
        raise PriceError(f"{file}: is no mapping; write it as {example} is written")
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
class Biller:
    """Writes lines of a bill by the items of a price file."""

    prices: Prices[Any]
    region: str

    def line(self, what: str, quantity: float, key: str) -> Line:
        """`quantity` is what a day takes of the unit that the key names."""
        return Line(what, times(quantity, self.prices.item(self.region, key)))

    def images_and_logs(self, images_key: str, *, mirror: bool) -> Iterator[Line]:
        """A day of our own images, of all third-party ones with `mirror`, and of an idle cluster's logs."""
        images = IMAGES_GB + (MIRRORED_GB if mirror else 0)
        yield self.line(f"images: about {images:.0f} GB", images * HOURS_A_DAY / HOURS_A_MONTH, images_key)
        yield self.line(f"logs: about {LOGS_GB_A_DAY:.0f} GB", LOGS_GB_A_DAY, "logs_gb")

    def nodes(self, name: str, pool: NodePool, disk_gib: int, hour: float | None) -> Line:
        """A day of the nodes of a pool that are always there; `hour`: USD of one of them."""
        what = f"pool {name}: {pool.min} x {pool.types[0]}, {disk_gib} GiB of disk each"
        return Line(what, times(pool.min * HOURS_A_DAY, hour))


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


def node_hour(
    prices: Prices[Any], region: str, types: Sequence[str], disk_month: float | None, *, spot: bool
) -> float | None:
    """USD of an hour of one node with its disk, whose month costs `disk_month`.

    On-demand pools take the first type that is to be had; spot pools any, so the mean of those with a price.
    """
    known = [hour for kind in types if (hour := prices.hour(region, kind, spot=spot)) is not None]
    if not known or disk_month is None:
        return None
    return (sum(known) / len(known) if spot else known[0]) + disk_month / HOURS_A_MONTH
