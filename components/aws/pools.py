"""What the node pools are made of on EKS: tags for the autoscaler, sizes, and whether every size class fits its pools.

Pure: settings in, plain values out. Everything is told before anything is created.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components import reach
from components.aws.machines import Shape, shape
from components.pools import (
    DISK_USABLE,
    LABEL,
    Allocatable,
    Daemons,
    PoolRules,
    key,
    known_types,
    labels,
    left_for_steps,
    taint,
)
from components.pools import problems as pool_problems
from settings_aws import Aws, Pool
from settings_cloud import PoolName
from settings_sizes import SizeClasses

_NODE_TEMPLATE: Final = "k8s.io/cluster-autoscaler/node-template"

# What EC2's firmware and the kernel take of a machine's memory, at most; Karpenter reckons with the same.
_MEMORY_TAKEN: Final = 0.075
# Network, proxy, volumes, identity and log agents: 240m and 150 MiB.
_DAEMONS: Final = Daemons(millicores=400, memory_mib=512)
# A kubelet has 1 GiB of the disk for itself; the file system and the images take their part.
_FILE_SYSTEM: Final = 0.98
_DISK_RESERVED_GIB: Final = 1 + 10
# Most pods of a machine by vCPU, of all families: (up to so many vCPU, pods).
_MOST_PODS: Final = ((2, 78), (8, 158), (24, 394), (32, 492), (48, 758), (96, 1010), (512, 1514))


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
    scratch = int(disk * _FILE_SYSTEM * DISK_USABLE) - _DISK_RESERVED_GIB
    return left_for_steps(vcpu, memory - _kube_reserved_mib(vcpu), _DAEMONS, scratch)


def _kube_reserved_mib(vcpu: int) -> int:
    """255 MiB and 11 MiB for every pod that the network interfaces of such a machine have addresses for, at most."""
    most = next(pods for upto, pods in _MOST_PODS if vcpu <= upto)
    return 255 + 11 * most


def problems(target: Aws, classes: SizeClasses) -> list[str]:
    """Everything that makes the pools unusable, each with its key, its value and a remedy."""
    return [*pool_problems(target.pools, classes, _EKS), *_unreachable(target)]


def _faults(name: PoolName, pool: Pool) -> Iterator[str]:
    """Types that do not exist, that our images do not run on, or that are not alike."""
    known: dict[str, Shape] = {}
    yield from known_types(name, pool.types, shape, known)
    if len({_size(found) for found in known.values()}) > 1:
        yield (
            f"{key(name, 'types')}: {', '.join(f'{kind} has {_size(found)}' for kind, found in known.items())}; name "
            "types of one shape, because the autoscaler takes them for alike"
        )


def _size(found: Shape) -> str:
    gpus = f" and {found.gpus} GPUs" if found.gpus else ""
    return f"{found.vcpu} vCPU, {found.memory_gib} GiB{gpus}"


_EKS: Final = PoolRules[Pool](
    faults=_faults,
    allocatable=allocatable,
    on_system="the autoscaler itself runs there, and would never start",
    scratch="where all types have NVMe disks, those count",
)


def _unreachable(target: Aws) -> Iterator[str]:
    for cidr in reach.private(target.admin_cidrs):
        yield (
            f"biojobs:adminCidrs: {cidr!r}: is a private or reserved network, which EKS does not take; write the "
            "public address that your network goes out with (inside the VPC the cluster is reachable anyway)"
        )
