"""The EKS cluster: its control plane, who may reach and administer it, and who it speaks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from components.aws.key import Key
from components.aws.policies import document, managed
from components.aws.scope import Scope
from components.kubeconfig import TokenCommand, kubeconfig

if TYPE_CHECKING:
    from components.aws.network import Network

LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class EksCluster(pulumi.ComponentResource):
    """A cluster named `biojobs-<stack>` in the private subnets, without nodes and without add-ons.

    `ready` is what must be there before anyone but its creator can use it. `kubeconfig` is a document without secrets:
    it asks the AWS CLI for a token. `oidc_issuer` comes without `https://`.
    """

    name: pulumi.Output[str]
    cluster: aws.eks.Cluster
    endpoint: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    oidc_issuer: pulumi.Output[str]
    oidc_provider_arn: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(
        self, name: str, scope: Scope, network: Network, key: Key, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("biojobs:aws:EksCluster", name, None, opts)
        self._name, self._scope = name, scope
        self.cluster = self._create(network, key)
        self.name, self.endpoint = self.cluster.name, self.cluster.endpoint
        self.security_group_id = self.cluster.vpc_config.apply(lambda vpc: vpc.cluster_security_group_id or "")
        issuer = self.cluster.identities.apply(_issuer)
        self.oidc_issuer = issuer.apply(lambda url: url.removeprefix("https://"))
        # IAM trusts EKS's certificate authority by itself: no thumbprint is needed.
        self.oidc_provider_arn = aws.iam.OpenIdConnectProvider(
            f"{name}-oidc", url=issuer, client_id_lists=["sts.amazonaws.com"], opts=scope.child(self)
        ).arn
        authority = self.cluster.certificate_authority.apply(lambda found: found.data or "")
        self.kubeconfig = pulumi.Output.all(self.name, self.endpoint, authority).apply(
            lambda known: eks_kubeconfig(*known, region=scope.region)
        )
        self.ready = [self._admin(arn) for arn in scope.target.admin_arns]
        self.register_outputs({"name": self.name, "endpoint": self.endpoint})

    def _create(self, network: Network, key: Key) -> aws.eks.Cluster:
        scope = self._scope
        role, attached = self._role()
        return aws.eks.Cluster(
            f"{self._name}-cluster",
            name=scope.cluster_name,
            version=scope.target.kubernetes,
            role_arn=role.arn,
            upgrade_policy={"support_type": "STANDARD"},
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
            vpc_config=endpoint_access(scope.target.admin_cidrs, network.private_subnet_ids),
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=list(LOG_TYPES),
            # Each of them is a pinned add-on; EKS's own unpinned ones would be in their way.
            bootstrap_self_managed_addons=False,
            deletion_protection=False,
            # EKS would make a log group itself, without retention, if it found none.
            opts=scope.child(self, attached, self._logs(key)),
        )

    def _role(self) -> tuple[aws.iam.Role, pulumi.Resource]:
        role = aws.iam.Role(
            f"{self._name}-role",
            name=f"{self._scope.cluster_name}-cluster",
            description=f"Control plane of {self._scope.cluster_name}",
            # Nobody outside of the account can have EKS use it: creating a cluster takes iam:PassRole on the role.
            assume_role_policy=json.dumps(
                document(
                    {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
                )
            ),
            opts=self._scope.child(self),
        )
        policy = managed(self._scope.partition, "AmazonEKSClusterPolicy")
        opts = self._scope.child(self)
        return role, aws.iam.RolePolicyAttachment(f"{self._name}-policy", role=role.name, policy_arn=policy, opts=opts)

    def _logs(self, key: Key) -> pulumi.Resource:
        keep = self._scope.target.keep_logs
        return aws.cloudwatch.LogGroup(
            f"{self._name}-logs",
            name=f"/aws/eks/{self._scope.cluster_name}/cluster",
            retention_in_days=self._scope.target.log_days,
            kms_key_id=key.arn,
            # Protected, so that the state knows it still: the next `up` could not make it a second time.
            opts=pulumi.ResourceOptions.merge(
                self._scope.child(self), pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)
            ),
        )

    def _admin(self, arn: str) -> pulumi.Resource:
        """An administrator of the whole cluster."""
        who = arn.split(":", 5)[5].replace("/", "-")
        entry = aws.eks.AccessEntry(
            f"{self._name}-{who}", cluster_name=self.name, principal_arn=arn, opts=self._scope.child(self)
        )
        return aws.eks.AccessPolicyAssociation(
            f"{self._name}-{who}-admin",
            cluster_name=self.name,
            principal_arn=entry.principal_arn,
            policy_arn=f"arn:{self._scope.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            access_scope={"type": "cluster"},
            opts=self._scope.child(self),
        )


def endpoint_access(
    admin_cidrs: Sequence[str], subnets: pulumi.Input[Sequence[str]]
) -> aws.eks.ClusterVpcConfigArgsDict:
    """Where the API server listens: in the VPC always, in public for the administrators' networks alone.

    EKS reads a public endpoint without networks as one for everyone: without networks there is none.
    """
    private: aws.eks.ClusterVpcConfigArgsDict = {
        "subnet_ids": subnets,
        "endpoint_private_access": True,
        "endpoint_public_access": bool(admin_cidrs),
    }
    return {**private, "public_access_cidrs": list(admin_cidrs)} if admin_cidrs else private


def eks_kubeconfig(name: str, endpoint: str, authority: str, region: str) -> str:
    """A kubeconfig that takes a token from `aws eks get-token`, with the credentials that are at hand."""
    args = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    return kubeconfig(name, endpoint, authority, TokenCommand("aws", args))


def _issuer(identities: Sequence[aws.eks.outputs.ClusterIdentity]) -> str:
    (identity,) = identities
    (oidc,) = identity.oidcs or []
    return oidc.issuer or ""
