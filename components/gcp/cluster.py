"""The GKE cluster, Standard or Autopilot: its control plane, who may reach it, and what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypedDict

import pulumi
import pulumi_gcp as gcp

from components.gcp.plan import PODS_PER_NODE, address_plan
from components.gcp.scope import Scope
from components.kubeconfig import TokenCommand, kubeconfig
from settings_gcp import Gcp

if TYPE_CHECKING:
    from components.gcp.key import Key
    from components.gcp.network import Network

LOGS: Final = ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")
METRICS: Final = (
    "SYSTEM_COMPONENTS",
    "STORAGE",
    "POD",
    "DEPLOYMENT",
    "STATEFULSET",
    "DAEMONSET",
    "CADVISOR",
    "KUBELET",
)

IGNORED: Final = {
    "dnsConfig": "GKE chooses the cluster's DNS and reports it here, and a change of it would replace the cluster",
    "nodeConfig": "GKE reports that of its first pool here; pools are resources of their own",
    "nodePools": "GKE reports all pools here, and a change of them would replace the cluster",
}
"""What GKE fills in by itself and this program never sets, with the reason why a difference there is none."""

_WINDOW: Final[gcp.container.ClusterMaintenancePolicyRecurringWindowArgsDict] = {
    "start_time": "2026-01-03T00:00:00Z",
    "end_time": "2026-01-03T12:00:00Z",
    "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
}
"""Upgrades drain nodes and so end steps. GKE asks for 48 hours in 32 days; these are 96."""

TOKEN: Final = TokenCommand(
    "gke-gcloud-auth-plugin",
    # The credentials that the program itself uses, rather than those of whom gcloud is signed in as.
    ["--use_application_default_credentials"],
    {
        "provideClusterInfo": True,
        "installHint": "Install it with `gcloud components install gke-gcloud-auth-plugin`, or from Google's packages.",
    },
)


class GkeCluster(pulumi.ComponentResource):
    """A regional cluster named `biojobs-<stack>` with private nodes: Standard without a node, or Autopilot.

    `endpoint` is the address or name by which `kubeconfig` reaches the API server. `kubeconfig` is a document without
    secrets: it asks GKE's plugin for a token. `node_account` is the e-mail address of the account of Autopilot's nodes;
    a Standard cluster's pools name it themselves.
    """

    cluster: gcp.container.Cluster
    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    location: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        scope: Scope,
        network: Network,
        key: Key,
        node_account: pulumi.Output[str],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:GkeCluster", name, None, opts)
        self._name, self._scope = name, scope
        kind = _autopilot(node_account) if scope.target.autopilot else _standard(scope.target)
        # It goes before its network does, and its network's way out.
        self.cluster = self._create(network, key, kind, [*after, *network.ready, *key.ready])
        self.name, self.location = self.cluster.name, self.cluster.location
        self.endpoint, authority = _endpoint(self.cluster, scope.target)
        self.kubeconfig = pulumi.Output.all(self.name, self.endpoint, authority).apply(_kubeconfig)
        self.register_outputs({"name": self.name, "endpoint": self.endpoint})

    def _create(
        self, network: Network, key: Key, kind: _Kind, after: Sequence[pulumi.Resource]
    ) -> gcp.container.Cluster:
        scope, target = self._scope, self._scope.target
        return gcp.container.Cluster(
            f"{self._name}-cluster",
            name=scope.cluster_name,
            project=scope.project,
            location=scope.region,
            network=network.network_id,
            subnetwork=network.subnet_id,
            ip_allocation_policy={
                "cluster_secondary_range_name": network.pods_range,
                "services_secondary_range_name": network.services_range,
            },
            private_cluster_config={"enable_private_nodes": True, "enable_private_endpoint": not target.admin_cidrs},
            master_authorized_networks_config=authorized_networks(target.admin_cidrs),
            control_plane_endpoints_config={
                "dns_endpoint_config": {"allow_external_traffic": target.dns_endpoint},
                "ip_endpoints_config": {"enabled": True},
            },
            # Nobody is let in by a certificate, and the state holds none.
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            release_channel={"channel": "REGULAR"},
            workload_identity_config={"workload_pool": f"{scope.project}.svc.id.goog"},
            database_encryption={"state": "ENCRYPTED", "key_name": key.id},
            maintenance_policy={"recurring_window": _WINDOW},
            cost_management_config={"enabled": True},
            logging_config={"enable_components": list(LOGS)},
            deletion_protection=target.protect_cluster,
            opts=pulumi.ResourceOptions.merge(
                scope.child(self, *after), pulumi.ResourceOptions(ignore_changes=list(IGNORED))
            ),
            **kind,
        )


class _Kind(TypedDict, total=False):
    """Arguments that one kind of cluster has and the other has not."""

    addons_config: gcp.container.ClusterAddonsConfigArgsDict
    cluster_autoscaling: gcp.container.ClusterClusterAutoscalingArgsDict
    datapath_provider: str
    default_max_pods_per_node: int
    enable_autopilot: bool
    enable_shielded_nodes: bool
    initial_node_count: int
    monitoring_config: gcp.container.ClusterMonitoringConfigArgsDict
    node_locations: Sequence[str]
    remove_default_node_pool: bool


def _standard(target: Gcp) -> _Kind:
    """Node pools are resources of their own: GKE's default one, which it makes in any case, is removed at once."""
    kind: _Kind = {
        "initial_node_count": 1,
        "remove_default_node_pool": True,
        "default_max_pods_per_node": PODS_PER_NODE,
        "datapath_provider": "ADVANCED_DATAPATH",
        "enable_shielded_nodes": True,
        # Pods are packed, and idle nodes go within minutes: a big one costs dollars an hour.
        "cluster_autoscaling": {"autoscaling_profile": "OPTIMIZE_UTILIZATION"},
        "monitoring_config": {"enable_components": list(METRICS), "managed_prometheus": {"enabled": True}},
        "addons_config": {
            "dns_cache_config": {"enabled": True},
            "gce_persistent_disk_csi_driver_config": {"enabled": True},
        },
    }
    return {**kind, "node_locations": list(target.zones)} if target.zones else kind


def _autopilot(node_account: pulumi.Output[str]) -> _Kind:
    """Dataplane V2, Shielded Nodes, metrics and managed Prometheus are Autopilot's own, and cannot be set."""
    return {
        "enable_autopilot": True,
        "cluster_autoscaling": {
            "auto_provisioning_defaults": {
                "service_account": node_account,
                # IAM says what the account may do.
                "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
        },
    }


def authorized_networks(
    admin_cidrs: Sequence[str],
) -> gcp.container.ClusterMasterAuthorizedNetworksConfigArgsDict:
    """Who reaches the API server's address from outside of the VPC: administrators' networks alone.

    Without the setting GKE would let everybody in, and otherwise whoever rents a machine of Google's.
    """
    return {
        "cidr_blocks": [{"cidr_block": cidr, "display_name": "biojobs:adminCidrs"} for cidr in admin_cidrs],
        "gcp_public_cidrs_access_enabled": False,
    }


def _endpoint(cluster: gcp.container.Cluster, target: Gcp) -> tuple[pulumi.Output[str], pulumi.Output[str | None]]:
    """Where the API server is reached, and its certificate authority; the DNS name has a certificate of the web's."""
    if target.dns_endpoint:
        none: str | None = None
        return cluster.control_plane_endpoints_config.apply(_dns_name), pulumi.Output.from_input(none)
    return cluster.endpoint, cluster.master_auth.apply(_authority)


def _dns_name(config: gcp.container.outputs.ClusterControlPlaneEndpointsConfig) -> str:
    dns = config.dns_endpoint_config
    return (dns.endpoint if dns else None) or ""


def _authority(auth: gcp.container.outputs.ClusterMasterAuth) -> str | None:
    return auth.cluster_ca_certificate or ""


def _kubeconfig(known: Sequence[str | None]) -> str:
    name, endpoint, authority = known
    return kubeconfig(name or "", f"https://{endpoint}", authority, TOKEN)


def problems(target: Gcp) -> list[str]:
    """What is wrong with the settings of cluster and network, a line each."""
    if target.autopilot:
        # Its nodes are not ours to place.
        return [_no_zones(target)] if target.zones else []
    room = address_plan(target.network.cidr).max_nodes
    wanted = sum(pool.max * len(pool.types) for pool in target.pools.named().values())
    if wanted <= room:
        return []
    return [
        f"biojobs:network.cidr: {target.network.cidr!r}: has addresses for {room} nodes of {PODS_PER_NODE} pods, and "
        f"biojobs:pools may have {wanted}; use a bigger network, or lower `max` of pools"
    ]


def _no_zones(target: Gcp) -> str:
    return f"biojobs:zones: {', '.join(target.zones)!r}: Autopilot takes the zones by itself; remove the key"
