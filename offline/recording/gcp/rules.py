"""What Google Cloud checks against what exists, when something is made, changed or taken away."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import cast

from offline.recording.gcp import rules_cluster, rules_data
from offline.recording.gcp.access import check_member
from offline.recording.gcp.place import Place
from offline.recording.gcp.regions import REGIONS
from offline.recording.gcp.world import World as GcpWorld
from offline.recording.strict.cloud import Changing, Making, Problems, Removing
from offline.recording.strict.kind import Kind, at, texts
from offline.recording.strict.world import Thing, World, names_of
from offline.values import Map

_AUTO_MODE = ipaddress.IPv4Network("10.128.0.0/9")


def always(kind: Kind, state: Map, world: World, place: Place) -> Problems:
    """An API that is off, a project or a region that is not this one, a principal that does not exist."""
    assert isinstance(world, GcpWorld)
    if kind.service and not world.is_on(kind.service):
        yield "", disabled(kind.service, place)
    if "project" in state and str(state["project"]).removeprefix("projects/") not in (place.project, place.number):
        yield "project", f"{state['project']!r} is not the provider's project {place.project}"
    if not kind.service.startswith("logging"):
        for key in ("region", "location"):
            region = str(state.get(key, place.region)).lower()
            if region not in (place.region, "global", "us", "eu", "europe", "asia") and region not in REGIONS:
                yield key, f"{state[key]!r} is no region"
    yield from check_member(kind, state, world, place)


def disabled(service: str, place: Place) -> str:
    """What Google says of an API that is off."""
    return (
        f"googleapi: Error 403: {service}.googleapis.com has not been used in project {place.number} before or it is "
        "disabled. SERVICE_DISABLED"
    )


def _service(state: Map, world: World, place: Place) -> Problems:
    assert isinstance(world, GcpWorld)
    for needed in ("serviceusage", "cloudresourcemanager"):
        if not world.is_on(needed):
            yield "", disabled(needed, place)


def _service_agent(state: Map, world: World, place: Place) -> Problems:
    assert isinstance(world, GcpWorld)
    service = str(state["service"]).partition(".")[0]
    if not world.is_on(service):
        yield "service", disabled(service, place)


def _subnet(state: Map, world: World, place: Place) -> Problems:
    network = world.offering("network", str(state["network"]))
    mine = _ranges(state)
    for index, (name, block) in enumerate(mine):
        for other, found in mine[:index]:
            if block.overlaps(found):
                yield "secondaryIpRanges", f"{name} {block} overlaps {other} {found}"
        for other, found in _taken(network, world):
            if block.overlaps(found):
                yield "ipCidrRange", f"Invalid IPCidrRange: {name} {block} conflicts with {other} {found}"
        if not 8 <= block.prefixlen <= 29:
            yield "ipCidrRange", f"{name} {block} is not between /8 and /29"
    if network and network.state.get("autoCreateSubnetworks") and any(block.overlaps(_AUTO_MODE) for _, block in mine):
        yield "ipCidrRange", f"{_AUTO_MODE} is of the auto mode network {network.id} itself"
    if len({name for name, _ in mine}) < len(mine):
        yield "secondaryIpRanges", "has a name twice"


def _ranges(state: Map) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Names and ranges of a subnet; the primary range's name is empty."""
    found = [("", ipaddress.IPv4Network(str(state["ipCidrRange"])))]
    for each in cast(list[Map], state.get("secondaryIpRanges") or []):
        found.append((str(each.get("rangeName")), ipaddress.IPv4Network(str(each["ipCidrRange"]))))
    return found


def _taken(network: Thing | None, world: World) -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    """Ranges in a network: of its subnets, and of control planes that have one."""
    names = names_of(network, "network") if network else []
    for thing in (*world.things("subnet"), *world.things("cluster")):
        if thing.state.get("network") not in names:
            continue
        if thing.kind.called == "subnet":
            yield from ((f"{thing.id} {name}", block) for name, block in _ranges(thing.state))
        for block in texts(thing.state, "privateClusterConfig.masterIpv4CidrBlock"):
            yield f"the control plane of {thing.id}", ipaddress.IPv4Network(block)


def _subnet_changed(old: Thing, state: Map, world: World) -> Problems:
    kept = _ranges(state)
    for cluster in world.things("cluster"):
        if not set(texts(cluster.state, "subnetwork")) & set(names_of(old, "subnet")):
            continue
        used = {value for _, value in at(cluster.state, "ipAllocationPolicy") for value in cast(Map, value).values()}
        for name, block in _ranges(old.state):
            if name in used and (name, block) not in kept:
                yield "secondaryIpRanges", f"{name} {block} is in use by {cluster.id}"


def _nat(state: Map, world: World, place: Place) -> Problems:
    router = world.offering("router", str(state["router"]))
    if router and router.state.get("region") != state.get("region"):
        yield "region", f"the router is in {router.state.get('region')}"
    mine = set(texts(state, "subnetworks[].name"))
    for other in world.things("nat"):
        if shared := mine & set(texts(other.state, "subnetworks[].name")):
            yield "subnetworks", f"{', '.join(sorted(shared))}: {other.id} serves it already"


def _alert(state: Map, world: World, place: Place) -> Problems:
    found = [
        str(value) for key in ("Threshold", "Absent") for _, value in at(state, f"conditions[].condition{key}.filter")
    ]
    there = {str(thing.state["name"]) for thing in world.things("log-metric")}
    for name in re.findall(r"logging\.googleapis\.com/user/([^\"'\s]+)", " ".join(found)):
        if name not in there:
            yield "conditions", f"Cannot find metric(s) that match type = logging.googleapis.com/user/{name}"


def _sink(state: Map, world: World, place: Place) -> Problems:
    destination = str(state["destination"])
    service, _, target = destination.partition("/")
    known: Mapping[str, str] = {"logging.googleapis.com": "log-bucket", "storage.googleapis.com": "bucket"}
    if service not in known:
        yield "destination", f"{destination!r} begins with none of {', '.join(known)}"
    elif world.offering(f"{known[service]}.id", target) is None and not target.endswith(("/_Default", "/_Required")):
        yield "destination", f"{target}: there is no such {known[service]}"


def _budget(state: Map, world: World, place: Place) -> Problems:
    # A person's own credentials belong to no project that could be charged.
    if not place.billed:
        yield "", "googleapi: Error 403: The billingbudgets.googleapis.com API requires a quota project"


def forbids(thing: Thing) -> Iterator[str]:
    """Why it is not deleted: pulumi-gcp was told so."""
    if thing.state.get("deletionPolicy") == "PREVENT":
        yield "deletionPolicy is PREVENT"


def abandons(thing: Thing) -> bool:
    """Whether it stays when Pulumi forgets it."""
    return thing.state.get("deletionPolicy") == "ABANDON"


MAKING: Mapping[str, Making[Place]] = {
    "service": _service,
    "service-agent": _service_agent,
    "subnet": _subnet,
    "nat": _nat,
    "alert": _alert,
    "budget": _budget,
    "sink": _sink,
    **rules_cluster.MAKING,
    **rules_data.MAKING,
}
CHANGING: Mapping[str, Changing] = {"subnet": _subnet_changed, **rules_cluster.CHANGING}
REMOVING: Mapping[str, Removing] = {**rules_cluster.REMOVING, **rules_data.REMOVING}
