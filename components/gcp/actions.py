"""IAM permissions that the Google Cloud provider uses for each type of resource of the stack: create, read, update and
delete.

Buckets are never deleted by the program (they are protected), so nothing here lets anybody delete one. APIs are never
turned off, key rings and keys cannot be deleted; of a key its versions are destroyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components import permissions


def _of(service: str, names: str) -> tuple[str, ...]:
    return permissions.of(service, names, ".")


_ALL: Final = "create delete get update"
_POLICY: Final = "getIamPolicy setIamPolicy"
_WAIT: Final = (*_of("compute.globalOperations", "get"), *_of("compute.regionOperations", "get"))
_RECORDS: Final = "create delete get list update"

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "gcp:artifactregistry/repository:Repository": _of("artifactregistry.repositories", f"{_ALL} list"),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _of("artifactregistry.repositories", _POLICY),
    "gcp:billing/budget:Budget": _of("billing.budgets", _RECORDS),
    "gcp:compute/network:Network": (*_of("compute.networks", f"{_ALL} updatePolicy"), *_WAIT),
    "gcp:compute/router:Router": (
        *_of("compute.routers", _ALL),
        *_of("compute.networks", "updatePolicy"),
        *_WAIT,
    ),
    "gcp:compute/routerNat:RouterNat": (
        *_of("compute.routers", "get update"),
        *_of("compute.subnetworks", "use"),
        *_WAIT,
    ),
    "gcp:compute/subnetwork:Subnetwork": (
        *_of("compute.subnetworks", f"{_ALL} expandIpCidrRange setPrivateIpGoogleAccess"),
        *_of("compute.networks", "get updatePolicy"),
        *_WAIT,
    ),
    "gcp:container/cluster:Cluster": (
        *_of("container.clusters", f"{_ALL} list"),
        *_of("container.operations", "get list"),
        *_of("compute.instanceGroupManagers", "get"),
        *_of("compute.networks", "get use"),
        *_of("compute.subnetworks", "get use"),
        *_of("iam.serviceAccounts", "actAs"),
    ),
    "gcp:container/nodePool:NodePool": (
        *_of("container.clusters", "get update"),
        *_of("container.operations", "get list"),
        *_of("compute.instanceGroupManagers", "get"),
        *_of("iam.serviceAccounts", "actAs"),
    ),
    "gcp:kms/cryptoKey:CryptoKey": (
        *_of("cloudkms.cryptoKeys", "create get update"),
        *_of("cloudkms.cryptoKeyVersions", "destroy get list"),
    ),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": _of("cloudkms.cryptoKeys", _POLICY),
    "gcp:kms/keyRing:KeyRing": _of("cloudkms.keyRings", "create get"),
    "gcp:logging/metric:Metric": _of("logging.logMetrics", _ALL),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": _of("logging.buckets", _ALL),
    "gcp:logging/projectExclusion:ProjectExclusion": _of("logging.exclusions", _ALL),
    "gcp:logging/projectSink:ProjectSink": _of("logging.sinks", _ALL),
    "gcp:monitoring/alertPolicy:AlertPolicy": _of("monitoring.alertPolicies", _RECORDS),
    "gcp:monitoring/dashboard:Dashboard": _of("monitoring.dashboards", _RECORDS),
    "gcp:monitoring/notificationChannel:NotificationChannel": _of("monitoring.notificationChannels", _RECORDS),
    "gcp:projects/iAMMember:IAMMember": _of("resourcemanager.projects", _POLICY),
    "gcp:projects/service:Service": (
        *_of("serviceusage.services", "enable get list"),
        *_of("resourcemanager.projects", "get"),
    ),
    # Service Usage asks for no permission of the project for it.
    "gcp:projects/serviceIdentity:ServiceIdentity": (),
    "gcp:serviceaccount/account:Account": _of("iam.serviceAccounts", f"{_ALL} list"),
    "gcp:serviceaccount/iAMMember:IAMMember": _of("iam.serviceAccounts", _POLICY),
    "gcp:storage/bucket:Bucket": _of("storage.buckets", "create get update"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": _of("storage.buckets", _POLICY),
    # Cloud Storage takes the right to delete for an object that is written again.
    "gcp:storage/bucketObject:BucketObject": _of("storage.objects", "create delete get list update"),
    "gcp:storage/managedFolder:ManagedFolder": _of("storage.managedFolders", "create delete get list"),
    "gcp:storage/managedFolderIamMember:ManagedFolderIamMember": _of("storage.managedFolders", _POLICY),
}
"""By type token, such as `gcp:compute/network:Network`."""

PROGRAM: Final = (
    *_of("resourcemanager.projects", "get"),
    *_of("serviceusage.services", "get list use"),
    *_of("orgpolicy.policy", "get"),
    *_of("compute.machineTypes", "get list"),
    *_of("compute.networks", "get list"),
    *_of("compute.projects", "get"),
    *_of("compute.regions", "get list"),
    *_of("compute.zones", "get list"),
    *_of("container.clusters", "connect list"),
    *_of("storage.buckets", "get list"),
    *_of("storage.objects", "get list"),
)
"""What the program and `make check` look up: project, APIs and who bars them, zones and machine types, quotas, an
existing VPC, buckets and reads. And the way to the API server by its DNS name."""

AUDIT: Final = (
    *(f"compute.{kind}.list" for kind in ("disks", "firewalls", "instances", "networks", "routers", "subnetworks")),
    *(f"logging.{kind}.list" for kind in ("buckets", "exclusions", "logMetrics", "sinks")),
    *_of("cloudkms.cryptoKeys", "list"),
    *_of("cloudkms.keyRings", "list"),
)
"""What `make audit` lists besides what the program itself does; instances are what `make check` counts too."""

IMAGES: Final = (
    *_of("artifactregistry.repositories", "downloadArtifacts get uploadArtifacts"),
    *_of("artifactregistry.tags", "create get list update"),
    *_of("artifactregistry.versions", "get list"),
)
"""Pushing images, and pulling what is built upon."""

STATE: Final = (
    *_of("storage.objects", "create delete get list update"),
    *_of("cloudkms.cryptoKeyVersions", "useToDecrypt useToEncrypt"),
    *_of("cloudkms.cryptoKeys", "get"),
)
"""Pulumi's state in a bucket, its secrets encrypted with a key (docs/state.md)."""

KUBERNETES: Final = "roles/container.admin"
"""Google's own role for everything in a cluster. On GKE it is IAM that lets people in: whoever installs Argo makes
cluster roles, for which there are some 200 permissions, and Google adds to them."""

BILLING: Final = "roles/billing.costsManager"
"""Google's own role for budgets: a role of a project's own cannot be given on a billing account."""

GRANTED: Final = ("roles/container.defaultNodeServiceAccount",)
"""Roles on the project that the program gives to accounts of the stack, and no others."""
