"""`python -m components.aws.backend STACK`: a home for Pulumi's state in AWS, made once and safe to make again.

An S3 bucket (versioned, encrypted, private, TLS only) for the states of all stacks of an account and region, and a KMS
key for their secrets. docs/state.md tells how they are used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from components import backends
from components.accounts import AccountError
from components.aws.account import Account, asking, code_of, sign_in
from components.aws.check import read_settings
from components.backends import Backend
from components.checks import ROOT

KEY_ALIAS: Final = "alias/biojobs-state"
OLD_VERSIONS_DAYS: Final = 90
"""How long a state that was written over can be brought back."""
TAGS: Final = {"project": "biojobs", "managed-by": "make backend"}
"""No stack's: `make audit` of a stack leaves the backend alone."""


def bucket_name(account: str, region: str) -> str:
    """The bucket's name, which is one of the whole world."""
    return f"biojobs-state-{account}-{region}"


def bucket_policy(bucket: str, partition: str) -> dict[str, Any]:
    """Refuses whatever does not come over TLS 1.2 or newer."""
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [bucket_arn, f"{bucket_arn}/*"]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "TlsOnly", **deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Sid": "NoOldTls", **deny, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
        ],
    }


def make(account: Account) -> Backend:
    """Makes what is missing and mends what differs. Raises AccountError when AWS refuses or the name is taken."""
    bucket, region = bucket_name(account.id, account.region), account.region

    def steps() -> tuple[str, ...]:
        return (*_own_key(account), *_own_bucket(account, bucket), *_settled(account, bucket))

    return Backend(
        bucket=bucket,
        url=f"s3://{bucket}?region={region}",
        secrets_provider=f"awskms://{KEY_ALIAS}?region={region}",
        done=asking(steps, f"making s3://{bucket} and {KEY_ALIAS}", region),
    )


def _own_key(account: Account) -> Iterator[str]:
    client, key = account.client("kms"), _known_key(account)
    if key is None:
        # An earlier try may have ended between key and alias.
        key = _nameless_key(account)
        if key is None:
            tags = [{"TagKey": name, "TagValue": value} for name, value in TAGS.items()]
            made = client.create_key(Description="Secrets in Pulumi's states (biojobs)", Tags=cast(Any, tags))
            key = made["KeyMetadata"]["KeyId"]
            yield "made a KMS key"
        client.create_alias(AliasName=KEY_ALIAS, TargetKeyId=key)
        yield f"named it {KEY_ALIAS}"
    if not client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]:
        client.enable_key_rotation(KeyId=key)
        yield "turned its yearly rotation on"


def _known_key(account: Account) -> str | None:
    """The key that the alias names; refused when it cannot be used."""
    from botocore.exceptions import ClientError

    try:
        key = account.client("kms").describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        return None
    name, state = key["KeyId"], key.get("KeyState", "Enabled")
    if state == "PendingDeletion":
        raise AccountError(
            f"{KEY_ALIAS}: the key is about to be deleted, and all secrets of all stacks with it; stop that with "
            f"`aws kms cancel-key-deletion --region {account.region} --key-id {name}`, then `aws kms enable-key`"
        )
    if state != "Enabled":
        command = f"aws kms enable-key --region {account.region} --key-id {name}"
        raise AccountError(f"{KEY_ALIAS}: the key is {state}, and no stack's secrets can be read; `{command}`")
    return name


def _nameless_key(account: Account) -> str | None:
    """A key of ours that has no name yet, and can be used."""
    pages = (
        account.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(
            TagFilters=[{"Key": key, "Values": [value]} for key, value in TAGS.items()], ResourceTypeFilters=["kms:key"]
        )
    )
    for page in pages:
        for found in page["ResourceTagMappingList"]:
            key = account.client("kms").describe_key(KeyId=found.get("ResourceARN", ""))["KeyMetadata"]
            if key.get("KeyState") == "Enabled":
                return key["KeyId"]
    return None


def _own_bucket(account: Account, bucket: str) -> Iterator[str]:
    """The bucket, in this account and region: a name that somebody else has is refused."""
    from botocore.exceptions import ClientError

    client = account.client("s3")
    try:
        found = client.head_bucket(Bucket=bucket, ExpectedBucketOwner=account.id)
    except ClientError as error:
        code = code_of(error)
        if code in ("403", "AccessDenied", "BucketAlreadyExists"):
            raise AccountError(_foreign(account, bucket)) from None
        if code not in ("404", "NoSuchBucket"):
            raise
    else:
        if (region := found.get("BucketRegion", account.region)) != account.region:
            raise AccountError(f"s3://{bucket}: is in {region}; delete it there, or make the backend in {region}")
        return
    # The oldest region takes no constraint with its own name.
    place: Any = {"LocationConstraint": account.region}
    elsewhere = {} if account.region == "us-east-1" else {"CreateBucketConfiguration": place}
    try:
        client.create_bucket(Bucket=bucket, **elsewhere)
    except ClientError as error:
        if code_of(error) == "BucketAlreadyExists":
            raise AccountError(_foreign(account, bucket)) from None
        if code_of(error) == "OperationAborted":
            raise AccountError(f"s3://{bucket}: S3 is still deleting a bucket of that name; try again later") from None
        if code_of(error) != "BucketAlreadyOwnedByYou":
            raise
    yield f"made s3://{bucket}"


def _foreign(account: Account, bucket: str) -> str:
    return (
        f"s3://{bucket}: exists, and is not account {account.id}'s or not yours to use; nothing was written there. "
        "Ask its owner, or keep the state elsewhere (docs/state.md)"
    )


class _Ours(TypedDict):
    """Names a bucket, and refuses it when it is another account's."""

    Bucket: str
    ExpectedBucketOwner: str


def _settled(account: Account, bucket: str) -> Iterator[str]:
    """Versioning, privacy, encryption, policy and lifecycle, each only where it is not so already."""
    s3, ours = account.client("s3"), _Ours(Bucket=bucket, ExpectedBucketOwner=account.id)
    if _got(s3.get_bucket_versioning, ours).get("Status") != "Enabled":
        s3.put_bucket_versioning(**ours, VersioningConfiguration={"Status": "Enabled"})
        yield "turned its versioning on"
    private = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    if _got(s3.get_public_access_block, ours).get("PublicAccessBlockConfiguration") != private:
        s3.put_public_access_block(**ours, PublicAccessBlockConfiguration=cast(Any, private))
        yield "closed it to the public"
    if not _got(s3.get_bucket_encryption, ours).get("ServerSideEncryptionConfiguration"):
        # By S3's own keys: a KMS key that is lost would take the states along, and not only the secrets in them.
        rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(**ours, ServerSideEncryptionConfiguration={"Rules": [rule]})
        yield "turned its encryption on"
    written = json.loads(_got(s3.get_bucket_policy, ours).get("Policy") or "{}")
    policy = with_ours(written, bucket_policy(bucket, account.partition))
    if policy != written:
        s3.put_bucket_policy(**ours, Policy=json.dumps(policy))
        yield "refused access without TLS"
    if not _got(s3.get_bucket_lifecycle_configuration, ours).get("Rules"):
        s3.put_bucket_lifecycle_configuration(**ours, LifecycleConfiguration={"Rules": [_old_versions()]})
        yield f"let old versions go after {OLD_VERSIONS_DAYS} days"
    if not _got(s3.get_bucket_tagging, ours).get("TagSet"):
        tags: Any = [{"Key": name, "Value": value} for name, value in TAGS.items()]
        s3.put_bucket_tagging(**ours, Tagging={"TagSet": tags})


def _got(ask: Callable[..., Any], ours: _Ours) -> Mapping[str, Any]:
    """What a bucket has been told; S3 answers with an error where it was told nothing."""
    from botocore.exceptions import ClientError

    try:
        return ask(**ours)
    except ClientError as error:
        if code_of(error) in _NOTHING:
            return {}
        raise


_NOTHING: Final = (
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "ServerSideEncryptionConfigurationNotFoundError",
)


def with_ours(written: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """A policy with our statements in it, and all others as they were."""
    sids = {statement["Sid"] for statement in ours["Statement"]}
    others = [statement for statement in written.get("Statement", []) if statement.get("Sid") not in sids]
    return {**ours, **written, "Statement": [*others, *ours["Statement"]]}


def _old_versions() -> Any:
    return {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {},
        "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the backend in the stack's region and prints how to use it; 1 when that cannot be done."""

    def made(stack: str) -> Backend:
        return make(sign_in(read_settings(stack, ROOT).aws.region))

    return backends.command("aws", __doc__, made, arguments)


if __name__ == "__main__":
    sys.exit(main())
