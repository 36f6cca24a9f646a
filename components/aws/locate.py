"""Finds reads and references in S3."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from components.locate import PLAN, Found, Head


def s3_head(region: str, payers: Collection[str] = ()) -> Head:
    """HeadObject with the credentials of the environment, for a stack in `region`; nothing is asked in a plan.

    `payers` are buckets whose readers pay, which S3 wants to be told that they know.
    """
    if os.environ.get(PLAN):
        return lambda bucket, key: Found("")
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client: Any = boto3.client("s3", region_name=region)  # pyright: ignore[reportUnknownMemberType]

    def head(bucket: str, key: str) -> Found:
        uri = f"s3://{bucket}/{key}"
        try:
            paid = {"RequestPayer": "requester"} if bucket in payers else {}
            return found(client.head_object(Bucket=bucket, Key=key, **paid), region)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise LookupError(f"{uri}: {_REMEDIES.get(code, f'S3 answers {code}: {error}')}") from None
        except BotoCoreError as error:
            raise LookupError(f"{uri}: {error}; are the AWS credentials set and not expired?") from None

    return head


def found(answer: Mapping[str, Any], region: str) -> Found:
    """What an answer of HeadObject says to a stack in `region`: an object is known by its size and its ETag."""
    place = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region", region)
    identity = f"{answer.get('ContentLength', '')}-{str(answer.get('ETag', '')).strip(chr(34))}"
    return Found(identity, "" if place == region else place, int(answer.get("ContentLength", 0)))


_REMEDIES: Mapping[str, str] = {
    "404": "there is no such object; check bucket and key with `aws s3 ls`",
    "403": "access is denied, or there is no such object; check the key and that your credentials may read the bucket "
    "(if everybody may read it, name it in biojobs:archives.public; if readers pay, in requesterPays)",
    "400": "S3 refuses the request; have the credentials expired?",
    "301": "the bucket is in another region; use a bucket of the stack's region or copy the file",
}
