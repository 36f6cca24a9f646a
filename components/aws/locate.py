"""Finds reads and references before anything is created: in S3, on the web, beside the sheet."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.types import Source

PLAN = "BIOJOBS_PLAN"
"""Environment variable of a plan without an account: nothing is looked up, and identities stay unknown."""

_SECONDS = 20
Head = Callable[[str, str], Mapping[str, Any]]
"""(bucket, key) -> the answer of S3's HeadObject; raises LookupError with the reason and a remedy."""


@dataclass(frozen=True)
class Locator:
    """Turns locations into what steps read.

    `uploads` collects the files beside the sheet that the stack uploads to `bucket`, by object key; `elsewhere` the
    buckets of other regions, by name, whose reads cross regions and are paid for.
    """

    region: str
    bucket: str
    beside: tuple[Path, ...]
    head: Head
    uploads: dict[str, Path] = field(default_factory=dict[str, Path])
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])

    def locate(self, location: str) -> Source:
        """What steps read for a location. Raises LookupError when there is nothing to read."""
        if location.startswith("s3://"):
            return self._object(location)
        if location.startswith("https://"):
            return Source(location, _web_identity(location))
        if "://" in location:
            raise LookupError(f"{location}: steps on AWS read s3:// and https://; copy it to s3://{self.bucket}/")
        return self._file(location)

    def _object(self, uri: str) -> Source:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise LookupError(f"{uri}: names no object; write s3://bucket/key")
        found = self.head(bucket, key)
        region = found.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region", self.region)
        if region != self.region:
            self.elsewhere[bucket] = region
        return Source(uri, f"{found.get('ContentLength', '')}-{str(found.get('ETag', '')).strip(chr(34))}")

    def _file(self, location: str) -> Source:
        given = next((folder / location for folder in self.beside if (folder / location).is_file()), None)
        if given is None:
            places = ", ".join(map(str, self.beside))
            raise LookupError(
                f"{location}: no such file in {places}; upload it with `aws s3 cp` and write s3://{self.bucket}/..."
            )
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise LookupError(f"{location}: lies outside the project; write s3://{self.bucket}/... or a path within it")
        self.uploads[location] = given
        # Size and name do not change when a clone is made; the time of change does, and would run everything again.
        return Source(f"s3://{self.bucket}/{location}", _content_identity(given))


def _content_identity(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _web_identity(uri: str) -> str:
    """ETag or time of change, and size, as the server tells them; nothing is looked up in a plan."""
    if os.environ.get(PLAN):
        return ""
    try:
        with urllib.request.urlopen(urllib.request.Request(uri, method="HEAD"), timeout=_SECONDS) as answer:
            mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            return f"{answer.headers.get('Content-Length', '')}-{mark.strip(chr(34))}"
    except urllib.error.HTTPError as error:
        raise LookupError(f"{uri}: the server answers {error.code} {error.reason}; check the address") from None
    except (OSError, ValueError) as error:
        raise LookupError(f"{uri}: cannot be reached ({error}); check the address and the network") from None


def s3_head(region: str) -> Head:
    """HeadObject with the credentials of the environment; in a plan, an answer that tells nothing."""
    if os.environ.get(PLAN):
        return lambda bucket, key: {}
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client: Any = boto3.client("s3", region_name=region)  # pyright: ignore[reportUnknownMemberType]

    def head(bucket: str, key: str) -> Mapping[str, Any]:
        uri = f"s3://{bucket}/{key}"
        try:
            return client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise LookupError(f"{uri}: {_REMEDIES.get(code, f'S3 answers {code}: {error}')}") from None
        except BotoCoreError as error:
            raise LookupError(f"{uri}: {error}; are the AWS credentials set and not expired?") from None

    return head


_REMEDIES: Mapping[str, str] = {
    "404": "there is no such object; check bucket and key with `aws s3 ls`",
    "403": "access is denied, or there is no such object; check the key and that your credentials may read the bucket",
    "400": "S3 refuses the request; have the credentials expired?",
    "301": "the bucket is in another region; use a bucket of the stack's region or copy the file",
}
