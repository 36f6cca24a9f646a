"""Kubernetes quantities as settings take them: strict about units, with a remedy in every complaint."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

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


def _checked_bytes(value: str) -> str:
    parse_bytes(value)
    return value


def _checked_cpu(value: str) -> str:
    parse_cpu(value)
    return value


Bytes = Annotated[str, AfterValidator(_checked_bytes)]
Cpu = Annotated[str, AfterValidator(_checked_cpu)]
