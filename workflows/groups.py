"""Groups of samples: which samples of a sheet are run by the same Workflow, and by what name each goes there."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from workflows.types import slug

ENTRYPOINT: Final = "group"
"""The graph of a Workflow of several samples."""

Sample = TypeVar("Sample")


def groups(samples: Sequence[Sample], names: Sequence[str], most: int) -> Iterator[Sequence[Sample]]:
    """The samples of a sheet in groups of at most `most`, in the sheet's order; `names` are the samples' names.

    A group ends when it is full, and here and there before, where a sample's name says so. Rows that are appended
    touch the last group, if it is not full, and new ones. After a row is taken out or put in, groups are the same again
    from the next name on that ends one: two or three have changed, whatever the sheet's length.
    """
    first = 0
    for at, name in enumerate(names, start=1):
        if at - first >= most or _ends_a_group(name, most):
            yield samples[first:at]
            first = at
    if first < len(samples):
        yield samples[first:]


def at_once(samples: int, most: int) -> int:
    """How many groups of at most `most` may be under way for so many samples to run at once.

    That is half as many again as would be enough if they were full: groups are not, and some of a group's samples end
    before the others. More would make too many samples ask for their turn, which keeps Argo from its work.
    """
    return samples if most == 1 else math.ceil(1.5 * samples / most)


def _ends_a_group(name: str, most: int) -> bool:
    """True for one name in `2 * most`, always the same ones: groups are then four fifths full, on average."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % (2 * most) == 0


def subject(names: Sequence[str]) -> str:
    """What a group is about, as a label: its only sample, or the first one and how many there are besides."""
    return names[0] if len(names) == 1 else f"{names[0]}-and-{len(names) - 1}-more"


def task_names(names: Sequence[str]) -> list[str]:
    """What the samples' tasks are called in the graph of a group: like the samples, each by a name of its own."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        plain = candidate = slug(name)
        number = 1
        while candidate in taken:
            number += 1
            candidate = f"{plain}-{number}"
        taken.add(candidate)
        found.append(candidate)
    return found
