"""The address plan of a VPC: which subnet has which range."""

from __future__ import annotations

from dataclasses import dataclass

from components.addresses import planned

PREFIXES = range(16, 21)
ZONES = (2, 3)
_SMALLEST_PUBLIC = 26


@dataclass(frozen=True)
class AddressPlan:
    """Ranges of the public and the private subnets, one of each a zone, in the zones' order."""

    public: tuple[str, ...]
    private: tuple[str, ...]


def address_plan(cidr: str, zones: int) -> AddressPlan:
    """Cuts a network into subnets.

    Nodes and pods take their addresses from the VPC, so each private subnet is a quarter of it (16,384 addresses of a
    /16). The last quarter has the public subnets, which hold NAT gateways and load balancers alone, and room to spare.
    A zone's subnets are the same for two zones and for three, so that a third zone moves nothing.

    Raises ValueError for anything but a network between /16 and /20 and two or three zones.
    """
    network = planned(cidr, PREFIXES, "a VPC for three zones")
    if zones not in ZONES:
        raise ValueError(f"{zones} zones: EKS takes two at least, and the plan has room for three")
    *private, rest = network.subnets(prefixlen_diff=2)
    public = rest.subnets(new_prefix=min(network.prefixlen + 8, _SMALLEST_PUBLIC))
    return AddressPlan(
        public=tuple(str(subnet) for subnet, _ in zip(public, range(zones), strict=False)),
        private=tuple(map(str, private[:zones])),
    )
