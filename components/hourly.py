"""What an hour of a step costs: its share of a node, by the cloud's dated price file or the user's own prices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from components.pools import Allocatable, is_spot, last_try_pool, pool_of
from components.pricelist import times
from quantities import parse_bytes, parse_cpu
from settings import Settings
from settings_cloud import PoolName
from settings_sizes import SizeClass
from workflows.types import SizeName

SIZE_NAMES: Final[tuple[SizeName, ...]] = get_args(SizeName)


@dataclass(frozen=True)
class StepPrice:
    """USD an hour of a step that asks for all of its class; None where that is not known."""

    usual: float | None
    last_try: float | None
    """On the nodes of the last try, which nobody takes away."""
    spot: bool
    """Whether the usual nodes are spot machines."""


@dataclass(frozen=True)
class PriceList:
    """Prices of steps by class, and where they are from."""

    steps: Mapping[SizeName, StepPrice]
    source: str
    """For people: which list, and of which day."""


@dataclass(frozen=True)
class _Node:
    """A pool's node: USD an hour, and the part of it that a step of the class takes."""

    hour: float | None
    share: float | None


def step_hour(settings: Settings) -> Mapping[SizeName, float | None]:
    """USD an hour of a step of each class on its usual nodes; None where no price is known."""
    return {size: price.usual for size, price in price_list(settings).steps.items()}


def price_list(settings: Settings) -> PriceList:
    """Prices of a stack's steps. One of `biojobs:prices` goes before the cloud's list."""
    nodes, source = _nodes(settings)
    return PriceList({size: _price(settings, size, nodes) for size in SIZE_NAMES}, _sourced(settings, source))


def share(size: SizeClass, node: Allocatable, gpus: int = 0) -> float:
    """The part of a node that a step takes away from others: the largest of its parts of CPU, memory, scratch, GPUs."""
    parts = (
        parse_cpu(size.cpu) / node.millicores,
        size.memory_mib / node.memory_mib,
        parse_bytes(size.scratch) / (node.scratch_gib * 2**30),
        size.gpus / gpus if gpus else 0.0,
    )
    return min(1.0, max(parts))


def _price(settings: Settings, size: SizeName, nodes: Mapping[PoolName, _Node]) -> StepPrice:
    usual, last = pool_of(size), last_try_pool(size)
    spot = settings.cloud != "local" and is_spot(usual)
    own: float | None = getattr(settings.prices, size)
    if own is None:
        return StepPrice(_of(nodes.get(usual)), _of(nodes.get(last)), spot)
    if settings.cloud == "local":
        return StepPrice(own, own, spot)
    priced = times(own, nodes[usual].share) if usual in nodes else None
    return StepPrice(priced, priced, spot)


def _of(node: _Node | None) -> float | None:
    return None if node is None or node.hour is None or node.share is None else node.hour * node.share


def _sourced(settings: Settings, source: str) -> str:
    own = [name for name in SIZE_NAMES if getattr(settings.prices, name) is not None]
    said = [f"biojobs:prices ({', '.join(own)})"] if own else []
    return "; ".join([*said, *([source] if source and len(own) < len(SIZE_NAMES) else [])])


def _nodes(settings: Settings) -> tuple[Mapping[PoolName, _Node], str]:
    # Imported here: a program of one cloud need not load the others' price lists.
    if settings.cloud == "aws":
        return _aws(settings)
    return _gcp(settings) if settings.cloud == "gcp" else ({}, "")


def _aws(settings: Settings) -> tuple[Mapping[PoolName, _Node], str]:
    from components.aws.machines import shape
    from components.aws.pools import allocatable
    from components.aws.pricelist import load, pool_hour

    prices, region = load(), settings.aws.region
    nodes: dict[PoolName, _Node] = {
        name: _Node(
            pool_hour(prices, region, pool, spot=is_spot(name)),
            _share(settings, name, allocatable(pool), min(shape(kind).gpus for kind in pool.types)),
        )
        for name, pool in settings.aws.pools.named().items()
    }
    return nodes, f"list prices of AWS in {region}, {prices.read} (components/aws/prices.json)"


def _gcp(settings: Settings) -> tuple[Mapping[PoolName, _Node], str]:
    from components.gcp.machines import shape
    from components.gcp.pools import allocatable
    from components.gcp.pricelist import load, pool_hour
    from components.gcp.prices import autopilot_rates

    prices, region = load(), settings.gcp.region
    source = f"list prices of Google Cloud in {region}, {prices.read} (components/gcp/prices.json)"
    if settings.gcp.autopilot:
        rates = autopilot_rates(settings, prices)
        return {name: _Node(rate.hour, 1 / rate.steps) for name, rate in rates.items()}, source
    nodes: dict[PoolName, _Node] = {
        name: _Node(
            pool_hour(prices, region, pool, spot=is_spot(name)),
            _share(settings, name, allocatable(pool), min(shape(kind).gpus for kind in pool.types)),
        )
        for name, pool in settings.gcp.pools.named().items()
    }
    return nodes, source


def _share(settings: Settings, name: PoolName, node: Allocatable, gpus: int) -> float | None:
    """Of the class whose steps run in a pool; None for the pool of none."""
    sizes = (size for size in SIZE_NAMES if name in (pool_of(size), last_try_pool(size)))
    size = next(sizes, None)
    return share(getattr(settings.classes, size), node, gpus) if size else None
