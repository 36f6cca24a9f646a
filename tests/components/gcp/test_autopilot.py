"""Compute classes and scratch volumes of GKE Autopilot."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components import pools
from components.gcp.autopilot import CLASS_LABEL, ComputeClasses, compute_class, placement, problems
from components.gcp.machines import shape, types_of
from components.gcp.pools import node
from settings_cloud import PoolName
from settings_sizes import SizeClass, SizeClasses
from tests.components.built import Once
from tests.components.gcp.conftest import GcpRecorder, MakeScope, settings
from workflows.types import SizeName

AUTOPILOT: dict[str, Any] = {"gke": "autopilot"}
STEP = SizeClass(cpu="1", memory="4Gi", scratch="100Gi")
_ONCE = Once[ComputeClasses]()


def build(gcp_mock: GcpRecorder, make_scope: MakeScope) -> ComputeClasses:
    def make() -> ComputeClasses:
        provider = k8s.Provider("dev-kubernetes", kubeconfig="{}")
        before = pulumi.ComponentResource("biojobs:gcp:Before", "dev-before")
        scope = make_scope(**AUTOPILOT)
        return ComputeClasses("dev-compute-classes", scope, provider, SizeClasses(), after=[before])

    return _ONCE.build(gcp_mock, {}, make)


def rules(name: PoolName, size: SizeName, wanted: SizeClass = STEP) -> list[tuple[str, bool]]:
    """Families in the order in which GKE tries them, and whether spot machines of it."""
    return [(rule["machineFamily"], rule["spot"]) for rule in compute_class(name, size, wanted)["priorities"]]


@pytest.mark.parametrize("size", ["small", "large"])
def test_batches_get_spot_machines_first_and_others_where_there_are_none(size: SizeName) -> None:
    spot = [spot for _, spot in rules(pools.pool_of(size), size)]
    assert spot == sorted(spot, reverse=True)
    assert {True, False} == set(spot)


@pytest.mark.parametrize("size", pools.SIZES)
def test_a_last_try_is_never_on_a_spot_machine(size: SizeName) -> None:
    assert rules(pools.last_try_pool(size), size)
    assert not any(spot for _, spot in rules(pools.last_try_pool(size), size))


def test_what_batches_fall_back_to_is_what_last_tries_get() -> None:
    fallback = [rule for rule in rules("spot-large", "large") if not rule[1]]
    assert fallback == rules("on-demand-large", "large")


def test_a_node_is_as_large_as_a_step_and_small_steps_share_one() -> None:
    def cores(cpu: str) -> set[int]:
        wanted = SizeClass(cpu=cpu, memory="4Gi", scratch="100Gi")
        return {rule["minCores"] for rule in compute_class("spot-large", "large", wanted)["priorities"]}

    assert (cores("500m"), cores("15500m"), cores("84")) == ({4}, {16}, {84})


def test_families_without_a_machine_of_that_size_are_left_out() -> None:
    large = SizeClass(cpu="60", memory="64Gi", scratch="100Gi")
    assert ("e2", True) in rules("spot-small", "small")
    assert ("e2", True) not in rules("spot-small", "small", large)


@pytest.mark.parametrize("size", pools.SIZES)
def test_no_running_step_is_ended_for_a_better_node_and_none_gets_a_node_of_any_kind(size: SizeName) -> None:
    made = compute_class(pools.pool_of(size), size, STEP)
    assert made["activeMigration"] == {"optimizeRulePriority": False}
    assert made["whenUnsatisfiable"] == "DoNotScaleUp"
    assert made["nodePoolAutoCreation"] == {"enabled": True}


@pytest.mark.parametrize("size", ["small", "large"])
def test_steps_name_a_compute_class_and_their_last_try_another(size: SizeName) -> None:
    placed = placement(size)
    assert placed.node_selector == {"cloud.google.com/compute-class": f"biojobs-spot-{size}"}
    assert placed.last_try == {"cloud.google.com/compute-class": f"biojobs-on-demand-{size}"}


@pytest.mark.parametrize("size", pools.SIZES)
def test_scratch_is_a_volume_because_a_pod_has_little_of_a_nodes_disk(size: SizeName) -> None:
    placed = placement(size)
    assert placed.scratch_class == "biojobs-scratch"
    assert not placed.reserves_scratch
    # There are no taints of ours, and GKE tolerates its own for pods that name a class.
    assert placed.tolerations == ()


def test_every_class_that_steps_name_is_in_the_cluster(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    made = gcp_mock.of("ComputeClass").values()
    named = {
        labels[CLASS_LABEL]
        for size in pools.SIZES
        for labels in (placement(size).node_selector, placement(size).last_try)
        if labels
    }
    assert {one["metadata"]["name"] for one in made} == named
    assert {one["apiVersion"] for one in made} == {"cloud.google.com/v1"}


def test_each_has_the_rules_of_its_own_pool_and_size(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    for size in pools.SIZES:
        for pool in (pools.pool_of(size), pools.last_try_pool(size)):
            spec = gcp_mock.one("ComputeClass", f"dev-compute-classes-{pool}")["spec"]
            assert spec == compute_class(pool, size, getattr(SizeClasses(), size))


def test_a_scratch_volume_is_made_where_its_pod_is_and_goes_with_it(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    made = gcp_mock.one("StorageClass", "dev-compute-classes-scratch")
    assert made["metadata"]["name"] == placement("large").scratch_class
    assert (made["provisioner"], made["parameters"]["type"]) == ("pd.csi.storage.gke.io", "pd-balanced")
    assert (made["volumeBindingMode"], made["reclaimPolicy"]) == ("WaitForFirstConsumer", "Delete")
    assert made["parameters"]["labels"] == "project=biojobs,stack=dev,managed-by=pulumi"


def test_steps_wait_for_all_of_them(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert len(build(gcp_mock, scope).ready) == len(gcp_mock.of("ComputeClass")) + len(gcp_mock.of("StorageClass")) == 6


def found(size: SizeName, **wanted: str) -> list[str]:
    step = SizeClass.model_validate({**STEP.model_dump(), **wanted})
    return problems(settings(**AUTOPILOT), SizeClasses().model_copy(update={size: step}))


def test_the_classes_of_the_stack_fit_autopilots_machines() -> None:
    assert problems(settings(**AUTOPILOT), SizeClasses()) == []
    assert found("large", cpu="84", memory="165Gi", scratch="400Gi") == []


def test_a_step_that_no_machine_holds_is_refused_before_it_would_wait_for_ever() -> None:
    (cpu,) = found("large", cpu="256")
    assert cpu.startswith("biojobs:classes.large.cpu: '256': the largest node of n2 or n2d has 222700m for a step")
    assert cpu.endswith("lower it to that")
    (memory,) = found("huge", memory="1Ti")
    assert memory.startswith("biojobs:classes.huge.memory: '1Ti': after an out-of-memory kill a step gets twice that")
    (scratch,) = found("large", scratch="65Ti")
    assert scratch.startswith("biojobs:classes.large.scratch: '65Ti': the largest node")


@pytest.mark.parametrize("cpu", ["4", "48", "100", "128", "200", "222", "224"])
@pytest.mark.parametrize("memory", ["8Gi", "100Gi", "400Gi", "425Gi", "432Gi", "450Gi"])
def test_a_step_is_good_if_one_machine_has_both_cpu_and_memory_for_it(cpu: str, memory: str) -> None:
    step = SizeClass(cpu=cpu, memory=memory, scratch="100Gi")
    nodes = [node(shape(kind), 0) for family in ("n2", "n2d") for kind in types_of(family)]
    fits = any(has.millicores >= 1000 * int(cpu) and has.memory_mib >= 2 * step.memory_mib for has in nodes)
    assert (found("huge", cpu=cpu, memory=memory) == []) is fits


def test_a_standard_cluster_has_no_compute_classes_to_complain_of() -> None:
    step = SizeClass(cpu="256", memory="4Gi", scratch="10Gi")
    assert problems(settings(), SizeClasses().model_copy(update={"large": step})) == []
