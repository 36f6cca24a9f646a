"""Shapes of EC2 instance types, from their names: what a pool's checks need to know without asking AWS.

Source: the EC2 pages of the instance families, compared with EC2's own list of August 2026. A family that is not here
yet is one more line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.machines import Machine, unknown


@dataclass(frozen=True)
class Shape(Machine):
    """What a node of an instance type has. `nvme_gib` is all of its instance store together, 0 where it has none."""

    nvme_gib: int = 0


_TO_16: Final = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
_TO_24: Final = f"{_TO_16} 24xlarge"

# Sizes that exist, by family.
_SIZES: Final = {
    "c5 c5d": "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge",
    "c5a c5ad m5 m5a m5ad m5d m5dn m5n r5 r5a r5ad r5b r5d r5dn r5n": _TO_24,
    "c6i c6id c6in m6i m6id m6idn m6in r6i r6id r6idn r6in": f"{_TO_24} 32xlarge",
    "c6a m6a r6a": f"{_TO_24} 32xlarge 48xlarge",
    "c7a m7a r7a": f"medium {_TO_24} 32xlarge 48xlarge",
    "c7i m7i r7i": f"{_TO_24} 48xlarge",
    "c8a m8a r8a": f"medium {_TO_24} 48xlarge",
    "c8i c8id m8i m8id r8i r8id": f"{_TO_24} 32xlarge 48xlarge 96xlarge",
    "c7i-flex c8i-flex m7i-flex m8i-flex r8i-flex": _TO_16,
    "c6g c6gd c6gn m6g m6gd r6g r6gd c7g c7gd c7gn m7g m7gd r7g r7gd": f"medium {_TO_16}",
    "c8g c8gd c8gn m8g m8gd r8g r8gd": f"medium {_TO_24} 48xlarge",
    "x2idn": "16xlarge 24xlarge 32xlarge",
    "x2iedn": "xlarge 2xlarge 4xlarge 8xlarge 16xlarge 24xlarge 32xlarge",
    "g4dn": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge",
    "g5 g6 g6e": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
}
_FAMILIES: Final = {family: sizes.split() for families, sizes in _SIZES.items() for family in families.split()}

_GIB_PER_VCPU: Final = {"c": 2, "m": 4, "r": 8, "g": 4, "g6e": 8, "x2idn": 16, "x2iedn": 32}

# Instance store in GB, as EC2 counts: by size, the whole of a node.
_MR5D: Final = "large:75 xlarge:150 2xlarge:300 4xlarge:600 8xlarge:1200 12xlarge:1800 16xlarge:2400 24xlarge:3600"
_SINCE_6D: Final = (
    "medium:59 large:118 xlarge:237 2xlarge:474 4xlarge:950 8xlarge:1900 12xlarge:2850 16xlarge:3800 24xlarge:5700 "
    "32xlarge:7600 48xlarge:11400 96xlarge:22800"
)
_G5: Final = "xlarge:250 2xlarge:450 4xlarge:600 8xlarge:900 12xlarge:3800 16xlarge:1900 24xlarge:3800 48xlarge:7600"
_STORE: Final = {
    "c5d": "large:50 xlarge:100 2xlarge:200 4xlarge:400 9xlarge:900 12xlarge:1800 18xlarge:1800 24xlarge:3600",
    "c5ad": "large:75 xlarge:150 2xlarge:300 4xlarge:600 8xlarge:1200 12xlarge:1800 16xlarge:2400 24xlarge:3800",
    "m5ad m5d m5dn r5ad r5d r5dn": _MR5D,
    "c6gd c6id c7gd c8gd c8id m6gd m6id m6idn m7gd m8gd m8id r6gd r6id r6idn r7gd r8gd r8id": _SINCE_6D,
    "x2idn": "16xlarge:1900 24xlarge:2850 32xlarge:3800",
    "x2iedn": "xlarge:118 2xlarge:237 4xlarge:475 8xlarge:950 16xlarge:1900 24xlarge:2850 32xlarge:3800",
    "g4dn": "xlarge:125 2xlarge:225 4xlarge:225 8xlarge:900 12xlarge:900 16xlarge:900",
    "g5 g6e": _G5,
    "g6": "xlarge:250 2xlarge:450 4xlarge:600 8xlarge:900 12xlarge:3760 16xlarge:1880 24xlarge:3760 48xlarge:7520",
}
_STORE_GB: Final = {
    (family, size): int(gb)
    for families, sizes in _STORE.items()
    for family in families.split()
    for size, gb in (entry.split(":") for entry in sizes.split())
}
_OTHERS: Final = "EC2's c, m, r, x2 or g families, of generation 5 or later"
_GPUS: Final = {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}


def shape(instance_type: str) -> Shape:
    """The shape of an instance type; raises LookupError with near matches where there is no such type."""
    family, _, size = instance_type.partition(".")
    if size not in _FAMILIES.get(family, ()):
        raise unknown(instance_type, "an instance type", family, _FAMILIES, _OTHERS)
    vcpu = {"medium": 1, "large": 2}.get(size) or 4 * int(size.removesuffix("xlarge") or 1)
    return Shape(
        vcpu=vcpu,
        memory_gib=vcpu * _GIB_PER_VCPU.get(family, _GIB_PER_VCPU.get(family[0], 0)),
        # A g behind the generation is Graviton; in front it is a GPU.
        arch="arm64" if "g" in family[1:] else "amd64",
        nvme_gib=_STORE_GB.get((family, size), 0) * 10**9 // 2**30,
        gpus=_GPUS.get(size, 1) if family[0] == "g" else 0,
    )
