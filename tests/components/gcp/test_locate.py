"""What Cloud Storage answers, and what is made of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.accounts import AccountError, DeniedError
from components.gcp.account import DisabledError, MissingError
from components.gcp.locate import gcs_head, identity
from components.locate import PLAN, Found, Head
from tests.components.gcp.conftest import PROJECT, REGION

MD5 = base64.b64encode(bytes.fromhex("00ff" * 8)).decode()
OBJECT = {"size": "7", "md5Hash": MD5, "crc32c": "AAAAAA==", "generation": "1"}
API = "https://storage.googleapis.com/storage/v1/b/"


@dataclass
class Bucket:
    """Cloud Storage's API: documents or errors by what an address ends with."""

    answers: dict[str, Mapping[str, Any] | AccountError]
    asked: list[str] = field(default_factory=list[str])

    def ask(self, address: str) -> Mapping[str, Any]:
        assert address.startswith(API)
        path = address.removeprefix(API).partition("?")[0]
        self.asked.append(path)
        answer = self.answers[path]
        if isinstance(answer, AccountError):
            raise answer
        return answer


MakeHead = Callable[..., tuple[Head, Bucket]]


@pytest.fixture
def made() -> MakeHead:
    def make(**answers: Any) -> tuple[Head, Bucket]:
        api = Bucket({"mine": {"location": REGION.upper()}, "mine/o/a.fq.gz": OBJECT, **answers})
        return gcs_head(PROJECT, REGION, api.ask), api

    return make


def test_an_object_is_known_by_its_size_and_its_md5(made: MakeHead) -> None:
    head, _ = made()
    assert head("mine", "a.fq.gz") == Found(f"7-{'00ff' * 8}", size=7)


def test_an_object_that_is_written_again_with_the_same_content_stays_the_same() -> None:
    assert identity(OBJECT) == identity({**OBJECT, "generation": "2"})
    assert identity(OBJECT) != identity({**OBJECT, "md5Hash": base64.b64encode(b"0" * 16).decode()})


def test_a_composed_object_has_no_md5_and_is_known_by_its_generation_too() -> None:
    composed = {key: value for key, value in OBJECT.items() if key != "md5Hash"}
    assert identity(composed) == "7-00000000-1"
    assert identity(composed) != identity({**composed, "generation": "2"})


def test_a_name_is_asked_for_as_it_is(made: MakeHead) -> None:
    head, api = made(**{"mine/o/a%2Fb%20c%23.fa": OBJECT})
    head("mine", "a/b c#.fa")
    assert "mine/o/a%2Fb%20c%23.fa" in api.asked


def test_a_bucket_of_another_place_is_noticed_and_asked_about_once(made: MakeHead) -> None:
    head, api = made(mine={"location": "US"})
    assert head("mine", "a.fq.gz").elsewhere == head("mine", "a.fq.gz").elsewhere == "us"
    assert api.asked.count("mine") == 1


def test_a_pair_of_regions_of_which_one_is_the_stacks_is_near(made: MakeHead) -> None:
    head, _ = made(mine={"location": "EU", "customPlacementConfig": {"dataLocations": ["EUROPE-WEST4", "X"]}})
    assert head("mine", "a.fq.gz").elsewhere == ""


def test_objects_may_be_read_without_the_right_to_see_their_bucket(made: MakeHead) -> None:
    head, _ = made(mine=DeniedError("may not"))
    assert head("mine", "a.fq.gz").elsewhere == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MissingError("nothing"), "gcloud storage ls"),
        (DeniedError("may not"), "access is denied"),
        (DisabledError("storage is not turned on"), "storage is not turned on"),
        (AccountError("no credentials; sign in"), "no credentials; sign in"),
        (AccountError("GET: Bucket is a requester pays bucket"), "copy the file to a bucket of your own"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_remedy(made: MakeHead, error: AccountError, said: str) -> None:
    head, _ = made(**{"mine/o/a.fq.gz": error})
    with pytest.raises(LookupError, match=r"^gs://mine/a.fq.gz: ") as found:
        head("mine", "a.fq.gz")
    assert said in str(found.value)


def test_credentials_are_looked_for_when_the_first_object_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(project: str) -> None:
        raise ValueError(f"no credentials for {project}")

    head = gcs_head(PROJECT, REGION)
    monkeypatch.setattr("components.gcp.account._session", none)
    with pytest.raises(LookupError, match=rf"^gs://mine/a: .*no credentials for {PROJECT}.*gcloud auth application-"):
        head("mine", "a")


def test_a_plan_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert gcs_head(PROJECT, REGION)("mine", "none.fq.gz") == Found("")
