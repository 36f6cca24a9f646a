"""What an object's kind, annotations and resource say about how to handle it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from offline.kubernetes import objects
from offline.kubernetes.api import Kind
from offline.paths import differences, speaks_of
from offline.resource import Change, Request
from offline.values import Map

MANAGER = "pulumi-kubernetes"
PATCH_FORCE = "pulumi.com/patchForce"


def relevant(live: Map, result: Map, wanted: Sequence[Map]) -> list[Change]:
    """Where an apply would change what we have an opinion on.

    A controller that writes an object back adds zero values in lists that are ours as a whole (Argo does so with
    `templates`): taking those out again would be no news, and the controller would add them anew.
    """
    found = differences(objects.comparable(live), objects.comparable(result))
    return [change for change in found if any(speaks_of(body, change.path) for body in wanted)]


def version_and_kind(request: Request, inputs: Map) -> tuple[str, str]:
    """As the object says, else as the type token does (`kubernetes:apps/v1:Deployment`)."""
    _, module, name = request.type.split(":")
    version: Any = inputs.get("apiVersion") or module.removeprefix("core/")
    return str(version), str(inputs.get("kind") or name)


def manager_of(request: Request) -> str:
    """The name under which the object's fields are ours; a stack made by the official plugin has its own.

    It comes from the URN, so that an object tells which resource of which stack made it.
    """
    known = request.state.get(objects.MANAGER_KEY)
    return str(known or f"{MANAGER}-{hashlib.sha256(request.urn.encode()).hexdigest()[:8]}")


def forced(body: Map) -> bool:
    """Whether fields of other managers are to be taken over."""
    return objects.annotation(body, PATCH_FORCE) == "true" or os.environ.get("PULUMI_K8S_ENABLE_PATCH_FORCE") == "true"


def propagation(body: Map) -> str:
    """How a deletion treats what the object owns; first it, unless told otherwise."""
    wanted = objects.annotation(body, "pulumi.com/deletionPropagationPolicy").lower()
    return {"orphan": "Orphan", "background": "Background"}.get(wanted, "Foreground")


def exists_already(kind: Kind, object_id: str) -> str:
    """The error for an object that is there and not ours."""
    return (
        f"{kind.kind} {object_id} exists already in the cluster, and is not in this stack. "
        f"Take it over with `pulumi import` (id {object_id}), give the resource another metadata.name, "
        f"or delete it: kubectl delete {kind.plural} {object_id.rpartition('/')[2]}"
        + (f" --namespace {object_id.rpartition('/')[0]}" if "/" in object_id else "")
    )
