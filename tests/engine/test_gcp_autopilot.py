"""The program on GKE Autopilot under the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.engine.clouds import OF_SMALL, Batch, Stack
from tests.engine.gcp import SETTINGS, gcp_program

CLASSES = {"spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge"}
SMALL = {**SETTINGS["classes"]["small"], "cpu": "2"}
LARGE = {**SETTINGS["classes"]["large"], "cpu": "60"}
BATCH: Batch = [
    ({"adminCidrs": ["8.8.4.0/24", "9.9.9.9/32"]}, {"update": {"cluster-cluster"}}),
    ({"network": {"flowLogs": True}}, {"update": {"network-subnet"}}),
    ({"classes": {"small": SMALL}}, OF_SMALL),
    (
        {"classes": {"large": LARGE}},
        {
            "update": {"compute-classes-spot-large", "compute-classes-on-demand-large", "job-align"},
            "replace": {"pipeline-NA12878", "sheet"},
        },
    ),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Iterator[Stack]:
    with gcp_program(tmp_path_factory.mktemp("autopilot"), python) as program:
        yield Stack(program, gke="autopilot")


def recorded(stack: Stack, kind: str) -> list[dict[str, Any]]:
    """Objects of a kind in the cluster."""
    objects = stack.program.project.recording.section("objects")
    return [body for key, body in objects.items() if key.startswith(f"{kind}/")]


def test_up_makes_what_the_plan_says_and_a_second_up_changes_nothing(stack: Stack) -> None:
    stack.comes_up_as_planned_and_stays()


def test_steps_name_compute_classes_and_a_storage_class_that_are_there_and_no_pool(stack: Stack) -> None:
    classes = {body["metadata"]["name"] for body in recorded(stack, "ComputeClass")}
    assert classes == {f"biojobs-{name}" for name in CLASSES}
    (scratch,) = (body["metadata"]["name"] for body in recorded(stack, "StorageClass"))
    workflows = recorded(stack, "Workflow")
    assert len(workflows) == 3
    chosen = set(found(workflows, "cloud.google.com/compute-class"))
    assert classes >= {name for name in chosen if name.startswith("biojobs-")} != set()
    assert set(found(workflows, "storageClassName")) == {scratch}
    assert "biojobs/pool" not in str(workflows)
    assert "node-pool" not in stack.program.there()


def found(value: Any, key: str) -> list[Any]:
    """All values of a key, however deep."""
    if isinstance(value, list):
        return [each for item in cast(list[Any], value) for each in found(item, key)]
    if not isinstance(value, dict):
        return []
    whole = cast(dict[str, Any], value)
    here: list[Any] = [whole[key]] if key in whole else []
    return here + [each for item in whole.values() for each in found(item, key)]


def test_settings_touch_only_what_they_should(stack: Stack) -> None:
    planned, expected = stack.program.touched(BATCH, gke="autopilot")
    assert planned == expected


def test_destroy_takes_all_but_the_buckets_and_the_next_up_finds_them(stack: Stack) -> None:
    stack.program.configure(gke="autopilot")
    slow = ("test-argo-release", "test-cluster-cluster", "test-network-nat", "test-compute-classes-huge")
    stack.goes_but_for({"bucket", "object", "service"}, *slow)
