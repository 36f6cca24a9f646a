"""The address plan: pinned numbers, and what holds for every network it takes."""

from __future__ import annotations

import ipaddress

import pytest

from components.aws.plan import AddressPlan, address_plan
from tests.components.addresses import assert_inside_and_apart, private_networks

EVERY_SIZE = private_networks(range(16, 21))


def test_the_default_network_has_big_private_and_small_public_subnets() -> None:
    assert address_plan("10.0.0.0/16", 3) == AddressPlan(
        public=("10.0.192.0/24", "10.0.193.0/24", "10.0.194.0/24"),
        private=("10.0.0.0/18", "10.0.64.0/18", "10.0.128.0/18"),
    )


def test_the_smallest_network_still_fits() -> None:
    assert address_plan("10.1.16.0/20", 3) == AddressPlan(
        public=("10.1.28.0/26", "10.1.28.64/26", "10.1.28.128/26"),
        private=("10.1.16.0/22", "10.1.20.0/22", "10.1.24.0/22"),
    )


@pytest.mark.parametrize("zones", [2, 3])
@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_subnets_lie_inside_and_never_overlap(cidr: str, zones: int) -> None:
    plan = address_plan(cidr, zones)
    assert (len(plan.public), len(plan.private)) == (zones, zones)
    assert_inside_and_apart(cidr, (*plan.public, *plan.private))


@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_a_private_subnet_has_a_quarter_of_all_addresses_and_a_public_one_room_for_load_balancers(cidr: str) -> None:
    plan = address_plan(cidr, 3)
    whole = ipaddress.IPv4Network(cidr).num_addresses
    assert {ipaddress.IPv4Network(subnet).num_addresses for subnet in plan.private} == {whole // 4}
    assert all(64 <= ipaddress.IPv4Network(subnet).num_addresses <= 256 for subnet in plan.public)


@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_a_third_zone_moves_no_subnet(cidr: str) -> None:
    two, three = address_plan(cidr, 2), address_plan(cidr, 3)
    assert three.public[:2] == two.public
    assert three.private[:2] == two.private


@pytest.mark.parametrize(
    ("cidr", "zones"), [("10.0.0.0/15", 3), ("10.0.0.0/21", 3), ("10.0.0.0/16", 1), ("10.0.0.0/16", 4)]
)
def test_what_does_not_fit_is_refused(cidr: str, zones: int) -> None:
    with pytest.raises(ValueError, match=r"/16 and /20|zones"):
        address_plan(cidr, zones)
