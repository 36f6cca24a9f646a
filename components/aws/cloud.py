"""Wires the AWS stack to the contract. The order of `_build` is that of creation, and backwards that of destruction."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components import argo
from components.aws import autoscaler, pools
from components.aws.addons import Addons
from components.aws.autoscaler import Autoscaler
from components.aws.check import warnings_at_preview
from components.aws.cluster import EksCluster
from components.aws.identity import Identities
from components.aws.key import Key
from components.aws.locate import PLAN, Locator, s3_head
from components.aws.mirror import Mirror
from components.aws.network import Network, network_problems
from components.aws.nodes import NodeGroups
from components.aws.registry import EcrRegistry
from components.aws.scope import Scope
from components.aws.storage import Storage, Uploads, bucket_names, bucket_problems, cross_region
from components.aws.telemetry import Telemetry
from components.contracts import Cloud, Cluster, Prepared, Registry, Store
from settings import Settings, SettingsError
from workflows.types import Placement, SizeName, StoreUris

IMAGES = ("fastqc", "bwa-mem2")
_SIZES: tuple[SizeName, ...] = ("small", "large", "huge")
_API_PORTS = (443,)


def prepare(settings: Settings, root: Path) -> Prepared:
    """Refuses what cannot work, first without and then with asking AWS; finds objects of S3, addresses of the web, and
    files beside the sheet, which are uploaded."""
    _refuse(_problems(settings))
    scope = _scope(settings)
    _refuse([*network_problems(scope), *bucket_problems(scope)])
    beside = ((root / settings.sheet).parent, root)
    located = Locator(scope.region, bucket_names(scope)["reads"], beside, s3_head(scope.region))
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
    identities = Identities(f"{stack}-identities", scope, cluster, {**storage.buckets})
    registry, copies = _registry(scope, key)
    provider = _provider(stack, cluster, ready)
    image = autoscaler.pinned_image(scope.target.kubernetes)
    Autoscaler(f"{stack}-autoscaler", scope, cluster, provider, copies.get(image))
    Telemetry(f"{stack}-telemetry", scope, cluster, nodes, key, after=ready)
    for bucket, region in sorted(located.elsewhere.items()):
        pulumi.log.warn(cross_region("sheet", bucket, region, scope))
    if pulumi.runtime.is_dry_run() and not os.environ.get(PLAN):
        for warning in warnings_at_preview(settings, len(scope.zones)):
            pulumi.log.warn(warning)
    pulumi.export("cluster", cluster.name)
    pulumi.export("kubeconfig", cluster.kubeconfig)
    return Cloud(
        cluster=Cluster(
            provider=provider,
            placements={size: _placement(size) for size in _SIZES},
            api_ports=_API_PORTS,
            context=cluster.name,
            kubeconfig=cluster.kubeconfig,
        ),
        registry=registry,
        identity=identities.identity,
        store=Store(
            uris=StoreUris(*(f"s3://{storage.buckets[role]}" for role in ("reads", "reference", "results"))),
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
    made = own.registry
    return Registry(made.address, made.username, made.password, copies), copies


def _placement(size: SizeName) -> Placement:
    usual, last = pools.pool_of(size), pools.last_try_pool(size)
    return Placement(
        node_selector={pools.LABEL: usual},
        tolerations=tuple(
            {"key": pools.LABEL, "operator": "Equal", "value": name, "effect": "NoSchedule"}
            for name in dict.fromkeys((usual, last))
        ),
        last_try={pools.LABEL: last} if last != usual else {},
        reserves_scratch=True,
    )


def _provider(stack: str, cluster: EksCluster, after: Sequence[pulumi.Resource]) -> k8s.Provider:
    """The provider of everything in the cluster: made when there are nodes, so that what needs pods comes after them,
    and goes before them."""
    return k8s.Provider(
        f"{stack}-kubernetes", kubeconfig=cluster.kubeconfig, opts=pulumi.ResourceOptions(depends_on=list(after))
    )


def _problems(settings: Settings) -> list[str]:
    """Whatever can be told without asking AWS."""
    problems = pools.problems(settings.aws, settings.classes)
    if os.environ.get(PLAN):
        return problems
    return problems + [
        f"biojobs:adminCidrs: {cidr!r}: is an address for documentation; write your own, as "
        "`curl https://checkip.amazonaws.com` tells it, with /32"
        for cidr in pools.placeholder_cidrs(settings.aws)
    ]


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise SettingsError("\n".join(problems))


def _scope(settings: Settings) -> Scope:
    target = settings.aws
    tags = {"project": "biojobs", "stack": settings.stack, "managed-by": "pulumi"}
    provider = aws.Provider(
        f"{settings.stack}-aws", region=target.region, default_tags=aws.ProviderDefaultTagsArgs(tags=tags)
    )
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
