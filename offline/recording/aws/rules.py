"""What AWS checks against what exists, when something is made, changed or taken away."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import cast

from offline.recording.aws import rules_cluster, rules_data, zones
from offline.recording.aws.place import Place
from offline.recording.strict.cloud import Changing, Making, Problems, Removing
from offline.recording.strict.world import Thing, World, values
from offline.values import Map


def _vpc(state: Map, world: World, place: Place) -> Problems:
    if not 16 <= ipaddress.IPv4Network(str(state["cidrBlock"])).prefixlen <= 28:
        yield "cidrBlock", f"{state['cidrBlock']} is not between /16 and /28"


def _subnet(state: Map, world: World, place: Place) -> Problems:
    block = ipaddress.IPv4Network(str(state["cidrBlock"]))
    vpc = world.offering("vpc.id", str(state["vpcId"]))
    whole = ipaddress.IPv4Network(str(vpc.state["cidrBlock"])) if vpc else block
    if not block.subnet_of(whole):
        yield "cidrBlock", f"InvalidSubnet.Range: {block} is not within the VPC's {whole}"
    if not 16 <= block.prefixlen <= 28:
        yield "cidrBlock", f"InvalidSubnet.Range: {block} is not between /16 and /28"
    for other in world.things("subnet"):
        if other.state["vpcId"] == state["vpcId"] and block.overlaps(
            ipaddress.IPv4Network(str(other.state["cidrBlock"]))
        ):
            yield "cidrBlock", f"InvalidSubnet.Conflict: {block} overlaps {other.state['cidrBlock']} of {other.id}"
    zone = state.get("availabilityZone")
    if zone not in (None, *zones.of(place.region, world.content)):
        yield "availabilityZone", f"{zone!r} is no zone of {place.region}"


def _igw(state: Map, world: World, place: Place) -> Problems:
    if any(other.state.get("vpcId") == state.get("vpcId") for other in world.things("igw")):
        yield "vpcId", "Resource.AlreadyAssociated: the VPC has an internet gateway"


def _nat(state: Map, world: World, place: Place) -> Problems:
    vpc = _vpc_of(world, "subnet", str(state["subnetId"]))
    if not any(gateway.state.get("vpcId") == vpc for gateway in world.things("igw")):
        yield "subnetId", f"Gateway.NotAttached: {vpc} has no internet gateway"


def _association(state: Map, world: World, place: Place) -> Problems:
    table, subnet = (_vpc_of(world, called, str(state[f"{key}Id"])) for called, key in _ENDS)
    if table != subnet:
        yield "routeTableId", f"is of {table}, and the subnet of {subnet}"


_ENDS = (("rtb", "routeTable"), ("subnet", "subnet"))


def _route(state: Map, world: World, place: Place) -> Problems:
    targets = [key for key in ("gatewayId", "natGatewayId", "networkInterfaceId", "vpcEndpointId") if state.get(key)]
    if len(targets) != 1:
        yield "gatewayId", f"a route has one target, and this has {len(targets)}"
    if gateway := world.offering("igw.id", str(state.get("gatewayId"))):
        table = _vpc_of(world, "rtb", str(state["routeTableId"]))
        if gateway.state.get("vpcId") != table:
            yield "gatewayId", f"is attached to {gateway.state.get('vpcId')}, and the table is of {table}"


def _endpoint(state: Map, world: World, place: Place) -> Problems:
    service, prefix = str(state["serviceName"]), f"com.amazonaws.{place.region}."
    gateway = state.get("vpcEndpointType", "Gateway") == "Gateway"
    if not service.startswith(prefix):
        yield "serviceName", f"InvalidServiceName: {service} does not begin with {prefix}"
    if gateway and service.removeprefix(prefix) not in ("s3", "dynamodb"):
        yield "vpcEndpointType", f"{service} has no gateway endpoint"
    if gateway and (state.get("subnetIds") or state.get("securityGroupIds") or state.get("privateDnsEnabled")):
        yield "subnetIds", "a gateway endpoint has route tables, no subnets, groups or DNS"
    if not gateway and state.get("routeTableIds"):
        yield "routeTableIds", "an interface endpoint has subnets, no route tables"
    if vpc := world.offering("vpc.id", str(state["vpcId"])):
        dns = vpc.state.get("enableDnsSupport") and vpc.state.get("enableDnsHostnames")
        if state.get("privateDnsEnabled") and not dns:
            yield "privateDnsEnabled", f"takes enableDnsSupport and enableDnsHostnames of {vpc.id}"
    used = [world.offering("subnet.id", name) for name in cast(list[str], state.get("subnetIds") or [])]
    zones_used = [subnet.state.get("availabilityZone") for subnet in used if subnet]
    if len(set(zones_used)) < len(zones_used):
        yield "subnetIds", "DuplicateSubnetsInSameZone: an endpoint has one subnet a zone"


def _igw_moved(old: Thing, state: Map, world: World) -> Problems:
    if old.state.get("vpcId") != state.get("vpcId"):
        for reason in _igw_removable(old, world):
            yield "vpcId", f"DependencyViolation: {old} cannot be detached: {reason}"


def _igw_removable(thing: Thing, world: World) -> Iterator[str]:
    for nat in world.things("nat"):
        if _vpc_of(world, "subnet", str(nat.state["subnetId"])) == thing.state.get("vpcId"):
            yield f"{nat} has a public address in the VPC"


def _vpc_of(world: World, called: str, resource_id: str) -> str:
    found = world.offering(f"{called}.id", resource_id)
    if found is None:
        return ""
    return found.id if found.kind.called == "vpc" else str((values(found, "vpcId") or [""])[0])


MAKING: Mapping[str, Making[Place]] = {
    "vpc": _vpc,
    "subnet": _subnet,
    "igw": _igw,
    "nat": _nat,
    "route": _route,
    "rtbassoc": _association,
    "vpce": _endpoint,
    **rules_cluster.MAKING,
    **rules_data.MAKING,
}
CHANGING: Mapping[str, Changing] = {"igw": _igw_moved, **rules_cluster.CHANGING}
REMOVING: Mapping[str, Removing] = {"igw": _igw_removable, **rules_cluster.REMOVING, **rules_data.REMOVING}
