"""The node pools: what is refused before anything is made, and what steps and the autoscaler are told of them."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws import pools
from settings import SizeClass, SizeClasses
from settings_aws import Pool, Pools
from tests.components.aws.conftest import settings
from workflows.types import SizeName

SIZES: tuple[SizeName, ...] = ("small", "large", "huge")
CLASSES = SizeClasses(
    small=SizeClass(cpu="1", memory="2Gi", scratch="100Gi"),
    large=SizeClass(cpu="94", memory="170Gi", scratch="400Gi"),
    huge=SizeClass(cpu="16", memory="110Gi", scratch="200Gi"),
)


def problems(classes: SizeClasses = CLASSES, admin_cidrs: tuple[str, ...] = (), **changed: Any) -> list[str]:
    return pools.problems(settings(pools=changed, adminCidrs=admin_cidrs), classes)


def sized(size: SizeName, **changed: str) -> SizeClasses:
    old: SizeClass = getattr(CLASSES, size)
    return CLASSES.model_copy(update={size: old.model_copy(update=changed)})


def the_one(found: list[str]) -> str:
    (problem,) = found
    return problem


def test_the_pools_that_come_with_the_stack_are_sound() -> None:
    assert problems() == []
    assert problems(SizeClasses()) == []


def test_a_type_that_does_not_exist_is_named_with_its_key_and_what_was_meant() -> None:
    found = the_one(problems(spotSmall={"types": ["m5.xlarge", "m5.xlarg"]}))
    assert found.startswith("biojobs:pools.spotSmall.types: 'm5.xlarg': is not")
    assert "m5 comes as large, xlarge" in found


def test_types_of_different_memory_are_no_pool() -> None:
    found = the_one(problems(onDemandLarge={"types": ["m5.24xlarge", "r5.24xlarge"]}))
    assert found.startswith("biojobs:pools.onDemandLarge.types: m5.24xlarge has 96 vCPU, 384 GiB, r5.24xlarge has")
    assert "one shape" in found


def test_types_of_different_cpu_are_no_pool_even_with_the_same_memory() -> None:
    assert "one shape" in the_one(problems(spotSmall={"types": ["m5.xlarge", "r5.large"]}))


def test_arm_machines_are_refused_because_the_images_do_not_run_there() -> None:
    assert "arm64" in the_one(problems(spotSmall={"types": ["m7g.xlarge"]}))
    both = problems(spotSmall={"types": ["m7i.xlarge", "m7g.xlarge"]})
    assert "'m7g.xlarge': has arm64" in the_one(both)


def test_gpus_are_for_the_gpu_pool_alone() -> None:
    assert "'g5.xlarge': has 1 GPUs; name types without" in the_one(problems(spotSmall={"types": ["g5.xlarge"]}))
    assert "has no GPUs; name types with" in the_one(problems(gpu={"types": ["m5.xlarge"], "max": 1}))
    assert problems(gpu={"types": ["g5.2xlarge"], "max": 1}) == []


@pytest.mark.parametrize(
    ("pool", "size"),
    [("spotSmall", "small"), ("onDemandSmall", "small"), ("spotLarge", "large"), ("onDemandLarge", "large")],
)
def test_a_pool_that_a_class_needs_cannot_be_off(pool: str, size: str) -> None:
    off: dict[str, Any] = {pool: {"types": ["m5.24xlarge"], "max": 0}}
    found = the_one(problems(**off))
    assert found == f"biojobs:pools.{pool}.max: 0: steps of the class {size} run there; set it to 1 or more"


def test_the_system_pool_always_has_a_node() -> None:
    found = the_one(problems(system={"types": ["m6i.large"], "min": 0, "max": 2}))
    assert found.startswith("biojobs:pools.system.min: 0: the autoscaler itself runs there")
    assert "biojobs:pools.system.min" in the_one(problems(system={"types": ["m6i.large"], "min": 0, "max": 0}))


def test_a_class_that_wants_all_cores_of_its_machines_is_refused_because_the_kubelet_needs_some() -> None:
    found = problems(sized("large", cpu="96"))
    assert [line.partition(": ")[0] for line in found] == ["biojobs:classes.large.cpu"] * 2
    assert "a node of spot-large has 95200m" in found[0]
    assert "biojobs:pools.onDemandLarge.types" in found[1]


def test_a_class_fits_its_machines_also_with_the_memory_of_its_second_try() -> None:
    found = the_one(problems(sized("huge", memory="120Gi")))
    assert found.startswith("biojobs:classes.huge.memory: '120Gi': after an out-of-memory kill a step gets twice that")
    assert "lower it to 115Gi" in found
    assert problems(sized("huge", memory="115Gi")) == []


def test_scratch_must_fit_the_disk_of_the_machines() -> None:
    found = problems(sized("large", scratch="480Gi"))
    assert found[0].startswith("biojobs:classes.large.scratch: '480Gi': a node of spot-large has 440Gi")
    assert "biojobs:pools.spotLarge.diskGib" in found[0]
    larger = {"types": ["m5.24xlarge"], "diskGib": 600}
    assert problems(sized("large", scratch="480Gi"), spotLarge=larger, onDemandLarge=larger) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(problems(sized("huge", cpu="64", memory="1Ti"), spotSmall={"types": ["m5.xlarg"]})) == 3


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


@pytest.mark.parametrize(("size", "usual", "last"), [(name, f"spot-{name}", f"on-demand-{name}") for name in SIZES[:2]])
def test_steps_run_on_spot_and_their_last_try_does_not(size: SizeName, usual: str, last: str) -> None:
    assert (pools.pool_of(size), pools.last_try_pool(size)) == (usual, last)
    assert pools.is_spot(pools.pool_of(size))
    assert not pools.is_spot(pools.last_try_pool(size))


def test_an_index_is_built_where_nothing_is_taken_away() -> None:
    assert pools.pool_of("huge") == pools.last_try_pool("huge") == "huge"
    assert not pools.is_spot("huge")


def test_every_pool_but_the_systems_keeps_others_off() -> None:
    on = Pools(gpu=Pool(types=("g5.2xlarge",), max=1)).named()
    assert {name: pools.taint(name) for name in on} == {
        "system": None,
        **{name: name for name in on if name != "system"},
    }
    assert all(pools.labels(name) == {"biojobs/pool": name} for name in on)


def test_the_autoscaler_is_told_label_taint_and_disk_of_a_node_that_is_not_there() -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template"
    assert pools.autoscaler_tags("spot-large", Pool(types=("m5.24xlarge",))) == {
        f"{prefix}/label/biojobs/pool": "spot-large",
        f"{prefix}/taint/biojobs/pool": "spot-large:NoSchedule",
        f"{prefix}/resources/ephemeral-storage": "440Gi",
    }
    assert f"{prefix}/taint/biojobs/pool" not in pools.autoscaler_tags("system", Pool(types=("m5.large",)))


def test_addresses_that_stand_in_documents_are_told_from_real_ones() -> None:
    target = settings(adminCidrs=["192.0.2.7/32", "203.0.113.0/24", "8.8.8.8/32"])
    assert pools.placeholder_cidrs(target) == ["192.0.2.7/32", "203.0.113.0/24"]
    assert pools.problems(target, CLASSES) == []


@pytest.mark.parametrize("cidr", ["10.1.0.0/16", "192.168.1.7/32", "100.64.0.0/10"])
def test_a_private_network_cannot_be_let_in_to_the_public_endpoint(cidr: str) -> None:
    found = the_one(problems(admin_cidrs=(cidr,)))
    assert found.startswith(f"biojobs:adminCidrs: '{cidr}': is a private or reserved network")
