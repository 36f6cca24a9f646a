"""Cluster, add-ons and nodes over a network that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_kubernetes as k8s

from components.aws.addons import Addons
from components.aws.autoscaler import Autoscaler
from components.aws.cluster import EksCluster
from components.aws.key import Key
from components.aws.nodes import NodeGroups
from tests.components.aws.conftest import AwsRecorder, MakeScope
from tests.components.built import Once, known

if TYPE_CHECKING:
    from components.aws.network import Network

__all__ = ["SUBNETS", "build", "known"]

SUBNETS = ("subnet-a", "subnet-b", "subnet-c")


@dataclass
class FakeNetwork:
    private_subnet_ids: pulumi.Output[Sequence[str]] = field(default_factory=lambda: pulumi.Output.from_input(SUBNETS))


@dataclass
class Built:
    cluster: EksCluster
    addons: Addons
    nodes: NodeGroups
    autoscaler: Autoscaler


_ONCE = Once[Built]()


def build(aws_mock: AwsRecorder, make_scope: MakeScope, **keys: Any) -> Built:
    """The stack `dev` from the key to the autoscaler, in the order of the real one; once for the same settings."""

    def make() -> Built:
        scope, network = make_scope(**keys), cast("Network", FakeNetwork())
        cluster = EksCluster("dev-cluster", scope, network, Key("dev-key", scope))
        addons = Addons("dev-addons", scope, cluster)
        nodes = NodeGroups("dev-nodes", scope, cluster, network, addons.before_nodes)
        after = [*nodes.ready, *addons.after_nodes(nodes.ready)]
        provider = k8s.Provider(
            "dev-kubernetes", kubeconfig=cluster.kubeconfig, opts=pulumi.ResourceOptions(depends_on=after)
        )
        return Built(cluster, addons, nodes, Autoscaler("dev-autoscaler", scope, cluster, provider))

    return _ONCE.build(aws_mock, keys, make)
