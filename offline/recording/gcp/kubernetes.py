"""The recorded project's clusters, as the recording Kubernetes asks for them."""

from __future__ import annotations

from offline.dockerbuild.reference import Reference
from offline.recording.gcp.registry import repository_of
from offline.recording.gcp.rules_cluster import node_pools
from offline.recording.gcp.world import World
from offline.recording.registries import GOOGLE
from offline.recording.strict.kind import texts
from offline.recording.strict.world import Thing, names_of, values
from offline.resource import ResourceError
from offline.values import Map

_ACCOUNT = "nodeConfig.serviceAccount"
_DNS = "controlPlaneEndpointsConfig.dnsEndpointConfig"


def cluster_at(content: Map, address: str) -> str:
    """Id of the cluster whose API server has the address, or nothing."""
    bare = address.partition("://")[2]
    for thing in World(content).things("cluster"):
        found = values(thing, "endpoint")
        if values(thing, f"{_DNS}.allowExternalTraffic") == [True]:
            found += values(thing, f"{_DNS}.endpoint")
        if bare in (str(each).rpartition("://")[2] for each in found):
            return thing.id
    return ""


def has_nodes(content: Map, cluster: str) -> bool:
    """Whether pods of the cluster find a node, now or once one is wanted. Autopilot makes them."""
    world = World(content)
    thing = world.offering("cluster.id", cluster)
    return thing is not None and bool(thing.state.get("enableAutopilot") or node_pools(world, thing))


def pull_problem(content: Map, cluster: str, image: Reference) -> str:
    """Why the cluster's nodes cannot pull an image, or nothing."""
    world = World(content)
    thing = world.offering("cluster.id", cluster)
    if thing is None:
        return ""
    if not GOOGLE.fullmatch(image.host):
        return "" if _leads_out(thing, world) else f"there is no way out to {image.host}"
    try:
        repository = repository_of(content, image)
    except ResourceError as error:
        return str(error)
    readers = {str(each.state["member"]) for each in world.things("repository-member") if _is_of(each, repository)}
    shut = [email for email in _accounts(thing, world) if f"serviceAccount:{email}" not in readers]
    return f"403 Forbidden: {', '.join(shut)} may not read {repository.id}" if shut else ""


def _is_of(member: Thing, repository: Thing) -> bool:
    reads = str(member.state["role"]).startswith("roles/artifactregistry.")
    return reads and member.state["repository"] in names_of(repository, "repository")


def _accounts(cluster: Thing, world: World) -> list[str]:
    """Service accounts of the cluster's nodes."""
    own = texts(cluster.state, "clusterAutoscaling.autoProvisioningDefaults.serviceAccount")
    return [*own, *(email for pool in node_pools(world, cluster) for email in texts(pool.state, _ACCOUNT))]


def _leads_out(cluster: Thing, world: World) -> bool:
    """Whether nodes of the cluster reach what is not Google's."""
    network = world.offering("network", str(cluster.state.get("network")))
    subnet = world.offering("subnet", str(cluster.state.get("subnetwork")))
    if not (network and network.urn and subnet):
        return True  # it was there before: its ways out are not in this recording
    if values(cluster, "privateClusterConfig.enablePrivateNodes") != [True]:
        return True
    for nat in world.things("nat"):
        router, listed = world.offering("router", str(nat.state["router"])), texts(nat.state, "subnetworks[].name")
        everywhere = not listed and router and router.state.get("network") in names_of(network, "network")
        if everywhere or set(listed) & set(names_of(subnet, "subnet")):
            return True
    return False
