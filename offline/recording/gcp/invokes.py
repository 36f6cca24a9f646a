"""The answers of pulumi-gcp's functions: those of a project in which nothing is amiss but what is off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from offline.recording.gcp import machines
from offline.recording.gcp.place import Place, storage_agent
from offline.recording.gcp.regions import zones_of
from offline.recording.gcp.rules import disabled
from offline.recording.gcp.world import World as GcpWorld
from offline.recording.strict.cloud import Answer
from offline.recording.strict.world import Thing, World
from offline.resource import ResourceError
from offline.values import Map, Secret

TOKEN: Final = "recorded-access-token"
VERSIONS: Final = ("1.35.3-gke.1993000", "1.34.5-gke.1153000", "1.33.9-gke.1060000")


def _need(service: str, world: World, place: Place) -> None:
    assert isinstance(world, GcpWorld)
    if not world.is_on(service):
        raise ResourceError(disabled(service, place))


def _project(arguments: Map, world: World, place: Place) -> Map:
    _need("cloudresourcemanager", world, place)
    name = str(arguments.get("projectId") or place.project)
    if name != place.project:
        raise ResourceError(f"googleapi: Error 403: The caller does not have permission on project {name}, forbidden")
    return {
        "id": f"projects/{name}",
        "projectId": name,
        "number": place.number,
        "name": name,
        "billingAccount": "0X0X0X-0X0X0X-0X0X0X",
        "effectiveLabels": {},
        "labels": {},
    }


def _client(arguments: Map, world: World, place: Place) -> Map:
    # As in Google Cloud, the token is another one each time.
    token = Secret(f"{TOKEN}-{world.next_number('access-token')}")
    known = {"project": place.project, "region": place.region, "zone": "", "defaultLabels": dict(place.default_labels)}
    return {**known, "accessToken": token, "id": f'projects/"{place.project}"/regions/"{place.region}"'}


def _zones(arguments: Map, world: World, place: Place) -> Map:
    _need("compute", world, place)
    region = str(arguments.get("region") or place.region)
    return {"names": zones_of(region, world.content), "region": region, "project": place.project, "id": region}


def _machine_types(arguments: Map, world: World, place: Place) -> Map:
    """Those that the filter names, as far as the region has them."""
    _need("compute", world, place)
    zone, wanted = str(arguments.get("zone")), re.findall(r'name *= *"([^"]+)"', str(arguments.get("filter") or ""))
    if zone not in zones_of(zone.rpartition("-")[0], world.content):
        raise ResourceError(f"googleapi: Error 400: Invalid value for field 'zone': '{zone}'. Unknown zone., invalid")
    there = [name for name in wanted if not machines.problem(name, zone.rpartition("-")[0], world.content)]
    return {"machineTypes": [{"name": name} for name in there], "zone": zone, "project": place.project, "id": zone}


def _versions(arguments: Map, world: World, place: Place) -> Map:
    _need("container", world, place)
    prefix = str(arguments.get("versionPrefix") or "")
    found = [version for version in VERSIONS if version.startswith(prefix)]
    channels = {"REGULAR": found[0] if found else "", "STABLE": found[-1] if found else ""}
    return {
        "validMasterVersions": found,
        "validNodeVersions": found,
        "latestMasterVersion": found[0] if found else "",
        "latestNodeVersion": found[0] if found else "",
        "defaultClusterVersion": found[0] if found else "",
        "releaseChannelDefaultVersion": channels,
        "releaseChannelLatestVersion": channels,
        "project": place.project,
        "id": "versions",
    }


def _found(called: str, name: Any, service: str, world: World, place: Place) -> Thing:
    _need(service, world, place)
    thing = world.offering(called, str(name))
    if thing is None:
        raise ResourceError(f"googleapi: Error 404: The resource {called} '{name}' was not found, notFound")
    return thing


def _look_up(called: str, by: str, service: str) -> Answer[Place]:
    """The function that finds a thing by one of its names."""

    def answer(arguments: Map, world: World, place: Place) -> Map:
        thing = _found(called, arguments.get(by) or arguments.get("selfLink"), service, world, place)
        return {**thing.state, "id": thing.id}

    return answer


def _repository(arguments: Map, world: World, place: Place) -> Map:
    _need("artifactregistry", world, place)
    where = f"projects/{arguments.get('project') or place.project}/locations/{arguments.get('location')}"
    name = f"{where}/repositories/{arguments.get('repositoryId')}"
    thing = _found("repository.id", name, "artifactregistry", world, place)
    return {**thing.state, "id": thing.id}


def _storage_agent(arguments: Map, world: World, place: Place) -> Map:
    _need("storage", world, place)
    email = storage_agent(place)
    asked = cast(list[str], world.content.setdefault("asked", []))
    if email not in asked:
        asked.append(email)
    return {"emailAddress": email, "member": f"serviceAccount:{email}", "id": email, "project": place.project}


ANSWERS: Mapping[str, Answer[Place]] = {
    "gcp:organizations/getProject:getProject": _project,
    "gcp:organizations/getClientConfig:getClientConfig": _client,
    "gcp:compute/getZones:getZones": _zones,
    "gcp:compute/getNetwork:getNetwork": _look_up("network", "name", "compute"),
    "gcp:compute/getSubnetwork:getSubnetwork": _look_up("subnet", "name", "compute"),
    "gcp:compute/getMachineTypes:getMachineTypes": _machine_types,
    "gcp:container/getEngineVersions:getEngineVersions": _versions,
    "gcp:container/getCluster:getCluster": _look_up("cluster", "name", "container"),
    "gcp:storage/getBucket:getBucket": _look_up("bucket", "name", "storage"),
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _storage_agent,
    "gcp:artifactregistry/getRepository:getRepository": _repository,
    "gcp:serviceaccount/getAccount:getAccount": _look_up("account", "accountId", "iam"),
}
