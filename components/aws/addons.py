"""EKS's managed add-ons, each pinned: network and identity before there are nodes, names and volumes after.

There is no driver for EFS nor for Mountpoint: steps stream from S3 and have no volume in common.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

import versions
from components import pools
from components.aws import policies
from components.aws.cluster import EksCluster
from components.aws.identity import WorkloadRole
from components.aws.scope import Scope

KUBE_SYSTEM: Final = "kube-system"

_ON_SYSTEM_NODES: Final = {"nodeSelector": pools.labels("system")}
_CONFIGURATION: Final[Mapping[str, Mapping[str, Any]]] = {
    "vpc-cni": {
        "enableNetworkPolicy": "true",
        # By default a node takes the addresses of a whole interface in advance, up to 50, and small subnets run dry.
        "env": {"MINIMUM_IP_TARGET": "10", "WARM_IP_TARGET": "2"},
    },
    "coredns": _ON_SYSTEM_NODES,
    "aws-ebs-csi-driver": {"controller": _ON_SYSTEM_NODES},
}


class Addons(pulumi.ComponentResource):
    """The add-ons of a cluster. `before_nodes` must be there before nodes: without a network none gets ready."""

    before_nodes: list[pulumi.Resource]

    def __init__(
        self, name: str, scope: Scope, cluster: EksCluster, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("biojobs:aws:Addons", name, None, opts)
        self._name, self._scope, self._cluster = name, scope, cluster
        agent = [self._addon("eks-pod-identity-agent")] if scope.target.pod_identity else []
        network = self._addon_with_role("vpc-cni", "aws-node", "AmazonEKS_CNI_Policy", agent)
        self.before_nodes = [*agent, network, self._addon("kube-proxy")]
        self.register_outputs({})

    def after_nodes(self, nodes: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """The add-ons with pods that need a node to start on; EKS waits until they run."""
        # The second version of the policy reaches only volumes that the driver itself has made.
        policy = "AmazonEBSCSIDriverPolicyV2"
        return [
            self._addon("coredns", nodes),
            self._addon_with_role("aws-ebs-csi-driver", "ebs-csi-controller-sa", policy, nodes),
        ]

    def _addon_with_role(
        self, addon: str, service_account: str, policy: str, after: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        """An add-on that calls AWS: by a role of its own, so that the nodes' role needs no such rights."""
        role = WorkloadRole(
            f"{self._name}-{addon}",
            self._scope,
            self._cluster,
            KUBE_SYSTEM,
            service_account,
            managed_policies=[policies.managed(self._scope.partition, policy)],
            # EKS associates the role itself: it knows the add-on's service account.
            associate=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        after = [*after, *role.resources]
        if self._scope.target.pod_identity:
            return self._addon(addon, after, identity={"role_arn": role.arn, "service_account": service_account})
        return self._addon(addon, after, role_arn=role.arn)

    def _addon(
        self,
        addon: str,
        after: Sequence[pulumi.Resource] = (),
        identity: aws.eks.AddonPodIdentityAssociationArgsDict | None = None,
        role_arn: pulumi.Input[str] | None = None,
    ) -> pulumi.Resource:
        configuration = _CONFIGURATION.get(addon)
        return aws.eks.Addon(
            f"{self._name}-{addon}",
            cluster_name=self._cluster.name,
            addon_name=addon,
            addon_version=versions.EKS_ADDONS[self._scope.target.kubernetes][addon],
            configuration_values=json.dumps(configuration) if configuration else None,
            pod_identity_associations=[identity] if identity else None,
            service_account_role_arn=role_arn,
            # This program says what an add-on is like; what someone changed by hand does not last.
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            preserve=False,
            opts=self._scope.child(self, *after),
        )
