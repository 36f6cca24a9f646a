"""What every cloud's machine types have in common: a shape, and a hint where a type does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Arch = Literal["amd64", "arm64"]


@dataclass(frozen=True)
class Machine:
    """What a node of a machine type has."""

    vcpu: int
    memory_gib: float
    arch: Arch
    gpus: int = 0


def unknown(kind: str, noun: str, family: str, known: Mapping[str, Sequence[str]], others: str) -> LookupError:
    """An error with near matches for a type that does not exist.

    `noun` is the cloud's word for a type, `known` has the sizes of every family, `others` says what there is besides.
    """
    if family in known:
        hint = f"{family} comes as {', '.join(known[family])}"
    elif near := difflib.get_close_matches(family, known):
        hint = f"did you mean one of {', '.join(near)}?"
    else:
        hint = f"name one of {others}"
    return LookupError(f"{kind!r}: is not {noun} that is known here; {hint}")
