"""The address plan of a stack's subnet: nodes, pods and services."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from components.addresses import planned

PREFIXES: Final = range(12, 21)
PODS_PER_NODE: Final = 64
"""Most pods on one node. A step asks for a good part of a node, and GKE's own pods take some fifteen."""

_PER_NODE = 2 * PODS_PER_NODE
_RESERVED = 4
"""Addresses of a subnet that Google keeps: the network's, the gateway's and the last two."""


@dataclass(frozen=True)
class AddressPlan:
    """Ranges of a subnet: the primary one of nodes, the secondary ones of pods and services.

    The control plane's private endpoint takes an address of the nodes' range; it needs no range of its own.
    """

    nodes: str
    pods: str
    services: str

    @property
    def max_nodes(self) -> int:
        """Nodes that have room: GKE gives every node twice as many addresses as it may have pods."""
        pods = IPv4Network(self.pods).num_addresses // _PER_NODE
        return min(pods, IPv4Network(self.nodes).num_addresses - _RESERVED)


def address_plan(cidr: str) -> AddressPlan:
    """Cuts a network: a quarter for nodes, half for pods, a sixty-fourth for services. The rest is room to spare.

    Raises ValueError for anything but a network between /12 and /20.
    """
    network = planned(cidr, PREFIXES, "a subnet of nodes, pods and services")
    lower, pods = network.subnets()
    nodes, spare = lower.subnets()
    services = next(spare.subnets(new_prefix=network.prefixlen + 6))
    return AddressPlan(nodes=str(nodes), pods=str(pods), services=str(services))
