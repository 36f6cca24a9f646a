"""Kubernetes quantities as settings take them: strict about units, with a remedy in every complaint."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

MIB: Final = 2**20
_BYTES: Final = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def parse_bytes(quantity: str) -> int:
    """Bytes in a Kubernetes quantity such as `4Gi`. Decimal units are refused: `4G` is mistaken for `4Gi`."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})(Mi|Gi|Ti)", quantity)
    if match is None:
        near = re.fullmatch(r"([1-9][0-9]*)\s*([MGTmgt])[bB]?", quantity)
        hint = f"; did you mean {near[1]}{near[2].upper()}i?" if near else ""
        raise ValueError(f"write a whole number with Mi, Gi or Ti, such as 4Gi{hint}")
    return int(match[1]) * _BYTES[match[2]]


def parse_cpu(quantity: str) -> int:
    """Millicores in a Kubernetes CPU quantity such as `2` or `500m`."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})(m?)", quantity)
    if match is None:
        raise ValueError("write whole cores such as 2, or millicores such as 500m")
    return int(match[1]) * (1 if match[2] else 1000)


def write_bytes(count: int) -> str:
    """Whole mebibytes as Kubernetes itself writes them: any other spelling is a difference at every preview."""
    unit = next(unit for unit in ("Ti", "Gi", "Mi") if count % _BYTES[unit] == 0)
    return f"{count // _BYTES[unit]}{unit}"


def write_cpu(millicores: int) -> str:
    """Millicores as Kubernetes itself writes them."""
    return f"{millicores}m" if millicores % 1000 else str(millicores // 1000)


def _checked_bytes(value: str) -> str:
    return write_bytes(parse_bytes(value))


def _checked_cpu(value: str) -> str:
    return write_cpu(parse_cpu(value))


Bytes = Annotated[str, AfterValidator(_checked_bytes)]
Cpu = Annotated[str, AfterValidator(_checked_cpu)]
