"""Node pools of both clouds: what is refused before anything is made, and what steps are told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from components import pools
from components.aws.pools import problems as aws_problems
from components.gcp.pools import problems as gcp_problems
from components.pools import gpu_problems, placement
from settings_cloud import PoolName
from settings_pipeline import Aligner
from settings_sizes import SizeClass, SizeClasses
from tests.components.aws.conftest import settings as aws_settings
from tests.components.gcp.conftest import settings as gcp_settings
from workflows.types import SizeName

CLASSES = SizeClasses(
    small=SizeClass(cpu="1", memory="2Gi", scratch="100Gi"),
    large=SizeClass(cpu="80", memory="160Gi", scratch="300Gi"),
    huge=SizeClass(cpu="16", memory="110Gi", scratch="200Gi"),
)


@dataclass(frozen=True)
class OnCloud:
    """A cloud's check of its pools, and machine types of its own that the same rules are about."""

    check: Callable[[dict[str, Any], SizeClasses], list[str]]
    small: str
    large: str
    misspelt: str
    meant: str
    arm: str
    gpu: str
    cpu_of_large: str
    """Most that a step can have on the smallest type of the large pools."""
    memory_of_huge: str
    """Most that a step of the class huge may ask for, so that it can have twice that."""
    on_system: str
    larger: dict[str, Any]
    """A pool with more scratch than the default."""


AWS = OnCloud(
    check=lambda changed, classes: aws_problems(aws_settings(pools=changed), classes),
    small="m5.xlarge",
    large="m5.24xlarge",
    misspelt="m5.xlarg",
    meant="m5 comes as large, xlarge",
    arm="m7g.xlarge",
    gpu="g5.2xlarge",
    cpu_of_large="95200m",
    memory_of_huge="115Gi",
    on_system="the autoscaler itself runs there",
    larger={"types": ["m5.24xlarge"], "diskGib": 700},
)
GCP = OnCloud(
    check=lambda changed, classes: gcp_problems(gcp_settings(pools=changed), classes),
    small="n2-standard-4",
    large="n2-standard-96",
    misspelt="n2-standard-5",
    meant="n2-standard comes as 2, 4, 8",
    arm="t2a-standard-4",
    gpu="g2-standard-8",
    cpu_of_large="87100m",
    memory_of_huge="119Gi",
    on_system="the cluster's own pods run there",
    larger={"types": ["n2-standard-96"], "diskGib": 700},
)


@pytest.fixture(params=[AWS, GCP], ids=["aws", "gcp"])
def cloud(request: pytest.FixtureRequest) -> OnCloud:
    return request.param


def sized(size: SizeName, **changed: str) -> SizeClasses:
    old: SizeClass = getattr(CLASSES, size)
    return CLASSES.model_copy(update={size: old.model_copy(update=changed)})


def the_one(found: list[str]) -> str:
    (problem,) = found
    return problem


def test_the_pools_that_come_with_the_stack_are_sound(cloud: OnCloud) -> None:
    assert cloud.check({}, CLASSES) == []
    assert cloud.check({}, SizeClasses()) == []


def test_a_type_that_does_not_exist_is_named_with_its_key_and_what_was_meant(cloud: OnCloud) -> None:
    found = the_one(cloud.check({"spotSmall": {"types": [cloud.small, cloud.misspelt]}}, CLASSES))
    assert found.startswith(f"biojobs:pools.spotSmall.types: {cloud.misspelt!r}: is not")
    assert cloud.meant in found


def test_arm_machines_are_refused_because_the_images_do_not_run_there(cloud: OnCloud) -> None:
    found = cloud.check({"spotSmall": {"types": [cloud.arm]}}, CLASSES)
    assert f"biojobs:pools.spotSmall.types: {cloud.arm!r}: has arm64" in the_one(found)
    both = cloud.check({"spotSmall": {"types": [cloud.small, cloud.arm]}}, CLASSES)
    assert f"{cloud.arm!r}: has arm64" in the_one(both)


def test_gpus_are_for_the_gpu_pool_alone(cloud: OnCloud) -> None:
    (found, *_) = cloud.check({"spotSmall": {"types": [cloud.gpu]}}, CLASSES)
    assert f"{cloud.gpu!r}: has 1 GPUs; name types without" in found
    without = cloud.check({"gpu": {"types": [cloud.small], "max": 1}}, CLASSES)
    assert "has no GPUs; name types with" in the_one(without)
    assert cloud.check({"gpu": {"types": [cloud.gpu], "max": 1}}, CLASSES) == []


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        ("spotSmall", "small"),
        ("onDemandSmall", "small"),
        ("spotLarge", "large"),
        ("onDemandLarge", "large"),
        ("huge", "huge"),
    ],
)
def test_a_pool_that_a_class_needs_cannot_be_off(cloud: OnCloud, pool: str, size: str) -> None:
    found = the_one(cloud.check({pool: {"max": 0}}, CLASSES))
    assert found == f"biojobs:pools.{pool}.max: 0: steps of the class {size} run there; set it to 1 or more"


@pytest.mark.parametrize("most", [2, 0])
def test_the_system_pool_always_has_a_node(cloud: OnCloud, most: int) -> None:
    found = the_one(cloud.check({"system": {"min": 0, "max": most}}, CLASSES))
    assert found.startswith(f"biojobs:pools.system.min: 0: {cloud.on_system}")


def test_a_class_that_wants_all_cores_of_its_machines_is_refused_because_the_kubelet_needs_some(
    cloud: OnCloud,
) -> None:
    found = cloud.check({}, sized("large", cpu="96"))
    assert [line.partition(": ")[0] for line in found] == ["biojobs:classes.large.cpu"] * 2
    assert f"a node of spot-large has {cloud.cpu_of_large} for a step; lower it to that, or name larger" in found[0]
    assert "biojobs:pools.onDemandLarge.types" in found[1]


def test_a_class_fits_its_machines_also_with_the_memory_of_its_second_try(cloud: OnCloud) -> None:
    found = the_one(cloud.check({}, sized("huge", memory="125Gi")))
    assert found.startswith("biojobs:classes.huge.memory: '125Gi': after an out-of-memory kill a step gets twice that")
    assert f"lower it to {cloud.memory_of_huge}, or name larger types in biojobs:pools.huge.types" in found
    assert cloud.check({}, sized("huge", memory=cloud.memory_of_huge)) == []


def test_the_most_memory_of_a_class_fits_its_machines(cloud: OnCloud) -> None:
    found = the_one(cloud.check({}, sized("huge", memory="1Gi", max_memory="1Ti")))
    assert found.startswith("biojobs:classes.huge.maxMemory: '1Ti': a node of ")
    # What would not fit twice fits once and no more
    assert cloud.check({}, sized("huge", memory="125Gi", max_memory="125Gi")) == []


def test_scratch_must_fit_the_disk_of_the_machines(cloud: OnCloud) -> None:
    found = cloud.check({}, sized("large", scratch="480Gi"))
    assert found[0].startswith("biojobs:classes.large.scratch: '480Gi': a node of spot-large has ")
    assert "biojobs:pools.spotLarge.diskGib" in found[0]
    larger = {"spotLarge": cloud.larger, "onDemandLarge": cloud.larger}
    assert cloud.check(larger, sized("large", scratch="480Gi")) == []


def test_all_that_is_wrong_is_told_at_once(cloud: OnCloud) -> None:
    wrong = sized("huge", cpu="64", memory="1Ti")
    assert len(cloud.check({"spotSmall": {"types": [cloud.misspelt]}}, wrong)) == 3


def test_a_kubelet_keeps_less_of_every_further_core() -> None:
    # The images' own rule: 60 + 10 + 2 * 5 millicores of four cores, 2.5 of every other.
    assert [pools.kubelet_millicores(vcpu) for vcpu in (1, 2, 4, 96)] == [60, 70, 80, 310]


@pytest.mark.parametrize("size", ["small", "large"])
def test_steps_run_on_spot_and_their_last_try_does_not(size: SizeName) -> None:
    assert (pools.pool_of(size), pools.last_try_pool(size)) == (f"spot-{size}", f"on-demand-{size}")
    assert pools.is_spot(pools.pool_of(size))
    assert not pools.is_spot(pools.last_try_pool(size))
    placed = pools.placement(size)
    assert placed.node_selector == {"biojobs/pool": f"spot-{size}"}
    assert placed.last_try == {"biojobs/pool": f"on-demand-{size}"}


def test_an_index_is_built_where_nothing_is_taken_away() -> None:
    assert pools.pool_of("huge") == pools.last_try_pool("huge") == "huge"
    assert not pools.is_spot("huge")
    assert pools.placement("huge").last_try == {}


@pytest.mark.parametrize("size", pools.SIZES)
def test_steps_are_let_in_to_their_pools_and_no_others(size: SizeName) -> None:
    placed = pools.placement(size)
    tainted = {pools.taint(pools.pool_of(size)), pools.taint(pools.last_try_pool(size))}
    assert {toleration["value"] for toleration in placed.tolerations} == tainted
    assert {(one["key"], one["operator"], one["effect"]) for one in placed.tolerations} == {
        ("biojobs/pool", "Equal", "NoSchedule")
    }
    assert len(placed.tolerations) == len(tainted)


@pytest.mark.parametrize("size", pools.SIZES)
def test_scratch_is_reserved_on_nodes_and_no_volume(size: SizeName) -> None:
    assert (pools.placement(size).reserves_scratch, pools.placement(size).scratch_class) == (True, "")


def test_every_pool_but_the_systems_keeps_others_off() -> None:
    names: tuple[PoolName, ...] = ("spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge", "gpu")
    assert {name: pools.taint(name) for name in names} == {name: name for name in names}
    assert pools.taint("system") is None
    assert all(pools.labels(name) == {"biojobs/pool": name} for name in names)


def test_a_key_is_written_as_in_a_stack_file() -> None:
    assert pools.key("on-demand-small", "diskGib") == "biojobs:pools.onDemandSmall.diskGib"


OWN = Aligner.model_validate({"image": "registry.example/mine:1", "command": ["mine"], "class": "gpu"})


def test_an_aligner_on_gpus_needs_nodes_that_have_some() -> None:
    without, there = (aws_settings(pools={"gpu": {"max": most}}).pools for most in (0, 2))
    found = the_one(gpu_problems(OWN, without))
    assert found == "biojobs:pools.gpu.max: 0: biojobs:aligner.class is gpu and runs there; set it to 1 or more"
    assert gpu_problems(OWN, there) == []
    assert gpu_problems(OWN.model_copy(update={"class_": "large"}), without) == []
    assert gpu_problems(None, without) == []


def test_autopilot_has_no_gpus_for_an_aligner() -> None:
    assert "set biojobs:gke to standard" in the_one(gpu_problems(OWN, None))


def test_steps_of_the_class_gpu_go_to_the_pool_of_that_name() -> None:
    assert placement("gpu").node_selector == {"biojobs/pool": "gpu"}
