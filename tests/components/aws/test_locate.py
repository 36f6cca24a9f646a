"""What S3 answers, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from components.aws.locate import found, s3_head
from components.locate import PLAN, Found


def answer(region: str) -> dict[str, Any]:
    headers = {"x-amz-bucket-region": region}
    return {"ETag": '"abc"', "ContentLength": 7, "ResponseMetadata": {"HTTPHeaders": headers}}


def test_an_object_is_known_by_its_size_and_its_etag() -> None:
    assert found(answer("eu-west-1"), "eu-west-1") == Found("7-abc", size=7)


def test_a_bucket_of_another_region_is_noticed() -> None:
    assert found(answer("us-east-1"), "eu-west-1").elsewhere == "us-east-1"


def test_readers_say_that_they_pay_where_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, str]] = []

    class Client:
        def head_object(self, **words: str) -> dict[str, Any]:
            asked.append(words)
            return answer("eu-west-1")

    def client(service: str, region_name: str) -> Client:
        return Client()

    monkeypatch.setattr("boto3.client", client)
    head = s3_head("eu-west-1", ["paid"])
    for bucket in ("paid", "mine"):
        head(bucket, "a")
    assert asked == [{"Bucket": "paid", "Key": "a", "RequestPayer": "requester"}, {"Bucket": "mine", "Key": "a"}]


def test_a_plan_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert s3_head("eu-west-1")("mine", "none.fq.gz") == Found("")
