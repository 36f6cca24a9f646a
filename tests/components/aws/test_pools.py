"""The node pools on EKS: one shape each, what its image leaves of a node, and what the autoscaler is told."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws import pools
from settings_aws import Pool
from settings_sizes import SizeClasses
from tests.components.aws.conftest import settings


def problems(admin_cidrs: tuple[str, ...] = (), **changed: Any) -> list[str]:
    return pools.problems(settings(pools=changed, adminCidrs=admin_cidrs), SizeClasses())


def the_one(found: list[str]) -> str:
    (problem,) = found
    return problem


def test_types_of_different_memory_are_no_pool() -> None:
    found = the_one(problems(onDemandLarge={"types": ["m5.24xlarge", "r5.24xlarge"]}))
    assert found.startswith("biojobs:pools.onDemandLarge.types: m5.24xlarge has 96 vCPU, 384 GiB, r5.24xlarge has")
    assert "one shape" in found


def test_types_of_different_cpu_are_no_pool_even_with_the_same_memory() -> None:
    assert "one shape" in the_one(problems(spotSmall={"types": ["m5.xlarge", "r5.large"]}))


def test_a_nodes_reserve_is_that_of_the_eks_image() -> None:
    # The image's own rule for 96 vCPU: 60 + 10 + 2 * 5 + 92 * 2.5 millicores.
    assert pools.allocatable(Pool(types=("m5.24xlarge",))).millicores == 96_000 - 310 - 400
    # For 4 vCPU: 60 + 10 + 2 * 5.
    assert pools.allocatable(Pool(types=("m5.xlarge",))).millicores == 4000 - 80 - 400


def test_a_node_has_less_memory_than_karpenter_reckons_it_to_have() -> None:
    # Karpenter's documentation has these, without daemon sets.
    known = {"m5.xlarge": 14_162, "m5.24xlarge": 355_262, "r5.8xlarge": 239_554, "m6i.large": 6903}
    for kind, mib in known.items():
        assert 0.8 * mib < pools.allocatable(Pool(types=(kind,))).memory_mib < mib


def test_scratch_is_on_the_nvme_disks_where_all_types_have_them() -> None:
    nvme, mixed = Pool(types=("m5d.24xlarge", "m6id.24xlarge")), Pool(types=("m5d.24xlarge", "m5.24xlarge"))
    assert pools.has_instance_store(nvme)
    assert not pools.has_instance_store(mixed)
    assert pools.allocatable(nvme).scratch_gib > 2900
    assert pools.allocatable(mixed).scratch_gib == 440


def test_the_autoscaler_is_told_label_taint_and_disk_of_a_node_that_is_not_there() -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template"
    assert pools.autoscaler_tags("spot-large", Pool(types=("m5.24xlarge",))) == {
        f"{prefix}/label/biojobs/pool": "spot-large",
        f"{prefix}/taint/biojobs/pool": "spot-large:NoSchedule",
        f"{prefix}/resources/ephemeral-storage": "440Gi",
    }
    assert f"{prefix}/taint/biojobs/pool" not in pools.autoscaler_tags("system", Pool(types=("m5.large",)))


def test_the_public_endpoint_takes_public_networks() -> None:
    assert problems(admin_cidrs=("192.0.2.7/32", "8.8.8.8/32")) == []


@pytest.mark.parametrize("cidr", ["10.1.0.0/16", "192.168.1.7/32", "100.64.0.0/10"])
def test_a_private_network_cannot_be_let_in_to_the_public_endpoint(cidr: str) -> None:
    found = the_one(problems(admin_cidrs=(cidr,)))
    assert found.startswith(f"biojobs:adminCidrs: '{cidr}': is a private or reserved network")
