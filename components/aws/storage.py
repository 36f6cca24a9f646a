"""The buckets of the store, and the upload of small files that lie beside the sheet."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components import storage
from components.aws.scope import Scope
from components.storage import ABORT_DAYS, KEPT, NONCURRENT_DAYS, VERSIONED, BucketStore, FileUploads, Role, Scheme

S3: Final = Scheme("s3", "aws s3 cp")


class Storage(BucketStore):
    """S3 buckets of reads, reference and results."""

    def __init__(self, name: str, scope: Scope, opts: pulumi.ResourceOptions | None = None) -> None:
        self._scope = scope
        given = storage.given_buckets(scope.target.buckets)
        super().__init__("biojobs:aws:Storage", name, bucket_names(scope), given, bucket_problems(scope), opts)

    def _made(self, prefix: str, role: Role, bucket: str) -> Sequence[pulumi.Resource]:
        kept = pulumi.ResourceOptions.merge(self._scope.child(self), KEPT)
        made = aws.s3.Bucket(prefix, bucket=bucket, tags={"Name": bucket}, opts=kept)
        ready: list[pulumi.Resource] = [made, *_private(prefix, made, kept), _encrypted(prefix, made, kept)]
        after = kept
        if role in VERSIONED:
            versioning = aws.s3.BucketVersioning(
                f"{prefix}-versions", bucket=made.bucket, versioning_configuration={"status": "Enabled"}, opts=kept
            )
            # A rule for old versions is refused while there are none.
            after = pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[versioning]))
            ready.append(versioning)
        lifecycle = aws.s3.BucketLifecycleConfiguration(
            f"{prefix}-lifecycle",
            bucket=made.bucket,
            rules=lifecycle_rules(role, self._scope.target.buckets.tier_days),
            opts=after,
        )
        return [*ready, lifecycle]


class Uploads(FileUploads):
    """Files as objects of S3."""

    KIND, SCHEME = "biojobs:aws:Uploads", S3

    def _object(
        self, resource: str, bucket: str, key: str, file: Path, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        source, mark = pulumi.FileAsset(str(file)), _content_hash(file)
        return aws.s3.BucketObjectv2(resource, bucket=bucket, key=key, source=source, source_hash=mark, opts=opts)


def bucket_names(scope: Scope) -> dict[Role, str]:
    """The name of each role's bucket; see `components.storage.bucket_names`."""
    given = storage.given_buckets(scope.target.buckets)
    return storage.bucket_names(scope.stack, given, scope.account, scope.region)


@functools.cache
def bucket_problems(scope: Scope) -> tuple[str, ...]:
    """Which of the named buckets cannot be used, a line each; warns of those in other regions. AWS is asked once."""

    def region(bucket: str) -> str:
        try:
            place = aws.s3.get_bucket(bucket=bucket, opts=pulumi.InvokeOptions(provider=scope.provider)).bucket_region
        except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
            if _moved(str(error)):
                return "another region"
            raise LookupError(
                f"cannot be reached ({error}); check its name and that your identity may s3:ListBucket, or leave it "
                "empty for a bucket of the stack's own"
            ) from None
        return "" if place == scope.region else place

    given = storage.given_buckets(scope.target.buckets)
    return storage.check_buckets(given, region, lambda key, bucket, place: cross_region(key, bucket, place, scope))


def _moved(error: str) -> bool:
    """Whether S3 answered that the bucket is in another region."""
    return "StatusCode: 301" in error or "MovedPermanently" in error or "PermanentRedirect" in error


def cross_region(key: str, bucket: str, region: str, scope: Scope) -> str:
    """A warning with what it costs to use a bucket of another region: list prices, without your discounts."""
    way = "about 0.02 USD a GB between regions and 0.045 USD a GB through the NAT gateway"
    if scope.target.network.nat == "none" and not scope.target.network.vpc_id:
        way = "and with biojobs:network.nat none there is no way to it"
    return storage.far_bucket(key, bucket, region, scope.region, way, "aws s3 sync")


def _private(prefix: str, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """No public access, no ACLs, no way in without TLS."""
    block = aws.s3.BucketPublicAccessBlock(
        f"{prefix}-private",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    ownership = aws.s3.BucketOwnershipControls(
        f"{prefix}-owner", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts
    )
    policy = aws.s3.BucketPolicy(
        f"{prefix}-policy",
        bucket=bucket.bucket,
        policy=bucket.arn.apply(lambda arn: json.dumps(tls_only(arn))),
        # S3 refuses two changes of a bucket's access at once.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[block])),
    )
    return [block, ownership, policy]


def _encrypted(prefix: str, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Encryption with S3's own keys. With a KMS key every object read is a call that is paid for and rationed, and
    every identity needs the key too; who may read is said by policies all the same."""
    return aws.s3.BucketServerSideEncryptionConfiguration(
        f"{prefix}-encryption",
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=opts,
    )


def lifecycle_rules(role: Role, tier_days: int) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Rules of a bucket: leftovers of broken uploads and old versions go; results move to a colder tier by setting."""
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "abort-uploads",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_DAYS},
        }
    ]
    if role in VERSIONED:
        rules.append(
            {
                "id": "expire-old-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrent_version_expiration": {"noncurrent_days": NONCURRENT_DAYS},
                "expiration": {"expired_object_delete_marker": True},
            }
        )
    if role == "results" and tier_days:
        rules.append(
            {
                "id": "tier",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "transitions": [{"days": tier_days, "storage_class": "GLACIER_IR"}],
            }
        )
    return rules


def tls_only(bucket_arn: str) -> dict[str, Any]:
    """A bucket policy that denies whatever does not come by TLS."""
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _content_hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
