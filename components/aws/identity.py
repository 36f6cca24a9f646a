"""Roles of the cluster's service accounts: each by Pod Identity, or by a token of the cluster (IRSA)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pulumi
import pulumi_aws as aws

from components.aws import policies
from components.aws.scope import Scope
from components.identities import Admitted, StoreIdentities, Workload, admit

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
AGENT: Final = ("169.254.170.23", 80)
"""Where the Pod Identity agent of a node hands out credentials; EKS fixes both."""


class IssuesIdentity(Protocol):
    """What a role needs to know of the cluster: `EksCluster`."""

    @property
    def name(self) -> pulumi.Output[str]:
        """Name of the cluster, known once it is there."""
        ...

    @property
    def oidc_provider_arn(self) -> pulumi.Output[str]:
        """ARN of the IAM OIDC provider of the cluster's issuer."""
        ...

    @property
    def oidc_issuer(self) -> pulumi.Output[str]:
        """The issuer without `https://`."""
        ...


class WorkloadRole(Admitted):
    """The role of one service account, named `biojobs-<stack>-<service account>`.

    `document` is its inline policy, `managed_policies` are ARNs. Without `associate` there is no association, for
    add-ons that EKS associates itself. `annotations` go on the service account (none with Pod Identity); what uses the
    role depends on `resources`, because a pod that starts before its association never gets credentials.
    """

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: IssuesIdentity,
        namespace: str,
        service_account: str,
        document: Mapping[str, Any] | pulumi.Output[Mapping[str, Any]] | None = None,
        managed_policies: Sequence[str] = (),
        associate: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:WorkloadRole", name, None, opts)
        workload = Workload(namespace, service_account)
        child = scope.child(self)
        role = aws.iam.Role(
            f"{name}-role",
            name=f"{scope.cluster_name}-{service_account}",
            description=f"Service account {namespace}/{service_account} of the cluster {scope.cluster_name}",
            assume_role_policy=_trust(scope, cluster, workload),
            opts=child,
        )
        self.resources = [role]
        if document is not None:
            self.resources.append(_inline(f"{name}-policy", role, document, child))
        for arn in managed_policies:
            attached = f"{name}-{arn.rsplit('/', 1)[-1]}"
            self.resources.append(aws.iam.RolePolicyAttachment(attached, role=role.name, policy_arn=arn, opts=child))
        self.arn, self.annotations = role.arn, {ROLE_ANNOTATION: role.arn}
        if scope.target.pod_identity:
            self.annotations = {}
            if associate:
                self.resources.append(self._associate(name, scope, cluster, workload))
        self.register_outputs({"arn": self.arn})

    def _associate(self, name: str, scope: Scope, cluster: IssuesIdentity, workload: Workload) -> pulumi.Resource:
        return aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=cluster.name,
            namespace=workload.namespace,
            service_account=workload.service_account,
            role_arn=self.arn,
            # Last, so that no pod gets a role that may not do anything yet.
            opts=scope.child(self, *self.resources),
        )


class Identities(StoreIdentities):
    """Roles of the store's workloads. `buckets` has the names of `reads`, `reference` and `results`; `payers` are
    buckets of others whose readers pay."""

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: IssuesIdentity,
        buckets: Mapping[str, str],
        payers: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:Identities", name, None, opts)

        def role(workload: Workload, document: policies.Document) -> WorkloadRole:
            child = pulumi.ResourceOptions(parent=self)
            return WorkloadRole(f"{name}-{workload.service_account}", scope, cluster, *workload, document, opts=child)

        partition = scope.partition
        roles = admit(
            role,
            runner=policies.runner(partition, buckets, payers),
            reader=policies.reader(partition, buckets),
            argo=policies.argo_logs(partition, buckets["results"]),
        )
        self.ready = roles.ready
        self.identity = roles.identity(AGENT if scope.target.pod_identity else None)
        self.register_outputs({"runner": roles.runner.arn, "reader": roles.reader.arn})


def _trust(scope: Scope, cluster: IssuesIdentity, workload: Workload) -> pulumi.Input[str]:
    if scope.target.pod_identity:
        cluster_arn = scope.arn("eks", f"cluster/{scope.cluster_name}")
        return json.dumps(policies.pod_identity_trust(scope.account, cluster_arn, workload))
    return pulumi.Output.all(cluster.oidc_provider_arn, cluster.oidc_issuer).apply(
        lambda found: json.dumps(policies.irsa_trust(found[0], found[1], workload))
    )


def _inline(
    name: str,
    role: aws.iam.Role,
    document: Mapping[str, Any] | pulumi.Output[Mapping[str, Any]],
    opts: pulumi.ResourceOptions,
) -> aws.iam.RolePolicy:
    text = (
        document.apply(lambda found: json.dumps(found)) if isinstance(document, pulumi.Output) else json.dumps(document)
    )
    return aws.iam.RolePolicy(name, name="access", role=role.name, policy=text, opts=opts)
