"""Networks that may reach an API server: which are nobody's, and from which nobody comes over the internet."""

import pytest

from components import reach


def test_networks_that_stand_in_documents_are_told_from_real_ones() -> None:
    cidrs = ["192.0.2.7/32", "203.0.113.0/24", "198.51.100.128/25", "8.8.8.8/32", "10.0.0.0/8"]
    assert reach.placeholders(cidrs) == ["192.0.2.7/32", "203.0.113.0/24", "198.51.100.128/25"]


@pytest.mark.parametrize("cidr", ["203.0.112.0/23", "192.0.0.0/16"])
def test_a_network_that_only_holds_such_a_block_is_no_placeholder(cidr: str) -> None:
    assert reach.placeholders([cidr]) == []


def test_private_and_reserved_networks_are_told_and_those_of_documents_are_not() -> None:
    cidrs = ["10.1.0.0/16", "192.168.1.7/32", "100.64.0.0/10", "192.0.2.7/32", "8.8.8.8/32"]
    assert reach.private(cidrs) == ["10.1.0.0/16", "192.168.1.7/32", "100.64.0.0/10"]
