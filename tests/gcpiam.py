"""Decides offline what Google's IAM lets an identity do, by the bindings that stand on projects, buckets and folders.

Roles are told here as far as our tests ask of them, from Google's own reference; a role that is not here is an error
and never a guess. Google denies whatever no binding allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.cel import NotUnderstood, holds

_VIEW: Final = frozenset({"storage.objects.get", "storage.objects.list"})
_FOLDERS: Final = frozenset(f"storage.managedFolders.{verb}" for verb in ("create", "delete", "get", "list"))
ROLES: Final = {
    "roles/storage.objectViewer": _VIEW | {"storage.managedFolders.get", "storage.managedFolders.list"},
    "roles/storage.objectUser": _VIEW
    | _FOLDERS
    | {
        "storage.multipartUploads.abort",
        "storage.multipartUploads.create",
        "storage.multipartUploads.list",
        "storage.multipartUploads.listParts",
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.move",
        "storage.objects.restore",
        "storage.objects.update",
    },
    "roles/iam.workloadIdentityUser": frozenset(
        {"iam.serviceAccounts.get", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"}
    ),
}
"""Permissions by role: https://cloud.google.com/storage/docs/access-control/iam-roles."""


@dataclass(frozen=True)
class Binding:
    """A role of a member on a bucket, or on a managed `folder` of it; on what else, `bucket` is its name."""

    role: str
    member: str
    bucket: str
    folder: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Request:
    """A permission that a member asks for, on a bucket or on what is in it.

    `name` is an object's, or for `storage.objects.list` the prefix that is listed; for `storage.managedFolders.*` a
    folder's.
    """

    member: str
    permission: str
    bucket: str
    name: str = ""

    @property
    def resource(self) -> dict[str, str]:
        """What conditions know of it."""
        bucket = f"projects/_/buckets/{self.bucket}"
        if self.permission.startswith("storage.managedFolders."):
            return {"name": f"{bucket}/managedFolders/{self.name}", "type": "storage.googleapis.com/ManagedFolder"}
        # What is listed is the bucket: a condition on objects' names never holds for it.
        if self.permission == "storage.objects.list" or not self.name:
            return {"name": bucket, "type": "storage.googleapis.com/Bucket"}
        return {"name": f"{bucket}/objects/{self.name}", "type": "storage.googleapis.com/Object"}


def allows(bindings: Iterable[Binding], request: Request) -> bool:
    """True when a binding allows the request. All conditions are looked at: what is not understood never goes
    unnoticed."""
    answers = [_allows(binding, request) for binding in bindings]
    return any(answers)


def _allows(binding: Binding, request: Request) -> bool:
    if binding.role not in ROLES:
        raise NotUnderstood(f"role {binding.role!r}")
    true = not binding.condition or holds(binding.condition, {"resource": request.resource})
    return (
        true
        and binding.member == request.member
        and binding.bucket == request.bucket
        and request.permission in ROLES[binding.role]
        and request.name.startswith(binding.folder)
    )
