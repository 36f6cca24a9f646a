"""The address plan: pinned numbers, and what holds for every network it takes."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from components.gcp.plan import PODS_PER_NODE, AddressPlan, address_plan
from settings_gcp import DEFAULT_POOLS, Network
from tests.components.addresses import assert_inside_and_apart, private_networks

EVERY_SIZE = private_networks(range(12, 21))


def test_the_default_network_has_room_for_all_nodes_of_the_default_pools_with_all_their_pods() -> None:
    plan = address_plan(Network().cidr)
    assert plan == AddressPlan(nodes="10.0.0.0/16", pods="10.2.0.0/15", services="10.1.0.0/20")
    nodes = sum(pool.max * len(pool.types) for pool in DEFAULT_POOLS.named().values())
    assert nodes <= plan.max_nodes == 1024


def test_the_smallest_network_still_fits() -> None:
    plan = address_plan("192.168.16.0/20")
    assert plan == AddressPlan(nodes="192.168.16.0/22", pods="192.168.24.0/21", services="192.168.20.0/26")
    assert plan.max_nodes == 16


@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_ranges_lie_inside_and_never_overlap(cidr: str) -> None:
    plan = address_plan(cidr)
    assert_inside_and_apart(cidr, (plan.nodes, plan.pods, plan.services))


@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_as_many_nodes_as_are_told_have_addresses_of_their_own_and_twice_those_of_their_pods(cidr: str) -> None:
    plan = address_plan(cidr)
    assert plan.max_nodes * 2 * PODS_PER_NODE <= IPv4Network(plan.pods).num_addresses
    # Four addresses of a subnet are Google's, and one is the control plane's.
    assert plan.max_nodes + 4 + 1 <= IPv4Network(plan.nodes).num_addresses


@pytest.mark.parametrize("cidr", EVERY_SIZE)
def test_services_have_a_range_that_gke_takes(cidr: str) -> None:
    assert 16 <= IPv4Network(address_plan(cidr).services).prefixlen <= 27


@pytest.mark.parametrize("cidr", ["10.0.0.0/11", "10.0.0.0/21"])
def test_what_does_not_fit_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match=r"a subnet of nodes, pods and services takes a network between /12 and /20"):
        address_plan(cidr)
