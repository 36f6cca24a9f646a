"""Who may do what with the data: plain values in, plain grants out.

A grant gives a role on one bucket, or on one folder of it. Roles are Google's own: names of custom ones stay taken for
weeks after a stack has gone. A condition takes away what a role gives beyond objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.storage import LOGS_PREFIX, Role

READ: Final = "roles/storage.objectViewer"
"""Get and list. Without the right to list, an object that is not there is answered 403 instead of 404, and "nobody has
made this yet" would look like "not allowed"."""
WRITE: Final = "roles/storage.objectUser"
"""Get, list, create and delete: Cloud Storage takes the right to delete for an object that is written again, as by a
step that was interrupted after its first output."""


@dataclass(frozen=True)
class Grant:
    """A role on a bucket, by the bucket's part in the store. `name` tells the grants of an identity apart; `folder`
    confines it to a managed folder; `expression` is a condition in CEL, with a `title`."""

    name: str
    role: str
    bucket: Role
    folder: str = ""
    title: str = ""
    expression: str = ""


def runner(buckets: Mapping[Role, str]) -> tuple[Grant, ...]:
    """What steps do: read inputs, references and results, write references and results.

    Old versions of both are kept, so that what a step overwrites or deletes can be had back. Public buckets need no
    grant.
    """
    return (*reader(), _writer("reference", buckets), _writer("results", buckets))


def reader() -> tuple[Grant, ...]:
    """What people's notebooks do: look at reads, references and results."""
    return (
        Grant("reads", READ, "reads"),
        Grant("reference", READ, "reference"),
        Grant("results", READ, "results"),
    )


def argo_logs() -> tuple[Grant, ...]:
    """What Argo itself reads: archived logs, and of the results nothing else. It lists before it reads; of a bucket
    that could be allowed as a whole alone, and of a managed folder for what is in it."""
    return (Grant("logs", READ, "results", folder=f"{LOGS_PREFIX}/"),)


def distinct(grants: Sequence[Grant], buckets: Mapping[Role, str]) -> list[Grant]:
    """The grants without those that others are already: where one bucket has several parts, a binding must not be made
    twice, for whichever goes first would take away both."""
    return list({(each.role, buckets[each.bucket], each.folder, each.expression): each for each in grants}.values())


def _writer(role: Role, buckets: Mapping[Role, str]) -> Grant:
    """Objects alone: the role could make and delete managed folders too, on which rights hang."""
    return Grant(
        f"{role}-writer",
        WRITE,
        role,
        title="objects",
        expression=f'resource.name.startsWith("projects/_/buckets/{buckets[role]}/objects/")',
    )
