"""The buckets of the store, and the upload of small files that lie beside the sheet."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import pulumi
import pulumi_gcp as gcp

from components import storage
from components.gcp.scope import Scope
from components.gcp.services import Services, is_off
from components.storage import ABORT_DAYS, KEPT, NONCURRENT_DAYS, VERSIONED, BucketStore, FileUploads, Role, Scheme
from settings import SettingsError

GS: Final = Scheme("gs", "gcloud storage cp")

_DAY = 86_400
_DUAL_REGIONS: Final[Mapping[str, Collection[str]]] = {
    "ASIA1": ("asia-northeast1", "asia-northeast2"),
    "EUR4": ("europe-north1", "europe-west4"),
    "EUR5": ("europe-west1", "europe-west2"),
    "EUR7": ("europe-west2", "europe-west3"),
    "EUR8": ("europe-west3", "europe-west6"),
    "NAM4": ("us-central1", "us-east1"),
}
"""Google's own pairs of regions, https://cloud.google.com/storage/docs/locations."""


class Storage(BucketStore):
    """Cloud Storage buckets of reads, reference and results.

    They are encrypted with Google's keys: with a KMS key every object read is a call that is paid for and rationed, and
    who may read is said by roles all the same.
    """

    def __init__(self, name: str, scope: Scope, services: Services, opts: pulumi.ResourceOptions | None = None) -> None:
        self._scope, self._services = scope, services
        given = storage.given_buckets(scope.target.buckets)
        super().__init__("biojobs:gcp:Storage", name, bucket_names(scope), given, bucket_problems(scope), opts)

    def _made(self, prefix: str, role: Role, bucket: str) -> Sequence[pulumi.Resource]:
        target = self._scope.target.buckets
        made = gcp.storage.Bucket(
            prefix,
            name=bucket,
            project=self._scope.project,
            # As the API gives it back: in small letters, each refresh would find another place.
            location=self._scope.region.upper(),
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": role in VERSIONED},
            soft_delete_policy={"retention_duration_seconds": target.soft_delete_days * _DAY},
            lifecycle_rules=lifecycle_rules(role, target.tier_days),
            force_destroy=False,
            opts=pulumi.ResourceOptions.merge(self._scope.child(self, *self._services.ready), KEPT),
        )
        return [made]


class Uploads(FileUploads):
    """Files as objects of Cloud Storage.

    A changed object replaces the old one under the same name: that the old one is retained keeps its deletion from
    taking the new one.
    """

    KIND, SCHEME = "biojobs:gcp:Uploads", GS

    def _object(
        self, resource: str, bucket: str, key: str, file: Path, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        # A GiB takes longer than the provider's usual patience of four minutes.
        patience = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="2h", update="2h"))
        return gcp.storage.BucketObject(
            resource,
            bucket=bucket,
            name=key,
            source=pulumi.FileAsset(str(file)),
            source_md5hash=_content_hash(file),
            opts=pulumi.ResourceOptions.merge(opts, patience),
        )


def bucket_names(scope: Scope) -> dict[Role, str]:
    """The name of each role's bucket; see `components.storage.bucket_names`."""
    if "google" in scope.stack or scope.stack.startswith("goog"):
        raise SettingsError(f"stack: {scope.stack!r}: no bucket may be named after Google; name the stack otherwise")
    given = storage.given_buckets(scope.target.buckets)
    return storage.bucket_names(scope.stack, given, scope.number, scope.region)


@functools.cache
def bucket_problems(scope: Scope) -> tuple[str, ...]:
    """Which of the named buckets cannot be used, a line each; warns of those in other regions. Google is asked once,
    and nothing is said while the API is not on yet."""
    given = storage.given_buckets(scope.target.buckets)
    return storage.check_buckets(
        given,
        functools.partial(_far_place, scope),
        lambda key, bucket, place: cross_region(key, bucket, place, scope),
    )


def _far_place(scope: Scope, bucket: str) -> str:
    """Where a bucket is, or "" for one that is as good as in the stack's region; LookupError for one of no use."""
    try:
        found = gcp.storage.get_bucket(name=bucket, opts=pulumi.InvokeOptions(provider=scope.provider))
    except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
        if is_off(error):
            return ""
        raise LookupError(
            f"cannot be reached ({error}); check its name and that your identity may storage.buckets.get, or leave it "
            "empty for a bucket of the stack's own"
        ) from None
    if not found.location:
        raise LookupError("is not there; check its name, or leave it empty for a bucket of the stack's own")
    if not found.uniform_bucket_level_access:
        raise LookupError(
            "has object ACLs, beside which no identity can be confined to a prefix; switch them off with `gcloud "
            f"storage buckets update gs://{bucket} --uniform-bucket-level-access`"
        )
    pair = [region for placed in found.custom_placement_configs for region in placed.data_locations]
    return far_place(found.location, pair, scope.region)


def far_place(location: str, pair: Sequence[str], region: str) -> str:
    """A bucket's location as people write it, or "" when it has a copy in `region`; `pair` are the two regions of a
    dual-region of one's own."""
    copies = {location.lower(), *(each.lower() for each in pair), *_DUAL_REGIONS.get(location.upper(), ())}
    return "" if region in copies else location.lower()


def cross_region(key: str, bucket: str, place: str, scope: Scope) -> str:
    """A warning with what it costs to use a bucket of another place: list prices, without your discounts."""
    way = "about 0.02 USD a GB on a continent, and up to 0.14 between continents"
    return storage.far_bucket(key, bucket, place, scope.region, way, "gcloud storage rsync")


def lifecycle_rules(role: Role, tier_days: int) -> list[gcp.storage.BucketLifecycleRuleArgsDict]:
    """Rules of a bucket: leftovers of broken uploads and old versions go; results move to a colder class by setting."""
    rules: list[gcp.storage.BucketLifecycleRuleArgsDict] = [
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": ABORT_DAYS}}
    ]
    if role in VERSIONED:
        rules.append(
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": NONCURRENT_DAYS, "with_state": "ARCHIVED"},
            }
        )
    if role == "results" and tier_days:
        rules.append(
            {
                "action": {"type": "SetStorageClass", "storage_class": "NEARLINE"},
                "condition": {"age": tier_days, "matches_storage_classes": ["STANDARD"], "with_state": "LIVE"},
            }
        )
    return rules


def _content_hash(file: Path) -> str:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()
