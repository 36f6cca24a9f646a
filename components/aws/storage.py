"""The buckets of the store, and the upload of small files that lie beside the sheet."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope
from components.inputs import reject
from settings import SettingsError

Role = Literal["reads", "reference", "results"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_VERSIONED = ("reference", "results")
_ABORT_DAYS = 7
_NONCURRENT_DAYS = 30
_LONGEST_NAME = 63
_LARGEST_UPLOAD = 2**30
_KEPT = pulumi.ResourceOptions(protect=True, retain_on_delete=True)


class Storage(pulumi.ComponentResource):
    """Buckets of reads, reference and results: the stack's own, or those that the settings name.

    The stack's own are protected and never deleted, with all that protects their content: they hold what took days and
    money to make. `pulumi destroy --exclude-protected` leaves them in the state, and the next `up` finds them there.
    Nothing is made or changed for a bucket that the settings name.

    `buckets` are names, known before anything is made; `ready` is what must be there before anything reads or writes.
    Raises `pulumi.RunError` with every bucket that cannot be used.
    """

    buckets: Mapping[Role, str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, opts: pulumi.ResourceOptions | None = None) -> None:
        self.buckets = bucket_names(scope)
        if problems := bucket_problems(scope):
            raise reject(SettingsError("\n".join(problems)))
        super().__init__("biojobs:aws:Storage", name, None, opts)
        self._name, self._scope = name, scope
        self._opts = pulumi.ResourceOptions.merge(scope.child(self), _KEPT)
        self.ready = []
        for role in ROLES:
            if not getattr(scope.target.buckets, role):
                self._create(role, self.buckets[role])
        self.register_outputs({"buckets": self.buckets})

    def _create(self, role: Role, bucket_name: str) -> None:
        prefix = f"{self._name}-{role}"
        bucket = aws.s3.Bucket(prefix, bucket=bucket_name, tags={"Name": bucket_name}, opts=self._opts)
        self.ready += [bucket, *self._private(prefix, bucket), self._encrypted(prefix, bucket)]
        after = self._opts
        if role in _VERSIONED:
            versioning = aws.s3.BucketVersioning(
                f"{prefix}-versions",
                bucket=bucket.bucket,
                versioning_configuration={"status": "Enabled"},
                opts=self._opts,
            )
            # A rule for old versions is refused while there are none.
            after = pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[versioning]))
            self.ready.append(versioning)
        lifecycle = aws.s3.BucketLifecycleConfiguration(
            f"{prefix}-lifecycle",
            bucket=bucket.bucket,
            rules=lifecycle_rules(role, self._scope.target.buckets.tier_days),
            opts=after,
        )
        self.ready.append(lifecycle)

    def _private(self, prefix: str, bucket: aws.s3.Bucket) -> list[pulumi.Resource]:
        """No public access, no ACLs, no way in without TLS."""
        block = aws.s3.BucketPublicAccessBlock(
            f"{prefix}-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._opts,
        )
        ownership = aws.s3.BucketOwnershipControls(
            f"{prefix}-owner", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=self._opts
        )
        policy = aws.s3.BucketPolicy(
            f"{prefix}-policy",
            bucket=bucket.bucket,
            policy=bucket.arn.apply(lambda arn: json.dumps(tls_only(arn))),
            # S3 refuses two changes of a bucket's access at once.
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[block])),
        )
        return [block, ownership, policy]

    def _encrypted(self, prefix: str, bucket: aws.s3.Bucket) -> pulumi.Resource:
        """Encryption with S3's own keys. With a KMS key every object read is a call that is paid for and rationed, and
        every identity needs the key too; who may read is said by policies all the same."""
        return aws.s3.BucketServerSideEncryptionConfiguration(
            f"{prefix}-encryption",
            bucket=bucket.bucket,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=self._opts,
        )


class Uploads(pulumi.ComponentResource):
    """Small files of this machine as objects of the reads' bucket, by key; uploaded again when they change.

    `ready` are the objects. Objects stay when they are no longer wanted: runs may refer to them. Raises
    `pulumi.RunError` with every file that is missing or too big to travel with each `up`.
    """

    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: Scope,
        storage: Storage,
        files: Mapping[str, Path],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        bucket = storage.buckets["reads"]
        if problems := upload_problems(bucket, files):
            raise reject(SettingsError("\n".join(problems)))
        super().__init__("biojobs:aws:Uploads", name, None, opts)
        options = pulumi.ResourceOptions.merge(
            scope.child(self, *storage.ready), pulumi.ResourceOptions(retain_on_delete=True)
        )
        self.ready = [
            aws.s3.BucketObjectv2(
                f"{name}-{key}",
                bucket=bucket,
                key=key,
                source=pulumi.FileAsset(str(file)),
                source_hash=_content_hash(file),
                opts=options,
            )
            for key, file in sorted(files.items())
        ]
        self.register_outputs({})


def bucket_names(scope: Scope) -> dict[Role, str]:
    """The name of each role's bucket: the settings' own, or one made of stack, account and region.

    Raises SettingsError for a stack whose name cannot be part of a bucket's.
    """
    given: dict[Role, str] = {role: getattr(scope.target.buckets, role) for role in ROLES}
    made: dict[Role, str] = {
        role: given[role] or f"biojobs-{scope.stack}-{role}-{scope.account}-{scope.region}" for role in ROLES
    }
    too_long = max(len(made[role]) for role in ROLES) - _LONGEST_NAME
    if too_long > 0 or not scope.stack.replace("-", "").isalnum() or scope.stack != scope.stack.lower():
        longest = len(scope.stack) - max(too_long, 0)
        raise SettingsError(
            f"stack: {scope.stack!r}: cannot be part of a bucket's name; name the stack with at most {longest} "
            "lower-case letters, digits and dashes"
        )
    return made


@functools.cache
def bucket_problems(scope: Scope) -> tuple[str, ...]:
    """Which of the named buckets cannot be used, a line each; warns of those in other regions. AWS is asked once."""
    problems: list[str] = []
    for role in ROLES:
        bucket, key = getattr(scope.target.buckets, role), f"biojobs:buckets.{role}"
        if not bucket:
            continue
        try:
            found = aws.s3.get_bucket(bucket=bucket, opts=pulumi.InvokeOptions(provider=scope.provider))
            region = found.bucket_region
        except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
            region = "another region" if _moved(str(error)) else ""
            if not region:
                problems.append(
                    f"{key}: {bucket!r}: cannot be reached ({error}); check its name and that your identity may "
                    "s3:ListBucket, or leave it empty for a bucket of the stack's own"
                )
        if region and region != scope.region:
            pulumi.log.warn(cross_region(key, bucket, region, scope))
    return tuple(problems)


def _moved(error: str) -> bool:
    """Whether S3 answered that the bucket is in another region."""
    return "StatusCode: 301" in error or "MovedPermanently" in error or "PermanentRedirect" in error


def cross_region(key: str, bucket: str, region: str, scope: Scope) -> str:
    """A warning with what it costs to use a bucket of another region: list prices, without your discounts."""
    way = "about 0.02 USD a GB between regions and 0.045 USD a GB through the NAT gateway"
    if scope.target.network.nat == "none" and not scope.target.network.vpc_id:
        way = "and with biojobs:network.nat none there is no way to it"
    return (
        f"{key}: {bucket!r}: is in {region}, and the stack in {scope.region}: {way}; use a bucket of {scope.region}, "
        f"or copy it once with aws s3 sync"
    )


def lifecycle_rules(role: Role, tier_days: int) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Rules of a bucket: leftovers of broken uploads and old versions go; results move to a colder tier by setting."""
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "abort-uploads",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _ABORT_DAYS},
        }
    ]
    if role in _VERSIONED:
        rules.append(
            {
                "id": "expire-old-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrent_version_expiration": {"noncurrent_days": _NONCURRENT_DAYS},
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


def upload_problems(bucket: str, files: Mapping[str, Path]) -> list[str]:
    """Which files cannot be uploaded, a line each."""
    problems: list[str] = []
    for key, file in sorted(files.items()):
        if not file.is_file():
            problems.append(f"{file}: is no file; it was to become s3://{bucket}/{key}")
        elif file.stat().st_size > _LARGEST_UPLOAD:
            problems.append(
                f"{file}: {file.stat().st_size / 2**30:.1f} GiB is over the 1 GiB that `up` uploads; copy it yourself, "
                f"aws s3 cp {file} s3://{bucket}/{key}, and write that URI instead"
            )
    return problems


def _content_hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
