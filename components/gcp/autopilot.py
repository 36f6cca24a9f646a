"""Where steps go on GKE Autopilot: compute classes instead of pools, and volumes instead of nodes' disks.

Autopilot makes nodes for the pods that wait. A compute class tells it of which machines: for batches spot ones first,
and on-demand ones where there are none. GKE labels and taints nodes with their class, and lets in pods that name it. A
pod has at most 10 GiB of a node's disk there, so that scratch is a volume that comes and goes with its pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

from components import pools
from components.gcp.machines import shape, types_of
from components.gcp.pools import node
from components.gcp.scope import Scope
from components.pools import Remedies
from settings_cloud import PoolName
from settings_gcp import Gcp
from settings_sizes import SizeClass, SizeClasses
from workflows.types import Placement, SizeName

CLASS_LABEL: Final = "cloud.google.com/compute-class"
"""Node label by which pods name a compute class."""

SCRATCH_CLASS: Final = "biojobs-scratch"
"""Storage class of the steps' scratch volumes."""

# Families in the order in which they are wanted. Nodes of all of them take pd-balanced volumes.
_SPOT: Final[Mapping[PoolName, tuple[str, ...]]] = {
    "spot-small": ("n2", "n2d", "e2"),
    "spot-large": ("n2", "n2d", "c3"),
}
_ON_DEMAND: Final[Mapping[PoolName, tuple[str, ...]]] = {
    "on-demand-small": ("n2", "n2d"),
    "on-demand-large": ("n2", "n2d"),
    "huge": ("n2", "n2d"),
}
_LEAST_CORES: Final = 4
"""Of a node. Small steps share one, and what GKE runs on every node weighs less."""
_MOST_SCRATCH_GIB: Final = 65_536
"""Of a pd-balanced volume."""


def class_name(name: PoolName) -> str:
    """Name of the compute class that stands for a pool."""
    return f"biojobs-{name}"


def placement(size: SizeName) -> Placement:
    """Where steps of a size class go on Autopilot. GKE itself adds the tolerations."""
    usual, last = pools.pool_of(size), pools.last_try_pool(size)
    return Placement(
        node_selector={CLASS_LABEL: class_name(usual)},
        last_try={CLASS_LABEL: class_name(last)} if last != usual else {},
        scratch_class=SCRATCH_CLASS,
    )


def compute_class(name: PoolName, size: SizeName, wanted: SizeClass) -> dict[str, Any]:
    """The `spec` of the compute class that stands for a pool of `size`, whose steps are as large as `wanted`."""
    spot = _priorities(_SPOT.get(name, ()), wanted, spot=True)
    return {
        "priorities": spot + _priorities(_ON_DEMAND[pools.last_try_pool(size)], wanted, spot=False),
        "nodePoolAutoCreation": {"enabled": True},
        # Better no node than one of any kind, where a step may not fit or costs what nobody expects.
        "whenUnsatisfiable": "DoNotScaleUp",
        # It would end running steps to begin them again on spot nodes.
        "activeMigration": {"optimizeRulePriority": False},
    }


def _priorities(families: Sequence[str], wanted: SizeClass, *, spot: bool) -> list[dict[str, Any]]:
    """Rules for those families that have a machine for such a step; GKE takes the first that is to be had."""
    cores = max(_LEAST_CORES, wanted.threads)
    enough = [family for family in families if any(shape(kind).vcpu >= cores for kind in types_of(family))]
    return [{"machineFamily": family, "minCores": cores, "spot": spot} for family in enough]


def problems(target: Gcp, classes: SizeClasses) -> list[str]:
    """Everything in the settings that would keep steps from ever getting a node of Autopilot, a line each."""
    if not target.autopilot:
        return []
    return [line for size in pools.SIZES for line in _misfits(size, getattr(classes, size))]


def _misfits(size: SizeName, wanted: SizeClass) -> Iterator[str]:
    families = _ON_DEMAND[pools.last_try_pool(size)]
    nodes = [node(shape(kind), _MOST_SCRATCH_GIB) for family in families for kind in types_of(family)]
    # In these families no machine has more CPU than the one with the most memory.
    largest = max(nodes, key=lambda found: found.memory_mib)
    where = f"the largest node of {' or '.join(families)}"
    return pools.misfits(size, wanted, largest, Remedies(where, types="", scratch=""))


class ComputeClasses(pulumi.ComponentResource):
    """A compute class for every pool that steps name, and the storage class of their scratch. `ready` are all of them.

    `classes` are the steps' sizes; `after` is what must be there before.
    """

    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: Scope,
        provider: k8s.Provider,
        classes: SizeClasses,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:ComputeClasses", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(after))
        self.ready = [
            k8s.apiextensions.CustomResource(
                f"{name}-{pool}",
                api_version="cloud.google.com/v1",
                kind="ComputeClass",
                metadata={"name": class_name(pool)},
                spec=compute_class(pool, size, getattr(classes, size)),
                opts=child,
            )
            for size in pools.SIZES
            for pool in dict.fromkeys((pools.pool_of(size), pools.last_try_pool(size)))
        ]
        self.ready.append(_scratch(f"{name}-scratch", scope, child))
        self.register_outputs({})


def _scratch(name: str, scope: Scope, child: pulumi.ResourceOptions) -> k8s.storage.v1.StorageClass:
    return k8s.storage.v1.StorageClass(
        name,
        metadata={"name": SCRATCH_CLASS},
        provisioner="pd.csi.storage.gke.io",
        parameters={
            "type": "pd-balanced",
            "labels": ",".join(f"{key}={value}" for key, value in scope.labels.items()),
        },
        # A disk is made in the zone of the node that the pod got, and goes when the pod does.
        volume_binding_mode="WaitForFirstConsumer",
        reclaim_policy="Delete",
        opts=child,
    )
