"""Shapes of machine types, as Compute Engine has them."""

import pytest

from components.gcp.machines import SHAPES, Shape, shape, types_of


@pytest.mark.parametrize(
    ("machine_type", "vcpu", "memory_gib"),
    [
        ("e2-standard-2", 2, 8),
        ("e2-highcpu-32", 32, 32),
        ("n2-standard-4", 4, 16),
        ("n2-highmem-32", 32, 256),
        ("n2-highmem-128", 128, 864),
        ("n2d-highcpu-224", 224, 224),
        ("c2-standard-60", 60, 240),
        ("c2d-highcpu-112", 112, 224),
        ("c3-standard-88", 88, 352),
        ("c3d-highcpu-90", 90, 177),
        ("c3d-standard-360-lssd", 360, 1440),
        ("m1-megamem-96", 96, 1433.6),
        ("m3-ultramem-32", 32, 976),
        ("g2-standard-12", 12, 48),
        ("a2-ultragpu-8g", 96, 1360),
    ],
)
def test_the_name_of_a_type_tells_its_vcpu_and_memory(machine_type: str, vcpu: int, memory_gib: float) -> None:
    assert (shape(machine_type).vcpu, shape(machine_type).memory_gib) == (vcpu, memory_gib)


@pytest.mark.parametrize(
    ("machine_type", "numbers"),
    [
        ("n2-standard-4", (1, 2, 4, 8, 16, 24)),
        ("n2-standard-16", (2, 4, 8, 16, 24)),
        ("n2-standard-48", (8, 16, 24)),
        ("n2-standard-96", (16, 24)),
        ("n2d-standard-16", (1, 2, 4, 8, 16, 24)),
        ("n2d-standard-96", (8, 16, 24)),
        ("c2-standard-60", (8,)),
        ("c2d-standard-32", (2, 4, 8)),
        ("m3-megamem-64", (4, 8)),
        ("g2-standard-48", (4,)),
        ("e2-standard-4", ()),
        ("t2d-standard-4", ()),
        ("c3-standard-88", ()),
    ],
)
def test_larger_machines_take_only_more_local_ssds(machine_type: str, numbers: tuple[int, ...]) -> None:
    assert shape(machine_type).local_ssds == numbers
    assert not shape(machine_type).always_has_ssds


@pytest.mark.parametrize(
    ("machine_type", "number"), [("c3-standard-88-lssd", 16), ("c3d-highmem-60-lssd", 4), ("a2-ultragpu-2g", 2)]
)
def test_some_types_have_a_fixed_number_of_local_ssds(machine_type: str, number: int) -> None:
    assert (shape(machine_type).local_ssds, shape(machine_type).always_has_ssds) == ((number,), True)


@pytest.mark.parametrize(
    ("machine_type", "gpu_type", "gpus"),
    [
        ("g2-standard-8", "nvidia-l4", 1),
        ("g2-standard-24", "nvidia-l4", 2),
        ("a2-highgpu-4g", "nvidia-tesla-a100", 4),
        ("a2-megagpu-16g", "nvidia-tesla-a100", 16),
        ("a2-ultragpu-8g", "nvidia-a100-80gb", 8),
    ],
)
def test_gpus_are_known_by_the_name_that_gke_has_for_them(machine_type: str, gpu_type: str, gpus: int) -> None:
    assert (shape(machine_type).gpu_type, shape(machine_type).gpus) == (gpu_type, gpus)


def test_types_with_gpus_and_no_others_say_which() -> None:
    assert all(bool(found.gpus) == bool(found.gpu_type) for found in SHAPES.values())
    assert {kind for kind, found in SHAPES.items() if found.gpus} == {*types_of("g2"), *types_of("a2")}


def test_ampere_is_another_architecture() -> None:
    assert {kind for kind, found in SHAPES.items() if found.arch == "arm64"} == set(types_of("t2a"))


def test_a_family_is_all_types_whose_names_begin_with_it() -> None:
    assert types_of("h3") == ("h3-standard-88",)
    assert {"n2-standard-2", "n2-highcpu-96", "n2-highmem-128"} <= set(types_of("n2"))
    assert not [kind for kind in types_of("n2") if kind.startswith("n2d")]


@pytest.mark.parametrize(
    ("machine_type", "hint"),
    [
        ("n2-standard-5", "n2-standard comes as 2, 4, 8, 16, 32, 48, 64, 80, 96, 128"),
        ("m3-megamem-96", "m3-megamem comes as 64, 128"),
        ("c3-standard-8-ssd", "c3-standard comes as 4, 8, 22, 44, 88, 176, 4-lssd"),
        ("n2-standart-4", "did you mean one of n2-standard"),
        ("quantum-8", "name one of Compute Engine's e2, n2"),
    ],
)
def test_an_unknown_type_is_named_with_what_was_probably_meant(machine_type: str, hint: str) -> None:
    with pytest.raises(LookupError, match=f"'{machine_type}': is not a machine type that is known here; {hint}"):
        shape(machine_type)


@pytest.mark.parametrize("machine_type", ["n4-standard-4", "c4-highmem-32", "c4d-standard-96-lssd"])
def test_machines_without_persistent_disks_are_refused_for_that_reason(machine_type: str) -> None:
    with pytest.raises(LookupError, match=f"'{machine_type}': takes Hyperdisks alone, .* pd-balanced disks; name one"):
        shape(machine_type)


def test_shapes_are_values() -> None:
    assert shape("n2-standard-4") == Shape(4, 16, "amd64", local_ssds=(1, 2, 4, 8, 16, 24))
