"""Shapes of Compute Engine machine types, from their names: what checks need to know without asking Google Cloud.

Source: the tables of GKE's own autoscaler (github.com/GoogleCloudPlatform/cluster-autoscaler, August 2026). A series
that is not here yet is one more line. N1 is left out on purpose: its machines may have processors without AVX2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.machines import Machine, unknown

LOCAL_SSD_GIB: Final = 375


@dataclass(frozen=True)
class Shape(Machine):
    """What a node of a machine type has."""

    local_ssds: tuple[int, ...] = ()
    """How many local SSDs it may have, of 375 GiB each; empty where it takes none."""
    always_has_ssds: bool = False
    """Whether local SSDs are part of the type."""
    gpu_type: str = ""
    """As GKE calls it, such as `nvidia-l4`."""


_TO_96: Final = "2 4 8 16 32 48 64 80 96"
_C2D: Final = "2 4 8 16 32 56 112"
_C3: Final = "4 8 22 44 88 176"
_C3D: Final = "4 8 16 30 60 90 180 360"

# vCPUs that exist, by series.
_VCPUS: Final = {
    "e2-standard e2-highcpu": "2 4 8 16 32",
    "e2-highmem": "2 4 8 16",
    "n2-standard n2-highmem": f"{_TO_96} 128",
    "n2-highcpu": _TO_96,
    "n2d-standard n2d-highcpu": f"{_TO_96} 128 224",
    "n2d-highmem": _TO_96,
    "t2d-standard": "1 2 4 8 16 32 48 60",
    "t2a-standard": "1 2 4 8 16 32 48",
    "c2-standard": "4 8 16 30 60",
    "c2d-standard c2d-highcpu c2d-highmem": _C2D,
    "c3-standard c3-highcpu c3-highmem": _C3,
    "c3d-standard c3d-highcpu c3d-highmem": _C3D,
    "h3-standard": "88",
    "g2-standard": "4 8 12 16 24 32 48 96",
}
_SERIES: Final = {
    series: tuple(int(vcpu) for vcpu in vcpus.split()) for names, vcpus in _VCPUS.items() for series in names.split()
}
_GIB_PER_VCPU: Final = {"standard": 4, "highmem": 8, "highcpu": 2, "e2-highcpu": 1, "n2-highcpu": 1, "n2d-highcpu": 1}
# Where memory is no multiple of the vCPUs: GiB by type.
_GIB: Final = {
    "n2-highmem-128": 864,
    "c3d-highcpu-30": 59,
    "c3d-highcpu-60": 118,
    "c3d-highcpu-90": 177,
    "c3d-highcpu-180": 354,
    "c3d-highcpu-360": 708,
}

# Least number of local SSDs, by the most vCPUs it is for, and the numbers that there are.
_UP_TO_24: Final = (1, 2, 4, 8, 16, 24)
_UP_TO_8: Final = (1, 2, 4, 8)
_LEAST_SSDS: Final = {
    "n2": (_UP_TO_24, ((10, 1), (20, 2), (40, 4), (80, 8), (128, 16))),
    "n2d": (_UP_TO_24, ((16, 1), (48, 2), (80, 4), (224, 8))),
    "c2": (_UP_TO_8, ((8, 1), (16, 2), (30, 4), (60, 8))),
    "c2d": (_UP_TO_8, ((16, 1), (32, 2), (56, 4), (112, 8))),
}
# Local SSDs of types that end in -lssd, by vCPU.
_LSSD: Final = {
    "c3-standard": {4: 1, 8: 2, 22: 4, 44: 8, 88: 16, 176: 32},
    "c3d-standard": {8: 1, 16: 1, 30: 2, 60: 4, 90: 8, 180: 16, 360: 32},
    "c3d-highmem": {8: 1, 16: 1, 30: 2, 60: 4, 90: 8, 180: 16, 360: 32},
}
_G2: Final = {4: (1, 1), 8: (1, 1), 12: (1, 1), 16: (1, 1), 24: (2, 2), 32: (1, 1), 48: (4, 4), 96: (8, 8)}
"""GPUs and local SSDs by vCPU; there are either none of the latter, or so many."""


def _memory_optimised() -> dict[str, Shape]:
    any_to_8, big = tuple(range(1, 9)), (8,)
    return {
        "m1-ultramem-40": Shape(40, 961, "amd64"),
        "m1-ultramem-80": Shape(80, 1922, "amd64"),
        "m1-ultramem-160": Shape(160, 3844, "amd64"),
        "m1-megamem-96": Shape(96, 1433.6, "amd64", local_ssds=any_to_8),
        "m2-ultramem-208": Shape(208, 5888, "amd64"),
        "m2-ultramem-416": Shape(416, 11_776, "amd64"),
        "m2-megamem-416": Shape(416, 5888, "amd64"),
        "m2-hypermem-416": Shape(416, 8832, "amd64"),
        "m3-ultramem-32": Shape(32, 976, "amd64", local_ssds=(4, 8)),
        "m3-ultramem-64": Shape(64, 1952, "amd64", local_ssds=(4, 8)),
        "m3-ultramem-128": Shape(128, 3904, "amd64", local_ssds=big),
        "m3-megamem-64": Shape(64, 976, "amd64", local_ssds=(4, 8)),
        "m3-megamem-128": Shape(128, 1952, "amd64", local_ssds=big),
    }


def _a2() -> dict[str, Shape]:
    a100, a100_80 = "nvidia-tesla-a100", "nvidia-a100-80gb"
    return {
        "a2-highgpu-1g": Shape(12, 85, "amd64", 1, (1, 2, 4, 8), gpu_type=a100),
        "a2-highgpu-2g": Shape(24, 170, "amd64", 2, (2, 4, 8), gpu_type=a100),
        "a2-highgpu-4g": Shape(48, 340, "amd64", 4, (4, 8), gpu_type=a100),
        "a2-highgpu-8g": Shape(96, 680, "amd64", 8, (8,), gpu_type=a100),
        "a2-megagpu-16g": Shape(96, 1360, "amd64", 16, (8,), gpu_type=a100),
        **{
            f"a2-ultragpu-{gpus}g": Shape(12 * gpus, 170 * gpus, "amd64", gpus, (gpus,), True, a100_80)
            for gpus in (1, 2, 4, 8)
        },
    }


def _shape(series: str, vcpu: int) -> Shape:
    family, variant = series.split("-")
    memory = _GIB.get(f"{series}-{vcpu}", vcpu * _GIB_PER_VCPU.get(series, _GIB_PER_VCPU[variant]))
    if family == "g2":
        gpus, ssds = _G2[vcpu]
        return Shape(vcpu, memory, "amd64", gpus, (ssds,), gpu_type="nvidia-l4")
    numbers, steps = _LEAST_SSDS.get(family, ((), ()))
    least = next((least for most, least in steps if vcpu <= most), 0)
    ssds = tuple(number for number in numbers if number >= least)
    return Shape(vcpu, memory, "arm64" if family == "t2a" else "amd64", local_ssds=ssds)


def _with_ssds(series: str, vcpu: int, ssds: int) -> Shape:
    plain = _shape(series, vcpu)
    return Shape(vcpu, plain.memory_gib, plain.arch, local_ssds=(ssds,), always_has_ssds=True)


SHAPES: Final = {
    **{f"{series}-{vcpu}": _shape(series, vcpu) for series, vcpus in _SERIES.items() for vcpu in vcpus},
    **{
        f"{series}-{vcpu}-lssd": _with_ssds(series, vcpu, ssds)
        for series, by_vcpu in _LSSD.items()
        for vcpu, ssds in by_vcpu.items()
    },
    **_memory_optimised(),
    **_a2(),
}
"""Every machine type that is known here."""

# Their nodes cannot have the pd-balanced disks of our pools, nor could our volumes be attached to them.
_HYPERDISK_ONLY: Final = frozenset(
    ("a4", "a4x", "c4", "c4a", "c4d", "c4n", "e4", "e4a", "g4", "h4d", "m4", "n4", "n4a", "n4d", "x4", "z4d")
)
_OTHERS: Final = "Compute Engine's e2, n2, n2d, t2d, c2, c2d, c3, c3d, h3, m1 to m3, g2 or a2 types"


def family(machine_type: str) -> str:
    """The family of a machine type, such as `n2d`."""
    return machine_type.partition("-")[0]


def types_of(wanted: str) -> tuple[str, ...]:
    """All types of a family, by its name."""
    return tuple(kind for kind in SHAPES if family(kind) == wanted)


def shape(machine_type: str) -> Shape:
    """The shape of a machine type; raises LookupError with near matches where there is no such type."""
    if machine_type in SHAPES:
        return SHAPES[machine_type]
    if family(machine_type) in _HYPERDISK_ONLY:
        raise LookupError(
            f"{machine_type!r}: takes Hyperdisks alone, and nodes and volumes here are on pd-balanced disks; name one "
            f"of {_OTHERS}"
        )
    series = "-".join(machine_type.split("-")[:2])
    raise unknown(machine_type, "a machine type", series, _sizes(), _OTHERS)


def _sizes() -> dict[str, list[str]]:
    """What follows the first two parts of all names, by those."""
    found: dict[str, list[str]] = {}
    for kind in SHAPES:
        parts = kind.split("-")
        found.setdefault("-".join(parts[:2]), []).append("-".join(parts[2:]))
    return found
