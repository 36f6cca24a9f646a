"""What a location of a sheet means on every cloud, and what is said when it means nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from components.locate import PLAN, Found, Locator
from components.storage import Scheme
from settings_pipeline import Archives
from workflows.types import Source

OBJECTS = {("mine", "a.fq.gz"): "", ("theirs", "b.fq.gz"): "us-east-1"}
CLOUDS = {"AWS": Scheme("s3", "aws s3 cp"), "Google Cloud": Scheme("gs", "gcloud storage cp")}


def head(bucket: str, key: str) -> Found:
    if (bucket, key) not in OBJECTS:
        raise LookupError("there is no such object")
    return Found("7-abc", OBJECTS[bucket, key], 7)


@pytest.fixture(params=CLOUDS)
def locator(request: pytest.FixtureRequest, tmp_path: Path) -> Locator:
    return Locator(request.param, CLOUDS[request.param], "reads-bucket", (tmp_path,), head)


def own(locator: Locator, rest: str) -> str:
    return f"{locator.scheme.scheme}://{rest}"


def test_an_object_is_known_by_what_the_store_knows_of_it(locator: Locator) -> None:
    uri = own(locator, "mine/a.fq.gz")
    assert locator.locate(uri) == Source(uri, "7-abc", 7)
    assert locator.elsewhere == {}


def test_a_bucket_of_another_region_is_noticed(locator: Locator) -> None:
    locator.locate(own(locator, "theirs/b.fq.gz"))
    assert locator.elsewhere == {"theirs": "us-east-1"}


def test_a_file_beside_the_sheet_is_uploaded_and_known_by_its_content(locator: Locator, tmp_path: Path) -> None:
    (tmp_path / "x.fq.gz").write_bytes(b"reads")
    first = locator.locate("x.fq.gz")
    assert (first.uri, first.size) == (own(locator, "reads-bucket/x.fq.gz"), 5)
    assert locator.uploads == {"x.fq.gz": tmp_path / "x.fq.gz"}
    shutil.copy(tmp_path / "x.fq.gz", tmp_path / "y")
    (tmp_path / "y").replace(tmp_path / "x.fq.gz")
    assert locator.locate("x.fq.gz") == first, "a new clone has new times, and the same reads"
    (tmp_path / "x.fq.gz").write_bytes(b"other")
    assert locator.locate("x.fq.gz").identity != first.identity


def test_what_cannot_be_found_is_told_with_the_remedy(locator: Locator) -> None:
    for location, said in {
        own(locator, "mine/none.fq.gz"): "there is no such object",
        own(locator, "mine"): f"write {own(locator, 'bucket/key')}",
        "ftp://mine/a.fq.gz": f"copy it to {own(locator, 'reads-bucket/')}",
        "none.fq.gz": locator.scheme.copy,
    }.items():
        with pytest.raises(LookupError, match=re.escape(said)):
            locator.locate(location)


@pytest.mark.parametrize(
    ("cloud", "location", "public"),
    [
        ("AWS", "gs://genomics/a b.bam", "https://storage.googleapis.com/genomics/a%20b.bam"),
        ("Google Cloud", "s3://genomes/x/a.bam", "https://genomes.s3.amazonaws.com/x/a.bam"),
        ("Google Cloud", "s3://my.genomes/x/a.bam", "https://s3.amazonaws.com/my.genomes/x/a.bam"),
    ],
)
def test_an_object_of_the_other_cloud_is_refused_with_its_public_address(
    cloud: str, location: str, public: str
) -> None:
    with pytest.raises(LookupError, match=f"^{location}: steps on {cloud} read") as error:
        Locator(cloud, CLOUDS[cloud], "reads-bucket", (), head).locate(location)
    bucket = location.split("/")[2]
    said = str(error.value)
    assert f"if everybody may read it, name {bucket} in biojobs:archives.public or write {public}, else " in said
    assert said.endswith("reads-bucket/")


def test_what_readers_pay_for_is_read_on_aws_alone(locator: Locator) -> None:
    paid = replace(locator, archives=Archives.model_validate({"requesterPays": ["mine"]}))
    if locator.cloud == "AWS":
        assert paid.locate("s3://mine/a.fq.gz").identity == "7-abc"
    else:
        with pytest.raises(LookupError, match=r"only steps on AWS pay for what they read"):
            paid.locate("s3://mine/a.fq.gz")


def test_nothing_outside_the_project_is_uploaded(locator: Locator, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("x")
    for location in (str(tmp_path / "secret"), "inside/../secret"):
        with pytest.raises(LookupError, match="outside the project"):
            locator.locate(location)
    assert locator.uploads == {}


def test_a_plan_asks_no_web_server(monkeypatch: pytest.MonkeyPatch, locator: Locator) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert locator.locate("https://nowhere.invalid/x.fa").identity == ""


def test_a_web_address_that_does_not_answer_is_refused(locator: Locator) -> None:
    with pytest.raises(LookupError, match=r"cannot be reached"):
        locator.locate("https://127.0.0.1:9/x.fq.gz")
