"""Shapes of instance types, as EC2's pages say them."""

import pytest

from components.aws.machines import Shape, shape


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("m5.large", Shape(2, 8, "amd64")),
        ("m5.xlarge", Shape(4, 16, "amd64")),
        ("m7i.48xlarge", Shape(192, 768, "amd64")),
        ("c7a.medium", Shape(1, 2, "amd64")),
        ("c6i.32xlarge", Shape(128, 256, "amd64")),
        ("r5.8xlarge", Shape(32, 256, "amd64")),
        ("r6a.24xlarge", Shape(96, 768, "amd64")),
        ("x2idn.32xlarge", Shape(128, 2048, "amd64", nvme_gib=3539)),
        ("m7i-flex.2xlarge", Shape(8, 32, "amd64")),
    ],
)
def test_the_name_of_a_type_tells_its_vcpu_and_memory(instance_type: str, expected: Shape) -> None:
    assert shape(instance_type) == expected


@pytest.mark.parametrize(("instance_type", "vcpu"), [("c5.9xlarge", 36), ("c5.18xlarge", 72), ("c5d.9xlarge", 36)])
def test_the_sizes_of_c5_are_multiples_of_nine(instance_type: str, vcpu: int) -> None:
    assert (shape(instance_type).vcpu, shape(instance_type).memory_gib) == (vcpu, 2 * vcpu)


@pytest.mark.parametrize("instance_type", ["c5.8xlarge", "m5.9xlarge", "m6i.48xlarge", "m7i.32xlarge"])
def test_a_size_that_its_family_does_not_have_is_refused(instance_type: str) -> None:
    with pytest.raises(LookupError, match=r"comes as .*xlarge"):
        shape(instance_type)


@pytest.mark.parametrize(
    ("instance_type", "gigabytes"),
    [
        ("m5d.24xlarge", 4 * 900),
        ("r5d.large", 75),
        ("c5d.18xlarge", 2 * 900),
        ("c5ad.24xlarge", 2 * 1900),
        ("m6id.24xlarge", 4 * 1425),
        ("r6id.32xlarge", 4 * 1900),
        ("g5.12xlarge", 3800),
    ],
)
def test_an_instance_store_is_all_of_its_disks_in_gib(instance_type: str, gigabytes: int) -> None:
    assert shape(instance_type).nvme_gib == int(gigabytes * 10**9 / 2**30)


@pytest.mark.parametrize("instance_type", ["m7g.xlarge", "c6gn.4xlarge", "r8gd.24xlarge"])
def test_a_g_behind_the_generation_is_another_architecture(instance_type: str) -> None:
    assert shape(instance_type).arch == "arm64"


@pytest.mark.parametrize(
    ("instance_type", "gpus", "memory"), [("g5.2xlarge", 1, 32), ("g4dn.12xlarge", 4, 192), ("g6e.48xlarge", 8, 1536)]
)
def test_a_g_in_front_is_a_gpu(instance_type: str, gpus: int, memory: int) -> None:
    found = shape(instance_type)
    assert (found.gpus, found.memory_gib, found.arch) == (gpus, memory, "amd64")


@pytest.mark.parametrize(
    ("instance_type", "hint"),
    [
        ("m5.xlarg", "m5 comes as large, xlarge, 2xlarge"),
        ("m6.xlarge", "did you mean one of m6"),
        ("quantum.large", "name one of EC2's c, m, r, x2 or g families"),
    ],
)
def test_an_unknown_type_is_named_with_what_was_probably_meant(instance_type: str, hint: str) -> None:
    with pytest.raises(LookupError, match=f"'{instance_type}': is not an instance type that is known here; {hint}"):
        shape(instance_type)
