"""The Cluster Autoscaler by its official chart: nodes come when pods wait for them, and go when none needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

import versions
from components import pools
from components.aws import policies
from components.aws.addons import KUBE_SYSTEM
from components.aws.cluster import EksCluster
from components.aws.identity import WorkloadRole
from components.aws.scope import Scope

NAME: Final = "cluster-autoscaler"
"""Of the release, its objects and its service account."""

_TIMEOUT_SECONDS = 600
_USER = 65534


class Autoscaler(pulumi.ComponentResource):
    """The autoscaler on the system nodes, with a role of its own that scales this cluster's groups alone.

    `provider` should be made after the nodes. `image` is a reference other than the pinned one, such as a copy of it.
    """

    release: k8s.helm.v3.Release

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: EksCluster,
        provider: k8s.Provider,
        image: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:Autoscaler", name, None, opts)
        role = WorkloadRole(
            f"{name}-identity",
            scope,
            cluster,
            KUBE_SYSTEM,
            NAME,
            policies.autoscaler(scope.partition, scope.region, scope.account, scope.cluster_name),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.release = k8s.helm.v3.Release(
            f"{name}-release",
            name=NAME,
            namespace=KUBE_SYSTEM,
            chart=NAME,
            version=versions.CLUSTER_AUTOSCALER_CHART,
            repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=versions.CLUSTER_AUTOSCALER_REPOSITORY),
            values=chart_values(scope, image or pinned_image(scope.target.kubernetes), role.annotations),
            timeout=_TIMEOUT_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=role.resources),
        )
        self.register_outputs({"release": self.release.status})


def pinned_image(kubernetes: str) -> str:
    """The autoscaler's image for a Kubernetes version: it must be of the same minor version."""
    return f"registry.k8s.io/autoscaling/cluster-autoscaler:{versions.CLUSTER_AUTOSCALER[kubernetes]}"


def chart_values(
    scope: Scope, image: pulumi.Input[str], annotations: Mapping[str, pulumi.Input[str]]
) -> dict[str, Any]:
    """The chart's values, under the official chart's names. `annotations` go on the service account."""
    # The chart writes repository:tag, and this works for digests too: the tag is what is behind the last colon.
    parts = pulumi.Output.from_input(image).apply(lambda reference: reference.rsplit(":", 1))
    return {
        "fullnameOverride": NAME,
        "cloudProvider": "aws",
        "awsRegion": scope.region,
        "autoDiscovery": {"clusterName": scope.cluster_name},
        "image": {"repository": parts.apply(lambda found: found[0]), "tag": parts.apply(lambda found: found[1])},
        "rbac": {"serviceAccount": {"create": True, "name": NAME, "annotations": dict(annotations)}},
        "extraArgs": {
            "logtostderr": "true",
            "stderrthreshold": "info",
            "v": "2",
            "expander": "priority,least-waste",
            # Steps that run are marked as not to be evicted; what is left of finished ones may go with its node.
            "skip-nodes-with-local-storage": "false",
            # Half of the defaults: the largest nodes cost several dollars an hour, and batches end at once.
            "scale-down-unneeded-time": "5m",
            "scale-down-delay-after-add": "5m",
            "scale-down-unready-time": "10m",
        },
        # Pods name their pool. Should one take several, spot comes first. Groups are called eks-<node group>-<uuid>.
        "expanderPriorities": {"20": [".*-spot-(small|large)-.*"], "10": [".*"]},
        "nodeSelector": pools.labels("system"),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
