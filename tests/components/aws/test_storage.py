"""S3: private, encrypted, kept; existing buckets checked; small files uploaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components.aws.scope import Scope
from components.aws.storage import S3, Storage, Uploads, bucket_names, cross_region
from components.storage import ROLES
from tests.components.aws.conftest import ACCOUNT, REGION, AwsRecorder, MakeScope
from tests.components.cloud import CloudRecorder, RefusedError
from tests.components.stores import STORAGE, BucketTests, Inputs, LookUp, UploadTests, World

GET_BUCKET = "aws:s3/getBucket:getBucket"
KINDS = (
    *("Bucket", "BucketPublicAccessBlock", "BucketOwnershipControls", "BucketPolicy"),
    *("BucketServerSideEncryptionConfiguration", "BucketLifecycleConfiguration"),
)


@pytest.fixture
def world(aws_mock: AwsRecorder, scope: MakeScope) -> World:
    near, far = {"bucketRegion": REGION}, {"bucketRegion": "us-east-1"}
    asked = LookUp(GET_BUCKET, "bucket", near, far, "us-east-1")
    inputs = Inputs("bucket", "BucketObjectv2", "key")

    def storage(given: Scope) -> Storage:
        return Storage(STORAGE, given)

    return World(aws_mock, S3, ACCOUNT, REGION, scope, storage, Uploads, bucket_names, asked, inputs)


class TestStorage(BucketTests):
    pass


class TestUploads(UploadTests):
    pass


def name(role: str) -> str:
    return f"biojobs-dev-{role}-{ACCOUNT}-eu-west-1"


def rules(made: CloudRecorder, role: str) -> dict[str, dict[str, Any]]:
    lifecycle = made.one("BucketLifecycleConfiguration", f"{STORAGE}-{role}-lifecycle")
    assert all(rule["status"] == "Enabled" for rule in lifecycle["rules"])
    return {rule["id"]: rule for rule in lifecycle["rules"]}


def test_every_bucket_has_all_that_protects_its_content(world: World) -> None:
    made = world.build()
    for kind in KINDS:
        assert {found["bucket"] for found in made.of(kind).values()} == {name(role) for role in ROLES}, kind


def test_nobody_can_open_a_bucket_to_the_public(world: World) -> None:
    made = world.build()
    for block in made.of("BucketPublicAccessBlock").values():
        assert {key: value for key, value in block.items() if key != "bucket"} == {
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        }
    for owner in made.of("BucketOwnershipControls").values():
        assert owner["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_a_bucket_is_reached_by_tls_alone(world: World) -> None:
    for policy in world.build().of("BucketPolicy").values():
        (statement,) = json.loads(policy["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        arn = f"arn:aws:s3:::{policy['bucket']}"
        assert statement["Resource"] == [arn, f"{arn}/*"]


def test_objects_are_encrypted_at_rest(world: World) -> None:
    for encryption in world.build().of("BucketServerSideEncryptionConfiguration").values():
        assert encryption["rules"] == [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]


def test_results_and_reference_keep_old_versions_for_a_month(world: World) -> None:
    made = world.build()
    versioned = {found["bucket"] for found in made.of("BucketVersioning").values()}
    assert versioned == {name("results"), name("reference")}
    for role in ("results", "reference"):
        rule = rules(made, role)["expire-old-versions"]
        assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
        lifecycle = made.options[f"{STORAGE}-{role}-lifecycle"]
        assert f"{STORAGE}-{role}-versions" in lifecycle.depends_on
    assert "expire-old-versions" not in rules(made, "reads")


def test_the_leftovers_of_broken_uploads_go_after_a_week(world: World) -> None:
    made = world.build()
    for role in ROLES:
        rule = rules(made, role)["abort-uploads"]
        assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


def test_results_move_to_a_colder_tier_by_setting_alone(world: World) -> None:
    assert "tier" not in rules(world.build(), "results")


def test_results_are_tiered_after_the_days_of_the_setting(world: World) -> None:
    made = world.build(tierDays=90)
    assert rules(made, "results")["tier"]["transitions"] == [{"days": 90, "storageClass": "GLACIER_IR"}]
    assert "tier" not in rules(made, "reads") | rules(made, "reference")


def test_no_rule_ever_expires_what_is_current(world: World) -> None:
    made = world.build(tierDays=90)
    for role in ROLES:
        for rule in rules(made, role).values():
            assert rule.get("expiration", {}).keys() <= {"expiredObjectDeleteMarker"}


def test_a_bucket_that_s3_sends_elsewhere_is_warned_about_too(world: World, warned: list[str]) -> None:
    def moved(_: dict[str, Any]) -> Mapping[str, Any]:
        raise RefusedError("operation error S3: HeadBucket, https response error StatusCode: 301, MovedPermanently")

    world.recorder.answers[GET_BUCKET] = moved
    world.build(reads="our-reads")
    assert len(warned) == 1


def test_without_nat_another_region_cannot_be_reached_at_all(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert "there is no way to it" in cross_region("k", "b", "us-east-1", scope(network={"nat": "none"}))
