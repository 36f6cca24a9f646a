"""Wires the `local` cloud to the contract."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from components.contracts import Cloud, Cluster, Identity, Prepared, Registry, Store
from components.images import Images
from components.local.folder import Workspace
from components.local.store import LocalStore
from settings import Settings
from workflows.types import Placement, StoreUris

# Where the API servers of sandbox, kind, k3d, minikube and common managed clusters listen.
_API_PORTS = (6443, 8443, 16443)


def prepare(settings: Settings, root: Path) -> Prepared:
    """Finds reads and references in the workspace, and takes in those that lie beside the sheet."""
    workspace = _workspace(settings, root)
    if not workspace.dry_run:
        workspace.prepare()
    return Prepared(workspace.locate, lambda: _build(settings, workspace))


def _build(settings: Settings, workspace: Workspace) -> Cloud:
    """The cluster of the stack's context, its registry, and the workspace folder as the store."""
    local = settings.local
    provider = k8s.Provider(f"{settings.stack}-cluster", context=local.context)
    registry = Registry(local.registry)
    images = Images(f"{settings.stack}-store-image", ["store"], registry, settings.base_image)
    store = LocalStore(
        f"{settings.stack}-store",
        settings.stack,
        workspace.path,
        workspace.user,
        images.refs["store"],
        workspace.credentials(),
        opts=pulumi.ResourceOptions(providers=[provider]),
    )
    pulumi.export("store", store.url)
    return Cloud(
        cluster=Cluster(
            provider=provider,
            placements={"small": Placement(), "large": Placement(), "huge": Placement(), "gpu": Placement()},
            api_ports=_API_PORTS,
            context=pulumi.Output.from_input(local.context),
        ),
        registry=registry,
        identity=Identity(),
        store=Store(
            uris=StoreUris("s3://reads", "s3://reference", "s3://results"),
            where=str(workspace.path / "results"),
            env={"BIOJOBS_S3_ENDPOINT": f"http://{store.endpoint.host}", "AWS_REGION": "us-east-1"},
            endpoint=store.endpoint,
            ready=[store.deployment],
        ),
    )


def _workspace(settings: Settings, root: Path) -> Workspace:
    return Workspace(
        path=(root / settings.local.workspace).resolve(),
        beside=((root / settings.sheet).parent, root),
        dry_run=pulumi.runtime.is_dry_run(),
        archives=settings.archives,
    )
