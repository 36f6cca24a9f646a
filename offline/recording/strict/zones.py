"""Zones of regions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from offline.values import Map


def zones(region: str, usual: Iterable[str], content: Map) -> list[str]:
    """Names of a region's zones in their order: the usual ones, unless the recording has others."""
    own = cast(dict[str, list[str]], content["zones"]).get(region)
    return own or list(usual)
