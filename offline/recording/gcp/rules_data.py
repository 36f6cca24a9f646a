"""What is checked of buckets, images and roles on them against what exists, and what becomes of their contents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from offline.recording.gcp.access import check_encrypts
from offline.recording.gcp.place import Place
from offline.recording.gcp.world import World as GcpWorld
from offline.recording.strict.cloud import Making, Problems, Removing
from offline.recording.strict.kind import Kind, texts
from offline.recording.strict.world import Thing, World
from offline.values import Map

_ANYONE = ("allUsers", "allAuthenticatedUsers")


def _bucket(state: Map, world: World, place: Place) -> Problems:
    for key in texts(state, "encryption.defaultKmsKeyName"):
        yield from _near(key, "encryption.defaultKmsKeyName", state)
        yield from check_encrypts(key, "encryption.defaultKmsKeyName", "storage", world, place)


def _bucket_member(state: Map, world: World, place: Place) -> Problems:
    bucket = world.offering("bucket", str(state["bucket"]))
    if bucket and state.get("condition") and not bucket.state.get("uniformBucketLevelAccess"):
        yield "condition", f"{bucket.id} has no uniform bucket-level access, which conditions need"
    if bucket and state["member"] in _ANYONE and bucket.state.get("publicAccessPrevention") == "enforced":
        yield "member", f"public access to {bucket.id} is prevented"


def _folder(state: Map, world: World, place: Place) -> Problems:
    bucket = world.offering("bucket", str(state["bucket"]))
    if bucket and not bucket.state.get("uniformBucketLevelAccess"):
        yield "bucket", f"{bucket.id} has no uniform bucket-level access, which managed folders need"


def _repository(state: Map, world: World, place: Place) -> Problems:
    for key in texts(state, "kmsKeyName"):
        yield from _near(key, "kmsKeyName", state)
        yield from check_encrypts(key, "kmsKeyName", "artifactregistry", world, place)


def _near(key: str, path: str, state: Map) -> Problems:
    if f"/locations/{str(state['location']).lower()}/" not in key:
        yield path, f"{key} is not in {state['location']}"


def _bucket_removable(thing: Thing, world: World) -> Iterator[str]:
    if contents_of(thing.id, world) and not thing.state.get("forceDestroy"):
        yield "it has objects, and no forceDestroy"


def _folder_removable(thing: Thing, world: World) -> Iterator[str]:
    inside = [name for name in contents_of(str(thing.state["bucket"]), world) if name.startswith(thing.state["name"])]
    if inside and not thing.state.get("forceDestroy"):
        yield f"it has {inside[0]}, and no forceDestroy"


def contents_of(bucket: str, world: World) -> Map:
    """Names of a bucket's objects."""
    return cast(dict[str, Map], world.content["contents"]).setdefault(f"gs://{bucket}", {})


def address_of(state: Map, place_project: str) -> str:
    """Where images of a repository are addressed, without a path beneath it."""
    name = str(state["repositoryId"])
    if name.endswith("gcr.io"):
        return f"{name}/{place_project}"
    return f"{state['location']}-docker.pkg.dev/{place_project}/{name}"


def after_making(kind: Kind, state: Map, world: World) -> None:
    """An API is on; an object is in its bucket."""
    assert isinstance(world, GcpWorld)
    if kind.called == "service" and state["service"] not in world.apis():
        world.apis().append(str(state["service"]))
    if kind.called == "object":
        contents_of(str(state["bucket"]), world)[str(state["name"])] = True


def after_removing(thing: Thing, world: World) -> None:
    """What was within goes too; an API is off only where that was asked for."""
    assert isinstance(world, GcpWorld)
    if thing.kind.called == "service" and thing.state.get("disableOnDestroy"):
        world.apis().remove(str(thing.state["service"]))
    if thing.kind.called == "object":
        contents_of(str(thing.state["bucket"]), world).pop(str(thing.state["name"]), None)
    if thing.kind.called == "repository":
        inside = cast(Map, world.content["contents"])
        for address in [
            each for each in inside if f"{each}/".startswith(f"{address_of(thing.state, str(thing.state['project']))}/")
        ]:
            del inside[address]


MAKING: Mapping[str, Making[Place]] = {
    "bucket": _bucket,
    "bucket-member": _bucket_member,
    "folder": _folder,
    "repository": _repository,
}
REMOVING: Mapping[str, Removing] = {"bucket": _bucket_removable, "folder": _folder_removable}
