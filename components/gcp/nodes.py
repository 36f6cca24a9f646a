"""The node pools of GKE Standard: one for every machine type of every pool that is on.

A node pool is named after its machine type: another type is another node pool, which is there before the old one goes.
Any other change that GKE cannot make in place, such as of local SSDs, deletes the node pool first. GKE gives pods of a
spot node 15 seconds after its notice: no step takes longer to stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_gcp as gcp

from components import pools
from components.gcp.cluster import GkeCluster
from components.gcp.machines import shape
from components.gcp.pools import boot_gib, initial_nodes, node_pools
from components.gcp.scope import Scope
from settings_cloud import PoolName
from settings_gcp import Pool

_CLOUD_PLATFORM: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The scope that leaves everything to the roles of the nodes' service account."""


class NodePools(pulumi.ComponentResource):
    """All pools that are on. `after` is what a node needs to start: ways out of its subnet, and roles of its account.

    `node_account_email` is the nodes' service account. `pools` is keyed by GKE's names, such as
    `spot-small-n2-standard-4`; `ready` is what pods need to find or get a node.
    """

    pools: Mapping[str, gcp.container.NodePool]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: GkeCluster,
        node_account_email: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:NodePools", name, None, opts)
        self._name, self._scope, self._cluster, self._account = name, scope, cluster, node_account_email
        self.pools = {
            full_name: self._pool(full_name, pool_name, pool, kind, after)
            for pool_name, pool in scope.target.pools.named().items()
            for full_name, kind in node_pools(pool_name, pool).items()
        }
        self.ready = list(self.pools.values())
        self.register_outputs({})

    def _pool(
        self, full_name: str, name: PoolName, pool: Pool, kind: str, after: Sequence[pulumi.Resource]
    ) -> gcp.container.NodePool:
        return gcp.container.NodePool(
            f"{self._name}-{full_name}",
            name=full_name,
            cluster=self._cluster.name,
            location=self._scope.region,
            initial_node_count=initial_nodes(pool, len(self._scope.target.zones)),
            autoscaling={
                "total_min_node_count": pool.min,
                "total_max_node_count": pool.max,
                # Not spread over zones, but wherever machines are to be had, and are least likely to be taken away.
                "location_policy": "ANY",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings={"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0},
            node_config=self._node_config(name, pool, kind),
            # How many nodes there are is the autoscaler's business. GKE knows only how many there were at first, and
            # would have to make the node pool anew for another number.
            opts=pulumi.ResourceOptions.merge(
                self._scope.child(self, self._cluster.cluster, *after),
                pulumi.ResourceOptions(ignore_changes=["initialNodeCount"]),
            ),
        )

    def _node_config(self, name: PoolName, pool: Pool, kind: str) -> gcp.container.NodePoolNodeConfigArgsDict:
        config: gcp.container.NodePoolNodeConfigArgsDict = {
            "machine_type": kind,
            "spot": pools.is_spot(name),
            "image_type": "COS_CONTAINERD",
            "disk_type": "pd-balanced",
            "disk_size_gb": boot_gib(pool),
            "service_account": self._account,
            "oauth_scopes": [_CLOUD_PLATFORM],
            # Pods get tokens of their own service accounts, and none of the node's.
            "workload_metadata_config": {"mode": "GKE_METADATA"},
            "metadata": {"disable-legacy-endpoints": "true"},
            "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
            "gvnic": {"enabled": True},
            "labels": pools.labels(name),
            # The provider's default labels do not reach what a node pool makes.
            "resource_labels": {**self._scope.labels, "pool": name},
        }
        if tainted := pools.taint(name):
            config["taints"] = [{"key": pools.LABEL, "value": tainted, "effect": "NO_SCHEDULE"}]
        if pool.local_ssds:
            config["ephemeral_storage_local_ssd_config"] = {"local_ssd_count": pool.local_ssds}
        if name == "gpu":
            machine = shape(kind)
            config["guest_accelerators"] = [
                {
                    "type": machine.gpu_type,
                    "count": machine.gpus,
                    "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
                }
            ]
        return config
