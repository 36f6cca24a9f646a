"""Buckets: private, encrypted, kept; existing ones checked; small files uploaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.aws.storage import ROLES, Storage, Uploads, bucket_names, cross_region
from settings import SettingsError
from tests.components.aws.conftest import ACCOUNT, AwsRecorder, MakeScope, RefusedError

PREFIX = "dev-storage"
GET_BUCKET = "aws:s3/getBucket:getBucket"
KINDS = (
    *("Bucket", "BucketPublicAccessBlock", "BucketOwnershipControls", "BucketPolicy"),
    *("BucketServerSideEncryptionConfiguration", "BucketLifecycleConfiguration"),
)

Build = Callable[..., AwsRecorder]


@pytest.fixture
def build(aws_mock: AwsRecorder, scope: MakeScope) -> Build:
    def make(**buckets: Any) -> AwsRecorder:
        aws_mock.build(lambda: Storage(PREFIX, scope(buckets=buckets)))
        return aws_mock

    return make


def name(role: str) -> str:
    return f"biojobs-dev-{role}-{ACCOUNT}-eu-west-1"


def rules(made: AwsRecorder, role: str) -> dict[str, dict[str, Any]]:
    lifecycle = made.one("BucketLifecycleConfiguration", f"{PREFIX}-{role}-lifecycle")
    assert all(rule["status"] == "Enabled" for rule in lifecycle["rules"])
    return {rule["id"]: rule for rule in lifecycle["rules"]}


def test_each_role_has_a_bucket_named_after_stack_account_and_region(build: Build) -> None:
    made = build()
    assert {bucket["bucket"] for bucket in made.of("Bucket").values()} == {name(role) for role in ROLES}


def test_every_bucket_has_all_that_protects_its_content(build: Build) -> None:
    made = build()
    for kind in KINDS:
        assert {found["bucket"] for found in made.of(kind).values()} == {name(role) for role in ROLES}, kind


def test_buckets_and_their_protection_survive_the_stack(build: Build) -> None:
    made = build()
    kept = {resource: options for resource, options in made.options.items() if resource.startswith(f"{PREFIX}-")}
    assert len(kept) == 3 * len(KINDS) + 2
    assert {(options.protect, options.retain_on_delete) for options in kept.values()} == {(True, True)}


def test_nobody_can_open_a_bucket_to_the_public(build: Build) -> None:
    made = build()
    for block in made.of("BucketPublicAccessBlock").values():
        assert {key: value for key, value in block.items() if key != "bucket"} == {
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        }
    for owner in made.of("BucketOwnershipControls").values():
        assert owner["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_a_bucket_is_reached_by_tls_alone(build: Build) -> None:
    for policy in build().of("BucketPolicy").values():
        (statement,) = json.loads(policy["policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        arn = f"arn:aws:s3:::{policy['bucket']}"
        assert statement["Resource"] == [arn, f"{arn}/*"]


def test_objects_are_encrypted_at_rest(build: Build) -> None:
    for encryption in build().of("BucketServerSideEncryptionConfiguration").values():
        assert encryption["rules"] == [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]


def test_results_and_reference_keep_old_versions_for_a_month(build: Build) -> None:
    made = build()
    versioned = {found["bucket"] for found in made.of("BucketVersioning").values()}
    assert versioned == {name("results"), name("reference")}
    for role in ("results", "reference"):
        rule = rules(made, role)["expire-old-versions"]
        assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
        lifecycle = made.options[f"{PREFIX}-{role}-lifecycle"]
        assert f"{PREFIX}-{role}-versions" in lifecycle.depends_on
    assert "expire-old-versions" not in rules(made, "reads")


def test_the_leftovers_of_broken_uploads_go_after_a_week(build: Build) -> None:
    made = build()
    for role in ROLES:
        rule = rules(made, role)["abort-uploads"]
        assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}


def test_results_move_to_a_colder_tier_by_setting_alone(build: Build) -> None:
    assert "tier" not in rules(build(), "results")


def test_results_are_tiered_after_the_days_of_the_setting(build: Build) -> None:
    made = build(tierDays=90)
    assert rules(made, "results")["tier"]["transitions"] == [{"days": 90, "storageClass": "GLACIER_IR"}]
    assert "tier" not in rules(made, "reads") | rules(made, "reference")


def test_no_rule_ever_expires_what_is_current(build: Build) -> None:
    made = build(tierDays=90)
    for role in ROLES:
        for rule in rules(made, role).values():
            assert rule.get("expiration", {}).keys() <= {"expiredObjectDeleteMarker"}


def test_nothing_is_made_or_changed_for_an_existing_bucket(build: Build) -> None:
    made = build(reads="our-reads")
    assert made.calls == [(GET_BUCKET, {"bucket": "our-reads"})]
    assert {bucket["bucket"] for bucket in made.of("Bucket").values()} == {name("reference"), name("results")}
    assert not any("our-reads" in str(inputs) for inputs in made.resources.values())


def test_existing_buckets_are_what_the_rest_of_the_stack_uses(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = scope(buckets={"results": "our-results"})
    assert bucket_names(made) == {"reads": name("reads"), "reference": name("reference"), "results": "our-results"}


def test_a_bucket_that_cannot_be_reached_is_refused_before_anything_is_made(
    build: Build, aws_mock: AwsRecorder
) -> None:
    def forbidden(args: dict[str, Any]) -> Mapping[str, Any]:
        raise RefusedError(f"reading S3 Bucket ({args['bucket']}): api error Forbidden: Forbidden")

    aws_mock.answers[GET_BUCKET] = forbidden
    with pytest.raises(pulumi.RunError, match=r"nothing was changed") as caught:
        build(reads="theirs", results="nobodys")
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(": cannot be reached")[0] for line in lines] == [
        "biojobs:buckets.reads: 'theirs'",
        "biojobs:buckets.results: 'nobodys'",
    ]
    assert all("Forbidden" in line and "leave it empty" in line for line in lines)
    assert {kind for kind, _ in aws_mock.resources} == {"aws"}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", found.append)
    return found


def test_a_bucket_of_another_region_is_warned_about_with_its_price(
    build: Build, aws_mock: AwsRecorder, warnings: list[str]
) -> None:
    aws_mock.answers[GET_BUCKET] = {"bucketRegion": "us-east-1"}
    build(reads="our-reads")
    (warning,) = warnings
    assert warning.startswith("biojobs:buckets.reads: 'our-reads': is in us-east-1, and the stack in eu-west-1")
    assert "0.02 USD a GB" in warning


def test_a_bucket_that_s3_sends_elsewhere_is_warned_about_too(
    build: Build, aws_mock: AwsRecorder, warnings: list[str]
) -> None:
    def moved(_: dict[str, Any]) -> Mapping[str, Any]:
        raise RefusedError("operation error S3: HeadBucket, https response error StatusCode: 301, MovedPermanently")

    aws_mock.answers[GET_BUCKET] = moved
    build(reads="our-reads")
    assert len(warnings) == 1


def test_a_bucket_of_the_stacks_region_is_no_cause_for_a_warning(build: Build, warnings: list[str]) -> None:
    build(reads="our-reads")
    assert not warnings


def test_without_nat_another_region_cannot_be_reached_at_all(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert "there is no way to it" in cross_region("k", "b", "us-east-1", scope(network={"nat": "none"}))


@pytest.mark.parametrize("stack", ["Dev", "dev_1", "a-stack-whose-name-is-long"])
def test_a_stack_whose_name_no_bucket_can_have_is_refused(aws_mock: AwsRecorder, scope: MakeScope, stack: str) -> None:
    given = scope()
    object.__setattr__(given, "stack", stack)
    with pytest.raises(SettingsError, match=rf"stack: '{stack}': .*name the stack with at most \d+ lower-case"):
        bucket_names(given)


def test_the_longest_stack_name_that_is_taken_still_fits(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    given = scope()
    object.__setattr__(given, "stack", "a" * 22)
    assert max(map(len, bucket_names(given).values())) == 63


def upload(aws_mock: AwsRecorder, scope: MakeScope, files: Mapping[str, Path]) -> AwsRecorder:
    def make() -> None:
        given = scope()
        Uploads("dev-uploads", given, Storage(PREFIX, given), files)

    aws_mock.build(make)
    return aws_mock


def test_small_files_become_objects_of_the_reads_after_the_bucket_is_safe(
    aws_mock: AwsRecorder, scope: MakeScope, tmp_path: Path
) -> None:
    file = tmp_path / "a.fq.gz"
    file.write_bytes(b"reads")
    made = upload(aws_mock, scope, {"samples/a.fq.gz": file}).one("BucketObjectv2", "dev-uploads-samples/a.fq.gz")
    assert (made["bucket"], made["key"]) == (name("reads"), "samples/a.fq.gz")
    assert made["source"].path == str(file)
    options = aws_mock.options["dev-uploads-samples/a.fq.gz"]
    assert (options.protect, options.retain_on_delete) == (False, True)
    assert {f"{PREFIX}-reads", f"{PREFIX}-reads-policy", f"{PREFIX}-reads-private"} <= options.depends_on


def test_a_changed_file_is_uploaded_again(aws_mock: AwsRecorder, scope: MakeScope, tmp_path: Path) -> None:
    one, other, same = (tmp_path / each for each in ("1", "2", "3"))
    one.write_bytes(b"a")
    other.write_bytes(b"b")
    same.write_bytes(b"a")
    made = upload(aws_mock, scope, {"one": one, "other": other, "same": same}).of("BucketObjectv2")
    hashes = {key: made[f"dev-uploads-{key}"]["sourceHash"] for key in ("one", "other", "same")}
    assert hashes["one"] == hashes["same"] != hashes["other"]


def test_files_that_are_missing_or_too_big_are_refused_with_the_remedy(
    aws_mock: AwsRecorder, scope: MakeScope, tmp_path: Path
) -> None:
    big = tmp_path / "big.fq.gz"
    with big.open("wb") as file:
        file.truncate(2**30 + 1)
    files = {"big.fq.gz": big, "none.fq.gz": tmp_path / "none.fq.gz"}
    with pytest.raises(pulumi.RunError) as caught:
        upload(aws_mock, scope, files)
    first, second = str(caught.value).splitlines()[1:]
    assert f"aws s3 cp {big} s3://{name('reads')}/big.fq.gz" in first
    assert "none.fq.gz: is no file" in second
    assert not aws_mock.of("BucketObjectv2")
