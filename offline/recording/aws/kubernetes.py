"""What the recording Kubernetes needs of the recorded account: its cluster, and nodes for whatever has pods."""

from __future__ import annotations

import re

from offline.recording.aws.rules_cluster import node_groups
from offline.recording.aws.world import World, values
from offline.resource import ResourceError
from offline.values import Map

WITH_PODS = frozenset({"Deployment", "StatefulSet", "Job", "Pod", "Release", "Workflow"})


def eks_endpoint(kubeconfig: str) -> str:
    """Address of the cluster that a kubeconfig's document names if it asks AWS for its tokens, or nothing."""
    found = re.search(r'"server": *"([^"]+)"', kubeconfig) if "get-token" in kubeconfig else None
    return found[1] if found else ""


def require_cluster(content: Map, endpoint: str, kind: str, name: str) -> None:
    """Refuses what takes a cluster that is not there, or pods for which there is no node."""
    if not endpoint:
        return
    world = World(content)
    cluster = next((thing for thing in world.things("cluster") if endpoint in values(thing, "endpoint")), None)
    if cluster is None:
        raise ResourceError(f"{kind} {name}: no cluster answers at {endpoint}")
    if kind in WITH_PODS and not node_groups(world, cluster.id):
        raise ResourceError(f"{kind} {name}: timed out: the cluster {cluster.id} has no node to run its pods on")
