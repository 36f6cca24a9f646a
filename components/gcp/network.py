"""The network: a VPC of the stack's own or one that exists, with a subnet for the cluster and a way out."""

from __future__ import annotations

import functools
from typing import Final

import pulumi
import pulumi_gcp as gcp

from components.gcp.plan import address_plan
from components.gcp.scope import Scope
from components.gcp.services import Services, is_off
from components.inputs import reject
from settings import SettingsError

PODS: Final = "pods"
SERVICES: Final = "services"
"""Names of the subnet's secondary ranges."""

_NAT_PORTS = (64, 4096)
"""Fewest and most connections of a node to one address outside, powers of two."""


class Network(pulumi.ComponentResource):
    """A subnet of one region, whose nodes have no public addresses and reach Google's APIs from within.

    With `biojobs:network.name` the subnet, and where wanted its NAT, are made in that VPC, of which nothing else is
    made or changed. No firewall rule is needed: GKE makes those between its control plane, nodes and pods, and what
    no rule lets in stays out.

    `ready` is what nodes need to get out. Raises `pulumi.RunError` where the VPC cannot be used.
    """

    network_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    pods_range: str = PODS
    services_range: str = SERVICES
    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, services: Services, opts: pulumi.ResourceOptions | None = None) -> None:
        if problems := network_problems(scope):
            raise reject(SettingsError("\n".join(problems)))
        super().__init__("biojobs:gcp:Network", name, None, opts)
        self._name, self._scope = name, scope
        self._opts = scope.child(self, *services.ready)
        self.network_id = self._network()
        subnet = self._subnet()
        self.subnet_id = subnet.id
        self.ready = [subnet]
        if scope.target.network.nat:
            self.ready.append(self._nat(subnet))
        self.register_outputs({"network_id": self.network_id, "subnet_id": self.subnet_id})

    def _network(self) -> pulumi.Output[str]:
        """Id of the VPC. It and the subnet have no description, whose change would make them and the cluster anew."""
        scope = self._scope
        if existing := scope.target.network.name:
            return pulumi.Output.from_input(f"projects/{scope.project}/global/networks/{existing}")
        return gcp.compute.Network(
            f"{self._name}-vpc",
            name=scope.cluster_name,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            opts=self._opts,
        ).id

    def _subnet(self) -> gcp.compute.Subnetwork:
        wanted = self._scope.target.network
        plan = address_plan(wanted.cidr)
        return gcp.compute.Subnetwork(
            f"{self._name}-subnet",
            name=self._scope.cluster_name,
            network=self.network_id,
            region=self._scope.region,
            ip_cidr_range=plan.nodes,
            secondary_ip_ranges=[
                {"range_name": PODS, "ip_cidr_range": plan.pods},
                {"range_name": SERVICES, "ip_cidr_range": plan.services},
            ],
            private_ip_google_access=True,
            log_config=_FLOW_LOGS if wanted.flow_logs else None,
            opts=self._opts,
        )

    def _nat(self, subnet: gcp.compute.Subnetwork) -> pulumi.Resource:
        """The way to what is not Google's, for this subnet alone: a VPC's other subnets keep their own."""
        router = gcp.compute.Router(
            f"{self._name}-router",
            name=self._scope.cluster_name,
            description=f"Cloud NAT of {self._scope.cluster_name}",
            network=self.network_id,
            region=self._scope.region,
            opts=self._opts,
        )
        fewest, most = _NAT_PORTS
        return gcp.compute.RouterNat(
            f"{self._name}-nat",
            name=self._scope.cluster_name,
            router=router.name,
            region=self._scope.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[{"name": subnet.id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
            # A big node runs many downloads from one server at once; each connection takes a port of the address.
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=fewest,
            max_ports_per_vm=most,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=self._opts,
        )


_FLOW_LOGS: Final[gcp.compute.SubnetworkLogConfigArgsDict] = {
    "aggregation_interval": "INTERVAL_10_MIN",
    "flow_sampling": 0.5,
    "metadata": "INCLUDE_ALL_METADATA",
}


@functools.cache
def network_problems(scope: Scope) -> tuple[str, ...]:
    """What is wrong with the existing VPC of the settings, a line each; nothing where the stack makes its own.

    Google Cloud is asked once. Where its API is off yet, as in an empty project, nothing can be said.
    """
    name = scope.target.network.name
    if not name:
        return ()
    try:
        gcp.compute.get_network(name=name, project=scope.project, opts=pulumi.InvokeOptions(provider=scope.provider))
    except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
        if is_off(error):
            return ()
        return (
            f"biojobs:network.name: {name!r}: cannot be read in project {scope.project} ({error}); name one that "
            f"`gcloud compute networks list --project {scope.project}` lists, or remove the key for a VPC of its own",
        )
    return ()
