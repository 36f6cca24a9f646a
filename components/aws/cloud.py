"""Wires the AWS stack to the contract. The order of `_build` is that of creation, and backwards that of destruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import argo
from components.aws import autoscaler, pools
from components.aws.addons import Addons
from components.aws.autoscaler import Autoscaler
from components.aws.check import warnings_at_preview
from components.aws.cluster import EksCluster
from components.aws.identity import Identities
from components.aws.key import Key
from components.aws.locate import s3_head
from components.aws.mirror import Mirror
from components.aws.network import Network, network_problems
from components.aws.nodes import NodeGroups
from components.aws.registry import EcrRegistry
from components.aws.scope import Scope
from components.aws.storage import S3, Storage, Uploads, bucket_names, bucket_problems, cross_region
from components.aws.telemetry import Telemetry
from components.clouds import kubernetes_provider, placeholder_problems, warn
from components.contracts import Cloud, Cluster, Prepared, Registry, Store
from components.images import IMAGES
from components.inputs import refuse
from components.locate import Locator
from components.names import ownership
from components.pools import gpu_problems, placements
from components.storage import ROLES
from settings import Settings, SettingsError
from workflows.types import StoreUris

_API_PORTS = (443,)


def prepare(settings: Settings, root: Path) -> Prepared:
    """Refuses what cannot work, first without and then with asking AWS; finds objects of S3, addresses of the web, and
    files beside the sheet, which are uploaded."""
    refuse(_problems(settings))
    scope = _scope(settings)
    refuse([*network_problems(scope), *bucket_problems(scope)])
    beside = ((root / settings.sheet).parent, root)
    archives = settings.archives
    head = s3_head(scope.region, archives.requester_pays)
    located = Locator("AWS", S3, bucket_names(scope)["reads"], beside, head, archives, scope.region)
    return Prepared(located.locate, lambda: _build(settings, scope, located))


def _build(settings: Settings, scope: Scope, located: Locator) -> Cloud:
    """Network, cluster, node groups, identities, buckets, registry and telemetry, in a region of one account."""
    stack = settings.stack
    key = Key(f"{stack}-key", scope)
    network = Network(f"{stack}-network", scope, key)
    cluster = EksCluster(f"{stack}-cluster", scope, network, key)
    addons = Addons(f"{stack}-addons", scope, cluster)
    nodes = NodeGroups(f"{stack}-nodes", scope, cluster, network, after=[*network.ready, *addons.before_nodes])
    ready = [*nodes.ready, *addons.after_nodes(nodes.ready)]
    storage = Storage(f"{stack}-storage", scope)
    uploads = Uploads(f"{stack}-uploads", scope, storage, located.uploads)
    identities = Identities(
        f"{stack}-identities", scope, cluster, {**storage.buckets}, settings.archives.requester_pays
    )
    registry, copies = _registry(scope, key)
    provider = kubernetes_provider(stack, cluster.kubeconfig, ready)
    image = autoscaler.pinned_image(scope.target.kubernetes)
    Autoscaler(f"{stack}-autoscaler", scope, cluster, provider, copies.get(image))
    Telemetry(f"{stack}-telemetry", scope, cluster, nodes, key, after=ready)
    warn(
        located.elsewhere,
        lambda bucket, region: cross_region("sheet", bucket, region, scope),
        lambda: warnings_at_preview(settings, len(scope.zones)),
    )
    pulumi.export("cluster", cluster.name)
    pulumi.export("kubeconfig", cluster.kubeconfig)
    return Cloud(
        cluster=Cluster(
            provider=provider,
            placements=placements(),
            api_ports=_API_PORTS,
            context=cluster.name,
            kubeconfig=cluster.kubeconfig,
        ),
        registry=registry,
        identity=identities.identity,
        store=Store(
            uris=StoreUris(*(f"s3://{storage.buckets[role]}" for role in ROLES)),
            where=f"s3://{storage.buckets['results']}",
            env={"AWS_REGION": scope.region},
            ready=[*storage.ready, *uploads.ready, *identities.ready],
        ),
    )


def _registry(scope: Scope, key: Key) -> tuple[Registry, Mapping[str, pulumi.Output[str]]]:
    """The registry of our images, and with `biojobs:mirror` its copies of those of others, by reference."""
    own = EcrRegistry(f"{scope.stack}-registry", scope, IMAGES, key)
    if not scope.target.mirror:
        return own.registry, {}
    foreign = {**argo.IMAGES, autoscaler.NAME: autoscaler.pinned_image(scope.target.kubernetes)}
    copies = Mirror(f"{scope.stack}-mirror", scope, foreign, own).refs
    return replace(own.registry, copies=copies), copies


def _problems(settings: Settings) -> list[str]:
    """Whatever can be told without asking AWS."""
    target = settings.aws
    return [
        *pools.problems(target, settings.classes),
        *placeholder_problems(target.admin_cidrs),
        *gpu_problems(settings.aligner, target.pools),
    ]


def _scope(settings: Settings) -> Scope:
    target = settings.aws
    tags = aws.ProviderDefaultTagsArgs(tags=ownership(settings.stack))
    provider = aws.Provider(f"{settings.stack}-aws", region=target.region, default_tags=tags)
    ask = pulumi.InvokeOptions(provider=provider)
    return Scope(
        stack=settings.stack,
        target=target,
        account=aws.get_caller_identity(opts=ask).account_id,
        region=target.region,
        partition=aws.get_partition(opts=ask).partition,
        zones=_zones(settings, ask),
        provider=provider,
    )


def _zones(settings: Settings, ask: pulumi.InvokeOptions) -> tuple[str, ...]:
    """The wanted zones, or the region's first three (two where it has no third)."""
    there = sorted(
        aws.get_availability_zones(
            state="available",
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=ask,
        ).names
    )
    wanted = settings.aws.network.zones
    if unknown := [zone for zone in wanted if zone not in there]:
        raise SettingsError(
            f"biojobs:network.zones: {', '.join(unknown)}: not in {settings.aws.region}, which has {', '.join(there)}"
        )
    return wanted or tuple(there[:3])
