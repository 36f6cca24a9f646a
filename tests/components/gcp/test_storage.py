"""Cloud Storage: private, kept; existing buckets checked; small files uploaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.gcp.scope import Scope
from components.gcp.services import Services
from components.gcp.storage import GS, Storage, Uploads, bucket_names, far_place
from components.storage import ROLES
from settings import SettingsError
from tests.components.cloud import RefusedError
from tests.components.gcp.conftest import NUMBER, REGION, GcpRecorder, MakeScope
from tests.components.stores import STORAGE, UPLOADS, BucketTests, Inputs, LookUp, UploadTests, World

GET_BUCKET = "gcp:storage/getBucket:getBucket"
HERE: dict[str, Any] = {"location": REGION.upper(), "uniformBucketLevelAccess": True, "customPlacementConfigs": []}


@pytest.fixture
def world(gcp_mock: GcpRecorder, scope: MakeScope) -> World:
    def storage(given: Scope) -> Storage:
        return Storage(STORAGE, given, Services("dev-services", given))

    asked = LookUp(GET_BUCKET, "name", HERE, {**HERE, "location": "US-EAST1"}, "us-east1")
    inputs = Inputs("name", "BucketObject", "name")
    return World(gcp_mock, GS, NUMBER, REGION, scope, storage, Uploads, bucket_names, asked, inputs)


class TestStorage(BucketTests):
    pass


class TestUploads(UploadTests):
    pass


def buckets(world: World, **settings: Any) -> dict[str, dict[str, Any]]:
    """Inputs of the buckets, by role."""
    made = world.build(**settings)
    return {role: made.one("Bucket", f"{STORAGE}-{role}") for role in ROLES}


def rules(bucket: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Conditions of a bucket's rules, by what they do."""
    return {rule["action"]["type"]: rule["condition"] for rule in bucket["lifecycleRules"]}


def test_nobody_can_open_a_bucket_to_the_public(world: World) -> None:
    for bucket in buckets(world).values():
        assert bucket["publicAccessPrevention"] == "enforced"
        assert bucket["uniformBucketLevelAccess"] is True


def test_buckets_lie_in_the_stacks_region_and_nowhere_else(world: World) -> None:
    made = buckets(world).values()
    assert {(bucket["location"], bucket["storageClass"]) for bucket in made} == {("EUROPE-WEST4", "STANDARD")}


def test_a_bucket_with_objects_is_never_emptied(world: World) -> None:
    assert {bucket["forceDestroy"] for bucket in buckets(world).values()} == {False}


def test_buckets_come_after_the_apis(world: World) -> None:
    buckets(world)
    assert "dev-services-storage" in world.recorder.options[f"{STORAGE}-reads"].depends_on


def test_results_and_reference_keep_old_versions_for_a_month(world: World) -> None:
    made = buckets(world)
    versioned = {role: bucket["versioning"]["enabled"] for role, bucket in made.items()}
    assert versioned == {"reads": False, "reference": True, "results": True}
    for role in ("reference", "results"):
        assert rules(made[role])["Delete"] == {"daysSinceNoncurrentTime": 30, "withState": "ARCHIVED"}


def test_no_rule_ever_deletes_what_is_current(world: World) -> None:
    for bucket in buckets(world, tierDays=90).values():
        assert rules(bucket).get("Delete", {"withState": "ARCHIVED"})["withState"] == "ARCHIVED"


def test_the_leftovers_of_broken_uploads_go_after_a_week(world: World) -> None:
    for bucket in buckets(world).values():
        assert rules(bucket)["AbortIncompleteMultipartUpload"] == {"age": 7}


def test_what_is_deleted_can_be_had_back_for_the_days_of_the_setting(world: World) -> None:
    for bucket in buckets(world, softDeleteDays=10).values():
        assert bucket["softDeletePolicy"] == {"retentionDurationSeconds": 10 * 86_400}


def test_results_move_to_a_colder_class_by_setting_alone(world: World) -> None:
    assert "SetStorageClass" not in rules(buckets(world)["results"])


def test_results_are_tiered_after_the_days_of_the_setting(world: World) -> None:
    made = buckets(world, tierDays=90)
    (tier,) = [rule for rule in made["results"]["lifecycleRules"] if rule["action"]["type"] == "SetStorageClass"]
    assert tier["action"]["storageClass"] == "NEARLINE"
    assert tier["condition"] == {"age": 90, "matchesStorageClasses": ["STANDARD"], "withState": "LIVE"}
    assert "SetStorageClass" not in rules(made["reads"]) | rules(made["reference"])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({**HERE, "uniformBucketLevelAccess": False}, "update gs://theirs --uniform-bucket-level-access"),
        ({**HERE, "location": ""}, "is not there; check its name"),
    ],
)
def test_a_bucket_that_steps_could_not_use_is_refused_with_the_remedy(
    world: World, answer: Mapping[str, Any], said: str
) -> None:
    world.recorder.answers[GET_BUCKET] = answer
    with pytest.raises(pulumi.RunError, match=r"biojobs:buckets\.results: 'theirs': ") as caught:
        world.build(results="theirs")
    assert said in str(caught.value)


def test_while_its_api_is_off_nothing_is_said_of_a_bucket(world: World, warned: list[str]) -> None:
    def off(_: dict[str, Any]) -> Mapping[str, Any]:
        raise RefusedError("Error 403: Cloud Storage API has not been used in project 1 before, SERVICE_DISABLED")

    world.recorder.answers[GET_BUCKET] = off
    world.build(reads="our-reads")
    assert not warned


@pytest.mark.parametrize(
    ("location", "pair", "far"),
    [
        ("EUROPE-WEST4", (), ""),
        ("EUR4", (), ""),
        ("EU", ("EUROPE-WEST1", "EUROPE-WEST4"), ""),
        ("EU", (), "eu"),
        ("EUR5", (), "eur5"),
        ("US-EAST1", (), "us-east1"),
    ],
)
def test_a_bucket_is_near_when_it_has_a_copy_in_the_region(location: str, pair: tuple[str, ...], far: str) -> None:
    assert far_place(location, pair, REGION) == far


@pytest.mark.parametrize("stack", ["google", "my-google", "goog1"])
def test_a_stack_named_after_google_is_refused(world: World, stack: str) -> None:
    given = world.scope()
    object.__setattr__(given, "stack", stack)
    with pytest.raises(SettingsError, match=f"stack: '{stack}': no bucket may be named after Google"):
        bucket_names(given)


def test_an_upload_is_checked_by_the_md5_that_google_knows(world: World, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"reads")
    made = world.upload({"a": tmp_path / "a"}).one("BucketObject", f"{UPLOADS}-a")
    assert made["sourceMd5hash"] == base64.b64encode(hashlib.md5(b"reads", usedforsecurity=False).digest()).decode()
