"""Who may reach an API server from outside: what can be told of networks without asking a cloud. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

_DOCUMENTATION: Final = tuple(
    ipaddress.IPv4Network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)


def placeholders(cidrs: Iterable[str]) -> list[str]:
    """Those networks that stand in documents and are nobody's (RFC 5737)."""
    return [cidr for cidr in cidrs if _documented(ipaddress.IPv4Network(cidr))]


def private(cidrs: Iterable[str]) -> list[str]:
    """Those networks that are private or reserved, so that nobody comes from there over the internet."""
    networks = {cidr: ipaddress.IPv4Network(cidr) for cidr in cidrs}
    return [cidr for cidr, network in networks.items() if not network.is_global and not _documented(network)]


def _documented(network: ipaddress.IPv4Network) -> bool:
    return any(network.subnet_of(block) for block in _DOCUMENTATION)
