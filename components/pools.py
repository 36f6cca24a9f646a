"""Node pools, whichever cloud has them: labels, taints, where steps go, and whether every size class fits its pools.

Pure: settings in, plain values out. Everything is told before anything is created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic.alias_generators import to_camel

from components.machines import Machine
from quantities import MIB, parse_bytes, parse_cpu, write_bytes, write_cpu
from settings_cloud import AnyPool, NodePools, PoolName
from settings_pipeline import Aligner
from settings_sizes import SizeClass, SizeClasses
from workflows.types import Placement, SizeName

LABEL: Final = "biojobs/pool"
"""Label of every node and key of every taint; the value is the pool's name."""

SYSTEM: Final = "system"
SIZES: Final[tuple[SizeName, ...]] = ("small", "large", "huge")
"""Classes that every stack needs nodes for; `gpu` has some where it is asked for."""
_POOLS: Final[Mapping[SizeName, tuple[PoolName, PoolName]]] = {
    "small": ("spot-small", "on-demand-small"),
    "large": ("spot-large", "on-demand-large"),
    "huge": ("huge", "huge"),
    "gpu": ("gpu", "gpu"),
}
DISK_USABLE: Final = 0.9
"""Of a node's disk: a kubelet keeps a tenth free, and evicts pods where it cannot."""
_EVICTION_MIB: Final = 100
"""Memory that a kubelet keeps free, likewise."""
AnyMachine = TypeVar("AnyMachine", bound=Machine)


@dataclass(frozen=True)
class Allocatable:
    """What one step can have of a node for itself: CPU in millicores, memory in MiB, scratch in GiB."""

    millicores: int
    memory_mib: int
    scratch_gib: int


@dataclass(frozen=True)
class Daemons:
    """What a node's own pods ask for, and what Argo puts beside a step. It changes with versions: sums rounded up."""

    millicores: int
    memory_mib: int


@dataclass(frozen=True)
class Remedies:
    """Where steps of a class would run, as messages say it, and what else helps where they do not fit."""

    node: str
    """Such as `a node of spot-large`."""
    types: str
    """Other machines: a clause that follows `lower it, or`; empty where nobody chooses them."""
    scratch: str
    """More scratch, likewise."""


@dataclass(frozen=True)
class PoolRules(Generic[AnyPool]):
    """What only a cloud knows of its pools."""

    faults: Callable[[PoolName, AnyPool], Iterable[str]]
    """Everything that makes a pool unusable whatever runs in it."""
    allocatable: Callable[[AnyPool], Allocatable]
    """What a step can have in a pool without faults."""
    on_system: str
    """What cannot run where the system pool has no node, as the middle of a sentence."""
    scratch: str
    """How a pool's nodes get more scratch besides a higher diskGib, in brackets."""


def pool_of(size: SizeName) -> PoolName:
    """The pool in which steps of a size class run."""
    return _POOLS[size][0]


def last_try_pool(size: SizeName) -> PoolName:
    """The pool in which the last try of such a step runs: one that nobody takes away."""
    return _POOLS[size][1]


def is_spot(name: PoolName) -> bool:
    """Whether a pool's nodes are spot machines. Nothing that the cluster itself needs is."""
    return name.startswith("spot-") or name == "gpu"


def labels(name: PoolName) -> dict[str, str]:
    """Labels of a pool's nodes."""
    return {LABEL: name}


def taint(name: PoolName) -> str | None:
    """The value of a pool's `NoSchedule` taint; the system pool takes whatever names no pool."""
    return None if name == SYSTEM else name


def placement(size: SizeName) -> Placement:
    """Where steps of a size class go, on nodes of pools whose disks are their scratch."""
    usual, last = pool_of(size), last_try_pool(size)
    return Placement(
        node_selector=labels(usual),
        tolerations=tuple(
            {"key": LABEL, "operator": "Equal", "value": name, "effect": "NoSchedule"}
            for name in dict.fromkeys((usual, last))
        ),
        last_try=labels(last) if last != usual else {},
        reserves_scratch=True,
    )


def placements() -> dict[SizeName, Placement]:
    """Where steps of every class go."""
    return {size: placement(size) for size in _POOLS}


def left_for_steps(vcpu: int, memory_mib: float, daemons: Daemons, scratch_gib: int) -> Allocatable:
    """What a step can have of a node with `memory_mib` besides what the kernel and the cloud keep to themselves."""
    return Allocatable(
        millicores=vcpu * 1000 - kubelet_millicores(vcpu) - daemons.millicores,
        memory_mib=int(memory_mib - _EVICTION_MIB - daemons.memory_mib),
        scratch_gib=scratch_gib,
    )


def kubelet_millicores(vcpu: int) -> int:
    """What EKS and GKE keep for the kubelet: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of
    all others."""
    return int(60 + 10 * (min(vcpu, 2) - 1) + 5 * max(0, min(vcpu, 4) - 2) + 2.5 * max(0, vcpu - 4))


def key(name: PoolName, field: str) -> str:
    """A pool's setting, as a stack file has it."""
    return f"biojobs:pools.{to_camel(name.replace('-', '_'))}.{field}"


def problems(pools: NodePools[AnyPool], classes: SizeClasses, rules: PoolRules[AnyPool]) -> list[str]:
    """Everything that makes the pools unusable, each with its key, its value and a remedy."""
    named = pools.named()
    faults = {name: list(rules.faults(name, pool)) for name, pool in named.items()}
    found = [problem for problems in faults.values() for problem in problems]
    if SYSTEM not in named or named[SYSTEM].min < 1:
        least = named[SYSTEM].min if SYSTEM in named else 0
        found.append(
            f"{key(SYSTEM, 'min')}: {least}: {rules.on_system}; set it to 2, or to 1 where the cluster may pause"
        )
    for size in SIZES:
        for name in dict.fromkeys(_POOLS[size]):
            if name not in named:
                found.append(f"{key(name, 'max')}: 0: steps of the class {size} run there; set it to 1 or more")
            elif not faults[name]:
                has, remedies = rules.allocatable(named[name]), _remedies(name, rules.scratch)
                found += misfits(size, getattr(classes, size), has, remedies)
    return found


def gpu_problems(aligner: Aligner | None, pools: NodePools[AnyPool] | None) -> list[str]:
    """What keeps an aligner of the user's own from GPUs; `pools` is None where there cannot be any."""
    if aligner is None or aligner.class_ != "gpu":
        return []
    if pools is None:
        return ["biojobs:aligner.class: 'gpu': Autopilot stacks have no GPUs; set biojobs:gke to standard"]
    if "gpu" not in pools.named():
        return [f"{key('gpu', 'max')}: 0: biojobs:aligner.class is gpu and runs there; set it to 1 or more"]
    return []


def _remedies(name: PoolName, scratch: str) -> Remedies:
    return Remedies(
        node=f"a node of {name}",
        types=f"name larger types in {key(name, 'types')}",
        scratch=f"raise {key(name, 'diskGib')} ({scratch})",
    )


def known_types(
    name: PoolName, types: Iterable[str], shape: Callable[[str], AnyMachine], found: dict[str, AnyMachine]
) -> Iterator[str]:
    """Types of a pool that do not exist, that our images do not run on, or that have GPUs where none belong.

    Fills `found` with those that exist. `shape` raises LookupError for the others.
    """
    where = key(name, "types")
    for kind in types:
        try:
            found[kind] = shape(kind)
        except LookupError as error:
            yield f"{where}: {error.args[0]}"
    for kind, machine in found.items():
        if machine.arch != "amd64":
            yield f"{where}: {kind!r}: has {machine.arch} processors and the images are built for amd64; name another"
        if bool(machine.gpus) != (name == "gpu"):
            gpus, remedy = machine.gpus or "no", "with" if name == "gpu" else "without"
            yield f"{where}: {kind!r}: has {gpus} GPUs; name types {remedy}"


def misfits(size: SizeName, wanted: SizeClass, has: Allocatable, remedies: Remedies) -> Iterator[str]:
    """Whatever a step wants more of than its nodes have.

    Such a step would wait for ever: an autoscaler adds no node that does not help. Memory counts as much as a step gets
    after out-of-memory kills.
    """
    where, types, scratch = f"biojobs:classes.{size}", _or(remedies.types), _or(remedies.scratch)
    if parse_cpu(wanted.cpu) > has.millicores:
        most = write_cpu(has.millicores // 100 * 100)
        yield f"{where}.cpu: {wanted.cpu!r}: {remedies.node} has {most} for a step; lower it to that{types}"
    if wanted.max_memory and wanted.most_mib > has.memory_mib:
        most = write_bytes(has.memory_mib // 1024 * 1024 * MIB)
        yield f"{where}.maxMemory: {wanted.max_memory!r}: {remedies.node} has {most}; lower it to that{types}"
    elif wanted.most_mib > has.memory_mib:
        once, most = (write_bytes(mib // 1024 * 1024 * MIB) for mib in (has.memory_mib // 2, has.memory_mib))
        yield (
            f"{where}.memory: {wanted.memory!r}: after an out-of-memory kill a step gets twice that, and "
            f"{remedies.node} has {most}; lower it to {once}{types}"
        )
    if parse_bytes(wanted.scratch) > has.scratch_gib * 1024 * MIB:
        yield f"{where}.scratch: {wanted.scratch!r}: {remedies.node} has {has.scratch_gib}Gi; lower it to that{scratch}"


def _or(remedy: str) -> str:
    return f", or {remedy}" if remedy else ""
