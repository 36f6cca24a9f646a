"""What a location of a sheet means on AWS, and what is said when it means nothing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.aws.locate import PLAN, Locator, s3_head
from workflows.types import Source

OBJECTS = {("mine", "a.fq.gz"): "eu-west-1", ("1000genomes", "b.fq.gz"): "us-east-1"}


def head(bucket: str, key: str) -> Mapping[str, Any]:
    if (bucket, key) not in OBJECTS:
        raise LookupError(f"s3://{bucket}/{key}: there is no such object")
    headers = {"x-amz-bucket-region": OBJECTS[bucket, key]}
    return {"ETag": '"abc"', "ContentLength": 7, "ResponseMetadata": {"HTTPHeaders": headers}}


@pytest.fixture
def locator(tmp_path: Path) -> Locator:
    return Locator("eu-west-1", "reads-bucket", (tmp_path,), head)


def test_an_object_is_known_by_its_size_and_its_etag(locator: Locator) -> None:
    assert locator.locate("s3://mine/a.fq.gz") == Source("s3://mine/a.fq.gz", "7-abc")
    assert locator.elsewhere == {}


def test_a_bucket_of_another_region_is_noticed(locator: Locator) -> None:
    locator.locate("s3://1000genomes/b.fq.gz")
    assert locator.elsewhere == {"1000genomes": "us-east-1"}


def test_a_file_beside_the_sheet_is_uploaded_and_known_by_its_content(locator: Locator, tmp_path: Path) -> None:
    (tmp_path / "x.fq.gz").write_bytes(b"reads")
    first = locator.locate("x.fq.gz")
    assert first.uri == "s3://reads-bucket/x.fq.gz"
    assert locator.uploads == {"x.fq.gz": tmp_path / "x.fq.gz"}
    shutil.copy(tmp_path / "x.fq.gz", tmp_path / "y")
    (tmp_path / "y").replace(tmp_path / "x.fq.gz")
    assert locator.locate("x.fq.gz") == first, "a new clone has new times, and the same reads"
    (tmp_path / "x.fq.gz").write_bytes(b"other")
    assert locator.locate("x.fq.gz").identity != first.identity


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("s3://mine/none.fq.gz", "there is no such object"),
        ("s3://mine", "write s3://bucket/key"),
        ("gs://mine/a.fq.gz", "copy it to s3://reads-bucket/"),
        ("none.fq.gz", "aws s3 cp"),
    ],
)
def test_what_cannot_be_found_is_told_with_the_remedy(locator: Locator, location: str, said: str) -> None:
    with pytest.raises(LookupError, match="^" + location) as error:
        locator.locate(location)
    assert said in str(error.value)


def test_nothing_outside_the_project_is_uploaded(locator: Locator, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("x")
    for location in (str(tmp_path / "secret"), "inside/../secret"):
        with pytest.raises(LookupError, match="outside the project"):
            locator.locate(location)
    assert locator.uploads == {}


def test_a_plan_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAN, "1")
    planned = Locator("eu-west-1", "b", (), s3_head("eu-west-1"))
    assert planned.locate("s3://mine/none.fq.gz").uri == "s3://mine/none.fq.gz"
    assert planned.locate("https://nowhere.invalid/x.fa").identity == ""


def test_a_web_address_that_does_not_answer_is_refused(locator: Locator) -> None:
    with pytest.raises(LookupError, match=r"cannot be reached"):
        locator.locate("https://127.0.0.1:9/x.fq.gz")
