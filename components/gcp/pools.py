"""What the node pools of GKE Standard are made of: sizes, disks, and whether every size class fits its pools.

A GKE node pool has one machine type. A pool of ours with several types is as many GKE node pools, and GKE's autoscaler
takes the cheapest that is to be had. Pure: settings in, plain values out, all told before anything is created.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from components.gcp.machines import LOCAL_SSD_GIB, Shape, shape
from components.pools import DISK_USABLE, Allocatable, Daemons, PoolRules, key, known_types, left_for_steps
from components.pools import problems as pool_problems
from settings_cloud import PoolName
from settings_gcp import Gcp, Pool
from settings_sizes import SizeClasses

BOOT_GIB: Final = 50
"""Boot disk of a node whose local SSDs hold images, logs and scratch."""

# What the kernel takes of a machine's memory, at most, as measured by GKE's autoscaler for nodes of 8 to 1,922 GiB.
_KERNEL_SHARE: Final = 1 / 64
_KERNEL_MIB: Final = 220
# What GKE keeps of the rest for itself: (share, of so many GiB), the last of all beyond.
_RESERVED: Final = ((0.25, 4), (0.2, 4), (0.1, 8), (0.06, 112), (0.02, math.inf))
# Network, identity, names, volumes, log and metric agents.
_DAEMONS: Final = Daemons(millicores=600, memory_mib=1024)
# Container-Optimized OS and the file system take this of a boot disk; the file system of local SSDs takes 2 %.
_OS_SHARE: Final = 0.0157
_OS_GIB: Final = 4.3
_SSD_USABLE: Final = 0.98
# Of both GKE keeps a part to itself, never more than 100 GiB.
_MOST_RESERVED_GIB: Final = 100
_SSD_RESERVED_GIB: Final = {1: 50, 2: 75}
_USUAL_ZONES: Final = 3
"""Zones that GKE takes for a regional cluster where none are named."""


def node_pools(name: PoolName, pool: Pool) -> dict[str, str]:
    """The GKE node pools of a pool: their names, of at most 40 characters, and their machine types."""
    return {f"{name}-{kind}": kind for kind in pool.types}


def initial_nodes(pool: Pool, zones: int) -> int:
    """With how many nodes a zone a GKE node pool starts: so that there are at least `min` in all zones together.

    `zones` is the number of named zones; 0 where they are GKE's to choose.
    """
    return math.ceil(pool.min / (zones or _USUAL_ZONES))


def boot_gib(pool: Pool) -> int:
    """Size of a node's boot disk, GiB."""
    return BOOT_GIB if pool.local_ssds else pool.disk_gib


def allocatable(pool: Pool) -> Allocatable:
    """What a step can have in a pool, on whichever of its types; LookupError for an unknown type."""
    nodes = [node(shape(kind), scratch_gib(pool)) for kind in pool.types]
    return Allocatable(
        millicores=min(found.millicores for found in nodes),
        memory_mib=min(found.memory_mib for found in nodes),
        scratch_gib=scratch_gib(pool),
    )


def node(machine: Shape, scratch: int) -> Allocatable:
    """What a step can have of a machine, by GKE's rules for Container-Optimized OS, beside `scratch` GiB.

    GKE 1.37 reserves less on large machines; this is what fits before and after.
    """
    memory = machine.memory_gib * 1024 * (1 - _KERNEL_SHARE) - _KERNEL_MIB
    return left_for_steps(machine.vcpu, memory - _reserved_mib(machine.memory_gib), _DAEMONS, scratch)


def _reserved_mib(memory_gib: float) -> float:
    reserved, left = 0.0, memory_gib
    for share, most in _RESERVED:
        reserved += share * min(left, most) * 1024
        left -= min(left, most)
    return reserved


def scratch_gib(pool: Pool) -> int:
    """What steps can have of a node's boot disk, or of its local SSDs where it has some, GiB."""
    if pool.local_ssds:
        size, reserved = pool.local_ssds * LOCAL_SSD_GIB, _SSD_RESERVED_GIB.get(pool.local_ssds, _MOST_RESERVED_GIB)
        return int(size * _SSD_USABLE * DISK_USABLE) - reserved
    reserved = min(pool.disk_gib // 2, 6 + int(0.35 * pool.disk_gib), _MOST_RESERVED_GIB)
    return int((pool.disk_gib * (1 - _OS_SHARE) - _OS_GIB) * DISK_USABLE) - reserved


def problems(target: Gcp, classes: SizeClasses) -> list[str]:
    """Everything that makes the pools unusable, each with its key, its value and a remedy. Autopilot has no pools."""
    return [] if target.autopilot else pool_problems(target.pools, classes, _GKE)


def _faults(name: PoolName, pool: Pool) -> Iterator[str]:
    """Types that do not exist, that our images do not run on, or that take another number of local SSDs."""
    known: dict[str, Shape] = {}
    yield from known_types(name, pool.types, shape, known)
    for kind, found in known.items():
        if pool.local_ssds and pool.local_ssds not in found.local_ssds:
            yield f"{key(name, 'localSsds')}: {pool.local_ssds}: {kind} takes {_numbers(found)}"
        if not pool.local_ssds and found.always_has_ssds:
            (count,) = found.local_ssds
            yield f"{key(name, 'localSsds')}: 0: {kind} has {count} local SSDs, which are paid for; set it to {count}"


def _numbers(machine: Shape) -> str:
    if not machine.local_ssds:
        return "no local SSDs; set it to 0, or name types that take some, such as n2 or c3 types that end in -lssd"
    numbers = " or ".join(map(str, machine.local_ssds))
    return f"{numbers}; set it to one that all types take, or name others"


_GKE: Final = PoolRules[Pool](
    faults=_faults,
    allocatable=allocatable,
    on_system="the cluster's own pods run there, such as the one that finds names",
    scratch="GKE keeps 100 GiB and a tenth of it for itself; or set localSsds",
)
