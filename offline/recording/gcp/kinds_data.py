"""Resource types of buckets and images."""

from __future__ import annotations

from typing import Final

from offline.recording.strict.kind import Kind, Ref

_BUCKET = Ref("bucket", "bucket")
_CLASSES: Final = frozenset({"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "REGIONAL", "MULTI_REGIONAL"})

KINDS = (
    Kind(
        "gcp:storage/bucket:Bucket",
        "bucket",
        "{name}",
        service="storage",
        name_key="name",
        longest=63,
        charset=r"(?!goog)(?!.*g[o0]{2}gle)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
        unique=("name",),
        replace=("name", "location", "project", "enableObjectRetention", "hierarchicalNamespace"),
        enums={
            "publicAccessPrevention": frozenset({"inherited", "enforced"}),
            "storageClass": _CLASSES,
            "lifecycleRules[].action.type": frozenset({"Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"}),
            "lifecycleRules[].action.storageClass": _CLASSES,
            "lifecycleRules[].condition.withState": frozenset({"LIVE", "ARCHIVED", "ANY"}),
        },
        refs=(Ref("encryption.defaultKmsKeyName", "key", holds=True), Ref("logging.logBucket", "bucket")),
        outputs={
            "url": "gs://{name}",
            "selfLink": "https://www.googleapis.com/storage/v1/b/{name}",
            "storageClass": "STANDARD",
            "softDeletePolicy": {"retentionDurationSeconds": 604_800},
            "projectNumber": "{number}",
        },
    ),
    Kind(
        "gcp:storage/bucketIAMMember:BucketIAMMember",
        "bucket-member",
        "b/{bucket}/{role}/{member}/{condition.title}",
        service="storage",
        unique=("bucket", "role", "member", "condition.expression?"),
        replace=("bucket", "role", "member", "condition"),
        refs=(_BUCKET,),
        outputs={"etag": "CA{hex}="},
    ),
    Kind(
        "gcp:storage/managedFolder:ManagedFolder",
        "folder",
        "{bucket}/{name}",
        service="storage",
        name_key="name",
        longest=1024,
        charset=r"[^/].*/",
        unique=("bucket", "name"),
        replace=("bucket", "name"),
        refs=(_BUCKET,),
        outputs={"selfLink": "https://www.googleapis.com/storage/v1/b/{bucket}/managedFolders/{name}"},
    ),
    Kind(
        "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
        "folder-member",
        "b/{bucket}/managedFolders/{managedFolder}/{role}/{member}",
        service="storage",
        unique=("bucket", "managedFolder", "role", "member", "condition.expression?"),
        replace=("bucket", "managedFolder", "role", "member", "condition"),
        refs=(_BUCKET, Ref("managedFolder", "folder")),
        outputs={"etag": "CA{hex}="},
    ),
    Kind(
        "gcp:storage/bucketObject:BucketObject",
        "object",
        "{bucket}-{name}",
        service="storage",
        replace=("bucket", "name", "source", "contentType", "cacheControl", "metadata", "storageClass", "kmsKeyName"),
        refs=(_BUCKET,),
        outputs={
            "md5hash": "{hex}==",
            "crc32c": "{hex}",
            "generation": 1,
            "outputName": "{name}",
            "storageClass": "STANDARD",
            "selfLink": "https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}",
        },
    ),
    Kind(
        "gcp:artifactregistry/repository:Repository",
        "repository",
        "projects/{project}/locations/{location}/repositories/{repositoryId}",
        service="artifactregistry",
        name_key="repositoryId",
        named_by_pulumi=False,
        longest=63,
        charset=r"(?:[a-z](?:[a-z0-9-]*[a-z0-9])?|(?:(?:us|eu|asia)\.)?gcr\.io)",
        unique=("location", "repositoryId"),
        replace=(
            *("format", "repositoryId", "kmsKeyName", "location", "mode", "project"),
            *("remoteRepositoryConfig.dockerRepository", "remoteRepositoryConfig.commonRepository"),
        ),
        enums={
            "format": frozenset({"DOCKER", "MAVEN", "NPM", "APT", "YUM", "PYTHON", "KFP", "GO", "GENERIC"}),
            "mode": frozenset({"STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY"}),
            "cleanupPolicies[].action": frozenset({"DELETE", "KEEP"}),
            "cleanupPolicies[].condition.tagState": frozenset({"TAGGED", "UNTAGGED", "ANY"}),
            "vulnerabilityScanningConfig.enablementConfig": frozenset({"INHERITED", "DISABLED"}),
            "remoteRepositoryConfig.dockerRepository.publicRepository": frozenset({"DOCKER_HUB"}),
        },
        refs=(Ref("kmsKeyName", "key", holds=True),),
        outputs={
            "name": "{repositoryId}",
            "mode": "STANDARD_REPOSITORY",
            "location": "{location}",
            "registryUri": "{location}-docker.pkg.dev/{project}/{repositoryId}",
            "createTime": "2026-01-01T00:00:00Z",
        },
        offers={"repository.short": "name"},
    ),
    Kind(
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
        "repository-member",
        "projects/{project}/locations/{location}/repositories/{repository|last}/{role}/{member}",
        service="artifactregistry",
        unique=("repository", "role", "member", "condition.expression?"),
        replace=("project", "location", "repository", "role", "member", "condition"),
        refs=(Ref("repository", "repository"),),
        outputs={"etag": "BwY{hex}=", "location": "{location}"},
    ),
)
