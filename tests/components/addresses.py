"""What must hold for every address plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from ipaddress import IPv4Network


def assert_inside_and_apart(cidr: str, subnets: Iterable[str]) -> None:
    """All subnets lie in a network, and no two of them overlap."""
    networks = [IPv4Network(subnet) for subnet in subnets]
    assert all(network.subnet_of(IPv4Network(cidr)) for network in networks)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(networks, 2))


def private_networks(prefixes: range) -> list[str]:
    """A network of every prefix in each private range that has room for it."""
    ranges = map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    return [f"{block.network_address}/{prefix}" for block in ranges for prefix in prefixes if prefix >= block.prefixlen]
