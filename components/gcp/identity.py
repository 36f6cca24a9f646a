"""Google service accounts: of the cluster's nodes, and one of each Kubernetes service account, which takes it by
Workload Identity. None has a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import pulumi
import pulumi_gcp as gcp

from components.gcp import access
from components.gcp.access import Grant
from components.gcp.scope import Scope
from components.gcp.services import Services
from components.gcp.storage import Storage
from components.identities import CONTROLLER, PEOPLE, SERVER, STEPS, Admitted, StoreIdentities, Workload, admit
from components.storage import LOGS_PREFIX, Role

ACCOUNT_ANNOTATION: Final = "iam.gke.io/gcp-service-account"
AGENT: Final = ("169.254.169.254", 80)
"""Where GKE's metadata server hands out credentials to a node's pods."""
NODE_ROLE: Final = "roles/container.defaultNodeServiceAccount"
"""What a node needs and no more: to write logs and metrics."""
POD_ROLE: Final = "roles/iam.workloadIdentityUser"

_NODES: Final = "nodes"
# A Google service account's id has 30 characters at most.
_ROLES: Final = {STEPS: "runner", PEOPLE: "reader", SERVER: "argo-srv", CONTROLLER: "argo-ctl"}
_LONGEST_ID = 30


class HasIdentityPool(Protocol):
    """What an identity needs to know of the cluster: `GkeCluster`."""

    @property
    def cluster(self) -> pulumi.Resource:
        """The cluster; with the first of a project comes the pool of its identities."""
        ...


class NodeAccount(pulumi.ComponentResource):
    """The service account of the cluster's nodes. Which images it may read, `ArtifactRegistry` and `Mirror` say.

    `email` is known when the account may do its work.
    """

    email: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, services: Services, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biojobs:gcp:NodeAccount", name, None, opts)
        child = scope.child(self, *services.ready)
        account = gcp.serviceaccount.Account(
            f"{name}-account",
            account_id=account_id(scope.stack, _NODES),
            project=scope.project,
            display_name=f"Nodes of the cluster {scope.cluster_name}",
            opts=child,
        )
        granted = gcp.projects.IAMMember(
            f"{name}-role", project=scope.project, role=NODE_ROLE, member=account.member, opts=child
        )
        self.ready = [account, granted]
        self.email = pulumi.Output.all(account.email, granted.id).apply(_first)
        self.register_outputs({"email": self.email})


class WorkloadAccount(Admitted):
    """The service account of one workload, with its grants on the store's `buckets`.

    `annotations` go on the Kubernetes service account; what uses them depends on `resources`. The last of these lets
    pods take the account, so that none gets one that may not do anything yet. Workload Identity knows a Kubernetes
    account by project, namespace and name: those of another cluster of the project are the same to it.
    """

    email: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        scope: Scope,
        workload: Workload,
        grants: Sequence[Grant],
        cluster: HasIdentityPool,
        buckets: Mapping[Role, str],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:WorkloadAccount", name, None, opts)
        child = scope.child(self, *after)
        account = gcp.serviceaccount.Account(
            f"{name}-account",
            account_id=account_id(scope.stack, _ROLES[workload]),
            project=scope.project,
            display_name=f"Service account {'/'.join(workload)} of the cluster {scope.cluster_name}",
            opts=child,
        )
        granted = [
            _granted(f"{name}-{grant.name}", grant, buckets[grant.bucket], account.member, child)
            for grant in access.distinct(grants, buckets)
        ]
        taken = gcp.serviceaccount.IAMMember(
            f"{name}-pods",
            service_account_id=account.name,
            role=POD_ROLE,
            member=pod_member(scope.project, workload),
            opts=scope.child(self, cluster.cluster, *granted),
        )
        self.email, self.annotations = account.email, {ACCOUNT_ANNOTATION: account.email}
        self.resources = [account, *granted, taken]
        self.register_outputs({"email": self.email})


class Identities(StoreIdentities):
    """Service accounts of the store's workloads. To let steps read a bucket of somebody else's, its owner grants it to
    the account of the runner."""

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: HasIdentityPool,
        storage: Storage,
        services: Services,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:Identities", name, None, opts)
        buckets, after = storage.buckets, [*services.ready, *storage.ready]
        logs = gcp.storage.ManagedFolder(
            f"{name}-logs",
            bucket=buckets["results"],
            name=f"{LOGS_PREFIX}/",
            # Takes away the folder with its rights, and leaves the logs in it.
            force_destroy=True,
            opts=scope.child(self, *after),
        )

        def account(workload: Workload, grants: Sequence[Grant]) -> WorkloadAccount:
            own, child = f"{name}-{workload.service_account}", pulumi.ResourceOptions(parent=self)
            return WorkloadAccount(own, scope, workload, grants, cluster, buckets, [*after, logs], child)

        accounts = admit(account, access.runner(buckets), access.reader(), access.argo_logs())
        self.ready, self.identity = accounts.ready, accounts.identity(AGENT)
        self.register_outputs({"runner": accounts.runner.email, "reader": accounts.reader.email})


def pod_member(project: str, workload: Workload) -> str:
    """The pods of a Kubernetes service account, as IAM calls them."""
    return f"serviceAccount:{project}.svc.id.goog[{'/'.join(workload)}]"


def account_id(stack: str, role: str) -> str:
    """Id of a service account: what its e-mail address begins with."""
    return f"biojobs-{stack}-{role}"


def stack_problems(stack: str) -> list[str]:
    """Why service accounts cannot be named after a stack, a line at most."""
    longest = max((_NODES, *_ROLES.values()), key=len)
    spare = _LONGEST_ID - len(account_id(stack, longest))
    if spare >= 0:
        return []
    return [
        f"stack: {stack!r}: the service account {account_id(stack, longest)} would have more than {_LONGEST_ID} "
        f"characters; name the stack with at most {len(stack) + spare} lower-case letters, digits and dashes"
    ]


def _granted(
    name: str, grant: Grant, bucket: str, member: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    if grant.folder:
        return gcp.storage.ManagedFolderIamMember(
            name, bucket=bucket, managed_folder=grant.folder, role=grant.role, member=member, opts=opts
        )
    condition: gcp.storage.BucketIAMMemberConditionArgsDict | None = None
    if grant.expression:
        condition = {"title": grant.title, "expression": grant.expression}
    return gcp.storage.BucketIAMMember(
        name, bucket=bucket, role=grant.role, member=member, condition=condition, opts=opts
    )


def _first(values: Sequence[str]) -> str:
    return values[0]
