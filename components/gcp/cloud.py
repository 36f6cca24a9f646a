"""Wires the Google Cloud stack to the contract. The order of `_build` is that of creation, and backwards that of
destruction."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from components import argo
from components.clouds import kubernetes_provider, placeholder_problems, warn
from components.contracts import Cloud, Cluster, Prepared, Registry, Store
from components.gcp import autopilot, cluster, pools
from components.gcp.account import first_api_off
from components.gcp.autopilot import ComputeClasses
from components.gcp.check import policy_problems, warnings_at_preview
from components.gcp.cluster import GkeCluster
from components.gcp.identity import Identities, NodeAccount, stack_problems
from components.gcp.key import Key
from components.gcp.locate import gcs_head
from components.gcp.mirror import Mirror
from components.gcp.network import Network, network_problems
from components.gcp.nodes import NodePools
from components.gcp.registry import ArtifactRegistry
from components.gcp.scope import Scope
from components.gcp.services import Services, is_off
from components.gcp.storage import GS, Storage, Uploads, bucket_names, bucket_problems, cross_region
from components.gcp.telemetry import Telemetry
from components.gcp.zones import machine_problems
from components.inputs import refuse
from components.locate import PLAN, Locator
from components.names import ownership
from components.pools import SIZES, gpu_problems
from components.pools import placements as every_placement
from components.storage import ROLES
from settings import Settings, SettingsError
from settings_gcp import Gcp
from workflows.types import Placement, SizeName, StoreUris

_API_PORTS = (443,)
_EXAMPLE = "your-project-id"


def prepare(settings: Settings, root: Path) -> Prepared:
    """Refuses what cannot work, first without and then with asking Google Cloud; finds objects of Cloud Storage,
    addresses of the web, and files beside the sheet, which are uploaded."""
    refuse(problems(settings))
    scope = _scope(settings)
    refuse([*policy_problems(settings), *network_problems(scope), *bucket_problems(scope), *machine_problems(scope)])
    beside = ((root / settings.sheet).parent, root)
    head = gcs_head(scope.project, scope.region)
    located = Locator("Google Cloud", GS, bucket_names(scope)["reads"], beside, head, settings.archives)
    return Prepared(located.locate, lambda: _build(settings, scope, located))


def problems(settings: Settings) -> list[str]:
    """Whatever can be told without asking Google Cloud."""
    target = settings.gcp
    found = (autopilot if target.autopilot else pools).problems(target, settings.classes)
    found += [
        *cluster.problems(target),
        *stack_problems(settings.stack),
        *placeholder_problems(target.admin_cidrs),
        *gpu_problems(settings.aligner, None if target.autopilot else target.pools),
    ]
    if target.project == _EXAMPLE and not os.environ.get(PLAN):
        found.append(
            f"biojobs:project: {target.project!r}: is the example's; write the id of your own, as "
            "`gcloud projects list` tells it"
        )
    return found


def placements(target: Gcp) -> dict[SizeName, Placement]:
    """Where steps of each size class go."""
    if target.autopilot:
        return {size: autopilot.placement(size) for size in SIZES}
    return every_placement()


def _build(settings: Settings, scope: Scope, located: Locator) -> Cloud:
    """APIs, network, cluster, nodes, identities, buckets, registry and telemetry, in a region of one project."""
    stack = settings.stack
    services = Services(f"{stack}-services", scope)
    key = Key(f"{stack}-key", scope, services)
    network = Network(f"{stack}-network", scope, services)
    account = NodeAccount(f"{stack}-node-account", scope, services)
    before = [*network.ready, *key.ready, *account.ready]
    gke = GkeCluster(f"{stack}-cluster", scope, network, key, account.email, after=before)
    nodes = [] if scope.target.autopilot else NodePools(f"{stack}-nodes", scope, gke, account.email, after=[]).ready
    provider = kubernetes_provider(stack, gke.kubeconfig, [gke.cluster, *nodes])
    classes = _compute_classes(settings, scope, provider)
    storage = Storage(f"{stack}-storage", scope, services)
    uploads = Uploads(f"{stack}-uploads", scope, storage, located.uploads)
    identities = Identities(f"{stack}-identities", scope, gke, storage, services)
    registry = _registry(scope, key, account, services)
    Telemetry(f"{stack}-telemetry", scope, gke, after=services.ready, nodes=nodes)
    warn(
        located.elsewhere,
        lambda bucket, region: cross_region("sheet", bucket, region, scope),
        lambda: warnings_at_preview(settings),
    )
    pulumi.export("cluster", gke.name)
    pulumi.export("kubeconfig", gke.kubeconfig)
    return Cloud(
        cluster=Cluster(
            provider=provider,
            placements=placements(scope.target),
            api_ports=_API_PORTS,
            context=gke.name,
            kubeconfig=gke.kubeconfig,
            ready=classes,
        ),
        registry=registry,
        identity=identities.identity,
        store=Store(
            uris=StoreUris(*(f"gs://{storage.buckets[role]}" for role in ROLES)),
            where=f"gs://{storage.buckets['results']}",
            ready=[*storage.ready, *uploads.ready, *identities.ready],
        ),
    )


def _compute_classes(settings: Settings, scope: Scope, provider: k8s.Provider) -> list[pulumi.Resource]:
    """What Autopilot makes nodes by; a Standard cluster has pools instead."""
    if not scope.target.autopilot:
        return []
    return ComputeClasses(f"{settings.stack}-compute-classes", scope, provider, settings.classes).ready


def _registry(scope: Scope, key: Key, nodes: NodeAccount, services: Services) -> Registry:
    """The registry of our images, and with `biojobs:mirror` the addresses by which it fetches those of others."""
    own = ArtifactRegistry(f"{scope.stack}-registry", scope, key, nodes.email, services).registry
    if not scope.target.mirror:
        return own
    copies = Mirror(f"{scope.stack}-mirror", scope, argo.IMAGES.values(), nodes.email, services).refs
    return replace(own, copies=copies)


def _scope(settings: Settings) -> Scope:
    target = settings.gcp
    # Budgets are the billing account's: Google asks which project's quota their requests count for.
    billed = bool(target.monthly_budget)
    provider = gcp.Provider(
        f"{settings.stack}-gcp",
        project=target.project,
        region=target.region,
        default_labels=ownership(settings.stack),
        user_project_override=True if billed else None,
        billing_project=target.project if billed else None,
    )
    return Scope(settings.stack, target, _number(target, provider), provider)


def _number(target: Gcp, provider: gcp.Provider) -> str:
    """The project's number, which is asked for because Google names its own accounts by it."""
    try:
        found = gcp.organizations.get_project(project_id=target.project, opts=pulumi.InvokeOptions(provider=provider))
    except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
        if is_off(error):
            raise SettingsError(first_api_off(target.project)) from None
        raise SettingsError(
            f"biojobs:project: {target.project!r}: cannot be read ({error}); is it the id that `gcloud projects list` "
            "shows, and are you signed in (`gcloud auth application-default login`)?"
        ) from None
    return found.number
