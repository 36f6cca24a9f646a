"""What the node pools are made of: labels, taints and sizes, and whether every size class fits its pools.

Pure: settings in, plain values out. Everything is told before anything is created.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic.alias_generators import to_camel

from components.aws.machines import Shape, shape
from quantities import MIB, parse_bytes, parse_cpu, write_bytes, write_cpu
from settings import SizeClass, SizeClasses
from settings_aws import Aws, Pool, PoolName
from workflows.types import SizeName

LABEL: Final = "biojobs/pool"
"""Label of every node and key of every taint; the value is the pool's name."""

SYSTEM: Final = "system"
_POOLS: Final[Mapping[SizeName, tuple[PoolName, PoolName]]] = {
    "small": ("spot-small", "on-demand-small"),
    "large": ("spot-large", "on-demand-large"),
    "huge": ("huge", "huge"),
}
_DOCUMENTATION: Final = tuple(
    ipaddress.IPv4Network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
_NODE_TEMPLATE: Final = "k8s.io/cluster-autoscaler/node-template"

# What EC2's firmware and the kernel take of a machine's memory, at most; Karpenter reckons with the same.
_MEMORY_TAKEN: Final = 0.075
_EVICTION_MIB: Final = 100
# Requests of the pods that every node runs (network, proxy, volumes, identity and log agents: 240m and 150 MiB) and of
# what Argo puts beside a step. Add-ons change them with their versions: the sums are rounded up.
_DAEMONS_MILLICORES: Final = 400
_DAEMONS_MIB: Final = 512
# A kubelet keeps a tenth of the disk free and 1 GiB for itself; the file system and the images take their part.
_FILE_SYSTEM: Final = 0.98
_DISK_USABLE: Final = 0.9
_DISK_RESERVED_GIB: Final = 1 + 10
# Most pods of a machine by vCPU, of all families: (up to so many vCPU, pods).
_MOST_PODS: Final = ((2, 78), (8, 158), (24, 394), (32, 492), (48, 758), (96, 1010), (512, 1514))


@dataclass(frozen=True)
class Allocatable:
    """What one step can have of a node for itself: CPU in millicores, memory in MiB, scratch in GiB."""

    millicores: int
    memory_mib: int
    scratch_gib: int


def pool_of(size: SizeName) -> PoolName:
    """The pool in which steps of a size class run."""
    return _POOLS[size][0]


def last_try_pool(size: SizeName) -> PoolName:
    """The pool in which the last try of such a step runs: one that nobody takes away."""
    return _POOLS[size][1]


def is_spot(name: PoolName) -> bool:
    """Whether a pool's nodes are spot instances. Nothing that the cluster itself needs is."""
    return name.startswith("spot-") or name == "gpu"


def labels(name: PoolName) -> dict[str, str]:
    """Labels of a pool's nodes."""
    return {LABEL: name}


def taint(name: PoolName) -> str | None:
    """The value of a pool's `NoSchedule` taint; the system pool takes whatever names no pool."""
    return None if name == SYSTEM else name


def autoscaler_tags(name: PoolName, pool: Pool) -> dict[str, str]:
    """Tags of a pool's Auto Scaling group, from which the autoscaler knows a node that is not there yet.

    EKS itself sets the two tags by which the autoscaler finds the group, and no others.
    """
    tags = {f"{_NODE_TEMPLATE}/label/{key}": value for key, value in labels(name).items()}
    if value := taint(name):
        tags[f"{_NODE_TEMPLATE}/taint/{LABEL}"] = f"{value}:NoSchedule"
    return {**tags, f"{_NODE_TEMPLATE}/resources/ephemeral-storage": f"{allocatable(pool).scratch_gib}Gi"}


def has_instance_store(pool: Pool) -> bool:
    """Whether all of a pool's types have NVMe disks of their own, which then are the scratch space."""
    return all(shape(kind).nvme_gib for kind in pool.types)


def allocatable(pool: Pool) -> Allocatable:
    """What a step can have in a pool, by the rules of EKS's AL2023 image; LookupError for an unknown type."""
    shapes = [shape(kind) for kind in pool.types]
    disk = min(found.nvme_gib for found in shapes) if has_instance_store(pool) else pool.disk_gib
    vcpu = min(found.vcpu for found in shapes)
    memory = int(min(found.memory_gib for found in shapes) * 1024 * (1 - _MEMORY_TAKEN))
    return Allocatable(
        millicores=vcpu * 1000 - _kube_reserved_millicores(vcpu) - _DAEMONS_MILLICORES,
        memory_mib=memory - _kube_reserved_mib(vcpu) - _EVICTION_MIB - _DAEMONS_MIB,
        scratch_gib=int(disk * _FILE_SYSTEM * _DISK_USABLE) - _DISK_RESERVED_GIB,
    )


def _kube_reserved_millicores(vcpu: int) -> int:
    """6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others."""
    return int(60 + 10 * (min(vcpu, 2) - 1) + 5 * max(0, min(vcpu, 4) - 2) + 2.5 * max(0, vcpu - 4))


def _kube_reserved_mib(vcpu: int) -> int:
    """255 MiB and 11 MiB for every pod that the network interfaces of such a machine have addresses for, at most."""
    most = next(pods for upto, pods in _MOST_PODS if vcpu <= upto)
    return 255 + 11 * most


def problems(target: Aws, classes: SizeClasses) -> list[str]:
    """Everything that makes the pools unusable, each with its key, its value and a remedy."""
    pools = target.pools.named()
    unusable = {name: found for name, pool in pools.items() if (found := list(_machine_problems(name, pool)))}
    found = [problem for problems in unusable.values() for problem in problems]
    found += _system_problems(target)
    sizes: tuple[tuple[SizeName, SizeClass], ...] = (
        ("small", classes.small),
        ("large", classes.large),
        ("huge", classes.huge),
    )
    for size, wanted in sizes:
        for name in dict.fromkeys(_POOLS[size]):
            if name not in pools:
                found.append(f"{_key(name)}.max: 0: steps of the class {size} run there; set it to 1 or more")
            elif name not in unusable:
                found += _misfits(size, wanted, name, allocatable(pools[name]))
    return [*found, *_unreachable(target)]


def _key(name: PoolName) -> str:
    return f"biojobs:pools.{to_camel(name.replace('-', '_'))}"


def _machine_problems(name: PoolName, pool: Pool) -> Iterator[str]:
    """Types that do not exist, that our images do not run on, or that are not alike."""
    key, known = f"{_key(name)}.types", dict[str, Shape]()
    for kind in pool.types:
        try:
            known[kind] = shape(kind)
        except LookupError as error:
            yield f"{key}: {error.args[0]}"
    for kind, found in known.items():
        if found.arch != "amd64":
            yield f"{key}: {kind!r}: has {found.arch} processors and the images are built for amd64; name another"
        if bool(found.gpus) != (name == "gpu"):
            yield f"{key}: {kind!r}: has {found.gpus or 'no'} GPUs; name types {'with' if name == 'gpu' else 'without'}"
    if len({_size(found) for found in known.values()}) > 1:
        yield (
            f"{key}: {', '.join(f'{kind} has {_size(found)}' for kind, found in known.items())}; name types of one "
            "shape, because the autoscaler takes them for alike"
        )


def _size(found: Shape) -> str:
    gpus = f" and {found.gpus} GPUs" if found.gpus else ""
    return f"{found.vcpu} vCPU, {found.memory_gib} GiB{gpus}"


def _system_problems(target: Aws) -> Iterator[str]:
    if target.pools.system.min < 1:
        yield (
            f"biojobs:pools.system.min: {target.pools.system.min}: the autoscaler itself runs there, and would never "
            "start; set it to 2, or to 1 where the cluster may pause"
        )


def _misfits(size: SizeName, wanted: SizeClass, pool: PoolName, has: Allocatable) -> Iterator[str]:
    """A step that fits no node of its pool would wait for ever: the autoscaler adds no node that does not help."""
    key, types = f"biojobs:classes.{size}", f"or name larger types in {_key(pool)}.types"
    if parse_cpu(wanted.cpu) > has.millicores:
        most = write_cpu(has.millicores // 100 * 100)
        yield f"{key}.cpu: {wanted.cpu!r}: a node of {pool} has {most} for a step; lower it to that, {types}"
    if 2 * wanted.memory_mib > has.memory_mib:
        once, most = (write_bytes(mib // 1024 * 1024 * MIB) for mib in (has.memory_mib // 2, has.memory_mib))
        yield (
            f"{key}.memory: {wanted.memory!r}: after an out-of-memory kill a step gets twice that, and a node of "
            f"{pool} has {most}; lower it to {once}, {types}"
        )
    if parse_bytes(wanted.scratch) > has.scratch_gib * 1024 * MIB:
        yield (
            f"{key}.scratch: {wanted.scratch!r}: a node of {pool} has {has.scratch_gib}Gi; lower it to that, or raise "
            f"{_key(pool)}.diskGib (where all types have NVMe disks, those count)"
        )


def placeholder_cidrs(target: Aws) -> list[str]:
    """Those of `adminCidrs` that stand in documents and are nobody's (RFC 5737)."""
    return [cidr for cidr in target.admin_cidrs if _inside(ipaddress.IPv4Network(cidr), _DOCUMENTATION)]


def _inside(network: ipaddress.IPv4Network, blocks: Sequence[ipaddress.IPv4Network]) -> bool:
    return any(network.subnet_of(block) for block in blocks)


def _unreachable(target: Aws) -> Iterator[str]:
    for cidr in target.admin_cidrs:
        network = ipaddress.IPv4Network(cidr)
        if not network.is_global and not _inside(network, _DOCUMENTATION):
            yield (
                f"biojobs:adminCidrs: {cidr!r}: is a private or reserved network, which EKS does not take; write the "
                "public address that your network goes out with (inside the VPC the cluster is reachable anyway)"
            )
