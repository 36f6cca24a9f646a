"""What is checked of data, keys and logs against what exists; and what services make for themselves."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from offline.recording.aws.place import Place
from offline.recording.aws.rules_cluster import OBSERVABILITY
from offline.recording.strict.cloud import Making, Problems, Removing
from offline.recording.strict.kind import Kind, texts
from offline.recording.strict.world import Thing, World
from offline.values import Map


def _log_group(state: Map, world: World, place: Place) -> Problems:
    name = str(state["name"])
    if maker := cast(Map, world.content["left"]).get(name):
        yield "name", f"ResourceAlreadyExistsException: {maker} has made {name} before"
    key = world.offering("key.arn", str(state.get("kmsKeyId")))
    if key and not _lets_logs_in(key, place, name):
        yield "kmsKeyId", f"the policy of {key.id} does not let logs.{place.region}.amazonaws.com use it for {name}"


def _lets_logs_in(key: Thing, place: Place, name: str) -> bool:
    policy: Any = key.state.get("policy")
    document = cast(Map, json.loads(policy) if isinstance(policy, str) else policy or {"Statement": []})
    arn = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{name}"
    for statement in cast(list[Map], document["Statement"]):
        principal: Any = statement.get("Principal", {})
        services = texts(principal, "Service") + texts(principal, "Service[]")
        if f"logs.{place.region}.amazonaws.com" not in services:
            continue
        contexts = [
            pattern
            for operator in cast(dict[str, Map], statement.get("Condition", {})).values()
            for key_name, value in operator.items()
            if key_name == "kms:EncryptionContext:aws:logs:arn"
            for pattern in ([value] if isinstance(value, str) else cast(list[str], value))
        ]
        if not contexts or any(fnmatch.fnmatchcase(arn, pattern) for pattern in contexts):
            return True
    return False


def _repository_removable(thing: Thing, world: World) -> Iterator[str]:
    inside = cast(dict[str, Map], world.content["contents"]).get(str(thing.state["repositoryUrl"]))
    if inside and not thing.state.get("forceDelete"):
        yield f"RepositoryNotEmptyException: it has {', '.join(inside)}, and no forceDelete"


def _bucket_removable(thing: Thing, world: World) -> Iterator[str]:
    if cast(Map, world.content["contents"]).get(f"s3://{thing.id}") and not thing.state.get("forceDestroy"):
        yield "BucketNotEmpty: it has objects, and no forceDestroy"


def after_making(kind: Kind, state: Map, world: World) -> None:
    """What is uploaded; and log groups that a service makes if nobody has made them before."""
    if kind.called == "object":
        cast(dict[str, Map], world.content["contents"]).setdefault(f"s3://{state['bucket']}", {})[state["key"]] = True
    there = {str(thing.state["name"]) for thing in world.things("log-group")}
    for name, maker in _own_log_groups(kind, state):
        if name not in there:
            cast(Map, world.content["left"])[name] = maker


def after_removing(thing: Thing, world: World) -> None:
    """A log group that is deleted comes again with the next line; a repository goes with its images."""
    if thing.kind.called == "repository":
        cast(Map, world.content["contents"]).pop(str(thing.state["repositoryUrl"]), None)
    if thing.kind.called == "object":
        cast(dict[str, Map], world.content["contents"]).get(f"s3://{thing.state['bucket']}", {}).pop(
            str(thing.state["key"]), None
        )
    if thing.kind.called == "log-group":
        for writer in list(world.things()):
            for name, maker in _own_log_groups(writer.kind, writer.state):
                if name == thing.state["name"]:
                    cast(Map, world.content["left"])[name] = maker


def _own_log_groups(kind: Kind, state: Map) -> Iterator[tuple[str, str]]:
    if kind.called == "cluster" and state.get("enabledClusterLogTypes"):
        yield f"/aws/eks/{state['name']}/cluster", f"the cluster {state['name']}"
    if kind.called == "addon" and state.get("addonName") == OBSERVABILITY:
        config = cast(Map, json.loads(str(state.get("configurationValues") or "{}")))
        # Fluent Bit writes the first three, the agent that its configuration may leave out the last.
        metrics = config.get("agents") != [] and config.get("containerInsights", {}).get("enabled", True)
        for part in ("application", "dataplane", "host", *(["performance"] if metrics else [])):
            yield f"/aws/containerinsights/{state['clusterName']}/{part}", f"the add-on {OBSERVABILITY}"


MAKING: Mapping[str, Making[Place]] = {"log-group": _log_group}
REMOVING: Mapping[str, Removing] = {
    "repository": _repository_removable,
    "bucket": _bucket_removable,
}
