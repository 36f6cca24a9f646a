"""The node pools on GKE: what its image leaves of a node, local SSDs, names."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest

from components.gcp import pools
from components.gcp.machines import SHAPES, shape
from settings_cloud import PoolName
from settings_gcp import Pool
from settings_sizes import SizeClass, SizeClasses
from tests.components.gcp.conftest import settings


def problems(**changed: Any) -> list[str]:
    return pools.problems(settings(pools=changed), SizeClasses())


def the_one(found: list[str]) -> str:
    (problem,) = found
    return problem


def test_a_node_has_less_than_gkes_documentation_shows_of_one_without_our_daemons() -> None:
    # Of an e2-standard-4 with a disk of 100 GiB: cpu 3920m, memory 13498416Ki, ephemeral-storage 47060071478.
    has = pools.allocatable(Pool(types=("e2-standard-4",), disk_gib=100))
    assert has.millicores == 3920 - 600
    assert 13_498_416 // 1024 * 0.9 < has.memory_mib < 13_498_416 // 1024 - 1000
    assert has.scratch_gib == 43 == 47_060_071_478 // 2**30


@pytest.mark.parametrize(
    ("kind", "kernel_mib"),
    [("n2-standard-2", 247.4), ("n2-standard-4", 387.9), ("n2-standard-16", 1231.1), ("n2-highmem-32", 4222.1)],
)
def test_what_the_kernel_takes_is_covered(kind: str, kernel_mib: float) -> None:
    # As GKE's autoscaler has measured it; its own rule for the rest, from 0 GiB up.
    gib = shape(kind).memory_gib
    rest = 0.25 * 4 + 0.2 * 4 + 0.1 * max(0, min(gib, 16) - 8) + 0.06 * max(0, min(gib, 128) - 16)
    kept = (rest + 0.02 * max(0, gib - 128)) * 1024 + 100
    has = pools.node(shape(kind), 0).memory_mib
    assert gib * 1024 - kernel_mib - kept - 1400 < has <= gib * 1024 - kernel_mib - kept - 1000


@pytest.mark.parametrize(
    ("disk_gib", "scratch_gib"),
    [
        (50, 17),  # 44.9 GiB of capacity, of which a tenth stays free and 23 are GKE's
        (100, 43),
        (512, 349),  # 499.7 of capacity; 100 are GKE's
        (1000, 782),
    ],
)
def test_gke_keeps_a_part_of_a_boot_disk_to_itself(disk_gib: int, scratch_gib: int) -> None:
    assert pools.scratch_gib(Pool(types=("n2-standard-4",), disk_gib=disk_gib)) == scratch_gib


@pytest.mark.parametrize(("ssds", "scratch_gib"), [(1, 280), (2, 586), (4, 1223), (16, 5192)])
def test_scratch_is_on_local_ssds_where_there_are_some(ssds: int, scratch_gib: int) -> None:
    pool = Pool(types=("n2-standard-4",), local_ssds=ssds)
    assert pools.allocatable(pool).scratch_gib == scratch_gib
    assert pools.boot_gib(pool) == 50
    assert pools.boot_gib(Pool(types=("n2-standard-4",))) == 512


def test_a_step_fits_whichever_type_of_its_pool_comes() -> None:
    mixed, small = Pool(types=("n2-standard-96", "c3-standard-88")), Pool(types=("c3-standard-88",))
    assert pools.allocatable(mixed) == pools.allocatable(small)
    cpu_here_memory_there = pools.allocatable(Pool(types=("n2-highcpu-32", "n2-highmem-16")))
    assert cpu_here_memory_there.millicores < 16_000
    assert cpu_here_memory_there.memory_mib < 32 * 1024


def test_types_of_a_pool_may_differ_in_size() -> None:
    assert problems(spotSmall={"types": ["n2-standard-4", "n2-standard-8", "e2-highmem-4"]}) == []


def test_every_type_is_a_node_pool_of_its_own() -> None:
    pool = Pool(types=("n2-standard-4", "n2d-standard-4"))
    assert pools.node_pools("spot-small", pool) == {
        "spot-small-n2-standard-4": "n2-standard-4",
        "spot-small-n2d-standard-4": "n2d-standard-4",
    }


def test_no_name_is_longer_than_gke_takes() -> None:
    names = [
        name
        for pool in cast(tuple[PoolName, ...], get_args(PoolName))
        for kind in SHAPES
        for name in pools.node_pools(pool, Pool(types=(kind,)))
    ]
    assert max(map(len, names)) <= 40


@pytest.mark.parametrize(("least", "zones", "each"), [(0, 0, 0), (2, 0, 1), (4, 0, 2), (3, 1, 3), (2, 2, 1), (3, 2, 2)])
def test_a_pool_begins_with_its_least_number_of_nodes_over_all_zones(least: int, zones: int, each: int) -> None:
    assert pools.initial_nodes(Pool(types=("n2-standard-4",), min=least), zones) == each


@pytest.mark.parametrize(
    ("kind", "number", "words"),
    [
        ("n2-standard-96", 8, "n2-standard-96 takes 16 or 24; set it to one that all types take, or name others"),
        ("e2-standard-4", 1, "e2-standard-4 takes no local SSDs; set it to 0, or name types that take some"),
        ("c3-standard-88-lssd", 8, "c3-standard-88-lssd takes 16; set it to one"),
        ("c3-standard-88-lssd", 0, "c3-standard-88-lssd has 16 local SSDs, which are paid for; set it to 16"),
    ],
)
def test_a_number_of_local_ssds_that_a_type_does_not_take_is_refused(kind: str, number: int, words: str) -> None:
    found = the_one(problems(spotLarge={"types": [kind], "localSsds": number}))
    assert found.startswith(f"biojobs:pools.spotLarge.localSsds: {number}: {words}")


@pytest.mark.parametrize(
    ("kind", "number"), [("n2-standard-96", 16), ("c3-standard-88-lssd", 16), ("g2-standard-8", 1)]
)
def test_a_number_of_local_ssds_that_a_type_takes_is_good(kind: str, number: int) -> None:
    name = "gpu" if kind.startswith("g2") else "spotLarge"
    assert problems(**{name: {"types": [kind], "localSsds": number, "max": 1}}) == []


def test_local_ssds_hold_what_the_boot_disk_does_not() -> None:
    classes = SizeClasses(large=SizeClass(cpu="80", memory="160Gi", scratch="1Ti"))
    on_ssds = {"types": ["n2-standard-96"], "localSsds": 16}
    assert len(pools.problems(settings(), classes)) == 2
    assert pools.problems(settings(pools={"spotLarge": on_ssds, "onDemandLarge": on_ssds}), classes) == []


def test_autopilot_has_no_pools_to_complain_of() -> None:
    classes = SizeClasses(large=SizeClass(cpu="96", memory="160Gi", scratch="1Ti"))
    assert pools.problems(settings(gke="autopilot"), classes) == []
