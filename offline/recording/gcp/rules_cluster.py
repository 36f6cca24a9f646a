"""What GKE checks against what exists. Also the rules of thumb by which nodes come up, or do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from offline.recording.gcp import machines
from offline.recording.gcp.access import check_encrypts, may_encrypt
from offline.recording.gcp.place import Place
from offline.recording.gcp.regions import zones_of
from offline.recording.strict.cloud import Changing, Making, Problems, Removing
from offline.recording.strict.kind import at, texts
from offline.recording.strict.world import Thing, World, values
from offline.values import Map


def _cluster(state: Map, world: World, place: Place) -> Problems:
    subnet = world.offering("subnet", str(state.get("subnetwork")))
    if subnet:
        yield from _subnet(state, subnet, world)
    for pool in texts(state, "workloadIdentityConfig.workloadPool"):
        if pool != place.pool:
            yield "workloadIdentityConfig.workloadPool", f"{pool!r} is not {place.pool}, the only one there is"
    for key in texts(state, "databaseEncryption.keyName"):
        if f"/locations/{place.region}/" not in key:
            yield "databaseEncryption.keyName", f"{key} is not in the cluster's region {place.region}"
        yield from check_encrypts(key, "databaseEncryption.keyName", "container", world, place)
    yield from _zones(state, place, world)


def _subnet(state: Map, subnet: Thing, world: World) -> Problems:
    network = world.offering("network", str(state.get("network")))
    of_subnet = world.offering("network", str(subnet.state["network"]))
    if network and of_subnet and network.id != of_subnet.id:
        yield "subnetwork", f"{subnet.id} is of {of_subnet.id}"
    if not str(state["location"]).startswith(str(subnet.state["region"])):
        yield "subnetwork", f"{subnet.id} is not in {state['location']}"
    ranges = texts(subnet.state, "secondaryIpRanges[].rangeName")
    for key in ("cluster", "services"):
        for name in texts(state, f"ipAllocationPolicy.{key}SecondaryRangeName"):
            if name not in ranges:
                yield f"ipAllocationPolicy.{key}SecondaryRangeName", f"{name!r}: {subnet.id} has {', '.join(ranges)}"
    private = any(value for _, value in at(state, "privateClusterConfig.enablePrivateNodes"))
    if private and not subnet.state.get("privateIpGoogleAccess"):
        yield "privateClusterConfig", f"nodes of {subnet.id} have no way to Google: privateIpGoogleAccess is off"


def _zones(state: Map, place: Place, world: World) -> Problems:
    known = zones_of(place.region, world.content)
    for zone in texts(state, "nodeLocations[]"):
        if zone not in known:
            yield "nodeLocations", f"{zone!r} is no zone of {place.region}: {', '.join(known)}"


def _node_pool(state: Map, world: World, place: Place) -> Problems:
    cluster = world.offering("cluster", str(state["cluster"]))
    if cluster and cluster.state.get("enableAutopilot"):
        yield "cluster", f"{cluster.id}: Autopilot clusters do not support mutating node pools"
    yield from _machines(state, world, place)
    yield from _zones(state, place, world)
    channel = values(cluster, "releaseChannel.channel") if cluster else []
    management = cast(Map, state.get("management") or {})
    if channel not in ([], ["UNSPECIFIED"]):
        for key in ("autoUpgrade", "autoRepair"):
            if management.get(key, True) is False:
                yield f"management.{key}", f"must be true in the release channel {channel[0]}"


def _machines(state: Map, world: World, place: Place) -> Problems:
    config = cast(Map, state.get("nodeConfig") or {})
    machine, disk = str(config.get("machineType", "e2-medium")), str(config.get("diskType", "pd-balanced"))
    if machine == "e2-medium":
        return
    if reason := machines.problem(machine, place.region, world.content):
        yield "nodeConfig.machineType", reason
        return
    if not machines.takes_disk(machine, disk):
        yield "nodeConfig.diskType", f"{machine} cannot boot from {disk}"
    for _, count in at(state, "nodeConfig.ephemeralStorageLocalSsdConfig.localSsdCount"):
        if count and not machines.takes_local_ssds(machine, int(count)):
            yield "nodeConfig.ephemeralStorageLocalSsdConfig", f"{machine} does not take {count} local SSDs"


def _cluster_changed(old: Thing, state: Map, world: World) -> Problems:
    before, after = (str(each.get("minMasterVersion") or "") for each in (old.state, state))
    if before and after and after.split(".")[:2] < before.split(".")[:2]:
        yield "minMasterVersion", f"Master cannot be downgraded from {before} to {after}"


def node_pools(world: World, cluster: Thing) -> list[Thing]:
    """The node pools of a cluster."""
    names = {cluster.id, str(cluster.state["name"])}
    return [thing for thing in world.things("node-pool") if thing.state["cluster"] in names]


def _cluster_removable(thing: Thing, world: World) -> Iterator[str]:
    if thing.state.get("deletionProtection"):
        yield "Cannot destroy cluster because deletion_protection is set to true"
    for key in texts(thing.state, "databaseEncryption.keyName"):
        users = [member for member in world.things("key-member") if member.state["cryptoKeyId"] == key]
        if not any(may_encrypt(key, str(user.state["member"]).partition(":")[2], world) for user in users):
            yield f"its secrets cannot be read: nobody may use {key} any more"


MAKING: Mapping[str, Making[Place]] = {"cluster": _cluster, "node-pool": _node_pool}
CHANGING: Mapping[str, Changing] = {"cluster": _cluster_changed}
REMOVING: Mapping[str, Removing] = {"cluster": _cluster_removable}
