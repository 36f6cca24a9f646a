"""The answers of AWS's functions: those of the recording, else those of an account in which nothing is amiss."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from offline.recording.aws import zones
from offline.recording.aws.place import Place
from offline.recording.strict.cloud import Answer
from offline.recording.strict.world import Thing, World
from offline.resource import ResourceError
from offline.values import Map, Secret

PASSWORD = "recorded-ecr-password"


def _caller(arguments: Map, world: World, place: Place) -> Map:
    arn = f"arn:{place.partition}:iam::{place.account}:user/recorded"
    return {"accountId": place.account, "arn": arn, "userId": "AIDARECORDED", "id": place.account}


def _region(arguments: Map, world: World, place: Place) -> Map:
    name = str(arguments.get("region") or place.region)
    return {"name": name, "region": name, "id": name, "endpoint": f"ec2.{name}.amazonaws.com", "description": name}


def _partition(arguments: Map, world: World, place: Place) -> Map:
    suffix = "amazonaws.com"
    return {
        "partition": place.partition,
        "id": place.partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": "com.amazonaws",
    }


def _zones(arguments: Map, world: World, place: Place) -> Map:
    names = zones.of(place.region, world.content)
    return {
        "names": names,
        "zoneIds": [f"{name}-id" for name in names],
        "groupNames": [place.region],
        "id": place.region,
    }


def _ecr_token(arguments: Map, world: World, place: Place) -> Map:
    # As in AWS, it is another one each time.
    password = f"{PASSWORD}-{world.next_number('ecr-token')}"
    host = f"{place.account}.dkr.ecr.{place.region}.amazonaws.com"
    return {
        "userName": "AWS",
        "password": Secret(password),
        "authorizationToken": Secret(base64.b64encode(f"AWS:{password}".encode()).decode()),
        "proxyEndpoint": f"https://{host}",
        "expiresAt": "2026-01-01T12:00:00Z",
        "id": place.region,
        "region": place.region,
    }


def _found(called: str, resource_id: Any, world: World) -> Thing:
    thing = world.offering(f"{called}.id", str(resource_id))
    if thing is None:
        raise ResourceError(f"no matching EC2 {called.capitalize()} found: {resource_id}")
    return thing


def _vpc(arguments: Map, world: World, place: Place) -> Map:
    thing = _found("vpc", arguments.get("id"), world)
    dns = {"enableDnsSupport": True, "enableDnsHostnames": False}
    return {**dns, "state": "available", "default": False, **thing.state, "id": thing.id}


def _subnet(arguments: Map, world: World, place: Place) -> Map:
    thing = _found("subnet", arguments.get("id"), world)
    about = {"availableIpAddressCount": 251, "mapPublicIpOnLaunch": False, "state": "available"}
    return {**about, **thing.state, "id": thing.id}


def _bucket(arguments: Map, world: World, place: Place) -> Map:
    thing = world.offering("bucket.id", str(arguments["bucket"]))
    if thing is None:
        raise ResourceError(f"reading S3 Bucket ({arguments['bucket']}): couldn't find resource")
    return {"bucketRegion": place.region, "region": place.region, **thing.state, "id": thing.id}


ANSWERS: Mapping[str, Answer[Place]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": _ecr_token,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:s3/getBucket:getBucket": _bucket,
}
