"""What the address plans of all clouds have in common."""

from __future__ import annotations

import ipaddress


def planned(cidr: str, prefixes: range, use: str) -> ipaddress.IPv4Network:
    """The network to be cut into subnets.

    Raises ValueError, which says what the network is for (`use`), where its prefix is none of `prefixes`.
    """
    network = ipaddress.IPv4Network(cidr)
    if network.prefixlen not in prefixes:
        raise ValueError(f"{cidr}: {use} takes a network between /{prefixes[0]} and /{prefixes[-1]}")
    return network
