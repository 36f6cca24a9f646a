"""IAM roles: those that Google has, and where each kind of them can be given."""

from __future__ import annotations

from collections.abc import Mapping

PREDEFINED = frozenset(
    f"roles/{name}"
    for name in (
        *("viewer", "editor", "owner", "browser"),
        *("artifactregistry.reader", "artifactregistry.writer", "artifactregistry.repoAdmin", "artifactregistry.admin"),
        *("cloudkms.cryptoKeyEncrypterDecrypter", "cloudkms.cryptoKeyEncrypter", "cloudkms.cryptoKeyDecrypter"),
        *("cloudkms.admin", "cloudkms.viewer"),
        *("compute.networkUser", "compute.viewer", "compute.admin", "compute.networkAdmin"),
        *("container.nodeServiceAccount", "container.defaultNodeServiceAccount", "container.developer"),
        *("container.admin", "container.clusterAdmin", "container.clusterViewer", "container.viewer"),
        *("iam.workloadIdentityUser", "iam.serviceAccountUser", "iam.serviceAccountTokenCreator"),
        *("iam.serviceAccountAdmin", "iam.serviceAccountViewer", "iam.securityReviewer", "iam.roleViewer"),
        *("logging.logWriter", "logging.viewer", "logging.privateLogViewer", "logging.viewAccessor"),
        *("logging.bucketWriter", "logging.configWriter", "logging.admin"),
        *("monitoring.metricWriter", "monitoring.viewer", "monitoring.editor", "monitoring.admin"),
        *("serviceusage.serviceUsageConsumer", "serviceusage.serviceUsageViewer", "serviceusage.serviceUsageAdmin"),
        *("stackdriver.resourceMetadata.writer", "autoscaling.metricsWriter"),
        *("storage.objectViewer", "storage.objectCreator", "storage.objectUser", "storage.objectAdmin"),
        *("storage.admin", "storage.bucketViewer", "storage.legacyBucketReader", "storage.legacyBucketWriter"),
        *("storage.legacyObjectReader", "storage.legacyObjectOwner", "storage.legacyBucketOwner"),
        *("storage.folderAdmin", "storage.viewer"),
    )
)
BASIC = frozenset({"roles/viewer", "roles/editor", "roles/owner"})
"""They take no condition."""

GIVEN_ON: Mapping[str, tuple[str, ...]] = {
    "bucket-member": ("roles/storage.",),
    "folder-member": ("roles/storage.",),
    "repository-member": ("roles/artifactregistry.",),
    "key-member": ("roles/cloudkms.",),
    "account-member": ("roles/iam.",),
}
"""What a kind of member is called -> how roles begin that can be given there; any on the project."""
NOT_ON_PROJECT = ("roles/storage.legacy",)
