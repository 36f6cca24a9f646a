"""Machine types: which there are, and what disks they take, as Compute Engine's documentation has it.

Not by the table of `components.gcp.machines`: a mistake in that is to be found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from offline.values import Map

_PD = frozenset({"pd-standard", "pd-balanced", "pd-ssd", "pd-extreme"})
_HYPERDISK = frozenset({"hyperdisk-balanced", "hyperdisk-extreme", "hyperdisk-throughput"})


@dataclass(frozen=True)
class Family:
    """A family's sizes by shape, the disks that its nodes boot from, and how many local SSDs they take."""

    shapes: Mapping[str, tuple[int, ...]]
    disks: frozenset[str] = _PD
    local_ssds: frozenset[int] = frozenset()
    """Counts that may be asked for; where it is empty, none, or those that the type's name brings."""


def _every(sizes: tuple[int, ...]) -> Mapping[str, tuple[int, ...]]:
    return dict.fromkeys(("standard", "highmem", "highcpu"), sizes)


_N = (2, 4, 8, 16, 32, 48, 64, 80)
_SSDS = frozenset({1, 2, 4, 8, 16, 24})
_C3 = (4, 8, 22, 44, 88, 176)
_C4 = (2, 4, 8, 16, 24, 32, 48, 96, 144, 192, 288)
_E2 = {"standard": (2, 4, 8, 16, 32), "highmem": (2, 4, 8, 16), "highcpu": (2, 4, 8, 16, 32)}
_N2D = (*_N, 96, 128, 224)

FAMILIES: Mapping[str, Family] = {
    "e2": Family(_E2),
    "n1": Family(_every((1, 2, 4, 8, 16, 32, 64, 96)), _PD, _SSDS),
    "n2": Family({"standard": (*_N, 96, 128), "highmem": (*_N, 96, 128), "highcpu": (*_N, 96)}, _PD, _SSDS),
    "n2d": Family({"standard": _N2D, "highmem": (*_N, 96), "highcpu": _N2D}, _PD, _SSDS),
    "n4": Family(_every(_N), frozenset({"hyperdisk-balanced"})),
    "t2d": Family({"standard": (1, 2, 4, 8, 16, 32, 48, 60)}),
    "c2": Family({"standard": (4, 8, 16, 30, 60)}, _PD, frozenset({1, 2, 4, 8})),
    "c2d": Family(
        _every((2, 4, 8, 16, 32, 56, 112)),
        _PD,
        frozenset({1, 2, 4, 8}),
    ),
    "c3": Family(_every(_C3), _PD | _HYPERDISK),
    "c3d": Family(_every((4, 8, 16, 30, 60, 90, 180, 360)), _PD | _HYPERDISK),
    "c4": Family(_every(_C4), _HYPERDISK),
    "m1": Family({"megamem": (96,), "ultramem": (40, 80, 160)}, _PD),
    "m2": Family({"megamem": (416,), "hypermem": (416,), "ultramem": (208, 416)}, _PD),
    "m3": Family({"megamem": (64, 128), "ultramem": (32, 64, 128)}, _PD | _HYPERDISK, frozenset({4, 8})),
    "g2": Family({"standard": (4, 8, 12, 16, 24, 32, 48, 96)}, _PD - {"pd-extreme"}, frozenset({1, 2, 4, 8})),
    "a2": Family({"highgpu": (1, 2, 4, 8), "megagpu": (16,), "ultragpu": (1, 2, 4, 8)}, _PD, _SSDS),
}
"""A2's sizes are GPUs (`a2-highgpu-1g`), all others vCPUs."""


def problem(name: str, region: str, content: Map) -> str:
    """Why there are no machines of the type in the region, or nothing."""
    family, shape, size = _parts(name)
    sizes = FAMILIES[family].shapes.get(shape, ()) if family in FAMILIES else ()
    if not size or size not in sizes:
        return f"{name!r} is no machine type"
    there = cast(dict[str, list[Any]], content["machines"]).get(region)
    return f"{name!r} is not offered in {region}" if there is not None and name not in there else ""


def takes_disk(name: str, disk: str) -> bool:
    """Whether machines of a known type boot from the kind of disk."""
    return disk in FAMILIES[name.partition("-")[0]].disks


def takes_local_ssds(name: str, count: int) -> bool:
    """Whether so many local SSDs can be asked for. Types that bring theirs (`-lssd`) take no other number."""
    return name.endswith("-lssd") or count in FAMILIES[name.partition("-")[0]].local_ssds


def _parts(name: str) -> tuple[str, str, int]:
    """Family, shape and size; the size is 0 where the name has not the form."""
    family, _, rest = name.removesuffix("-lssd").partition("-")
    shape, _, size = rest.partition("-")
    number = size.removesuffix("g") if family == "a2" else size
    return family, shape, int(number) if number.isdigit() else 0
