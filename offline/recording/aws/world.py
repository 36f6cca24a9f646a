"""What exists in the recorded account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from offline.recording.aws import kinds_cluster, kinds_data, kinds_network
from offline.recording.docker import kinds as kinds_docker
from offline.recording.strict import world
from offline.recording.strict.kind import Kind
from offline.values import Map

KINDS: Mapping[str, Kind] = {
    kind.token: kind for kind in (*kinds_network.KINDS, *kinds_cluster.KINDS, *kinds_data.KINDS, *kinds_docker.KINDS)
}
"""Of AWS, and of Docker, whose images are copied into its registry."""

MANAGED_POLICIES = frozenset(
    {
        *("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"),
        *("AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController", "AmazonEC2ContainerRegistryReadOnly"),
        *("AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy"),
        *("service-role/AmazonEBSCSIDriverPolicy", "AmazonEBSCSIDriverPolicyV2"),
        *("service-role/AmazonEFSCSIDriverPolicy", "AWSXrayWriteOnlyAccess"),
    }
)
"""Policies of AWS itself that may be attached."""


class World(world.World):
    """The AWS part of a recording."""

    kinds: ClassVar[Mapping[str, Kind]] = KINDS

    def _exists(self, target: str, value: str) -> bool:
        if target == "policy.arn" and ":aws:policy/" in value:
            return value.partition(":aws:policy/")[2] in MANAGED_POLICIES
        if target == "key.id" and value.startswith("arn:"):
            target = "key.arn"
        if target == "log-group.name" and value in cast(Map, self.content["left"]):
            return True
        return super()._exists(target, value)
