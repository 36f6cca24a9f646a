"""The recorded account's clusters, as the recording Kubernetes asks for them."""

from __future__ import annotations

from offline.dockerbuild.reference import Reference
from offline.recording.aws.registry import is_fixed
from offline.recording.aws.rules_cluster import leads_out, node_groups, subnets_of
from offline.recording.aws.world import World
from offline.recording.registries import ECR
from offline.recording.strict.world import values
from offline.resource import ResourceError
from offline.values import Map


def cluster_at(content: Map, address: str) -> str:
    """Id of the cluster whose API server has the address, or nothing."""
    found = (thing.id for thing in World(content).things("cluster") if address in values(thing, "endpoint"))
    return next(found, "")


def has_nodes(content: Map, cluster: str) -> bool:
    """Whether pods of the cluster find a node, now or once one is wanted."""
    return bool(node_groups(World(content), cluster))


def pull_problem(content: Map, cluster: str, image: Reference) -> str:
    """Why the cluster's nodes cannot pull an image, or nothing."""
    world = World(content)
    if ECR.fullmatch(image.host):
        try:
            is_fixed(content, image)
        except ResourceError as error:
            return str(error)
        return ""
    subnets = [one for group in node_groups(world, cluster) for one in subnets_of(group.state, "subnetIds[]", world)]
    return "" if all(leads_out(subnet, world) for subnet in subnets) else f"there is no way out to {image.host}"
